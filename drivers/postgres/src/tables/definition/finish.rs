//! What only names a table and costs no time: said once the table has its own name again.

use super::build::assigned;
use super::{Constraint, Grant, TableDefinition};
use crate::server::{TableName, identifier, literal};

/// The statements that give a table what it is known by. Foreign keys are apart, for both of their tables have to stand.
pub(in crate::tables) fn finish(table: &TableDefinition) -> Vec<String> {
    let here = table.name.sql();
    let mut statements = Vec::new();
    for column in &table.columns {
        let name = identifier(&column.name);
        let alter = format!("ALTER TABLE ONLY {here} ALTER COLUMN {name}");
        if let (Some(default), None) = (&column.default, column.generated) {
            statements.push(format!("{alter} SET DEFAULT {default}"));
        }
        if let Some(target) = column.statistics {
            statements.push(format!("{alter} SET STATISTICS {target}"));
        }
        if !column.options.is_empty() {
            let options: Vec<String> = column.options.iter().map(|option| assigned(option)).collect();
            statements.push(format!("{alter} SET ({})", options.join(", ")));
        }
        comment(&mut statements, &format!("COLUMN {here}.{name}"), column.comment.as_deref());
    }
    for statistics in &table.statistics {
        let name = statistics.name.sql();
        statements.push(statistics.definition.clone());
        if let Some(target) = statistics.target {
            statements.push(format!("ALTER STATISTICS {name} SET STATISTICS {target}"));
        }
        comment(&mut statements, &format!("STATISTICS {name}"), statistics.comment.as_deref());
        statements.push(format!("ALTER STATISTICS {name} OWNER TO {}", identifier(&statistics.owner)));
    }
    for (kind, all) in [("TRIGGER", &table.triggers), ("RULE", &table.rules)] {
        for one in all {
            let name = identifier(&one.name);
            statements.push(one.definition.clone());
            let switch = match one.enabled {
                'D' => Some("DISABLE"),
                'R' => Some("ENABLE REPLICA"),
                'A' => Some("ENABLE ALWAYS"),
                _ => None,
            };
            if let Some(switch) = switch {
                statements.push(format!("ALTER TABLE {here} {switch} {kind} {name}"));
            }
            comment(&mut statements, &format!("{kind} {name} ON {here}"), one.comment.as_deref());
        }
    }
    for policy in &table.policies {
        let name = identifier(&policy.name);
        let command = match policy.command {
            'r' => "SELECT",
            'a' => "INSERT",
            'w' => "UPDATE",
            'd' => "DELETE",
            _ => "ALL",
        };
        let kind = if policy.permissive { "PERMISSIVE" } else { "RESTRICTIVE" };
        let mut text =
            format!("CREATE POLICY {name} ON {here} AS {kind} FOR {command} TO {}", policy.roles.join(", "));
        if let Some(using) = &policy.using {
            text.push_str(&format!(" USING ({using})"));
        }
        if let Some(check) = &policy.check {
            text.push_str(&format!(" WITH CHECK ({check})"));
        }
        statements.push(text);
        comment(&mut statements, &format!("POLICY {name} ON {here}"), policy.comment.as_deref());
    }
    if table.row_security {
        statements.push(format!("ALTER TABLE {here} ENABLE ROW LEVEL SECURITY"));
    }
    if table.force_row_security {
        statements.push(format!("ALTER TABLE {here} FORCE ROW LEVEL SECURITY"));
    }
    for constraint in table.constraints.iter().filter(|constraint| constraint.kind != 'f') {
        let on = format!("CONSTRAINT {} ON {here}", identifier(&constraint.name));
        comment(&mut statements, &on, constraint.comment.as_deref());
    }
    for index in &table.indexes {
        let name = TableName::new(table.name.schema.clone(), index.name.clone()).sql();
        comment(&mut statements, &format!("INDEX {name}"), index.comment.as_deref());
        if index.replica_identity {
            let index = identifier(&index.name);
            statements.push(format!("ALTER TABLE ONLY {here} REPLICA IDENTITY USING INDEX {index}"));
        }
    }
    match table.replica_identity {
        'n' => statements.push(format!("ALTER TABLE ONLY {here} REPLICA IDENTITY NOTHING")),
        'f' => statements.push(format!("ALTER TABLE ONLY {here} REPLICA IDENTITY FULL")),
        _ => {}
    }
    for publication in &table.publications {
        let mut text = format!("ALTER PUBLICATION {} ADD TABLE ONLY {here}", identifier(&publication.name));
        if !publication.columns.is_empty() {
            let columns: Vec<String> = publication.columns.iter().map(|column| identifier(column)).collect();
            text.push_str(&format!(" ({})", columns.join(", ")));
        }
        if let Some(filter) = &publication.filter {
            text.push_str(&format!(" WHERE ({filter})"));
        }
        statements.push(text);
    }
    comment(&mut statements, &format!("TABLE {here}"), table.comment.as_deref());
    for sequence in &table.sequences {
        comment(&mut statements, &format!("SEQUENCE {}", sequence.name.sql()), sequence.comment.as_deref());
    }
    statements
}

