//! `POST /login`: a password for a token.

use super::answer::Failure;
use super::application::Application;
use super::token;
use crate::database::{Connection, values};
use crate::identifier::Identifier;
use crate::people;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the user types. It holds a password, so it cannot be printed.
#[derive(Deserialize)]
pub struct Credentials {
    email: String,
    password: String,
}

/// What the user gets.
#[derive(Serialize)]
pub struct LoggedIn {
    token: String,
    user: User,
}

#[derive(Serialize)]
struct User {
    id: Identifier,
    email: String,
    name: String,
}

/// Compares the password with the stored hash.
pub async fn log_in(
    State(application): State<Arc<Application>>,
    Json(credentials): Json<Credentials>,
) -> Result<Json<LoggedIn>, Failure> {
    let sql = "SELECT id, name, password_hash FROM users WHERE email = $1";
    let work = move |application: &Application, connection: &mut Connection| {
        let Some(mut found) = connection.row(sql, values![&credentials.email])? else {
            return Err(Failure::Unauthorized);
        };
        let (id, name, hash): (Identifier, String, String) = (found.take(0)?, found.take(1)?, found.take(2)?);
        if !people::verify(&credentials.password, &hash) {
            return Err(Failure::Unauthorized);
        }
        let id = token::own(application, id)?;
        let token = token::write(application, &id);
        Ok(Json(LoggedIn { token, user: User { id, email: credentials.email, name } }))
    };
    application.work(work).await
}
