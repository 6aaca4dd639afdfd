//! `GET /health`: whether the service can do its work, for whoever supervises it.

use super::application::Application;
use crate::database::Database;
use crate::identifier::IdType;
use anyhow::Result;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The state of the service. Without a `schema_ok` the database could not be read, or was not looked at.
#[derive(Serialize)]
pub struct Health {
    status: &'static str,
    version: String,
    ids: IdType,
    api: String,
    schema_ok: Option<bool>,
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
        in_flight: application.in_flight.load(Ordering::SeqCst),
        v1_sunset: application.sunset.clone(),
        reason: None,
    };
    if application.estate.in_maintenance() {
        if health.in_flight == 0 {
            // On a thread that may wait: letting go of a server takes a moment.
            let application = Arc::clone(&application);
            let _ = tokio::task::spawn_blocking(move || application.store.close()).await;
        }
        health.status = "maintenance";
        return (StatusCode::OK, Json(health));
    }
    let database = application.store.database().clone();
    match tokio::task::spawn_blocking(move || look(&database)).await {
        Ok(Ok(ids)) => {
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
/// before somebody moved the database.
fn look(database: &Database) -> Result<IdType> {
    database.open_to_read()?.id_type()
}
