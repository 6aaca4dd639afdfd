//! Text search: configurations, dictionaries, parsers, templates.

use super::{FIRST, OF_USERS, Question};

pub(super) fn questions() -> Vec<Question> {
    let configurations = format!(
        "SELECT 'pg_ts_config'::regclass::oid, c.oid, n.nspname::text, NULL::text, \
                format('text search configuration %I.%I', n.nspname, c.cfgname), \
                pg_get_userbyid(c.cfgowner)::text, NULL::text \
         FROM pg_ts_config c JOIN pg_namespace n ON n.oid = c.cfgnamespace WHERE c.oid >= {FIRST} AND {OF_USERS}"
    );
    let mappings = format!(
        "SELECT 'pg_ts_config'::regclass::oid, c.oid, 'parser', format('%I.%I', n.nspname, p.prsname), \
                NULL::oid, NULL::oid \
         FROM pg_ts_config c JOIN pg_ts_parser p ON p.oid = c.cfgparser \
         JOIN pg_namespace n ON n.oid = p.prsnamespace WHERE c.oid >= {FIRST} \
         UNION ALL \
         SELECT 'pg_ts_config'::regclass::oid, c.oid, 'mapping of ' || token.alias, \
                string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno), NULL::oid, NULL::oid \
         FROM pg_ts_config c JOIN pg_ts_config_map m ON m.mapcfg = c.oid \
         JOIN LATERAL ts_token_type(c.cfgparser) AS token ON token.tokid = m.maptokentype \
         WHERE c.oid >= {FIRST} GROUP BY c.oid, token.alias"
    );
    let dictionaries = format!(
        "SELECT 'pg_ts_dict'::regclass::oid, d.oid, n.nspname::text, NULL::text, \
                format('text search dictionary %I.%I', n.nspname, d.dictname), \
                pg_get_userbyid(d.dictowner)::text, NULL::text \
         FROM pg_ts_dict d JOIN pg_namespace n ON n.oid = d.dictnamespace WHERE d.oid >= {FIRST} AND {OF_USERS}"
    );
    let dictionary_parts = format!(
        "SELECT 'pg_ts_dict'::regclass::oid, d.oid, 'definition', \
                concat_ws(', ', format('template %I.%I', n.nspname, t.tmplname), d.dictinitoption), \
                NULL::oid, NULL::oid \
         FROM pg_ts_dict d JOIN pg_ts_template t ON t.oid = d.dicttemplate \
         JOIN pg_namespace n ON n.oid = t.tmplnamespace WHERE d.oid >= {FIRST}"
    );
    let parsers = format!(
        "SELECT 'pg_ts_parser'::regclass::oid, p.oid, n.nspname::text, NULL::text, \
                format('text search parser %I.%I', n.nspname, p.prsname), NULL::text, NULL::text \
         FROM pg_ts_parser p JOIN pg_namespace n ON n.oid = p.prsnamespace WHERE p.oid >= {FIRST} AND {OF_USERS}"
    );
    let parser_parts = format!(
        "SELECT 'pg_ts_parser'::regclass::oid, p.oid, 'definition', concat_ws(', ', p.prsstart, p.prstoken, \
                p.prsend, p.prsheadline, p.prslextype), NULL::oid, NULL::oid \
         FROM pg_ts_parser p WHERE p.oid >= {FIRST}"
    );
    let templates = format!(
        "SELECT 'pg_ts_template'::regclass::oid, t.oid, n.nspname::text, NULL::text, \
                format('text search template %I.%I', n.nspname, t.tmplname), NULL::text, NULL::text \
         FROM pg_ts_template t JOIN pg_namespace n ON n.oid = t.tmplnamespace WHERE t.oid >= {FIRST} AND {OF_USERS}"
    );
    let template_parts = format!(
        "SELECT 'pg_ts_template'::regclass::oid, t.oid, 'definition', concat_ws(', ', t.tmplinit, t.tmpllexize), \
                NULL::oid, NULL::oid FROM pg_ts_template t WHERE t.oid >= {FIRST}"
    );
    vec![
        Question::Objects(configurations),
        Question::Parts(mappings),
        Question::Objects(dictionaries),
        Question::Parts(dictionary_parts),
        Question::Objects(parsers),
        Question::Parts(parser_parts),
        Question::Objects(templates),
        Question::Parts(template_parts),
    ]
}
