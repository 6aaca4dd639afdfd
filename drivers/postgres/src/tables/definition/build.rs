//! Builds a table under another name, as far as its rows need it.

use std::collections::{BTreeMap, BTreeSet};

use super::{ColumnDefinition, Sequence, SequenceValue, TableDefinition};
use crate::server::{TableName, identifier};

/// Where tables are built: a schema of ours for each schema of the part, for two schemas may have tables of one name.
#[derive(Debug, Clone, Default)]
pub(in crate::tables) struct Place {
    schemas: BTreeMap<String, String>,
    tables: BTreeSet<TableName>,
}

impl Place {
    /// Places for these tables, in schemas that begin with a prefix.
    pub(in crate::tables) fn new<'a>(prefix: &str, tables: impl IntoIterator<Item = &'a TableName>) -> Self {
        let tables: BTreeSet<TableName> = tables.into_iter().cloned().collect();
        let names: BTreeSet<&String> = tables.iter().map(|table| &table.schema).collect();
        let schemas = names.into_iter().enumerate();
        let schemas =
            schemas.map(|(number, name)| (name.clone(), format!("{prefix}{}", number + 1))).collect();
        Self { schemas, tables }
    }

    /// The schemas that are built in.
    pub(in crate::tables) fn schemas(&self) -> impl Iterator<Item = &String> {
        self.schemas.values()
    }

    /// Where a table is built; where it stands, when it is not one of these.
    pub(in crate::tables) fn of(&self, table: &TableName) -> TableName {
        if self.tables.contains(table) { self.within(table) } else { table.clone() }
    }

    /// Where something that belongs to one of the tables is built.
    pub(in crate::tables) fn within(&self, name: &TableName) -> TableName {
        let schema = self.schemas.get(&name.schema).unwrap_or(&name.schema);
        TableName::new(schema.clone(), name.name.clone())
    }

    /// Whether it is one of these.
    pub(in crate::tables) fn has(&self, table: &TableName) -> bool {
        self.tables.contains(table)
    }
}

/// The statements that make an empty table with its sequences. A partition is not attached yet.
pub(in crate::tables) fn create(
    table: &TableDefinition,
    place: &Place,
    values: &[SequenceValue],
) -> Vec<String> {
    let here = place.of(&table.name).sql();
    let mut statements = Vec::new();
    for sequence in table.sequences.iter().filter(|sequence| !sequence.of_identity) {
        let unlogged = if sequence.unlogged { "UNLOGGED " } else { "" };
        let name = place.within(&sequence.name).sql();
        statements.push(format!(
            "CREATE {unlogged}SEQUENCE {name} AS {} {}",
            sequence.type_name,
            steps(sequence)
        ));
    }
    // One that inherits from others than these is joined to them when it has its name.
    let inherits = !table.is_partition() && table.parents.iter().any(|parent| place.has(parent));
    let columns: Vec<String> = table
        .columns
        .iter()
        .filter(|column| column.local || !inherits)
        .map(|column| defined(column, table, place))
        .collect();
    let mut text = format!(
        "CREATE {}TABLE {here} ({})",
        if table.unlogged { "UNLOGGED " } else { "" },
        columns.join(", ")
    );
    if inherits {
        let parents = table.parents.iter().filter(|parent| place.has(parent));
        let parents: Vec<String> = parents.map(|parent| place.of(parent).sql()).collect();
        text.push_str(&format!(" INHERITS ({})", parents.join(", ")));
    }
    if let Some(key) = &table.partition_key {
        text.push_str(&format!(" PARTITION BY {key}"));
    }
    if let Some(method) = &table.access_method {
        text.push_str(&format!(" USING {}", identifier(method)));
    }
    let mut options: Vec<String> = table.options.iter().map(|option| assigned(option)).collect();
    options.extend(table.toast_options.iter().map(|option| format!("toast.{}", assigned(option))));
    if !options.is_empty() {
        text.push_str(&format!(" WITH ({})", options.join(", ")));
    }
    if let Some(space) = &table.tablespace {
        text.push_str(&format!(" TABLESPACE {}", identifier(space)));
    }
    statements.push(text);
    for sequence in &table.sequences {
        let name = place.within(&sequence.name).sql();
        if !sequence.of_identity {
            statements
                .push(format!("ALTER SEQUENCE {name} OWNED BY {here}.{}", identifier(&sequence.column)));
        }
        if let Some(value) = values.iter().find(|value| value.name == sequence.name) {
            let shown = crate::server::literal(&name);
            statements.push(format!("SELECT pg_catalog.setval({shown}, {}, {})", value.last, value.called));
        }
    }
    for column in &table.columns {
        let alter = format!("ALTER TABLE ONLY {here} ALTER COLUMN {}", identifier(&column.name));
        if let Some(storage) = column.storage {
            statements.push(format!("{alter} SET STORAGE {}", storage_word(storage)));
        }
        if let Some(compression) = column.compression {
            let method = if compression == 'l' { "lz4" } else { "pglz" };
            statements.push(format!("{alter} SET COMPRESSION {method}"));
        }
    }
    statements
}

