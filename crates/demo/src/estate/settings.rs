//! `app.env`: the settings of the application.

use crate::{digest, envfile, files};
use anyhow::Result;
use std::path::Path;

/// Writes the settings of release 1.4.0; the file holds secrets and is the owner's alone.
pub fn create(path: &Path, port: u16, database_url: &str) -> Result<()> {
    let secret = secret("1.4.0");
    let text = format!(
        r#"# To-do, production.
# Read when the service starts; restart it after a change.

PORT={port}
API_URL=http://127.0.0.1:{port}/api/v1
DATABASE_URL={database_url}

# Signs the tokens of people who are logged in. Changing it logs everybody out.
SESSION_SECRET="{secret}"

# Requests a minute for one address; enforced by the proxy in front.
RATE_LIMIT=600

# debug, info or error
LOG_LEVEL=info

APP_NAME='To-do für alle'
MAIL_FROM="To-do <no-reply@todo.example>"
"#
    );
    files::put_with_mode(path, &text, 0o600)
}

/// Turns the settings into those of release 2.0.0, keeping whatever else stands in the file.
pub fn upgrade(path: &Path) -> Result<()> {
    let text = files::read(path)?;
    let address = envfile::value(&text, "API_URL").unwrap_or_default().replace("/api/v1", "/api/v2");
    let text = envfile::with(&text, "API_URL", &address);
    let text = envfile::with(&text, "SESSION_SECRET", &secret("2.0.0"));
    files::put(path, &envfile::with(&text, "API_V1_SUNSET", "2031-01-31"))
}

/// A secret that nobody guards: the demo is made alike every time.
fn secret(release: &str) -> String {
    digest::hexadecimal(format!("session secret of {release}"))
}
