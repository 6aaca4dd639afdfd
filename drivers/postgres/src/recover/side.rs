//! The tables of one side, as far as taking over has to know them.

use std::collections::{BTreeMap, BTreeSet};

use crate::server::{Fault, Link, TableName, identifier};

/// The tables of a database.
#[derive(Debug, Clone, Default)]
pub(super) struct Side {
    pub(super) tables: Vec<SideTable>,
    places: BTreeMap<TableName, usize>,
    /// The partitioned table of which a table is a part, however deep.
    roots: BTreeMap<TableName, TableName>,
}

/// A table into which rows are taken over: never a partition, whose rows go through its root.
#[derive(Debug, Clone, Default)]
pub(super) struct SideTable {
    pub(super) name: Option<TableName>,
    pub(super) columns: Vec<SideColumn>,
    /// Places of the columns that tell rows apart; empty where nothing does.
    pub(super) key: Vec<usize>,
    /// Columns of other unique indexes and of exclusions: their values may be in each other's way.
    pub(super) unique: BTreeSet<usize>,
    /// Unique constraints that may be deferred, which nobody checks while a session plays the replica.
    pub(super) deferrable: Vec<Vec<usize>>,
    pub(super) foreign_keys: Vec<ForeignKey>,
    pub(super) is_partitioned: bool,
}

/// A column.
#[derive(Debug, Clone, Default)]
pub(super) struct SideColumn {
    pub(super) name: String,
    /// With its modifiers (`character varying(20)`).
    pub(super) type_name: String,
    /// Without, in the form to which a text can be cast and loses nothing.
    pub(super) cast: String,
    /// The labels, where it is an enumeration.
    pub(super) labels: Vec<String>,
    pub(super) not_null: bool,
    pub(super) is_generated: bool,
    /// `a` for `GENERATED ALWAYS AS IDENTITY`, `d` for `BY DEFAULT`.
    pub(super) identity: Option<char>,
    pub(super) default: Option<String>,
    /// The equality of the key's index, where it is part of the key.
    pub(super) equals: Option<String>,
}

/// A foreign key.
#[derive(Debug, Clone)]
pub(super) struct ForeignKey {
    pub(super) columns: Vec<usize>,
    pub(super) parent: TableName,
    pub(super) parent_columns: Vec<String>,
}

impl SideTable {
    pub(super) fn name(&self) -> TableName {
        self.name.clone().unwrap_or_else(|| TableName::new("", ""))
    }

    /// For SQL that is about its own rows only.
    pub(super) fn only(&self) -> String {
        let only = if self.is_partitioned { "" } else { "ONLY " };
        format!("{only}{}", self.name().sql())
    }

    pub(super) fn place(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|found| found.name == column)
    }

    /// The key, where it is one column.
    pub(super) fn single_key(&self) -> Option<usize> {
        match self.key.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }

    pub(super) fn column(&self, place: usize) -> Option<&SideColumn> {
        self.columns.get(place)
    }

    /// The type of its key, where it is one column.
    pub(super) fn key_family(&self) -> Option<Family> {
        Some(Family::of(&self.column(self.single_key()?)?.type_name))
    }
}

/// Sorts of types between which texts can go over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Integer,
    Number,
    Text,
    Time,
    Json,
    Uuid,
    Other,
}

impl Family {
    pub(super) fn of(type_name: &str) -> Self {
        let base = base_of(type_name);
        match base.rsplit('.').next().unwrap_or(base) {
            "smallint" | "integer" | "bigint" => Self::Integer,
            "numeric" | "real" | "double precision" => Self::Number,
            "text" | "character varying" | "character" | "bpchar" | "citext" | "name" => Self::Text,
            "timestamp without time zone" | "timestamp with time zone" | "date" => Self::Time,
            "json" | "jsonb" => Self::Json,
            "uuid" => Self::Uuid,
            _ => Self::Other,
        }
    }
}

/// A type without its modifiers; of an array, with its brackets.
pub(super) fn base_of(type_name: &str) -> &str {
    let without = type_name.find('(').map_or(type_name, |at| type_name.get(..at).unwrap_or(type_name));
    match (type_name.starts_with("timestamp"), type_name.ends_with("with time zone"), without) {
        (true, true, _) => "timestamp with time zone",
        (true, false, _) => "timestamp without time zone",
        _ if type_name.ends_with("[]") => type_name,
        _ => without,
    }
}

