//! One query that only reads.

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::types::Value;
use rusqlite::{Batch, Connection};

/// What a query gave, or why it gave nothing fit for comparing.
pub(crate) enum Answer {
    Value(Value),
    Unfit(&'static str),
    /// It is no query that only reads.
    Refused(&'static str),
}

/// Whether a text begins as a query does, without asking a database.
pub(crate) fn is_select(text: &str) -> Result<(), String> {
    let rest = without_comments(text);
    let word: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
    match word.to_ascii_uppercase().as_str() {
        "SELECT" | "WITH" | "VALUES" => Ok(()),
        "" => Err("`query` is empty; write one SELECT".into()),
        _ => Err(format!("`query` begins with {word}; write one SELECT, for a probe only reads")),
    }
}

/// Asks. The text has passed [`is_select`], which keeps out what SQLite calls read-only and is not: `ATTACH`,
/// `PRAGMA`, transactions.
pub(crate) fn ask(connection: &Connection, text: &str) -> rusqlite::Result<Answer> {
    let mut batch = Batch::new(connection, text);
    let Some(mut statement) = batch.next()? else { return Ok(Answer::Refused("it holds no statement")) };
    if !statement.readonly() {
        return Ok(Answer::Refused("it would write"));
    }
    if statement.column_count() != 1 {
        return Ok(Answer::Refused("it gives more than one column"));
    }
    if batch.next()?.is_some() {
        return Ok(Answer::Refused("it is more than one statement"));
    }
    let mut rows = statement.query([])?;
    let value = match rows.next()? {
        Some(row) => row.get(0)?,
        None => return Ok(Answer::Unfit("no row")),
    };
    if rows.next()?.is_some() {
        return Ok(Answer::Unfit("more than one row"));
    }
    Ok(Answer::Value(value))
}

fn without_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let after = if let Some(line) = rest.strip_prefix("--") {
            line.split_once('\n').map_or("", |(_, after)| after)
        } else if let Some(block) = rest.strip_prefix("/*") {
            block.split_once("*/").map_or("", |(_, after)| after)
        } else {
            return rest;
        };
        rest = after.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_queries_pass() {
        for (text, passes) in [
            ("SELECT 1", true),
            ("  -- counts\n/* all */ select count(*) FROM t", true),
            ("WITH a AS (SELECT 1) SELECT * FROM a", true),
            ("VALUES (1)", true),
            ("DELETE FROM t", false),
            ("ATTACH 'x' AS y", false),
            ("PRAGMA user_version", false),
            ("BEGIN", false),
            ("EXPLAIN SELECT 1", false),
            ("", false),
            ("-- nothing", false),
        ] {
            assert_eq!(is_select(text).is_ok(), passes, "{text}");
        }
    }

    #[test]
    fn what_writes_or_is_more_than_one_is_refused() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)").unwrap();
        let refused = |text| matches!(ask(&connection, text).unwrap(), Answer::Refused(_));
        assert!(refused("WITH x AS (SELECT 1) DELETE FROM t"));
        assert!(refused("SELECT 1; SELECT 2"));
        assert!(refused("SELECT 1, 2"));
        assert!(!refused("SELECT 1; -- no more"));
        assert!(matches!(ask(&connection, "SELECT a FROM t").unwrap(), Answer::Unfit("more than one row")));
        assert!(matches!(ask(&connection, "SELECT a FROM t WHERE a = 9").unwrap(), Answer::Unfit("no row")));
        assert!(matches!(
            ask(&connection, "SELECT max(a) FROM t").unwrap(),
            Answer::Value(Value::Integer(2))
        ));
    }
}
