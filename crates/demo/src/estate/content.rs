//! What stands in a new database: the same rows every time.

use crate::database::{Connection, values};
use crate::estate::Version;
use crate::people;
use anyhow::{Context, Result};

const TASKS: i64 = 240;

const TAGS: [(&str, &str); 8] = [
    ("home", "#2f6f4f"),
    ("work", "#1f4e79"),
    ("garden", "#6aa84f"),
    ("urgent", "#cc0000"),
    ("später", "#999999"),
    ("買い物", "#e69138"),
    ("família", "#8e7cc3"),
    ("some day", "#dddddd"),
];

const RECURRENCES: [(&str, &str); 12] = [
    ("FREQ=DAILY", "Europe/Berlin"),
    ("FREQ=DAILY;INTERVAL=2", "Europe/Warsaw"),
    ("FREQ=WEEKLY;BYDAY=MO", "Asia/Tokyo"),
    ("FREQ=WEEKLY;BYDAY=TU,TH", "Europe/Lisbon"),
    ("FREQ=WEEKLY;BYDAY=SA,SU", "Europe/Copenhagen"),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=FR", "Asia/Ho_Chi_Minh"),
    ("FREQ=MONTHLY;BYMONTHDAY=1", "Asia/Baghdad"),
    ("FREQ=MONTHLY;BYMONTHDAY=-1", "Europe/Dublin"),
    ("FREQ=MONTHLY;BYDAY=2WE", "Europe/Athens"),
    ("FREQ=YEARLY;BYMONTH=4", "America/New_York"),
    ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24", "Europe/Berlin"),
    ("FREQ=HOURLY;INTERVAL=6", "UTC"),
];

const VERBS: [&str; 8] = ["Call", "Repair", "Write to", "Clean", "Plan", "Pay for", "Überprüfe", "Помыть"];
const OBJECTS: [&str; 10] = [
    "the dentist",
    "the bicycle",
    "grandmother's garden",
    "the \"big\" report",
    "a 10 % discount; or two",
    "the café",
    "お弁当",
    "the ship 🚢",
    "naïve façade",
    "O'Hara & sons",
];

/// Creates the schema of release 1.4.0 and fills it.
pub fn fill(connection: &mut Connection) -> Result<()> {
    let schema = Version::V1.schema(connection.engine());
    let fill = |connection: &mut Connection| {
        connection.batch(schema)?;
        users(connection)?;
        for (name, colour) in TAGS {
            connection.execute("INSERT INTO tags (name, colour) VALUES ($1, $2)", values![name, colour])?;
        }
        for (rule, timezone) in RECURRENCES {
            let sql = "INSERT INTO recurrences (rule, timezone) VALUES ($1, $2)";
            connection.execute(sql, values![rule, timezone])?;
        }
        tasks(connection)
    };
    connection.change(fill).context("fill the new database")
}

fn users(connection: &mut Connection) -> Result<()> {
    let sql = "INSERT INTO users (email, name, password_hash) VALUES ($1, $2, $3)";
    for person in people::everybody() {
        connection.execute(sql, values![person.email, person.name, people::hash(person)?])?;
    }
    Ok(())
}

fn tasks(connection: &mut Connection) -> Result<()> {
    let people = people::everybody().len() as i64;
    let task = "INSERT INTO tasks (user_id, title, status, priority, due, recurrence_id, updated_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let words = VERBS.iter().cycle().zip(OBJECTS.iter().cycle());
    for (number, (verb, object)) in (1..=TASKS).zip(words) {
        let status = ["open", "open", "doing", "done"][number as usize % 4];
        // Every fifth task has no due date.
        let due = (number % 5 != 0).then(|| day_of_2031(number % 90));
        let recurrence = (number % 10 == 0).then(|| number / 10 % RECURRENCES.len() as i64 + 1);
        let title = format!("{verb} {object} (#{number})");
        let updated_at = format!("2030-11-{:02}T{:02}:00:00.000Z", 1 + number / 24, number % 24);
        connection.execute(
            task,
            values![number % people + 1, title, status, number % 3 + 1, due, recurrence, updated_at],
        )?;
        for step in 0..number % 4 {
            let tag = (number + step * 3) % TAGS.len() as i64 + 1;
            let sql = "INSERT INTO task_tags (task_id, tag_id) VALUES ($1, $2)";
            connection.execute(sql, values![number, tag])?;
        }
    }
    Ok(())
}

/// So many days after the first of January; for the first three months.
fn day_of_2031(days: i64) -> String {
    let (month, before) = match days {
        ..31 => (1, 0),
        31..59 => (2, 31),
        _ => (3, 59),
    };
    format!("2031-{month:02}-{:02}", days - before + 1)
}
