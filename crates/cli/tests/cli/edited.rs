//! A journal edited at one place, whichever: `log --verify` names the record, readers read on to it, writers refuse.

use std::fs;

use rusqlite::Connection;

use super::world::{Seen, World};

/// Writers that are legal where the world stands.
const WRITERS: &[&[&str]] =
    &[&["rollback", "--yes"], &["capture"], &["cutover"], &["commit", "--yes"], &["arm"]];

struct Journal {
    world: World,
    last: i64,
}

impl Journal {
    fn whole() -> Self {
        let world = World::migrated();
        let open = Connection::open(world.path(".backout/journal.db")).unwrap();
        let last = open.query_row("SELECT max(sequence) FROM record", [], |row| row.get(0)).unwrap();
        Self { world, last }
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.world.path(".backout/journal.db")).unwrap()
    }

    /// Puts the bytes of a journal in the place of this one.
    fn put(&self, bytes: &[u8]) {
        fs::write(self.world.path(".backout/journal.db"), bytes).unwrap();
        for helper in ["-wal", "-shm"] {
            let _ = fs::remove_file(self.world.path(format!(".backout/journal.db{helper}")));
        }
    }

    fn edit(&self, statements: &str) {
        let connection = Connection::open(self.world.path(".backout/journal.db")).unwrap();
        let before = connection.total_changes();
        connection.execute_batch(statements).unwrap();
        assert!(connection.total_changes() > before, "nothing was edited: {statements}");
    }

    fn digest(&self, sequence: i64) -> String {
        let connection = Connection::open(self.world.path(".backout/journal.db")).unwrap();
        connection
            .query_row("SELECT digest FROM record WHERE sequence = ?1", [sequence], |row| row.get(0))
            .unwrap()
    }

    fn assert_names(&self, what: &str, sequence: i64) -> Seen {
        let seen = self.world.run(&["log", "--verify"]);
        assert_eq!(seen.exit, 4, "{what}: {}", seen.text());
        assert!(seen.says(&format!("record {sequence}")), "{what}: {}", seen.text());
        seen
    }

    /// All that is promised, whatever was edited.
    fn assert_held(&self, what: &str, sequence: i64) {
        self.assert_names(what, sequence);
        let status = self.world.run(&["status"]);
        assert_eq!(status.exit, 1, "{what}: {}", status.text());
        assert!(status.says("small") && status.says("journal is broken"), "{what}: {}", status.text());
        let log = self.world.run(&["log"]);
        let opened = sequence > 1 && !log.says("migration small");
        assert!(!opened, "{what}: what stands before it is no longer shown: {}", log.text());
        let before = self.bytes();
        for writer in WRITERS {
            let seen = self.world.run(writer);
            assert_eq!(seen.exit, 4, "{what}, {writer:?}: {}", seen.text());
            assert!(seen.says("BK0503"), "{what}, {writer:?}: {}", seen.text());
        }
        assert_eq!(self.bytes(), before, "{what}: a writer that refuses leaves the journal alone");
        assert!(!self.world.is_back(), "{what}");
    }
}

#[test]
fn every_kind_of_edit_is_named_and_stops_writers() {
    let journal = Journal::whole();
    let (whole, last) = (journal.bytes(), journal.last);
    for (statements, named) in [
        // The text of a record: what it says, and each part of what ties it to the others.
        ("UPDATE record SET line = replace(line, 'small', 'large') WHERE sequence = 1", 1),
        ("UPDATE record SET line = replace(line, '\"at\":\"2', '\"at\":\"3') WHERE sequence = 2", 2),
        ("UPDATE record SET line = replace(line, '\"epoch\":', '\"epoch\":9') WHERE sequence = 3", 3),
        (
            "UPDATE record SET line = replace(line, '\"previous\":\"', '\"previous\":\"0') WHERE sequence = 3",
            3,
        ),
        ("UPDATE record SET line = replace(line, '\"sequence\":', '\"sequence\":1') WHERE sequence = 3", 3),
        ("UPDATE record SET line = replace(line, '\"format\":3', '\"format\":1') WHERE sequence = 3", 3),
        ("UPDATE record SET line = line || ' ' WHERE sequence = 4", 4),
        ("UPDATE record SET line = '' WHERE sequence = 4", 4),
        (
            "UPDATE record SET line = replace(line, 'ada', 'eve') WHERE sequence = (SELECT max(sequence) FROM record)",
            last,
        ),
        // Its digest.
        ("UPDATE record SET digest = substr(digest, 2) || 'x' WHERE sequence = 2", 2),
        ("UPDATE record SET digest = '' WHERE sequence = 5", 5),
        ("UPDATE record SET digest = (SELECT digest FROM record WHERE sequence = 4) WHERE sequence = 5", 5),
        // Its number.
        ("UPDATE record SET sequence = 1000 WHERE sequence = 3", 3),
        ("UPDATE record SET sequence = 0 WHERE sequence = 1", 1),
        ("UPDATE record SET sequence = -1 WHERE sequence = 1", 1),
        ("DELETE FROM record WHERE sequence = 3", 3),
        ("DELETE FROM record WHERE sequence = (SELECT max(sequence) FROM record)", last),
        ("DELETE FROM record", 1),
        // The head, which tells where the journal ends.
        ("UPDATE head SET sequence = sequence + 1", last + 1),
        ("UPDATE head SET sequence = sequence - 1", last),
        ("UPDATE head SET digest = (SELECT digest FROM record WHERE sequence = 2)", last),
        ("DELETE FROM head", last),
    ] {
        journal.put(&whole);
        journal.edit(statements);
        journal.assert_held(statements, named);
    }
    journal.put(&whole);
    journal.world.ok(&["log", "--verify"]);
    journal.world.ok(&["rollback", "--yes"]);
    assert!(journal.world.is_back());
}

#[test]
fn a_record_with_its_digest_made_right_shows_at_the_next() {
    let journal = Journal::whole();
    // The digest of a line is over a label and the line; somebody who knows that still has the next record to deal with.
    let (third, fourth) = (journal.digest(3), journal.digest(4));
    let statements = format!(
        "UPDATE record SET digest = '{fourth}' WHERE sequence = 3;
         UPDATE record SET line = replace(line, '{third}', '{fourth}') WHERE sequence = 4"
    );
    journal.edit(&statements);
    journal.assert_held("two records that agree with each other", 3);
}

#[test]
fn one_byte_in_the_file_is_enough() {
    let journal = Journal::whole();
    let whole = journal.bytes();
    let log = journal.world.ok(&["log"]).out;
    let digest = journal.digest(3);
    let windows = whole.windows(digest.len()).enumerate();
    let places = windows.filter(|(_, window)| *window == digest.as_bytes()).map(|(at, _)| at);
    let mut named = 0;
    for at in places {
        let mut edited = whole.clone();
        edited[at] = if edited[at] == b'0' { b'1' } else { b'0' };
        journal.put(&edited);
        let seen = journal.world.run(&["log", "--verify"]);
        if seen.exit == 0 {
            // What SQLite left behind in unused space.
            assert_eq!(journal.world.ok(&["log"]).out, log);
            continue;
        }
        assert_eq!(seen.exit, 4, "{}", seen.text());
        assert!(seen.says("record 3") || seen.says("record 4"), "{}", seen.text());
        named += 1;
    }
    assert_eq!(named, 2, "in the record's row, and in the line of the record after it");
}
