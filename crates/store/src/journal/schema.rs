//! The tables of the journal, by version, and the way from each version to the next.
//!
//! | schema | what changed |
//! |---|---|
//! | 1 | |
//! | 2 | the head is one row by constraint; records of format 2 may be in it, which a program that knows only schema 1 learns before it reads any |
//! | 3 | nothing but the number; records of format 3 may be in it, likewise |
//!
//! Records are never rewritten: their lines are what the chain is over, and each says its own format.

use rusqlite::{Connection, TransactionBehavior};

use super::trouble::Trouble;

/// The schema this version makes. Older ones are read as they are and brought up to date before they are written;
/// newer ones are read where that works, and never written.
pub(super) const SCHEMA: i64 = 3;

/// The tables of [`SCHEMA`].
pub(super) const TABLES: &str = "\
    CREATE TABLE record(sequence INTEGER PRIMARY KEY, line TEXT NOT NULL, digest TEXT NOT NULL);
    CREATE TABLE head(only INTEGER PRIMARY KEY DEFAULT 1 CHECK (only = 1), \
                      sequence INTEGER NOT NULL, digest TEXT NOT NULL);";

/// From one schema to the next.
struct Step {
    from: i64,
    statements: &'static str,
}

/// Every step there ever was, oldest first: any older journal finds its way.
const STEPS: &[Step] = &[
    Step {
        from: 1,
        statements: "\
            ALTER TABLE head RENAME TO older_head;
            CREATE TABLE head(only INTEGER PRIMARY KEY DEFAULT 1 CHECK (only = 1), \
                              sequence INTEGER NOT NULL, digest TEXT NOT NULL);
            INSERT INTO head(sequence, digest) SELECT sequence, digest FROM older_head;
            DROP TABLE older_head;",
    },
    Step { from: 2, statements: "" },
];

/// Brings an older journal up to date, all or nothing. Its records must have been read and found whole.
pub(super) fn upgrade(connection: &mut Connection) -> Result<(), Trouble> {
    let version =
        |connection: &Connection| connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    if version(connection)? == SCHEMA {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    for step in STEPS.iter().filter(|step| step.from >= found) {
        transaction.execute_batch(step.statements)?;
        transaction.pragma_update(None, "user_version", step.from + 1)?;
    }
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_lead_from_the_first_schema_to_this_one_without_a_gap() {
        let from: Vec<i64> = STEPS.iter().map(|step| step.from).collect();
        assert_eq!(from, (1..SCHEMA).collect::<Vec<_>>());
    }
}
