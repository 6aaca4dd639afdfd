//! What each recorded transaction is to a state: lacked or not, the migration's or users', before or after the cutover.

use std::collections::BTreeSet;

use backout_contract::DriverError;

use super::sealed::Header;
use super::snapshot::{Since, Snapshot, widened};

/// Judges transactions by their numbers.
#[derive(Debug, Clone)]
pub(super) struct Judge {
    near: u64,
    seen: Option<Snapshot>,
    merged: BTreeSet<u64>,
    migration: BTreeSet<u64>,
    window: bool,
    origin: Option<String>,
    /// What was visible when the cutover was marked.
    cutover: Option<Snapshot>,
}

/// What a transaction is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) is_wanted: bool,
    pub(super) by_migration: bool,
    /// Written by us, when writes were taken over.
    pub(super) is_taken_over: bool,
    pub(super) since_cutover: bool,
}

impl Verdict {
    /// Whether it is to be taken over: users wrote it, and wrote it here.
    pub(super) fn is_of_users(self) -> bool {
        !self.by_migration && !self.is_taken_over
    }
}

impl Judge {
    /// For a recorder, and what somebody wants of it.
    ///
    /// # Errors
    /// When what was visible at a cutover is not told.
    pub(super) fn new(header: &Header, since: &Since) -> Result<Self, DriverError> {
        let seen = since.seen_of(&header.system, header.database).cloned();
        let is_news = |transaction: u64| seen.as_ref().is_none_or(|seen| !seen.sees(transaction));
        let first = header.cutovers.iter().find(|(transaction, _)| is_news(*transaction));
        let cutover = first.map(|(_, snapshot)| Snapshot::parse(snapshot)).transpose()?;
        Ok(Self {
            near: header.near,
            merged: header.merged.clone(),
            migration: header.migration.clone(),
            window: header.window,
            origin: header.origin.clone(),
            cutover,
            seen,
        })
    }

    pub(super) fn widened(&self, half: u32) -> u64 {
        widened(half, self.near)
    }

    pub(super) fn is_origin_of_the_migration(&self, name: &str) -> bool {
        self.origin.as_deref() == Some(name)
    }

    pub(super) fn of(&self, transaction: u64) -> Verdict {
        let is_seen = self.seen.as_ref().is_some_and(|seen| seen.sees(transaction));
        let since_cutover = self.cutover.as_ref().is_some_and(|cutover| !cutover.sees(transaction));
        Verdict {
            is_wanted: !is_seen,
            by_migration: self.migration.contains(&transaction) || (self.window && !since_cutover),
            is_taken_over: self.merged.contains(&transaction),
            since_cutover,
        }
    }
}

#[cfg(test)]
mod tests {
    use backout_core::writes::Gap;

    use super::*;

    fn header() -> Header {
        Header {
            nonce: "n".into(),
            kind: "slot".into(),
            system: "s".into(),
            database: 7,
            name: "todo".into(),
            end: 0,
            near: 120,
            migration: BTreeSet::from([108]),
            merged: BTreeSet::from([109]),
            window: false,
            origin: None,
            cutovers: vec![(99, "99:100:99".into()), (110, "110:111:110".into())],
            began: 90,
            copied: None,
            interrupted: vec![(95, vec![gap("early")]), (110, vec![gap("late")])],
        }
    }

    fn gap(table: &str) -> Gap {
        Gap { table: table.into(), why: "its recorder was gone".into() }
    }

    fn since(database: u32) -> Since {
        Since::State {
            system: "s".into(),
            database,
            snapshot: Snapshot::parse("105:106:").expect("a snapshot"),
        }
    }

    #[test]
    fn a_state_of_the_same_database_lacks_what_it_did_not_see() {
        let judge = Judge::new(&header(), &since(7)).expect("a judge");
        for (number, is_wanted, by_migration, is_taken_over, since_cutover) in [
            (104, false, false, false, false),
            (105, false, false, false, false),
            (106, true, false, false, false),
            (108, true, true, false, false),
            (109, true, false, true, false),
            (111, true, false, false, true),
        ] {
            let verdict = Verdict { is_wanted, by_migration, is_taken_over, since_cutover };
            assert_eq!(judge.of(number), verdict, "{number}");
            assert_eq!(verdict.is_of_users(), ![108, 109].contains(&number), "{number}");
        }
        assert_eq!(header().interruptions(&since(7)), [gap("late")]);
        assert_eq!(header().interruptions(&since(5)), [gap("early"), gap("late")]);
    }

    #[test]
    fn everything_is_told_from_before_a_state_or_from_the_birth_of_a_copy() {
        let copy = |next| Header { copied: Some(("s".into(), next)), began: 120, ..header() };
        for (header, database, alone, following) in [
            (header(), 7, true, true),
            (Header { began: 106, ..header() }, 7, false, false),
            // Of another database nothing but a copy of it tells.
            (header(), 5, false, false),
            (copy(106), 5, true, true),
            (copy(107), 5, false, true),
            (Header { copied: Some(("another".into(), 106)), ..copy(106) }, 5, false, true),
            // A part of a database is put back within it.
            (copy(106), 7, true, true),
        ] {
            let told = [false, true].map(|follows| header.tells(&since(database), follows));
            assert_eq!(told, [alone, following], "{database} {header:?}");
        }
        assert!(!header().tells(&Since::Everything, true));
    }

    #[test]
    fn a_state_of_another_database_lacks_everything() {
        let judge = Judge::new(&header(), &since(5)).expect("a judge");
        assert!(judge.of(104).is_wanted && judge.of(109).is_taken_over);
        assert!(judge.of(100).since_cutover, "the first cutover of all");
        let judge = Judge::new(&header(), &Since::Everything).expect("a judge");
        assert!(judge.of(1).is_wanted && judge.of(111).is_wanted);
    }

    #[test]
    fn a_window_is_the_migrations_until_the_cutover() {
        let judge = Judge::new(&Header { window: true, ..header() }, &since(7)).expect("a judge");
        assert!(judge.of(106).by_migration && !judge.of(111).by_migration);
    }
}
