//! Other servers: wrappers, servers, user mappings. Secrets among their options are told by name only.

use super::{FIRST, Question, grants, harmless_options};

pub(super) fn questions() -> Vec<Question> {
    let wrappers = format!(
        "SELECT 'pg_foreign_data_wrapper'::regclass::oid, w.oid, NULL::text, NULL::text, \
                format('foreign data wrapper %I', w.fdwname), pg_get_userbyid(w.fdwowner)::text, {} \
         FROM pg_foreign_data_wrapper w WHERE w.oid >= {FIRST}",
        grants("w.fdwacl", 'F', "w.fdwowner"),
    );
    let wrapper_parts = format!(
        "SELECT 'pg_foreign_data_wrapper'::regclass::oid, w.oid, 'definition', concat_ws(', ', \
                'handler ' || nullif(w.fdwhandler, 0)::regproc, 'validator ' || nullif(w.fdwvalidator, 0)::regproc, \
                {}), NULL::oid, NULL::oid FROM pg_foreign_data_wrapper w",
        harmless_options("w.fdwoptions"),
    );
    let servers = format!(
        "SELECT 'pg_foreign_server'::regclass::oid, s.oid, NULL::text, NULL::text, format('server %I', s.srvname), \
                pg_get_userbyid(s.srvowner)::text, {} FROM pg_foreign_server s",
        grants("s.srvacl", 'S', "s.srvowner"),
    );
    let server_parts = format!(
        "SELECT 'pg_foreign_server'::regclass::oid, s.oid, 'definition', concat_ws(', ', \
                'wrapper ' || w.fdwname, 'type ' || s.srvtype, 'version ' || s.srvversion, {}), \
                NULL::oid, NULL::oid \
         FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw",
        harmless_options("s.srvoptions"),
    );
    // Not their options: only some may read them, and what a schema is must not depend on who looks.
    let mappings = "\
        SELECT 'pg_foreign_server'::regclass::oid, m.srvid, 'mapping of ' || m.usename, 'there', NULL::oid, NULL::oid \
        FROM pg_user_mappings m"
        .to_owned();
    vec![
        Question::Objects(wrappers),
        Question::Parts(wrapper_parts),
        Question::Objects(servers),
        Question::Parts(server_parts),
        Question::Parts(mappings),
    ]
}
