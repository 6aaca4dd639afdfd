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

/// A value, as far as it is hashed.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    /// What it is, as SQL over a table called `t`.
    pub(crate) sql: String,
    /// How it becomes a number.
    pub(crate) by: By,
}

/// How values of a type become 64 bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum By {
    Bool,
    /// Of type `smallint` or `integer`.
    Int4,
    Int8,
    Uuid,
    Text,
    /// By all the bytes that a function of the type sends: the hash of the type folds or equates some.
    Sent(&'static str),
    /// By their bytes, with the output function of the type.
    Bytea(String),
    /// By the text that the output function prints.
    Printed(String),
    /// Numbers whose scale is declared, so that equal ones are written alike.
    Numeric,
    /// By the hash of the type, which knows all of a value but the sign of a zero; and the function that sends it.
    Float(&'static str, &'static str),
}

pub(crate) mod types {
    pub(crate) const BOOL: u32 = 16;
    pub(crate) const BYTEA: u32 = 17;
    pub(crate) const INT8: u32 = 20;
    pub(crate) const INT2: u32 = 21;
    pub(crate) const INT4: u32 = 23;
    pub(crate) const TEXT: u32 = 25;
    pub(crate) const VARCHAR: u32 = 1043;
    pub(crate) const TIMESTAMP: u32 = 1114;
    pub(crate) const TIMESTAMPTZ: u32 = 1184;
    pub(crate) const UUID: u32 = 2950;
}

impl By {
    /// Of a type (below all domains) with its output function: what digests of checkpoints are made of.
    pub(crate) fn of(base_type: u32, output: &str) -> Self {
        match base_type {
            types::BOOL => Self::Bool,
            types::INT2 | types::INT4 => Self::Int4,
            types::INT8 => Self::Int8,
            types::UUID => Self::Uuid,
            types::TEXT | types::VARCHAR => Self::Text,
            types::TIMESTAMP => Self::Sent("timestamp_send"),
            types::TIMESTAMPTZ => Self::Sent("timestamptz_send"),
            types::BYTEA => Self::Bytea(output.to_owned()),
            _ => Self::Printed(output.to_owned()),
        }
    }
}

/// The numbers that hashes begin with. Those of checkpoints are always the same; a comparison draws its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seeds(pub(crate) u64);

impl Seeds {
    /// What digests of checkpoints are made with.
    pub(crate) const OF_CHECKPOINTS: Self = Self(0);

    /// 64 bits of a row.
    pub(crate) fn row(self, values: &[Value]) -> String {
        let first = if self.0 == 0 { 0 } else { self.small(usize::MAX, 6) };
        format!(
            "hashint4extended({first}, {})",
            self.combined(&values.iter().enumerate().collect::<Vec<_>>())
        )
    }

    /// Values with their places in the row, combined, as a tree: a table may have 1600 columns, and a server recurses into
    /// expressions.
    pub(crate) fn combined(self, values: &[(usize, &Value)]) -> String {
        match values {
            [] => self.number(0, 0),
            [(at, one)] => self.value(*at, one),
            _ => {
                let (left, right) = values.split_at(values.len() / 2);
                format!("({} # {})", self.combined(left), self.combined(right))
            }
        }
    }

    /// 64 bits of one value.
    fn value(self, at: usize, value: &Value) -> String {
        let (sql, own, null) = (&value.sql, self.number(at, 1), self.number(at, 2));
        let hash = match &value.by {
            By::Bool => {
                let (yes, no) = (self.number(at, 3), self.number(at, 4));
                return format!("CASE WHEN {sql} THEN {yes} WHEN NOT {sql} THEN {no} ELSE {null} END");
            }
            By::Int4 => format!("hashint4extended({sql}, {own})"),
            // The seed of this hash is as wide as the value. Its first argument tells columns apart.
            By::Int8 => format!("hashint4extended({}, {sql})", self.small(at, 7)),
            By::Uuid => format!("uuid_hash_extended({sql}, {own})"),
            By::Text => format!("hashtextextended({sql} COLLATE \"C\", {own})"),
            By::Sent(send) => format!("hash_array_extended(ARRAY[{send}({sql})], {own})"),
            // An array of one is a copy, so a long value is hashed by its SHA-256, which copies nothing.
            By::Bytea(output) => {
                let long = self.number(at, 5);
                format!(
                    "CASE WHEN octet_length({sql}) < 1000000 THEN hash_array_extended(ARRAY[{sql}::bytea], {own}) \
                     ELSE hashtextextended(textin({output}(sha256({sql}))) COLLATE \"C\", {long}) END"
                )
            }
            By::Printed(output) => format!("hashtextextended(textin({output}({sql})) COLLATE \"C\", {own})"),
            // The hash of the type leaves out the sign, and only adds the weight at its end: it is mixed once more.
            By::Numeric => {
                let (below, mix) = (self.number(at, 8), self.small(at, 9));
                format!(
                    "hashint4extended({mix}, hash_numeric_extended({sql}, \
                     CASE WHEN {sql} < 0::numeric THEN {below} ELSE {own} END))"
                )
            }
            By::Float(hash, send) => {
                let zero = self.number(at, 10);
                format!(
                    "CASE WHEN {sql} = 0 THEN hash_array_extended(ARRAY[{send}({sql})], {zero}) \
                     ELSE {hash}({sql}, {own}) END"
                )
            }
        };
        format!("coalesce({hash}, {null})")
    }

    /// A number that nobody would choose, for each column and use.
    fn number(self, column: usize, usage: u64) -> String {
        // Positive, for `-9223372036854775808` is no number to a server but one with a sign.
        format!("{}::int8", self.mixed(column, usage) >> 1)
    }

    /// One of 32 bits. That of checkpoints is the column's place.
    fn small(self, column: usize, usage: u64) -> i32 {
        if self.0 == 0 {
            return i32::try_from(column + 1).unwrap_or(i32::MAX);
        }
        i32::try_from(self.mixed(column, usage) >> 33).unwrap_or(i32::MAX)
    }

    fn mixed(self, column: usize, usage: u64) -> u64 {
        let mut bits = (column as u64).wrapping_mul(16).wrapping_add(usage).wrapping_add(1) ^ self.0;
        bits = bits.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

/// The sum over all rows of a checkpoint, as SQL over a table called `t`.
pub(super) fn formula(values: &[Value]) -> String {
    format!("sum({})::text", Seeds::OF_CHECKPOINTS.row(values))
}
