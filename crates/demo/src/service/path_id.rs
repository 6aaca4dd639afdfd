//! The identifier of a task in a path. **The defect of release 2.0.0 lives here, on purpose.**

use super::answer::Failure;
use crate::identifier::{IdType, Identifier};

/// Reads the identifier of a task.
///
/// Release 2.0.0 wants links of 1.x to go on working, and takes whatever begins with a digit for one of them.
/// But ten of sixteen UUIDs begin with a digit: these end as integers that cannot be read, and a 500.
pub fn read(ids: IdType, text: &str) -> Result<Identifier, Failure> {
    match ids {
        IdType::Integer => ids.parse(text).ok_or(Failure::NotFound),
        IdType::Uuid if text.starts_with(|first: char| first.is_ascii_digit()) => text
            .parse()
            .map(Identifier::Integer)
            .map_err(|error| Failure::internal("read the integer identifier of a 1.x link", &error)),
        IdType::Uuid => ids.parse(text).ok_or(Failure::NotFound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_2_trips_over_uuids_that_begin_with_a_digit() {
        let (letter, digit) =
            ("f0000000-0000-4000-8000-000000000000", "30000000-0000-4000-8000-000000000000");
        assert!(matches!(read(IdType::Uuid, letter), Ok(Identifier::Uuid(text)) if text == letter));
        assert!(matches!(read(IdType::Uuid, digit), Err(Failure::Internal(_))));
        assert!(matches!(read(IdType::Uuid, "17"), Ok(Identifier::Integer(17))));
        assert!(matches!(read(IdType::Uuid, "x"), Err(Failure::NotFound)));
    }

    #[test]
    fn release_1_reads_integers() {
        assert!(matches!(read(IdType::Integer, "17"), Ok(Identifier::Integer(17))));
        assert!(matches!(read(IdType::Integer, "x"), Err(Failure::NotFound)));
    }
}
