//! `GET /health`: whether the service can do its work, for whoever supervises it.

use super::application::Application;
use crate::database;
use crate::identifier::IdType;
use anyhow::Result;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The state of the service. Without a `schema` the database could not be read, or was not looked at.
#[derive(Serialize)]
pub struct Health {
    status: &'static str,
    version: String,
    ids: IdType,
    api: String,
    schema_ok: Option<bool>,
    schema: Option<i64>,
    in_flight: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    v1_sunset: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// 200 while up or in maintenance, 500 when the schema does not fit the release or cannot be read.
pub async fn health(State(application): State<Arc<Application>>) -> (StatusCode, Json<Health>) {
    let mut health = Health {
        status: "up",
        version: application.release.version.clone(),
        ids: application.ids,
        api: application.release.api.clone(),
        schema_ok: None,
        schema: None,
        in_flight: application.in_flight.load(Ordering::SeqCst),
        v1_sunset: application.sunset.clone(),
        reason: None,
    };
    if application.estate.in_maintenance() {
        if health.in_flight == 0 {
            application.store.close();
        }
        health.status = "maintenance";
        return (StatusCode::OK, Json(health));
    }
    let path = application.store.path().to_owned();
    match tokio::task::spawn_blocking(move || look(&path)).await {
        Ok(Ok((schema, ids))) => {
            health.schema = Some(schema);
            health.schema_ok = Some(ids == health.ids);
            if ids != health.ids {
                health.reason = Some(format!("the schema has {ids:?} keys, this release {:?}", health.ids));
            }
        }
        _ => health.reason = Some("the database cannot be read".to_owned()),
    }
    if health.reason.is_none() {
        return (StatusCode::OK, Json(health));
    }
    health.status = "down";
    (StatusCode::INTERNAL_SERVER_ERROR, Json(health))
}

/// Looks through a connection of its own: that of the users may be waiting for a lock, and may have been opened
/// before somebody moved the file.
fn look(path: &Path) -> Result<(i64, IdType)> {
    let connection = database::open_to_read(path)?;
    let sql = "SELECT type FROM pragma_table_info('tasks') WHERE name = 'id'";
    let key: String = connection.query_row(sql, [], |row| row.get(0))?;
    let ids = if key == "INTEGER" { IdType::Integer } else { IdType::Uuid };
    Ok((database::schema_version(&connection)?, ids))
}
