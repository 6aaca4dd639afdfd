//! Sequences: what they may give and whose they are. What they give next is no part of a schema.

use super::{FIRST, OF_USERS, Question, grants};
use crate::server::Version;

pub(super) fn questions(version: Version) -> Vec<Question> {
    let persistence =
        if version.major() < 15 { "NULL" } else { "CASE c.relpersistence WHEN 'u' THEN 'unlogged' END" };
    let objects = format!(
        "SELECT 'pg_class'::regclass::oid, c.oid, n.nspname::text, owner.relname::text, \
                format('sequence %I.%I', n.nspname, c.relname), pg_get_userbyid(c.relowner)::text, {} \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 \
              AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') \
         LEFT JOIN pg_class owner ON owner.oid = d.refobjid \
         WHERE c.oid >= {FIRST} AND c.relkind = 'S' AND c.relpersistence <> 't' AND {OF_USERS}",
        grants("c.relacl", 's', "c.relowner"),
    );
    let parts = format!(
        "SELECT 'pg_class'::regclass::oid, c.oid, p.part, p.value, NULL::oid, NULL::oid \
         FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid \
         LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 \
              AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') \
         LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
         CROSS JOIN LATERAL (VALUES \
             ('definition', format('%s start %s increment %s minimum %s maximum %s cache %s%s', \
                  format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, \
                  CASE WHEN s.seqcycle THEN ' cycle' ELSE '' END)), \
             ('owned by', CASE WHEN a.attname IS NOT NULL THEN \
                  format('%s.%I', d.refobjid::regclass, a.attname) END), \
             ('persistence', {persistence})) AS p(part, value) \
         WHERE p.value IS NOT NULL"
    );
    vec![Question::Objects(objects), Question::Parts(parts)]
}
