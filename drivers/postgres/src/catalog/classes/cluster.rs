//! The database itself, its settings and default privileges, schemas and extensions.

use super::{OF_USERS, Question, grants};
use crate::server::Version;

pub(super) fn questions(version: Version) -> Vec<Question> {
    let locale = match version.major() {
        ..15 => "NULL::text",
        15 => "d.daticulocale::text",
        16 => "concat_ws(' ', d.daticulocale, d.daticurules)",
        _ => "concat_ws(' ', d.datlocale, d.daticurules)",
    };
    let provider = if version.major() < 15 { "NULL::text" } else { "nullif(d.datlocprovider::text, 'c')" };
    let database = format!(
        "SELECT 'pg_database'::regclass::oid, d.oid, NULL::text, NULL::text, 'database', \
                pg_get_userbyid(d.datdba)::text, {} \
         FROM pg_database d \
         WHERE d.datname = current_database()",
        grants("d.datacl", 'd', "d.datdba"),
    );
    let parts = format!(
        "SELECT 'pg_database'::regclass::oid, d.oid, p.part, p.value, NULL::oid, NULL::oid \
         FROM pg_database d CROSS JOIN LATERAL (VALUES \
             ('encoding', pg_encoding_to_char(d.encoding)::text), \
             ('locale', format('%s, %s', d.datcollate, d.datctype)), \
             ('locale provider', {provider}), \
             ('locale of the provider', nullif({locale}, '')), \
             ('connection limit', nullif(d.datconnlimit, -1)::text), \
             ('tablespace', (SELECT nullif(t.spcname::text, 'pg_default') FROM pg_tablespace t \
                             WHERE t.oid = d.dattablespace)), \
             ('template', CASE WHEN d.datistemplate THEN 'yes' END)) AS p(part, value) \
         WHERE d.datname = current_database() AND p.value IS NOT NULL"
    );
    let settings = "\
        SELECT 'pg_database'::regclass::oid, d.oid, \
               'setting ' || split_part(item, '=', 1) || \
               CASE WHEN s.setrole = 0 THEN '' ELSE ' of ' || pg_get_userbyid(s.setrole) END, \
               substr(item, strpos(item, '=') + 1), NULL::oid, NULL::oid \
        FROM pg_database d JOIN pg_db_role_setting s ON s.setdatabase = d.oid, unnest(s.setconfig) AS item \
        WHERE d.datname = current_database() AND NOT starts_with(item, 'backout.')"
        .to_owned();
    // An entry for a schema adds to the general one; the general one replaces what every object gets.
    let defaults = "\
        SELECT 'pg_database'::regclass::oid, d.oid, \
               'default privileges of ' || pg_get_userbyid(a.defaclrole) || \
               coalesce(' in schema ' || n.nspname, '') || ' on ' || \
               CASE a.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' \
                    WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' WHEN 'L' THEN 'large objects' \
                    ELSE a.defaclobjtype::text END, \
               coalesce((SELECT string_agg(item::text, ', ' ORDER BY item::text COLLATE \"C\") \
                         FROM unnest(a.defaclacl) AS item), 'none'), NULL::oid, NULL::oid \
        FROM pg_default_acl a JOIN pg_database d ON d.datname = current_database() \
        LEFT JOIN pg_namespace n ON n.oid = a.defaclnamespace"
        .to_owned();
    let schemas = format!(
        "SELECT 'pg_namespace'::regclass::oid, n.oid, n.nspname::text, NULL::text, \
                format('schema %I', n.nspname), pg_get_userbyid(n.nspowner)::text, {} \
         FROM pg_namespace n WHERE {OF_USERS}",
        grants("n.nspacl", 'n', "n.nspowner"),
    );
    let extensions = "\
        SELECT 'pg_extension'::regclass::oid, e.oid, NULL::text, NULL::text, format('extension %I', e.extname), \
               pg_get_userbyid(e.extowner)::text, NULL::text FROM pg_extension e"
        .to_owned();
    let versions = "\
        SELECT 'pg_extension'::regclass::oid, e.oid, p.part, p.value, NULL::oid, NULL::oid \
        FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace \
        CROSS JOIN LATERAL (VALUES ('version', e.extversion), ('schema', n.nspname::text)) AS p(part, value)"
        .to_owned();
    let members = "SELECT classid, objid FROM pg_depend \
                   WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass"
        .to_owned();
    vec![
        Question::Objects(database),
        Question::Parts(parts),
        Question::Parts(settings),
        Question::Parts(defaults),
        Question::Objects(schemas),
        Question::Objects(extensions),
        Question::Parts(versions),
        Question::Members(members),
    ]
}
