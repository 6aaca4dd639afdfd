//! Judges a database by SQLite's own checks.

use backout_contract::{DriverError, ErrorKind, Exactness};
use backout_core::observation::Verdict;

use super::open::look;
use super::place::Place;
use super::read::foreign_key_violations;
use super::sound::{Check, Soundness, check};
use crate::pace::Pace;

/// Foreign keys that lead nowhere are told and not judged: some were there when it was saved, and whether there are
/// as many is part of comparing.
pub(super) fn examine(
    place: &Place,
    exactness: Exactness,
    pace: &Pace,
) -> Result<(Verdict, Vec<String>), DriverError> {
    let thorough = match exactness {
        Exactness::Data => Check::Full,
        Exactness::Shape => Check::Quick,
    };
    let looked = look(place, &mut |reading| {
        let soundness = check(reading.connection, thorough)?;
        Ok((soundness, foreign_key_violations(reading.connection, pace)?))
    });
    match looked {
        Ok(None) => Ok((Verdict::Restored, vec![format!("{}: no database is there", place.shown)])),
        Ok(Some((soundness, violations))) => {
            let (verdict, result) = judged(soundness);
            let violations = match violations {
                Some(1) => "1 violation".to_owned(),
                Some(count) => format!("{count} violations"),
                None => "cannot be done, a foreign key is wrong in itself".to_owned(),
            };
            let entries =
                vec![format!("{} = {result}", thorough.pragma()), format!("foreign_key_check: {violations}")];
            Ok((verdict, entries))
        }
        Err(error) if error.kind == ErrorKind::Unreadable => {
            let what = error.chain();
            Ok((Verdict::Differs { what }, vec![format!("{}: cannot be read", place.shown)]))
        }
        Err(error) if error.kind == ErrorKind::Locked => {
            let why = error.chain();
            Ok((Verdict::Unknown { why }, vec![format!("{}: held by somebody else", place.shown)]))
        }
        Err(error) => Err(error),
    }
}

fn judged(soundness: Soundness) -> (Verdict, String) {
    match soundness {
        Soundness::Sound => (Verdict::Restored, "ok".to_owned()),
        Soundness::Untidy(complaint) => {
            (Verdict::Restored, format!("ok, but for rows that break a constraint ({complaint})"))
        }
        Soundness::Damaged(damage) => {
            let line = damage.lines().last().unwrap_or_default().to_owned();
            (Verdict::Differs { what: format!("its content is damaged: {line}") }, line)
        }
        Soundness::Untold(why) => {
            (Verdict::Unknown { why: format!("it cannot be checked here: {why}") }, why)
        }
    }
}
