//! What a role may do on the server that a dump is put back on.

use std::collections::{BTreeMap, BTreeSet};

use crate::server::Link;

/// What a role may do there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rights {
    /// Its name.
    pub(crate) role: String,
    /// Whether it may do everything.
    pub(crate) superuser: bool,
    /// All roles of the server.
    pub(crate) roles: BTreeSet<String>,
    /// Those that it may give things to.
    pub(crate) may_become: BTreeSet<String>,
    /// The extensions that can be made there, and whether it may make them.
    pub(crate) extensions: BTreeMap<String, bool>,
    /// Languages in which everybody may write functions.
    pub(crate) languages: BTreeSet<String>,
    /// Tablespaces.
    pub(crate) tablespaces: BTreeSet<String>,
}

impl Rights {
    /// Of the role of a connection.
    pub(crate) async fn of(link: &Link) -> Result<Self, tokio_postgres::Error> {
        let row = link
            .query_one(
                "SELECT rolname::text, rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user",
                &[],
            )
            .await?;
        let (role, superuser) = (row.get(0), row.get(1));
        let right = if link.version.major() >= 16 { "SET" } else { "MEMBER" };
        let roles = link
            .query(
                "SELECT rolname::text, pg_catalog.pg_has_role(current_user, oid, $1) FROM pg_catalog.pg_roles",
                &[&right],
            )
            .await?;
        let extensions = link
            .query(
                "SELECT name::text, bool_or(trusted OR NOT superuser) \
                 FROM pg_catalog.pg_available_extension_versions GROUP BY name",
                &[],
            )
            .await?;
        let languages =
            link.query("SELECT lanname::text FROM pg_catalog.pg_language WHERE lanpltrusted", &[]).await?;
        let tablespaces = link.query("SELECT spcname::text FROM pg_catalog.pg_tablespace", &[]).await?;
        Ok(Self {
            role,
            superuser,
            roles: roles.iter().map(|row| row.get(0)).collect(),
            may_become: roles.iter().filter(|row| row.get(1)).map(|row| row.get(0)).collect(),
            extensions: extensions.iter().map(|row| (row.get(0), row.get(1))).collect(),
            languages: languages.iter().map(|row| row.get(0)).collect(),
            tablespaces: tablespaces.iter().map(|row| row.get(0)).collect(),
        })
    }
}
