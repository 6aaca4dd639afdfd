//! Whether what is found is what a step starts from.

use backout_contract::DriverError;
use backout_core::observation::Seen;

/// What a look before a change found.
#[derive(Debug)]
pub(crate) enum Found<T> {
    /// Nothing.
    Absent,
    /// Something that can be read.
    Present(T),
    /// Something that cannot.
    Unreadable(DriverError),
}

impl<T> Found<T> {
    /// From a look; a look that could not be taken at all stays an error.
    pub(crate) fn from_look(look: Result<Option<T>, DriverError>) -> Result<Self, DriverError> {
        use backout_contract::ErrorKind::{Denied, Locked, Unreadable};
        match look {
            Ok(None) => Ok(Self::Absent),
            Ok(Some(there)) => Ok(Self::Present(there)),
            Err(error) if matches!(error.kind, Unreadable | Denied | Locked) => Ok(Self::Unreadable(error)),
            Err(error) => Err(error),
        }
    }

    /// Whether a step may start from here; if not, what was found, for people.
    ///
    /// | before | found | may start |
    /// |---|---|---|
    /// | present | present, and `alike` | yes |
    /// | absent | absent | yes |
    /// | unreadable, unreachable | unreadable | yes |
    /// | not known | whatever the step knows it by, see `alike`; nothing, or something unreadable | yes |
    /// | any | anything else | no |
    pub(crate) fn is_before(
        &self,
        before: Option<&Seen>,
        alike: impl FnOnce(&T) -> bool,
    ) -> Result<(), String> {
        let fits = match (self, before) {
            (Self::Present(there), Some(Seen::Present { .. }) | None) => alike(there),
            (Self::Absent, Some(Seen::Absent) | None) => true,
            (Self::Unreadable(_), Some(Seen::Unreadable { .. } | Seen::Unreachable { .. }) | None) => true,
            _ => false,
        };
        if fits { Ok(()) } else { Err(self.described()) }
    }

    fn described(&self) -> String {
        match self {
            Self::Absent => "nothing is there any more".to_owned(),
            Self::Present(_) => "it is neither what the step starts from nor what it leaves".to_owned(),
            Self::Unreadable(error) => format!("it cannot be read: {}", error.chain()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backout_contract::ErrorKind;
    use backout_core::digest::Digest;
    use backout_core::observation::Fingerprint;

    #[test]
    fn every_row_of_the_table() {
        let present = || {
            Some(Seen::Present {
                fingerprint: Fingerprint { shape: Digest::from_raw([1; 32]), position: None },
            })
        };
        let cause = String::new;
        let unreadable = || Found::Unreadable(DriverError::new(ErrorKind::Unreadable, "read it"));
        for (found, before, alike, expected) in [
            (Found::Present(()), present(), true, true),
            (Found::Present(()), present(), false, false),
            (Found::Present(()), Some(Seen::Absent), true, false),
            (Found::Present(()), Some(Seen::Unreadable { cause: cause() }), true, false),
            (Found::Present(()), None, true, true),
            (Found::Present(()), None, false, false),
            (Found::Absent, present(), true, false),
            (Found::Absent, Some(Seen::Absent), false, true),
            (Found::Absent, Some(Seen::Unreadable { cause: cause() }), true, false),
            (Found::Absent, None, false, true),
            (unreadable(), present(), true, false),
            (unreadable(), Some(Seen::Absent), true, false),
            (unreadable(), Some(Seen::Unreadable { cause: cause() }), false, true),
            (unreadable(), Some(Seen::Unreachable { cause: cause() }), false, true),
            (unreadable(), None, false, true),
        ] {
            let row = format!("{found:?} {before:?} {alike}");
            assert_eq!(found.is_before(before.as_ref(), |()| alike).is_ok(), expected, "{row}");
        }
    }
}