/// The statement that adds a foreign key to a table, and what follows it.
pub(in crate::tables) fn foreign_key(table: &TableName, constraint: &Constraint) -> Vec<String> {
    let (here, name) = (table.sql(), identifier(&constraint.name));
    let mut statements = vec![format!("ALTER TABLE {here} ADD CONSTRAINT {name} {}", constraint.definition)];
    comment(&mut statements, &format!("CONSTRAINT {name} ON {here}"), constraint.comment.as_deref());
    statements
}

/// The statements that leave exactly these rights on a table, its columns and its sequences, whatever stands there, and
/// give it to its owner. `now` is who has rights there now.
pub(in crate::tables) fn exactly_granted(
    table: &TableDefinition,
    now: &TableDefinition,
    we: &str,
) -> Vec<String> {
    let here = table.name.sql();
    let mut statements = Vec::new();
    if now.owner != table.owner {
        statements.push(format!("ALTER TABLE {here} OWNER TO {}", identifier(&table.owner)));
    }
    rights(
        &mut statements,
        &format!("TABLE {here}"),
        "",
        table.grants.as_deref(),
        now.grants.as_deref(),
        &table.owner,
        we,
    );
    for column in &table.columns {
        let stands =
            now.columns.iter().find(|one| one.name == column.name).and_then(|one| one.grants.as_deref());
        let of = format!(" ({})", identifier(&column.name));
        rights(
            &mut statements,
            &format!("TABLE {here}"),
            &of,
            column.grants.as_deref(),
            stands,
            &table.owner,
            we,
        );
    }
    for sequence in &table.sequences {
        let stands = now.sequences.iter().find(|one| one.name == sequence.name);
        let thing = format!("SEQUENCE {}", sequence.name.sql());
        let grants = stands.and_then(|one| one.grants.as_deref());
        rights(&mut statements, &thing, "", sequence.grants.as_deref(), grants, &sequence.owner, we);
    }
    statements
}

fn rights(
    statements: &mut Vec<String>,
    thing: &str,
    columns: &str,
    wanted: Option<&[Grant]>,
    now: Option<&[Grant]>,
    owner: &str,
    we: &str,
) {
    if wanted == now {
        return;
    }
    let role = |name: Option<&str>| name.map_or_else(|| "PUBLIC".to_owned(), identifier);
    let all = if columns.is_empty() { "ALL".to_owned() } else { format!("ALL{columns}") };
    let mut revoked: Vec<&Grant> = now.unwrap_or_default().iter().collect();
    revoked.dedup_by(|one, other| one.grantee == other.grantee);
    if columns.is_empty() {
        statements.push(format!("REVOKE ALL ON {thing} FROM {}", identifier(owner)));
    }
    for grant in revoked {
        let from = role(grant.grantee.as_deref());
        statements.push(format!("REVOKE {all} ON {thing} FROM {from} CASCADE"));
    }
    let Some(wanted) = wanted else {
        if columns.is_empty() {
            statements.push(format!("GRANT ALL ON {thing} TO {}", identifier(owner)));
        }
        return;
    };
    // Who passes a right on has to have it first.
    let (own, passed): (Vec<&Grant>, Vec<&Grant>) = wanted.iter().partition(|grant| grant.grantor == owner);
    for grant in own.into_iter().chain(passed) {
        let option = if grant.grantable && grant.grantee.as_deref() != Some(owner) {
            " WITH GRANT OPTION"
        } else {
            ""
        };
        let to = role(grant.grantee.as_deref());
        let text = format!("GRANT {}{columns} ON {thing} TO {to}{option}", grant.privilege);
        if grant.grantor == owner || grant.grantor == we {
            statements.push(text);
        } else {
            statements.push(format!("SET LOCAL ROLE {}", identifier(&grant.grantor)));
            statements.push(text);
            statements.push("RESET ROLE".to_owned());
        }
    }
}

fn comment(statements: &mut Vec<String>, on: &str, text: Option<&str>) {
    if let Some(text) = text {
        statements.push(format!("COMMENT ON {on} IS {}", literal(text)));
    }
}
