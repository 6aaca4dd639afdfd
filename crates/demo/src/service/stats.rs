//! `GET /stats`: how much of everything there is.

use super::answer::Failure;
use super::application::Application;
use crate::checks::Counts;
use axum::Json;
use axum::extract::State;
use std::sync::Arc;

/// The counts of the whole application; nobody has to log in for them.
pub async fn stats(State(application): State<Arc<Application>>) -> Result<Json<Counts>, Failure> {
    application.work(|_, connection| Ok(Json(Counts::read(connection)?))).await
}
