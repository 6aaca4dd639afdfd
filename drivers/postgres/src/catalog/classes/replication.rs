//! Publications, and subscriptions by name only: what they subscribe to is no part of this database.

use super::Question;
use crate::server::Version;

pub(super) fn questions(version: Version) -> Vec<Question> {
    let publications = "\
        SELECT 'pg_publication'::regclass::oid, p.oid, NULL::text, NULL::text, format('publication %I', p.pubname), \
               pg_get_userbyid(p.pubowner)::text, NULL::text \
        FROM pg_publication p WHERE NOT starts_with(p.pubname::text, '_backout')"
        .to_owned();
    let generated = if version.major() < 18 {
        "NULL::text"
    } else {
        "CASE p.pubgencols WHEN 's' THEN 'stored generated columns' END"
    };
    let parts = format!(
        "SELECT 'pg_publication'::regclass::oid, p.oid, 'definition', concat_ws(', ', \
             CASE WHEN p.puballtables THEN 'all tables' END, CASE WHEN p.pubinsert THEN 'insert' END, \
             CASE WHEN p.pubupdate THEN 'update' END, CASE WHEN p.pubdelete THEN 'delete' END, \
             CASE WHEN p.pubtruncate THEN 'truncate' END, \
             CASE WHEN p.pubviaroot THEN 'via partition root' END, {generated}), NULL::oid, NULL::oid \
         FROM pg_publication p"
    );
    let narrowed = if version.major() < 15 {
        "'all of it'"
    } else {
        "coalesce(nullif(concat_ws(' ', \
             (SELECT 'columns ' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a \
              WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs::int2[])), \
             'where ' || pg_get_expr(r.prqual, r.prrelid)), ''), 'all of it')"
    };
    let tables = format!(
        "SELECT 'pg_publication'::regclass::oid, r.prpubid, 'table ' || r.prrelid::regclass, {narrowed}, \
                NULL::oid, NULL::oid \
         FROM pg_publication_rel r"
    );
    let mut questions =
        vec![Question::Objects(publications), Question::Parts(parts), Question::Expressions(tables)];
    if version.major() >= 15 {
        questions.push(Question::Parts(
            "SELECT 'pg_publication'::regclass::oid, r.pnpubid, 'schema ' || n.nspname, 'all of it', \
                    NULL::oid, NULL::oid \
             FROM pg_publication_namespace r JOIN pg_namespace n ON n.oid = r.pnnspid"
                .to_owned(),
        ));
    }
    // Without their numbers: before 14 not everybody may read those.
    questions.push(Question::Objects(
        "SELECT 'pg_subscription'::regclass::oid, 0::oid, NULL::text, NULL::text, format('subscription %I', s.subname), \
                pg_get_userbyid(s.subowner)::text, NULL::text \
         FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid \
         WHERE d.datname = current_database() AND NOT starts_with(s.subname::text, '_backout')"
            .to_owned(),
    ));
    questions
}
