//! What is said about objects of every class: comments and security labels.

use super::{FIRST, Question};

pub(super) fn questions() -> Vec<Question> {
    let of_columns = "LEFT JOIN pg_attribute a ON m.classoid = 'pg_class'::regclass AND m.objsubid <> 0 \
                      AND a.attrelid = m.objoid AND a.attnum = m.objsubid";
    let comments = format!(
        "SELECT m.classoid, m.objoid, a.attname::text, 'comment', m.description \
         FROM pg_description m {of_columns} WHERE m.objoid >= {FIRST} OR m.classoid = 'pg_namespace'::regclass \
         UNION ALL \
         SELECT m.classoid, m.objoid, NULL, 'comment', m.description \
         FROM pg_shdescription m JOIN pg_database d ON d.oid = m.objoid \
         WHERE m.classoid = 'pg_database'::regclass AND d.datname = current_database()"
    );
    let labels = format!(
        "SELECT m.classoid, m.objoid, a.attname::text, 'label of ' || m.provider, m.label \
         FROM pg_seclabel m {of_columns} \
         UNION ALL \
         SELECT m.classoid, m.objoid, NULL, 'label of ' || m.provider, m.label \
         FROM pg_shseclabel m JOIN pg_database d ON d.oid = m.objoid \
         WHERE m.classoid = 'pg_database'::regclass AND d.datname = current_database()"
    );
    vec![Question::Remarks(comments), Question::Remarks(labels)]
}
