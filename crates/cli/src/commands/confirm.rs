//! Nothing is changed that nobody confirmed.

use backout_core::diagnostic::Diagnostic;
use backout_core::name::MigrationName;

use crate::codes;
use crate::failure::Failure;
use crate::signals;
use crate::view::{Line, Output};

/// Asks to type the migration's name. Without a terminal, `--yes` has to be given.
///
/// # Errors
/// Nobody confirmed.
pub async fn confirm(output: Output, name: &MigrationName, what: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let unconfirmed = || Diagnostic::error(codes::UNCONFIRMED, format!("nobody confirmed to {what}"));
    if output.json || !output.can_ask() {
        return Err(unconfirmed()
            .because("there is no terminal to ask at")
            .hint("look at what would be done, then give --yes")
            .into());
    }
    let question = Line::new()
        .plain(format!("To {what}, type the name of the migration ("))
        .bold(name.as_str())
        .plain("):");
    let asking = tokio::task::spawn_blocking(move || output.ask(&question));
    match signals::or_exit(asking, output).await? {
        Ok(Ok(answer)) if answer == name.as_str() => Ok(()),
        Ok(Ok(_)) => Err(unconfirmed().because("something else was typed").into()),
        Ok(Err(error)) => Err(unconfirmed().because(error.to_string()).into()),
        Err(error) => Err(unconfirmed().because(error.to_string()).into()),
    }
}
