//! What a person should know of the role that puts saved data back.

use backout_contract::DriverError;
use backout_kit::path_text;

use crate::server::{Link, of_postgres};

/// That the role is a superuser, with what would be better; none where it is not.
///
/// # Errors
/// When the server cannot be asked.
pub(crate) async fn restoring_as_superuser(link: &Link) -> Result<Option<String>, DriverError> {
    let sql = "SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname = current_user AND rolsuper";
    let found = link.query_opt(sql, &[]).await;
    let found = found.map_err(|error| of_postgres("look what role puts back", error).nothing_happened())?;
    Ok(found.map(|row| {
        let role = path_text::encode(std::ffi::OsStr::new(&row.get::<_, String>(0)));
        format!(
            "it is put back as {role}, a superuser: whatever checks, defaults, generated columns and triggers of the saved \
             data call runs with all rights on the server; better is a role that owns the database and has CREATEDB \
             (backout explain postgres.database)"
        )
    }))
}