/// Whether values of one type may stand in a column of another as they are, if each fits.
pub(super) fn may_go_over(there: &str, here: &str) -> bool {
    if base_of(there) == base_of(here) {
        return true;
    }
    let (from, to) = (Family::of(there), Family::of(here));
    let is_number = |family| matches!(family, Family::Integer | Family::Number);
    let is_name = |name: &str| !name.ends_with("[]");
    (from == to && from != Family::Other)
        || (is_number(from) && is_number(to))
        // An enumeration, or a domain, that was or became a text.
        || (from == Family::Text && to == Family::Other && here.contains('.') && is_name(here))
        || (to == Family::Text && from == Family::Other && there.contains('.') && is_name(there))
}

impl Side {
    pub(super) fn new(tables: Vec<SideTable>, roots: BTreeMap<TableName, TableName>) -> Self {
        let places = tables.iter().enumerate().map(|(at, table)| (table.name(), at)).collect();
        Self { tables, places, roots }
    }

    /// Where a table stands in the list; a partition by its root.
    pub(super) fn place(&self, name: &TableName) -> Option<usize> {
        self.places.get(self.root(name)).copied()
    }

    /// The table through which rows of a table go.
    pub(super) fn root<'a>(&'a self, name: &'a TableName) -> &'a TableName {
        self.roots.get(name).unwrap_or(name)
    }

    pub(super) fn find(&self, name: &TableName) -> Option<&SideTable> {
        self.tables.get(self.place(name)?)
    }

    /// Reads them.
    pub(super) async fn read(link: &Link) -> Result<Self, Fault> {
        let mut tables: BTreeMap<u32, SideTable> = BTreeMap::new();
        // Place by number of the column.
        let mut numbers: BTreeMap<(u32, i16), usize> = BTreeMap::new();
        for row in link.query(COLUMNS, &[]).await? {
            let (oid, number): (u32, i16) = (row.get(0), row.get(4));
            let table = tables.entry(oid).or_default();
            table.name = Some(TableName::new(row.get::<_, String>(1), row.get::<_, String>(2)));
            table.is_partitioned = row.get(3);
            numbers.insert((oid, number), table.columns.len());
            let identity: String = row.get(10);
            let generated: String = row.get(9);
            table.columns.push(SideColumn {
                name: row.get(5),
                type_name: row.get(6),
                cast: row.get(7),
                not_null: row.get(8),
                is_generated: !generated.is_empty(),
                identity: identity.chars().next(),
                default: row.get(11),
                labels: row.get::<_, Option<Vec<String>>>(12).unwrap_or_default(),
                equals: None,
            });
        }
        let mut keyed = BTreeSet::new();
        for row in link.query(INDEXES, &[]).await? {
            let oid: u32 = row.get(0);
            let Some(table) = tables.get_mut(&oid) else { continue };
            let columns: Vec<i16> = row.get(1);
            let (is_key, is_deferrable): (bool, bool) = (row.get(2), row.get(3));
            let equals: Vec<Option<String>> = row.get(4);
            let places: Vec<usize> =
                columns.iter().filter_map(|number| numbers.get(&(oid, *number)).copied()).collect();
            let is_whole = places.len() == columns.len();
            let never_null =
                places.iter().all(|place| table.columns.get(*place).is_some_and(|column| column.not_null));
            if is_key && is_whole && never_null && keyed.insert(oid) {
                for (place, equals) in places.iter().zip(equals) {
                    if let Some(column) = table.columns.get_mut(*place) {
                        column.equals = equals;
                    }
                }
                table.key = places.clone();
            } else if is_whole {
                table.unique.extend(&places);
            } else {
                // It is about an expression, and whatever column that reads.
                table.unique.extend(0..table.columns.len());
            }
            if is_deferrable && is_whole {
                table.deferrable.push(places);
            }
        }
        let names: BTreeMap<u32, TableName> =
            tables.iter().map(|(oid, table)| (*oid, table.name())).collect();
        for row in link.query(FOREIGN_KEYS, &[]).await? {
            let (oid, parent): (u32, u32) = (row.get(0), row.get(1));
            let columns: Vec<i16> = row.get(3);
            let (Some(table), Some(parent)) = (tables.get_mut(&oid), names.get(&parent)) else { continue };
            let places = columns.iter().filter_map(|number| numbers.get(&(oid, *number)).copied()).collect();
            table.foreign_keys.push(ForeignKey {
                columns: places,
                parent: parent.clone(),
                parent_columns: row.get(4),
            });
        }
        let mut roots = BTreeMap::new();
        for row in link.query(ROOTS, &[]).await? {
            let name = |at: usize| TableName::new(row.get::<_, String>(at), row.get::<_, String>(at + 1));
            roots.insert(name(0), name(2));
        }
        let tables = tables.into_values().filter(|table| !roots.contains_key(&table.name())).collect();
        Ok(Self::new(tables, roots))
    }
}

