//! The questions that a schema is put together from, by class of objects.
//!
//! Each is one SQL statement that runs with an empty search path, so that every name in a definition is written with
//! its schema. Catalogs of the server's version differ; what differs is looked up by the version here, and nowhere else.

mod cluster;
mod foreign;
mod operators;
mod programs;
mod relations;
mod remarks;
mod replication;
mod search;
mod sequences;
mod types;

use crate::server::Version;

/// A question, by what its answer is.
pub(super) enum Question {
    /// One row an object: class, number, schema, table that it belongs to, kind and name, owner, grants.
    Objects(String),
    /// One row a part: class and number of the object, part, value, class and number of the part itself (to find
    /// its comment by).
    Parts(String),
    /// The same; the values hold expressions that are brought into canonical form.
    Expressions(String),
    /// One row a remark (comment, security label): class, number, column, part, value.
    Remarks(String),
    /// One row a member of an extension: class and number.
    Members(String),
}

/// Every question for a server's version.
pub(super) fn questions(version: Version) -> Vec<Question> {
    [
        cluster::questions(version),
        relations::questions(version),
        sequences::questions(version),
        programs::questions(version),
        types::questions(version),
        operators::questions(version),
        search::questions(),
        foreign::questions(),
        replication::questions(version),
        remarks::questions(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The first number that a server gives to an object of a user. `public` alone is older.
pub(super) const FIRST: u32 = 16384;

/// Grants in canonical order; those that every object has by default are written out, so that "never granted" and
/// "granted and revoked" are the same. `kind` as `acldefault()` takes it.
fn grants(acl: &str, kind: char, owner: &str) -> String {
    format!(
        "coalesce((SELECT string_agg(item::text, ', ' ORDER BY item::text COLLATE \"C\") \
         FROM unnest(coalesce({acl}, acldefault('{kind}', {owner}))) AS item), 'none')"
    )
}

/// Which schemas hold objects of users, where `n` is `pg_namespace`.
pub(crate) const OF_USERS: &str =
    "n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '_backout')";

/// Whether an object came by itself, not with another one (the constructors of a range, its multirange, their cast).
fn of_its_own(catalog: &str, alias: &str) -> String {
    format!(
        "NOT EXISTS (SELECT FROM pg_depend part WHERE part.classid = '{catalog}'::regclass \
         AND part.objid = {alias}.oid AND part.deptype = 'i')"
    )
}

/// Options (`name=value`) in canonical order.
fn options(column: &str) -> String {
    format!("(SELECT string_agg(item, ', ' ORDER BY item COLLATE \"C\") FROM unnest({column}) AS item)")
}

/// The same without the values of those that may be secrets.
fn harmless_options(column: &str) -> String {
    format!(
        "(SELECT string_agg(CASE WHEN item ~* '^[^=]*(pass|secret|token|key|cred)' \
         THEN split_part(item, '=', 1) ELSE item END, ', ' ORDER BY item COLLATE \"C\") \
         FROM unnest({column}) AS item)"
    )
}
