//! Which hashes the server offers for a type, and how its values are written as text.
//!
//! | type, below all domains | by its bits | by its text |
//! |---|---|---|
//! | integers, `bool`, `uuid`, `text`, `varchar`, `bytea` | yes | yes |
//! | times, `interval`, `money` | as they are sent | yes |
//! | `real`, `double precision` | yes; a zero by its sign, any NaN as one | yes |
//! | `numeric` of a declared scale | yes | yes |
//! | `numeric` without (`1.0` and `1.00` differ), `char(n)` (without trailing blanks), all others | no | yes |
//!
//! `jsonb` is among the others, though it has a hash of its own: that one leaves out the sign of numbers and how deep
//! arrays are nested (`5` and `-5`, `[[1], 2]` and `[[1, 2]]` hash alike), which is no way to say that data is the same.

use backout_core::compare::Method;

use crate::rows::{By, types};

const BPCHAR: u32 = 1042;
const NUMERIC: u32 = 1700;

/// A type, below all domains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kind {
    /// Its object number.
    pub(super) oid: u32,
    /// Its output function, as SQL calls it.
    pub(super) output: String,
    /// Its name without modifiers, for literals.
    pub(super) name: String,
    /// What is declared with it, as the catalog has it; below zero where nothing is.
    pub(super) modifier: i32,
}

impl Kind {
    /// How the server can hash it, best first.
    pub(super) fn methods(&self) -> Vec<Method> {
        match self.bits() {
            Some(_) => vec![Method::Binary, Method::Text],
            None => vec![Method::Text],
        }
    }

    /// How its bits become a number; none where only its text can.
    fn bits(&self) -> Option<By> {
        let by = match self.oid {
            types::BOOL
            | types::BYTEA
            | types::INT2
            | types::INT4
            | types::INT8
            | types::TEXT
            | types::VARCHAR
            | types::TIMESTAMP
            | types::TIMESTAMPTZ
            | types::UUID => By::of(self.oid, &self.output),
            700 => By::Float("hashfloat4extended", "float4send"),
            701 => By::Float("hashfloat8extended", "float8send"),
            790 => By::Sent("cash_send"),
            1082 => By::Sent("date_send"),
            1083 => By::Sent("time_send"),
            1186 => By::Sent("interval_send"),
            1266 => By::Sent("timetz_send"),
            NUMERIC if self.modifier >= 0 => By::Numeric,
            _ => return None,
        };
        Some(by)
    }

    /// How a value is hashed by a method.
    pub(super) fn by(&self, method: Method) -> By {
        match (method, self.bits()) {
            (Method::Binary, Some(by)) => by,
            _ if self.is_text() => By::Text,
            _ => By::Printed(self.output.clone()),
        }
    }

    /// Whether it is text as it stands, once [`Kind::read`] is done with it.
    fn is_text(&self) -> bool {
        matches!(self.oid, types::TEXT | types::VARCHAR | BPCHAR)
    }

    /// What is read of a value. Blanks behind a `char(n)` mean nothing to its type, and are not there in a `varchar`.
    pub(super) fn read(&self, sql: String) -> String {
        if self.oid == BPCHAR { format!("pg_catalog.text({sql})") } else { sql }
    }

    /// The text of what is read. Never by a cast, for people may define casts.
    pub(super) fn text(&self, sql: &str) -> String {
        if self.is_text() { format!("{sql}::text") } else { format!("textin({}({sql}))", self.output) }
    }

    /// Whether values are small integers, which cross the wire in eight bytes and are written by us.
    pub(super) fn is_integer(&self) -> bool {
        matches!(self.oid, types::INT2 | types::INT4 | types::INT8)
    }
}
