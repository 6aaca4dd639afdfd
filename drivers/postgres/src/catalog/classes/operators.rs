//! What makes expressions and indexes work: casts, operators and their classes, collations, conversions, transforms,
//! access methods.

use super::{FIRST, OF_USERS, Question, of_its_own};
use crate::server::Version;

pub(super) fn questions(version: Version) -> Vec<Question> {
    let rules = if version.major() < 16 { "NULL::text" } else { "'rules ' || c.collicurules" };
    let locale = match version.major() {
        ..15 => "NULL::text",
        15 | 16 => "c.colliculocale",
        _ => "c.colllocale",
    };
    let casts = format!(
        "SELECT 'pg_cast'::regclass::oid, k.oid, NULL::text, NULL::text, \
                format('cast (%s AS %s)', format_type(k.castsource, NULL), format_type(k.casttarget, NULL)), \
                NULL::text, NULL::text FROM pg_cast k WHERE k.oid >= {FIRST} AND {}",
        of_its_own("pg_cast", "k")
    );
    let cast_parts = format!(
        "SELECT 'pg_cast'::regclass::oid, k.oid, 'definition', concat_ws(', ', 'method ' || k.castmethod::text, \
                'context ' || k.castcontext::text, 'function ' || nullif(k.castfunc, 0)::regprocedure), NULL::oid, NULL::oid \
         FROM pg_cast k WHERE k.oid >= {FIRST}"
    );
    let operators = format!(
        "SELECT 'pg_operator'::regclass::oid, o.oid, n.nspname::text, NULL::text, \
                format('operator %I.%s (%s, %s)', n.nspname, o.oprname, \
                       CASE WHEN o.oprleft = 0 THEN 'none' ELSE format_type(o.oprleft, NULL) END, \
                       CASE WHEN o.oprright = 0 THEN 'none' ELSE format_type(o.oprright, NULL) END), \
                pg_get_userbyid(o.oprowner)::text, NULL::text \
         FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace \
         WHERE o.oid >= {FIRST} AND o.oprcode <> 0 AND {OF_USERS}"
    );
    let operator_parts = format!(
        "SELECT 'pg_operator'::regclass::oid, o.oid, 'definition', concat_ws(', ', \
             'returns ' || format_type(o.oprresult, NULL), 'function ' || o.oprcode::regprocedure, \
             'commutator ' || nullif(o.oprcom, 0)::regoperator, 'negator ' || nullif(o.oprnegate, 0)::regoperator, \
             'restrict ' || nullif(o.oprrest::oid, 0)::regproc, 'join ' || nullif(o.oprjoin::oid, 0)::regproc, \
             CASE WHEN o.oprcanhash THEN 'hashes' END, CASE WHEN o.oprcanmerge THEN 'merges' END), \
             NULL::oid, NULL::oid \
         FROM pg_operator o WHERE o.oid >= {FIRST} AND o.oprcode <> 0"
    );
    let families = format!(
        "SELECT 'pg_opfamily'::regclass::oid, f.oid, n.nspname::text, NULL::text, \
                format('operator family %I.%I using %I', n.nspname, f.opfname, am.amname), \
                pg_get_userbyid(f.opfowner)::text, NULL::text \
         FROM pg_opfamily f JOIN pg_namespace n ON n.oid = f.opfnamespace JOIN pg_am am ON am.oid = f.opfmethod \
         WHERE f.oid >= {FIRST} AND {OF_USERS}"
    );
    let family_parts = format!(
        "SELECT 'pg_opfamily'::regclass::oid, o.amopfamily, \
                format('operator %s (%s, %s)', o.amopstrategy, format_type(o.amoplefttype, NULL), \
                       format_type(o.amoprighttype, NULL)), \
                concat_ws(' ', o.amopopr::regoperator, o.amoppurpose, (SELECT s.opfname FROM pg_opfamily s \
                          WHERE s.oid = o.amopsortfamily)), NULL::oid, NULL::oid \
         FROM pg_amop o WHERE o.amopfamily >= {FIRST} \
         UNION ALL \
         SELECT 'pg_opfamily'::regclass::oid, p.amprocfamily, \
                format('function %s (%s, %s)', p.amprocnum, format_type(p.amproclefttype, NULL), \
                       format_type(p.amprocrighttype, NULL)), \
                p.amproc::regprocedure::text, NULL::oid, NULL::oid \
         FROM pg_amproc p WHERE p.amprocfamily >= {FIRST}"
    );
    let classes = format!(
        "SELECT 'pg_opclass'::regclass::oid, o.oid, n.nspname::text, NULL::text, \
                format('operator class %I.%I using %I', n.nspname, o.opcname, am.amname), \
                pg_get_userbyid(o.opcowner)::text, NULL::text \
         FROM pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace JOIN pg_am am ON am.oid = o.opcmethod \
         WHERE o.oid >= {FIRST} AND {OF_USERS}"
    );
    let class_parts = format!(
        "SELECT 'pg_opclass'::regclass::oid, o.oid, 'definition', concat_ws(', ', \
             'for ' || format_type(o.opcintype, NULL), CASE WHEN o.opcdefault THEN 'default' END, \
             'family ' || format('%I.%I', n.nspname, f.opfname), \
             'keeps ' || format_type(nullif(o.opckeytype, 0), NULL)), NULL::oid, NULL::oid \
         FROM pg_opclass o JOIN pg_opfamily f ON f.oid = o.opcfamily JOIN pg_namespace n ON n.oid = f.opfnamespace \
         WHERE o.oid >= {FIRST}"
    );
    let collations = format!(
        "SELECT 'pg_collation'::regclass::oid, c.oid, n.nspname::text, NULL::text, \
                format('collation %I.%I', n.nspname, c.collname), pg_get_userbyid(c.collowner)::text, NULL::text \
         FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace WHERE c.oid >= {FIRST} AND {OF_USERS}"
    );
    let collation_parts = format!(
        "SELECT 'pg_collation'::regclass::oid, c.oid, 'definition', concat_ws(', ', 'provider ' || c.collprovider::text, \
             c.collcollate, c.collctype, {locale}, {rules}, \
             CASE WHEN NOT c.collisdeterministic THEN 'not deterministic' END), NULL::oid, NULL::oid \
         FROM pg_collation c WHERE c.oid >= {FIRST}"
    );
    let conversions = format!(
        "SELECT 'pg_conversion'::regclass::oid, c.oid, n.nspname::text, NULL::text, \
                format('conversion %I.%I', n.nspname, c.conname), pg_get_userbyid(c.conowner)::text, NULL::text \
         FROM pg_conversion c JOIN pg_namespace n ON n.oid = c.connamespace WHERE c.oid >= {FIRST} AND {OF_USERS}"
    );
    let conversion_parts = format!(
        "SELECT 'pg_conversion'::regclass::oid, c.oid, 'definition', \
                concat_ws(' ', pg_encoding_to_char(c.conforencoding), pg_encoding_to_char(c.contoencoding), \
                          c.conproc, CASE WHEN c.condefault THEN 'default' END), NULL::oid, NULL::oid \
         FROM pg_conversion c WHERE c.oid >= {FIRST}"
    );
    let transforms = "\
        SELECT 'pg_transform'::regclass::oid, t.oid, NULL::text, NULL::text, \
               format('transform for %s language %I', format_type(t.trftype, NULL), l.lanname), NULL::text, NULL::text \
        FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang"
        .to_owned();
    let transform_parts = "\
        SELECT 'pg_transform'::regclass::oid, t.oid, 'definition', \
               concat_ws(', ', 'from ' || nullif(t.trffromsql::oid, 0)::regprocedure, \
                         'to ' || nullif(t.trftosql::oid, 0)::regprocedure), NULL::oid, NULL::oid FROM pg_transform t"
        .to_owned();
    let methods = format!(
        "SELECT 'pg_am'::regclass::oid, a.oid, NULL::text, NULL::text, format('access method %I', a.amname), \
                NULL::text, NULL::text FROM pg_am a WHERE a.oid >= {FIRST}"
    );
    let method_parts = format!(
        "SELECT 'pg_am'::regclass::oid, a.oid, 'definition', concat_ws(', ', 'type ' || a.amtype::text, \
                'handler ' || a.amhandler), NULL::oid, NULL::oid FROM pg_am a WHERE a.oid >= {FIRST}"
    );
    vec![
        Question::Objects(casts),
        Question::Parts(cast_parts),
        Question::Objects(operators),
        Question::Parts(operator_parts),
        Question::Objects(families),
        Question::Parts(family_parts),
        Question::Objects(classes),
        Question::Parts(class_parts),
        Question::Objects(collations),
        Question::Parts(collation_parts),
        Question::Objects(conversions),
        Question::Parts(conversion_parts),
        Question::Objects(transforms),
        Question::Parts(transform_parts),
        Question::Objects(methods),
        Question::Parts(method_parts),
    ]
}
