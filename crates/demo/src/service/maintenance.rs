//! The closed door: while maintenance is on, nobody but `/health` gets past here.

use super::application::Application;
use super::in_flight::InFlight;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::sync::Arc;

/// Answers 503 during maintenance and otherwise lets the request pass.
///
/// A request counts as in flight *before* it looks at the door: whoever closes the door and then reads zero in
/// `/health` knows that nobody writes any more.
pub async fn guard(State(application): State<Arc<Application>>, request: Request, next: Next) -> Response {
    let _in_flight = InFlight::enter(&application);
    if application.estate.in_maintenance() {
        return closed();
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    application.note_request(&method, &path, response.status().as_u16());
    response
}

fn closed() -> Response {
    let body = json!({ "error": "maintenance", "message": "To-do is being worked on. Nothing is lost." });
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "30")], Json(body)).into_response()
}
