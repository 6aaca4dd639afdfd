//! A side at the time of a call: from outside, and the way in.

use backout_contract::{Context, DriverError, ErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::GenericClient;

use super::config::EndpointConfig;
use super::gone;
use super::state::{DoorState, Which};
use crate::door::{self, Entry, Note, Outside};
use crate::server::{Address, Fault, Link, Pace, of_postgres};

/// Under which name notes of ours stand at a database.
pub(super) const NOTE: &str = "postgres.endpoint";

/// What a side bears of ours, besides a shut door.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Bears {
    /// The claim marker; on the old side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) marker: Option<Value>,
    /// The cutover was marked; on the new side.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) marked: bool,
    /// Somebody else had shut it for everybody before we did, and it is to stay so when ours is lifted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) keeps_out: bool,
}

impl Bears {
    pub(super) fn of(note: &Note) -> Self {
        note.others.get(NOTE).and_then(|value| serde_json::from_value(value.clone()).ok()).unwrap_or_default()
    }

    pub(super) fn put(&self, note: &mut Note) {
        if *self == Self::default() {
            note.others.remove(NOTE);
        } else if let Ok(value) = serde_json::to_value(self) {
            note.others.insert(NOTE.to_owned(), value);
        }
    }
}

/// A side.
pub(super) struct Site {
    pub(super) which: Which,
    pub(super) address: Address,
    pub(super) outside: Outside,
}

impl Site {
    pub(super) async fn connect(
        config: &EndpointConfig,
        which: Which,
        context: &Context,
    ) -> Result<Self, DriverError> {
        let (url, maintenance) = match which {
            Which::Old => (&config.old, &config.old_maintenance),
            Which::New => (&config.new, &config.new_maintenance),
        };
        let address = Address::resolve(url, context)?;
        match Outside::connect(&address, maintenance.as_deref()).await {
            Ok(outside) => Ok(Self { which, address, outside }),
            Err(error) if which == Which::New => Err(gone::advised(config, context, error).await),
            Err(error) => Err(error),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.address.database
    }

    /// `the old side, todo on 10.0.0.1:5432`.
    pub(super) fn shown(&self) -> String {
        format!("the {} side, {}", self.which.word(), self.address.shown())
    }

    /// As its server lists it.
    ///
    /// # Errors
    /// When it is not there: a side is never made by us.
    pub(super) async fn entry(&self) -> Result<Entry, DriverError> {
        self.outside.find(self.name()).await?.ok_or_else(|| {
            DriverError::new(ErrorKind::Unreadable, format!("find {}", self.shown()))
                .caused_by("its server has no database of this name")
                .nothing_happened()
        })
    }

    /// The way in, through a door of ours too; none where somebody else keeps everybody out.
    pub(super) async fn way_in(&self, entry: &Entry, pace: &Pace) -> Result<Option<Link>, DriverError> {
        if !entry.lets_in && entry.note.shut.is_none() {
            return Ok(None);
        }
        Ok(door::enter(&self.outside, self.name(), 1, pace).await?.pop())
    }

    /// The way in, or why there is none.
    pub(super) async fn needed(&self, pace: &Pace) -> Result<Link, DriverError> {
        let entry = self.entry().await?;
        self.way_in(&entry, pace).await?.ok_or_else(|| {
            DriverError::new(ErrorKind::Denied, format!("connect to {}", self.shown()))
                .caused_by("somebody else shut its door for everybody")
                .nothing_happened()
        })
    }

    /// The cluster.
    pub(super) async fn system(&self) -> Result<String, DriverError> {
        let query = "SELECT system_identifier::text FROM pg_catalog.pg_control_system()";
        let row = self.outside.link.query_one(query, &[]).await;
        let failed = |error| of_postgres(format!("identify {}", self.shown()), error).nothing_happened();
        Ok(row.map_err(failed)?.get(0))
    }

    pub(super) async fn door(
        &self,
        config: &EndpointConfig,
        entry: &Entry,
    ) -> Result<DoorState, DriverError> {
        let attempted = format!("look who may connect to {}", self.shown());
        let door = as_lifted(&*self.outside.link, config, entry).await;
        door.map_err(|fault| fault.while_doing(attempted).nothing_happened())
    }

    /// Whether writers come in at this moment.
    pub(super) async fn is_open(&self, config: &EndpointConfig) -> Result<bool, DriverError> {
        let entry = self.entry().await?;
        Ok(entry.lets_in && self.door(config, &entry).await?.admits())
    }
}

/// The door as it stands when ours is lifted.
pub(super) async fn as_lifted(
    client: &impl GenericClient,
    config: &EndpointConfig,
    entry: &Entry,
) -> Result<DoorState, Fault> {
    let mut connect = granted(client, entry.oid).await?;
    let mut lets_in = entry.lets_in;
    if let Some(shut) = &entry.note.shut {
        connect.extend(shut.revoked.iter().cloned());
        lets_in = !Bears::of(&entry.note).keeps_out;
    }
    connect.retain(|grantee| config.concerns(grantee));
    let row = client
        .query_opt(
            "SELECT substr(c, length('default_transaction_read_only=') + 1)
             FROM pg_catalog.pg_db_role_setting s CROSS JOIN unnest(s.setconfig) c
             WHERE s.setdatabase = $1 AND s.setrole = 0 AND starts_with(c, 'default_transaction_read_only=')",
            &[&entry.oid],
        )
        .await?;
    // Behind a door that we shut, transactions only read by default; the note knows what it was.
    let read_only = match entry.note.shut.as_ref().and_then(|shut| shut.read_only.as_ref()) {
        Some(before) => before.was.clone(),
        None => row.map(|row| row.get(0)),
    };
    Ok(DoorState { lets_in, connect: connect.into_iter().collect(), read_only })
}

/// Who may connect at this moment, but for the owner and us.
pub(super) async fn granted(client: &impl GenericClient, database: u32) -> Result<Vec<String>, Fault> {
    let rows = client
        .query(
            "SELECT DISTINCT coalesce(r.rolname::text, '')
             FROM pg_catalog.pg_database d
             CROSS JOIN pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a
             LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
             WHERE d.oid = $1 AND a.privilege_type = 'CONNECT' AND a.grantee <> d.datdba
               AND (a.grantee = 0 OR r.rolname <> current_user)",
            &[&database],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
