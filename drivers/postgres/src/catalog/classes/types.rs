//! Types of users: enumerations, composites, domains, ranges and base types.

use super::{FIRST, OF_USERS, Question, grants};
use crate::server::Version;

pub(super) fn questions(version: Version) -> Vec<Question> {
    vec![
        Question::Objects(types()),
        Question::Parts(labels()),
        Question::Parts(attributes()),
        Question::Parts(order_of_attributes()),
        Question::Expressions(domains()),
        Question::Parts(ranges(version)),
        Question::Parts(base_types()),
    ]
}

/// Not those that come with something else: with a table, with another type as its array or multirange.
fn types() -> String {
    format!(
        "SELECT 'pg_type'::regclass::oid, t.oid, n.nspname::text, NULL::text, \
                format('%s %I.%I', CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END, n.nspname, t.typname), \
                pg_get_userbyid(t.typowner)::text, {} \
         FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid \
         WHERE t.oid >= {FIRST} AND {OF_USERS} AND t.typtype <> 'm' AND (t.typrelid = 0 OR c.relkind = 'c') \
           AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)",
        grants("t.typacl", 'T', "t.typowner"),
    )
}

fn labels() -> String {
    "SELECT 'pg_type'::regclass::oid, e.enumtypid, 'labels', \
            string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder), NULL::oid, NULL::oid \
     FROM pg_enum e GROUP BY e.enumtypid"
        .to_owned()
}

fn attributes() -> String {
    format!(
        "SELECT 'pg_type'::regclass::oid, c.reltype, 'attribute ' || a.attname, concat_ws(' ', \
             format_type(a.atttypid, a.atttypmod), \
             CASE WHEN a.attcollation <> t.typcollation THEN (SELECT format('collate %I.%I', cn.nspname, co.collname) \
                  FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace \
                  WHERE co.oid = a.attcollation) END), NULL::oid, NULL::oid \
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid \
         WHERE c.oid >= {FIRST} AND c.relkind = 'c' AND a.attnum > 0 AND NOT a.attisdropped"
    )
}

fn order_of_attributes() -> String {
    format!(
        "SELECT 'pg_type'::regclass::oid, c.reltype, 'order of attributes', \
                string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), NULL::oid, NULL::oid \
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
         WHERE c.oid >= {FIRST} AND c.relkind = 'c' AND a.attnum > 0 AND NOT a.attisdropped GROUP BY c.oid, c.reltype"
    )
}

fn domains() -> String {
    format!(
        "SELECT 'pg_type'::regclass::oid, t.oid, 'definition', concat_ws(' ', \
             format_type(t.typbasetype, t.typtypmod), \
             CASE WHEN t.typcollation <> base.typcollation THEN (SELECT format('collate %I.%I', cn.nspname, co.collname) \
                  FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace \
                  WHERE co.oid = t.typcollation) END, \
             CASE WHEN t.typnotnull THEN 'not null' END, \
             'default ' || coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault)), NULL::oid, NULL::oid \
         FROM pg_type t JOIN pg_type base ON base.oid = t.typbasetype WHERE t.oid >= {FIRST} AND t.typtype = 'd'"
    )
}

fn ranges(version: Version) -> String {
    let multirange =
        if version.major() < 14 { "NULL::text" } else { "'multirange ' || r.rngmultitypid::regtype" };
    format!(
        "SELECT 'pg_type'::regclass::oid, r.rngtypid, 'definition', concat_ws(', ', \
             'range of ' || format_type(r.rngsubtype, NULL), {multirange}, \
             'collation ' || nullif(r.rngcollation, 0)::regcollation, \
             'operator class ' || (SELECT format('%I.%I', n.nspname, o.opcname) FROM pg_opclass o \
                  JOIN pg_namespace n ON n.oid = o.opcnamespace WHERE o.oid = r.rngsubopc), \
             'canonical ' || nullif(r.rngcanonical::oid, 0)::regproc, \
             'difference ' || nullif(r.rngsubdiff::oid, 0)::regproc), NULL::oid, NULL::oid \
         FROM pg_range r WHERE r.rngtypid >= {FIRST}"
    )
}

fn base_types() -> String {
    format!(
        "SELECT 'pg_type'::regclass::oid, t.oid, 'definition', concat_ws(', ', \
             'base', 'length ' || t.typlen, 'by value ' || t.typbyval, 'align ' || t.typalign::text, \
             'storage ' || t.typstorage::text, 'category ' || t.typcategory::text, 'input ' || t.typinput, \
             'output ' || t.typoutput, 'receive ' || t.typreceive, 'send ' || t.typsend, \
             'default ' || t.typdefault), NULL::oid, NULL::oid \
         FROM pg_type t WHERE t.oid >= {FIRST} AND t.typtype = 'b' AND t.typelem = 0"
    )
}
