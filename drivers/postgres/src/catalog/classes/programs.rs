//! What runs within a database: functions, procedures, aggregates, triggers, rules, policies, event triggers, languages.

use super::{FIRST, OF_USERS, Question, grants, of_its_own};
use crate::server::Version;

pub(super) fn questions(version: Version) -> Vec<Question> {
    vec![
        Question::Objects(functions()),
        Question::Parts(bodies(version, false)),
        Question::Expressions(bodies(version, true)),
        Question::Parts(aggregates()),
        Question::Expressions(triggers()),
        Question::Expressions(rules()),
        Question::Expressions(policies()),
        Question::Objects(event_triggers()),
        Question::Parts(event_trigger_parts()),
        Question::Objects(languages()),
        Question::Parts(language_parts()),
    ]
}

fn functions() -> String {
    format!(
        "SELECT 'pg_proc'::regclass::oid, f.oid, n.nspname::text, NULL::text, \
                format('%s %I.%I(%s)', CASE f.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' \
                       ELSE 'function' END, n.nspname, f.proname, oidvectortypes(f.proargtypes)), \
                pg_get_userbyid(f.proowner)::text, {} \
         FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace WHERE f.oid >= {FIRST} AND {OF_USERS} AND {}",
        grants("f.proacl", 'f', "f.proowner"),
        of_its_own("pg_proc", "f"),
    )
}

/// A body is a text that nobody understands but its language, or, since 14, SQL that the server has parsed.
fn bodies(version: Version, parsed: bool) -> String {
    let which = match (version.major(), parsed) {
        (..14, true) => "false",
        (..14, false) => "true",
        (_, true) => "f.prosqlbody IS NOT NULL",
        (_, false) => "f.prosqlbody IS NULL",
    };
    format!(
        "SELECT 'pg_proc'::regclass::oid, f.oid, 'definition', pg_get_functiondef(f.oid), NULL::oid, NULL::oid \
         FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace \
         WHERE f.oid >= {FIRST} AND f.prokind <> 'a' AND {OF_USERS} AND {which}"
    )
}

fn aggregates() -> String {
    format!(
        "SELECT 'pg_proc'::regclass::oid, f.oid, 'definition', concat_ws(', ', \
             pg_get_function_arguments(f.oid), 'kind ' || a.aggkind::text, 'returns ' || pg_get_function_result(f.oid), \
             'step ' || a.aggtransfn, 'state ' || format_type(a.aggtranstype, NULL), 'space ' || a.aggtransspace, \
             'final ' || a.aggfinalfn || ' ' || a.aggfinalextra || ' ' || a.aggfinalmodify::text, \
             'combine ' || a.aggcombinefn, 'serial ' || a.aggserialfn, 'deserial ' || a.aggdeserialfn, \
             'moving ' || a.aggmtransfn || ' ' || a.aggminvtransfn || ' ' || a.aggmfinalfn || ' ' || \
                 a.aggmfinalextra || ' ' || a.aggmfinalmodify::text || ' ' || format_type(a.aggmtranstype, NULL), \
             'initial ' || a.agginitval, 'moving initial ' || a.aggminitval, \
             'sort ' || nullif(a.aggsortop, 0)::regoperator, 'parallel ' || f.proparallel::text), NULL::oid, NULL::oid \
         FROM pg_aggregate a JOIN pg_proc f ON f.oid = a.aggfnoid WHERE f.oid >= {FIRST}"
    )
}

fn enabled(column: &str) -> String {
    format!("CASE {column} WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'on replicas' WHEN 'A' THEN 'always' END")
}

/// A partition's copy of a trigger is told only where it is switched otherwise than the one that it is a copy of.
fn triggers() -> String {
    format!(
        "SELECT 'pg_class'::regclass::oid, t.tgrelid, 'trigger ' || t.tgname, \
                concat_ws(' ', pg_get_triggerdef(t.oid), {}), 'pg_trigger'::regclass::oid, t.oid \
         FROM pg_trigger t LEFT JOIN pg_trigger parent ON parent.oid = t.tgparentid \
         WHERE NOT t.tgisinternal AND NOT starts_with(ltrim(t.tgname::text, '!'), '_backout') \
           AND (t.tgparentid = 0 OR t.tgenabled <> parent.tgenabled)",
        enabled("t.tgenabled"),
    )
}

fn rules() -> String {
    format!(
        "SELECT 'pg_class'::regclass::oid, r.ev_class, 'rule ' || r.rulename, \
                concat_ws(' ', pg_get_ruledef(r.oid), {}), 'pg_rewrite'::regclass::oid, r.oid \
         FROM pg_rewrite r WHERE r.oid >= {FIRST} AND r.rulename <> '_RETURN'",
        enabled("r.ev_enabled"),
    )
}

fn policies() -> String {
    "SELECT 'pg_class'::regclass::oid, p.polrelid, 'policy ' || p.polname, concat_ws(' ', \
         CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END, \
         'for ' || CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' \
              WHEN 'd' THEN 'delete' ELSE 'all' END, \
         'to ' || (SELECT string_agg(CASE WHEN role = 0 THEN 'public' ELSE quote_ident(pg_get_userbyid(role)) END, \
              ', ' ORDER BY pg_get_userbyid(role)) FROM unnest(p.polroles) AS role), \
         'using (' || pg_get_expr(p.polqual, p.polrelid) || ')', \
         'with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'), \
         'pg_policy'::regclass::oid, p.oid \
     FROM pg_policy p"
        .to_owned()
}

fn event_triggers() -> String {
    "SELECT 'pg_event_trigger'::regclass::oid, e.oid, NULL::text, NULL::text, \
            format('event trigger %I', e.evtname), pg_get_userbyid(e.evtowner)::text, NULL::text \
     FROM pg_event_trigger e WHERE NOT starts_with(e.evtname::text, '_backout')"
        .to_owned()
}

fn event_trigger_parts() -> String {
    format!(
        "SELECT 'pg_event_trigger'::regclass::oid, e.oid, 'definition', concat_ws(' ', 'on', e.evtevent, \
             'when tag in (' || (SELECT string_agg(tag, ', ' ORDER BY tag) FROM unnest(e.evttags) AS tag) || ')', \
             'execute', e.evtfoid::regprocedure, {}), NULL::oid, NULL::oid \
         FROM pg_event_trigger e",
        enabled("e.evtenabled"),
    )
}

fn languages() -> String {
    format!(
        "SELECT 'pg_language'::regclass::oid, l.oid, NULL::text, NULL::text, format('language %I', l.lanname), \
                pg_get_userbyid(l.lanowner)::text, {} \
         FROM pg_language l WHERE l.oid >= {FIRST} OR l.lanname = 'plpgsql'",
        grants("l.lanacl", 'l', "l.lanowner"),
    )
}

fn language_parts() -> String {
    "SELECT 'pg_language'::regclass::oid, l.oid, 'definition', concat_ws(', ', \
         CASE WHEN l.lanpltrusted THEN 'trusted' END, 'handler ' || nullif(l.lanplcallfoid, 0)::regproc, \
         'inline ' || nullif(l.laninline, 0)::regproc, 'validator ' || nullif(l.lanvalidator, 0)::regproc), \
         NULL::oid, NULL::oid FROM pg_language l"
        .to_owned()
}
