//! What the service answers when it cannot do what was asked.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why a request failed.
#[derive(Debug)]
pub enum Failure {
    /// There is no such thing, or it is somebody else's.
    NotFound,
    /// Nobody is logged in, or the password is wrong.
    Unauthorized,
    /// The request makes no sense; says why.
    Invalid(&'static str),
    /// The service's own fault; what was attempted, for the log.
    Internal(String),
}

impl Failure {
    /// A fault of the service: what it attempted, and why that failed.
    pub fn internal(attempt: &str, cause: &dyn std::error::Error) -> Self {
        Self::Internal(format!("{attempt}: {cause}"))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(format!("ask the database: {error:#}"))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFound => out.write_str("not found"),
            Self::Unauthorized => out.write_str("log in first"),
            Self::Invalid(reason) => out.write_str(reason),
            Self::Internal(attempt) => out.write_str(attempt),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        // The inside of a fault belongs into the log, not to the user.
        let message = match self {
            Self::Internal(_) => "internal error".to_owned(),
            other => other.to_string(),
        };
        (status, Json(json!({ "error": message }))).into_response()
    }
}

/// For a path that leads nowhere.
pub async fn nothing_here() -> Failure {
    Failure::NotFound
}
