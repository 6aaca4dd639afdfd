//! What the server computes for a row: 64 bits of each value, put together to 64 bits of the row, summed over the table.
//!
//! A digest tells two tables apart with a chance of error of about 2⁻⁶⁴, as long as nobody who knows the formula builds
//! tables that collide: it finds accidents, not forgers. What was weighed:
//!
//! - **Equal texts, equal digests; different texts, different digests.** Most hashes of types are made for equality, not
//!   for identity: `1.0` is `1.00`, `0.0` is `-0.0`, `5` and `-5` of type numeric hash alike, and so do all letters of
//!   `citext`, a month and thirty days, and the two halves of a `bigint` when they are swapped. So a type's own hash is
//!   used only where it reads every bit of a value; a `bigint` is hashed as the seed of another hash, which is 64 bits
//!   wide; every other type is hashed by the text that it prints (by its output function, never by a cast, for people
//!   may define casts).
//! - **The sum of rows.** Sums do not depend on order and see rows that are there twice. They would not see two values
//!   that changed places between rows, if a row were a sum of its values too. So a row's value is mixed once more.
//! - **Values of a gibibyte.** Each value is hashed by itself; nothing puts a row together.
//! - **NULL** is a number of its own for each column, and each column has its own seed.
//! - **Generated columns** follow from others and are not hashed.
//!
//! The formula follows from the columns alone (their order, types and names of types' functions), so that equal
//! databases have equal digests. It is the same from PostgreSQL 13 on.

use crate::server::identifier;

/// A column, as far as it is hashed.
#[derive(Debug, Clone)]
pub(super) struct Value {
    /// Its name.
    pub(super) name: String,
    /// The type below all domains.
    pub(super) base_type: u32,
    /// Its output function, as SQL calls it.
    pub(super) output: String,
}

mod types {
    pub(super) const BOOL: u32 = 16;
    pub(super) const BYTEA: u32 = 17;
    pub(super) const INT8: u32 = 20;
    pub(super) const INT2: u32 = 21;
    pub(super) const INT4: u32 = 23;
    pub(super) const TEXT: u32 = 25;
    pub(super) const VARCHAR: u32 = 1043;
    pub(super) const TIMESTAMP: u32 = 1114;
    pub(super) const TIMESTAMPTZ: u32 = 1184;
    pub(super) const UUID: u32 = 2950;
}

/// The sum over all rows, as SQL over a table called `t`.
pub(super) fn formula(columns: &[Value]) -> String {
    let values: Vec<String> = columns.iter().enumerate().map(|(at, column)| value(at, column)).collect();
    format!("sum(hashint4extended(0, {}))::text", joined(&values))
}

/// All of them combined, as a tree: a table may have 1600 columns, and a server recurses into expressions.
fn joined(values: &[String]) -> String {
    match values {
        [] => seed(0, 0),
        [one] => one.clone(),
        _ => {
            let (left, right) = values.split_at(values.len() / 2);
            format!("({} # {})", joined(left), joined(right))
        }
    }
}

/// 64 bits of one value.
fn value(at: usize, column: &Value) -> String {
    let (name, own, null) = (format!("t.{}", identifier(&column.name)), seed(at, 1), seed(at, 2));
    let hash = match column.base_type {
        types::BOOL => {
            let (yes, no) = (seed(at, 3), seed(at, 4));
            return format!("CASE WHEN {name} THEN {yes} WHEN NOT {name} THEN {no} ELSE {null} END");
        }
        types::INT2 | types::INT4 => format!("hashint4extended({name}, {own})"),
        // The seed of this hash is as wide as the value. Its first argument tells columns apart.
        types::INT8 => format!("hashint4extended({}, {name})", at + 1),
        types::UUID => format!("uuid_hash_extended({name}, {own})"),
        types::TEXT | types::VARCHAR => format!("hashtextextended({name} COLLATE \"C\", {own})"),
        // By all eight bytes: the hash of the type folds them to four.
        types::TIMESTAMP => format!("hash_array_extended(ARRAY[timestamp_send({name})], {own})"),
        types::TIMESTAMPTZ => format!("hash_array_extended(ARRAY[timestamptz_send({name})], {own})"),
        // An array of one is a copy, so a long value is hashed by its SHA-256, which copies nothing.
        types::BYTEA => {
            let (long, output) = (seed(at, 5), &column.output);
            format!(
                "CASE WHEN octet_length({name}) < 1000000 THEN hash_array_extended(ARRAY[{name}::bytea], {own}) \
                 ELSE hashtextextended(textin({output}(sha256({name}))) COLLATE \"C\", {long}) END"
            )
        }
        _ => format!("hashtextextended(textin({}({name})) COLLATE \"C\", {own})", column.output),
    };
    format!("coalesce({hash}, {null})")
}

/// A number that nobody would choose, for each column and use.
fn seed(column: usize, usage: u64) -> String {
    let mut bits = (column as u64).wrapping_mul(16).wrapping_add(usage).wrapping_add(1);
    bits = bits.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    // Positive, for `-9223372036854775808` is no number to a server but one with a sign.
    format!("{}::int8", bits >> 1)
}
