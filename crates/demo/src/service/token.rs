//! Who is asking: a token from log-in, or `?user=` for looks from the machine itself.

use super::answer::Failure;
use super::application::Application;
use crate::database::{Connection, values};
use crate::identifier::Identifier;
use axum::http::{HeaderMap, header};

/// What a request says about who sends it.
pub enum Caller {
    /// `Authorization: Bearer TOKEN`
    Token(String),
    /// `?user=`, an email address or an identifier. The demo listens on the loopback address alone.
    Named(String),
}

impl Caller {
    /// Reads the token, or else the name.
    pub fn from_request(headers: &HeaderMap, user: Option<String>) -> Result<Self, Failure> {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        match (bearer.and_then(|value| value.strip_prefix("Bearer ")), user) {
            (Some(token), _) => Ok(Self::Token(token.to_owned())),
            (None, Some(user)) => Ok(Self::Named(user)),
            (None, None) => Err(Failure::Unauthorized),
        }
    }

    /// The key of the user; unknown users and tokens that this process did not sign are not logged in.
    pub fn user(
        &self,
        application: &Application,
        connection: &mut Connection,
    ) -> Result<Identifier, Failure> {
        match self {
            Self::Token(token) => read(application, token).ok_or(Failure::Unauthorized),
            Self::Named(name) => {
                let sql = "SELECT id FROM users WHERE email = $1 OR CAST(id AS TEXT) = $1";
                let mut row = connection.row(sql, values![name])?.ok_or(Failure::Unauthorized)?;
                own(application, row.take(0)?)
            }
        }
    }
}

/// Makes a token for a user.
pub fn write(application: &Application, user: &Identifier) -> String {
    let user = user.to_string();
    format!("{user}.{}", application.sign(&user))
}

fn read(application: &Application, token: &str) -> Option<Identifier> {
    let (user, signature) = token.rsplit_once('.')?;
    (application.sign(user) == signature).then(|| application.ids.parse(user))?
}

/// Refuses a key that is not of the type this release works with.
pub fn own(application: &Application, id: Identifier) -> Result<Identifier, Failure> {
    if id.id_type() == application.ids {
        return Ok(id);
    }
    let (found, expected) = (id.id_type(), application.ids);
    Err(Failure::Internal(format!("read a key: it is {found:?}, this release expects {expected:?}")))
}
