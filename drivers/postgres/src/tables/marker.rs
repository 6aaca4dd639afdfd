//! The claim marker: a row in a table of ours, for several components may share a database.

use backout_contract::{DriverError, ErrorKind};
use serde_json::Value;

use super::ours;
use super::part::Part;
use crate::server::{Fault, Link};

const TABLE: &str = "\"_backout_parts\".\"marker\"";

pub(super) async fn read(part: &Part) -> Result<Option<Value>, DriverError> {
    let attempted = format!("read the marker of {}", part.shown);
    let link = part.connect().await?;
    let found = async {
        if !ours::stands(&*link, "marker").await? {
            return Ok(None);
        }
        let query = format!("SELECT marker::text FROM {TABLE} WHERE component = $1");
        let row = link.query_opt(&query, &[&part.key.as_str()]).await?;
        Ok::<_, Fault>(row.map(|row| row.get::<_, String>(0)))
    };
    let found = found.await.map_err(|fault| fault.while_doing(&attempted).nothing_happened())?;
    let read = |text: String| {
        serde_json::from_str(&text).map_err(|error| {
            DriverError::new(ErrorKind::Unreadable, &attempted).caused_by(error).nothing_happened()
        })
    };
    found.map(read).transpose()
}

pub(super) async fn write(part: &Part, marker: Option<&Value>) -> Result<(), DriverError> {
    let attempted = format!("write the marker of {}", part.shown);
    let mut link = part.connect().await?;
    let written = write_with(&mut link, part, marker);
    written.await.map_err(|fault| fault.while_doing(&attempted))
}

async fn write_with(link: &mut Link, part: &Part, marker: Option<&Value>) -> Result<(), Fault> {
    let transaction = link.client.transaction().await?;
    let key = part.key.as_str();
    if let Some(marker) = marker {
        ours::make(
            &transaction,
            &[&format!(
                "CREATE TABLE IF NOT EXISTS {TABLE} (component text PRIMARY KEY, marker json NOT NULL)"
            )],
        )
        .await?;
        // As `json`, so that every number stays as it was written.
        let query = format!(
            "INSERT INTO {TABLE} VALUES ($1, $2::text::json)
             ON CONFLICT (component) DO UPDATE SET marker = EXCLUDED.marker"
        );
        transaction.execute(&query, &[&key, &marker.to_string()]).await?;
    } else if ours::stands(&transaction, "marker").await? {
        transaction.execute(&format!("DELETE FROM {TABLE} WHERE component = $1"), &[&key]).await?;
        ours::tidy(&transaction, "marker").await?;
    }
    transaction.commit().await?;
    Ok(())
}
