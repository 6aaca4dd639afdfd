use std::collections::BTreeMap;

use backout_core::observation::Fingerprint;

use super::*;
use crate::database::state::Access;

fn state(user_version: i32, violations: u64) -> State {
    State {
        page_size: 4096,
        encoding: "UTF-8".into(),
        auto_vacuum: 0,
        write_ahead: false,
        user_version,
        application_id: 0,
        schema: Vec::new(),
        tables: BTreeMap::new(),
        sequences: BTreeMap::new(),
        foreign_key_violations: Some(violations),
        access: Access { mode: 0o644, user: 0, group: 0 },
        recorder: None,
    }
}

#[test]
fn every_row_of_the_table() {
    let saved = state(1, 0);
    let grown = state(1, 5);
    let migrated = state(2, 0);
    let other = state(3, 0);
    let of = |state: &State| Origin { shape: Some(state.shape().digest()) };
    let unknown = Origin { shape: None };
    let present =
        Some(Seen::Present { fingerprint: Fingerprint { shape: Digest::from_raw([1; 32]), position: None } });
    let unreadable = Some(Seen::Unreadable { cause: String::new() });
    let unreachable = Some(Seen::Unreachable { cause: String::new() });
    let found = |state: &State| Found::Present(Box::new(state.clone()));
    let broken = || Found::Unreadable(DriverError::new(ErrorKind::Unreadable, "read it"));
    let (go, there, refuse) = ("go", "there", "refuse");
    for (row, found, saved, before, origin, expected) in [
        (1, found(&saved), Some(&saved), present.clone(), of(&migrated), there),
        (1, Found::Absent, None, present.clone(), of(&migrated), there),
        (2, found(&migrated), Some(&saved), present.clone(), of(&migrated), go),
        (2, found(&migrated), None, present.clone(), of(&migrated), go),
        (2, found(&migrated), Some(&saved), None, of(&migrated), go),
        (2, found(&grown), Some(&saved), present.clone(), of(&saved), go),
        (3, found(&grown), Some(&saved), present.clone(), of(&migrated), refuse),
        (3, found(&other), Some(&saved), present.clone(), of(&migrated), refuse),
        (3, found(&other), Some(&saved), None, unknown.clone(), refuse),
        (4, found(&migrated), Some(&saved), Some(Seen::Absent), of(&migrated), refuse),
        (4, found(&migrated), Some(&saved), unreadable.clone(), of(&migrated), refuse),
        (5, Found::Absent, Some(&saved), Some(Seen::Absent), unknown.clone(), go),
        (5, Found::Absent, Some(&saved), unreadable.clone(), unknown.clone(), go),
        (5, Found::Absent, Some(&saved), None, unknown.clone(), go),
        (6, Found::Absent, Some(&saved), present.clone(), of(&migrated), refuse),
        (6, Found::Absent, Some(&saved), unreachable.clone(), unknown.clone(), refuse),
        (7, broken(), Some(&saved), unreadable.clone(), unknown.clone(), go),
        (7, broken(), None, unreachable, unknown.clone(), go),
        (7, broken(), Some(&saved), None, unknown.clone(), go),
        (8, broken(), Some(&saved), present, of(&migrated), refuse),
        (8, broken(), Some(&saved), Some(Seen::Absent), unknown, refuse),
    ] {
        let word = match judge(&found, saved, before.as_ref(), &origin) {
            Judgement::Go => go,
            Judgement::AlreadyThere => there,
            Judgement::Refuse(_) => refuse,
        };
        assert_eq!(word, expected, "row {row}: {found:?} from {before:?}");
    }
}

#[test]
fn a_lock_is_waited_for_and_never_overridden() {
    for (kind, is_found) in [
        (ErrorKind::Unreadable, true),
        (ErrorKind::Locked, false),
        (ErrorKind::Denied, false),
        (ErrorKind::Other, false),
    ] {
        assert_eq!(Found::from_look(Err(DriverError::new(kind, "x"))).is_ok(), is_found, "{kind:?}");
    }
}
