//! What a database has that stands in the server's own list, not in itself: owner, locale, grants, settings.

use std::collections::{BTreeMap, BTreeSet};

use backout_contract::DriverError;
use tokio_postgres::GenericClient;

use crate::door::Note;
use crate::server::Fault;

/// What a database has that stands in the server's list, as it is while its door is open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Properties {
    pub(crate) owner: String,
    pub(crate) encoding: String,
    pub(crate) collation: String,
    pub(crate) character_type: String,
    /// `c` the operating system's, `i` ICU, `b` the server's own.
    pub(crate) provider: String,
    /// The locale, where the provider is not the operating system.
    pub(crate) locale: Option<String>,
    pub(crate) rules: Option<String>,
    pub(crate) tablespace: String,
    /// How many sessions it takes; -1 for any number.
    pub(crate) limit: i64,
    pub(crate) is_template: bool,
    /// What people wrote about it.
    pub(crate) comment: String,
    /// Rights by role, with `*` after those that may be passed on; the empty name is everybody.
    pub(crate) grants: BTreeMap<String, BTreeSet<String>>,
    /// Settings by name and role; the empty role is everybody.
    pub(crate) settings: BTreeMap<(String, String), String>,
}

impl Properties {
    /// Those of a database; none where there is none of that name.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub(crate) async fn read(client: &impl GenericClient, name: &str) -> Result<Option<Self>, DriverError> {
        let read = read(client, name).await;
        read.map_err(|fault| fault.while_doing("read the properties of a database").nothing_happened())
    }
}

async fn read(client: &impl GenericClient, name: &str) -> Result<Option<Properties>, Fault> {
    // As JSON, for the columns about locales have other names in each version.
    let query = "SELECT d.oid, to_jsonb(d) - 'datacl', pg_catalog.pg_get_userbyid(d.datdba)::text,
                        pg_catalog.pg_encoding_to_char(d.encoding)::text, t.spcname::text,
                        coalesce(pg_catalog.shobj_description(d.oid, 'pg_database'), '')
                 FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace
                 WHERE d.datname = $1";
    let Some(row) = client.query_opt(query, &[&name]).await? else { return Ok(None) };
    let (oid, columns): (u32, serde_json::Value) = (row.get(0), row.get(1));
    let text = |name: &str| columns.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    let (comment, note) = Note::of_comment(row.get(5));
    let mut properties = Properties {
        owner: row.get(2),
        encoding: row.get(3),
        collation: text("datcollate").unwrap_or_default(),
        character_type: text("datctype").unwrap_or_default(),
        provider: text("datlocprovider").unwrap_or_else(|| "c".to_owned()),
        locale: text("datlocale").or_else(|| text("daticulocale")),
        rules: text("daticurules"),
        tablespace: row.get(4),
        limit: columns.get("datconnlimit").and_then(serde_json::Value::as_i64).unwrap_or(-1),
        is_template: columns.get("datistemplate").and_then(serde_json::Value::as_bool).unwrap_or(false),
        comment,
        ..Properties::default()
    };
    let grants = client
        .query(
            "SELECT coalesce(r.rolname::text, ''), a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END
             FROM pg_catalog.pg_database d
             CROSS JOIN pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a
             LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
             WHERE d.oid = $1 AND (a.grantee = 0 OR r.oid IS NOT NULL)",
            &[&oid],
        )
        .await?;
    for row in grants {
        properties.grants.entry(row.get(0)).or_default().insert(row.get(1));
    }
    let settings = client
        .query(
            "SELECT split_part(c, '=', 1), coalesce(r.rolname::text, ''), substr(c, strpos(c, '=') + 1)
             FROM pg_catalog.pg_db_role_setting s CROSS JOIN unnest(s.setconfig) c
             LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
             WHERE s.setdatabase = $1 AND (s.setrole = 0 OR r.oid IS NOT NULL)",
            &[&oid],
        )
        .await?;
    for row in settings {
        properties.settings.insert((row.get(0), row.get(1)), row.get(2));
    }
    properties.as_if_open(&note);
    Ok(Some(properties))
}

impl Properties {
    /// A door that we shut is no difference.
    fn as_if_open(&mut self, note: &Note) {
        let Some(shut) = &note.shut else { return };
        for role in &shut.revoked {
            self.grants.entry(role.clone()).or_default().insert("CONNECT".to_owned());
        }
        if let Some(read_only) = &shut.read_only {
            let key = ("default_transaction_read_only".to_owned(), String::new());
            match &read_only.was {
                Some(was) => drop(self.settings.insert(key, was.clone())),
                None => drop(self.settings.remove(&key)),
            }
        }
    }
}