/// The statements that index a filled table, check its rows, and attach it to the table that it is a partition of. To be
/// done for partitions before the partitioned table.
pub(in crate::tables) fn index(table: &TableDefinition, place: &Place) -> Vec<String> {
    let here = place.of(&table.name).sql();
    let mut statements = Vec::new();
    for constraint in table.constraints.iter().filter(|constraint| matches!(constraint.kind, 'p' | 'u' | 'x'))
    {
        let name = identifier(&constraint.name);
        statements.push(format!("ALTER TABLE {here} ADD CONSTRAINT {name} {}", constraint.definition));
    }
    for index in table.indexes.iter().filter(|index| !index.by_constraint) {
        let unique = if index.unique { "UNIQUE " } else { "" };
        statements.push(format!(
            "CREATE {unique}INDEX {} ON {here} USING {}",
            identifier(&index.name),
            index.definition
        ));
    }
    let schema = place.of(&table.name).schema;
    for index in &table.indexes {
        let name = format!("{}.{}", identifier(&schema), identifier(&index.name));
        for (column, target) in &index.statistics {
            statements.push(format!("ALTER INDEX {name} ALTER COLUMN {column} SET STATISTICS {target}"));
        }
        if index.clustered {
            statements.push(format!("ALTER TABLE {here} CLUSTER ON {}", identifier(&index.name)));
        }
    }
    let checks: Vec<String> = table
        .constraints
        .iter()
        .filter(|constraint| constraint.kind == 'c')
        .map(|check| format!("ADD CONSTRAINT {} {}", identifier(&check.name), check.definition))
        .collect();
    if !checks.is_empty() {
        statements.push(format!("ALTER TABLE {here} {}", checks.join(", ")));
    }
    if let (Some(bound), Some(parent)) =
        (&table.bound, table.parents.first().filter(|parent| place.has(parent)))
    {
        statements.push(format!("ALTER TABLE {} ATTACH PARTITION {here} {bound}", place.of(parent).sql()));
    }
    statements
}

fn defined(column: &ColumnDefinition, table: &TableDefinition, place: &Place) -> String {
    let mut text = format!("{} {}", identifier(&column.name), column.type_name);
    if let Some(collation) = &column.collation {
        text.push_str(&format!(" COLLATE {collation}"));
    }
    if let (Some(generated), Some(expression)) = (column.generated, &column.default) {
        let kind = if generated == 'v' { "VIRTUAL" } else { "STORED" };
        text.push_str(&format!(" GENERATED ALWAYS AS ({expression}) {kind}"));
    }
    if let Some(identity) = column.identity {
        let kind = if identity == 'a' { "ALWAYS" } else { "BY DEFAULT" };
        let sequence = table.sequences.iter().find(|one| one.of_identity && one.column == column.name);
        let inner = sequence
            .map(|one| format!(" (SEQUENCE NAME {} {})", place.within(&one.name).sql(), steps(one)))
            .unwrap_or_default();
        text.push_str(&format!(" GENERATED {kind} AS IDENTITY{inner}"));
    }
    if column.not_null {
        text.push_str(" NOT NULL");
    }
    text
}

fn steps(sequence: &Sequence) -> String {
    format!(
        "START WITH {} INCREMENT BY {} MINVALUE {} MAXVALUE {} CACHE {} {}",
        sequence.start,
        sequence.increment,
        sequence.minimum,
        sequence.maximum,
        sequence.cache,
        if sequence.cycle { "CYCLE" } else { "NO CYCLE" }
    )
}

/// `fillfactor=70` as SQL takes it.
pub(super) fn assigned(option: &str) -> String {
    match option.split_once('=') {
        Some((name, value)) => format!("{} = {}", identifier(name), crate::server::literal(value)),
        None => identifier(option),
    }
}

fn storage_word(storage: char) -> &'static str {
    match storage {
        'p' => "PLAIN",
        'e' => "EXTERNAL",
        'm' => "MAIN",
        _ => "EXTENDED",
    }
}
