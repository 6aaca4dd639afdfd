//! Names of things: short, typed, harmless in a terminal, a path and a shell.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest name of any kind, in characters. A step id holds a component's name and a group.
pub const LONGEST: usize = 96;

/// Longest name of a component, so that its steps have names too.
pub const LONGEST_COMPONENT: usize = 64;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAName {
    /// Nothing was written.
    #[error("a name cannot be empty")]
    Empty,
    /// More than [`LONGEST`] characters.
    #[error("a name has at most {LONGEST} characters")]
    TooLong,
    /// It does not begin with a letter or digit.
    #[error("a name begins with a letter or a digit")]
    Start,
    /// A character outside letters, digits, `.`, `_` and `-`.
    #[error("a name is made of ASCII letters, digits, `.`, `_` and `-`; found {0}")]
    Character(String),
}

/// Checks a name. Control, blank and bidirectional characters are named by their code point, never printed.
pub fn check(text: &str) -> Result<(), NotAName> {
    let first = text.chars().next().ok_or(NotAName::Empty)?;
    if text.chars().count() > LONGEST {
        return Err(NotAName::TooLong);
    }
    if let Some(bad) = text.chars().find(|c| !(c.is_ascii_alphanumeric() || ['.', '_', '-'].contains(c))) {
        let shown = if bad.is_ascii_graphic() { format!("`{bad}`") } else { format!("U+{:04X}", bad as u32) };
        return Err(NotAName::Character(shown));
    }
    if !first.is_ascii_alphanumeric() {
        return Err(NotAName::Start);
    }
    Ok(())
}

macro_rules! name_type {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(std::sync::Arc<str>);

        impl $type {
            /// The name, where the text is one.
            pub fn new(text: &str) -> Result<Self, NotAName> {
                check(text).map(|()| Self(text.into()))
            }

            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = NotAName;
            fn try_from(text: String) -> Result<Self, NotAName> {
                Self::new(&text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0.to_string()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name_type!(
    /// The name of a migration.
    MigrationName
);
name_type!(
    /// The name of a component, unique in its migration.
    ComponentName
);
name_type!(
    /// The name of a phase, unique in its migration.
    PhaseName
);
name_type!(
    /// The kind of a component, such as `sqlite.database`.
    KindName
);
name_type!(
    /// A checkpoint of a migration: `c1`, `c2`, … in the order they were opened.
    CheckpointId
);
name_type!(
    /// A run of a migration: `r1`, `r2`, … in the order they were opened.
    RunId
);
name_type!(
    /// A step of a plan, `COMPONENT.GROUP` (`database.revert`), with a number behind it where a group has
    /// several (`database.revert.2`). Component names are short enough that this is always a name.
    StepId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for (text, expected) in [
            ("todo-uuid.ids_2", Ok(())),
            ("", Err(NotAName::Empty)),
            ("-rf", Err(NotAName::Start)),
            ("..", Err(NotAName::Start)),
            ("a/b", Err(NotAName::Character("`/`".into()))),
            ("a\u{202e}b", Err(NotAName::Character("U+202E".into()))),
            ("a\nb", Err(NotAName::Character("U+000A".into()))),
            ("a b", Err(NotAName::Character("U+0020".into()))),
            ("é", Err(NotAName::Character("U+00E9".into()))),
        ] {
            assert_eq!(check(text), expected, "{text:?}");
        }
        assert_eq!(check(&"x".repeat(97)), Err(NotAName::TooLong));
        assert_eq!(check(&"x".repeat(96)), Ok(()));
    }
}