const COLUMNS: &str = "
    SELECT c.oid, n.nspname::text, c.relname::text, c.relkind = 'p', a.attnum, a.attname::text,
           format_type(a.atttypid, a.atttypmod), format_type(a.atttypid, -1), a.attnotnull, a.attgenerated::text,
           a.attidentity::text, pg_get_expr(d.adbin, d.adrelid),
           (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = a.atttypid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT starts_with(n.nspname, '_backout')
    ORDER BY c.oid, a.attnum";

/// Unique indexes, the primary key first; then exclusions.
const INDEXES: &str = "
    SELECT i.indrelid, i.indkey::int2[], i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL,
           NOT i.indimmediate,
           ARRAY(SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname)
                 FROM unnest(i.indclass::oid[]) WITH ORDINALITY AS k (opclass, at)
                 JOIN pg_opclass p ON p.oid = k.opclass
                 LEFT JOIN pg_amop m ON m.amopfamily = p.opcfamily AND m.amopstrategy = 3
                      AND m.amoplefttype = p.opcintype AND m.amoprighttype = p.opcintype
                 LEFT JOIN pg_operator o ON o.oid = m.amopopr
                 LEFT JOIN pg_namespace n ON n.oid = o.oprnamespace
                 WHERE k.at <= i.indnkeyatts ORDER BY k.at)
    FROM (SELECT indrelid, indclass, indisprimary, indisunique, indisexclusion, indpred, indexprs, indimmediate,
                 indnkeyatts, indisvalid, indexrelid,
                 (SELECT array_agg(k ORDER BY at) FROM unnest(indkey::int2[]) WITH ORDINALITY AS u (k, at)
                  WHERE at <= indnkeyatts) AS indkey
          FROM pg_index) AS i
    WHERE (i.indisunique OR i.indisexclusion) AND i.indisvalid
    ORDER BY i.indrelid, i.indisprimary DESC, i.indimmediate DESC, i.indexrelid";

const FOREIGN_KEYS: &str = "
    SELECT f.conrelid, f.confrelid, f.conname::text, f.conkey,
           ARRAY(SELECT a.attname::text FROM unnest(f.confkey) WITH ORDINALITY AS k (number, at)
                 JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.number ORDER BY k.at)
    FROM pg_constraint f WHERE f.contype = 'f' AND f.conparentid = 0
    ORDER BY f.conrelid, f.conname";

const ROOTS: &str = "
    SELECT n.nspname::text, c.relname::text, rn.nspname::text, r.relname::text
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class r ON r.oid = pg_partition_root(c.oid)
    JOIN pg_namespace rn ON rn.oid = r.relnamespace
    WHERE c.relispartition AND c.relkind IN ('r', 'p', 'f')";

/// A list of columns of a table for SQL, each after a prefix.
pub(super) fn list(table: &SideTable, places: &[usize], prefix: &str) -> Vec<String> {
    let columns = places.iter().filter_map(|place| table.column(*place));
    columns.map(|column| format!("{prefix}{}", identifier(&column.name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_go_over_or_not() {
        for (there, here, expected) in [
            ("integer", "bigint", true),
            ("bigint", "integer", true),
            ("uuid", "integer", false),
            ("text", "character varying(20)", true),
            ("numeric(12,4)", "numeric(12,2)", true),
            ("timestamp(3) with time zone", "timestamp with time zone", true),
            ("text", "public.status", true),
            ("public.status", "text", true),
            ("text", "integer", false),
            ("integer[]", "text[]", false),
            ("jsonb", "json", true),
            ("text", "uuid", false),
            ("bytea", "text", false),
        ] {
            assert_eq!(may_go_over(there, here), expected, "{there} to {here}");
        }
    }
}
