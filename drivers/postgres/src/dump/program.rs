//! Runs `pg_dump` and `pg_restore`: the address in the environment, bounded output, a deadline, and the first line of
//! what they say of an error.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use backout_contract::{Context, DriverError, ErrorKind, StopLevel};
use backout_kit::child::{ChildReport, ChildRequest, Ending};
use backout_kit::last_lines::{last_lines, without_secrets};

use crate::our_side::MAKE_ROOM as MAKE_ROOM_HERE;
use crate::server::{Address, MAKE_ROOM as MAKE_ROOM_THERE, Version, options, programs, variables};

/// A program of a server's version.
pub(super) struct Program<'a> {
    context: &'a Context,
    address: &'a Address,
    request: ChildRequest,
    /// What its sessions settle for themselves.
    options: String,
    attempted: String,
}

impl<'a> Program<'a> {
    pub(super) async fn new(
        context: &'a Context,
        address: &'a Address,
        name: &str,
        version: Version,
        attempted: String,
    ) -> Result<Self, DriverError> {
        let (path, _) = located(context, name, version).await?;
        let mut request = ChildRequest::new(path, [""; 0]);
        request.variables = variables(address);
        // Only so that its messages can be told apart; texts of the database are in the database's own encoding.
        request.variables.push(("LC_ALL".into(), "C".into()));
        request.variables.push(("PGCONNECT_TIMEOUT".into(), "10".into()));
        request.token = Some(context.child_token.clone());
        request.deadline = Some(context.deadline);
        Ok(Self { context, address, request, options: options(version.major()), attempted })
    }

    pub(super) fn arguments(mut self, arguments: impl IntoIterator<Item = OsString>) -> Self {
        self.request.arguments = arguments.into_iter().collect();
        self
    }

    /// One more thing that its sessions settle: `name=value`.
    pub(super) fn setting(mut self, setting: &str) -> Self {
        self.options.push_str(" -c ");
        self.options.push_str(setting);
        self
    }

    /// Runs it to its end. It is ended with all of its processes at the deadline, and when the run is to stop: nothing
    /// of its work can be seen from outside before it is done.
    pub(super) async fn run(mut self) -> Result<ChildReport, DriverError> {
        self.request.variables.push(("PGOPTIONS".into(), self.options.into()));
        let report =
            self.request.run(self.context.stop.reached(StopLevel::Finish)).await.map_err(|error| {
                DriverError::new(ErrorKind::Config, self.attempted.clone())
                    .caused_by(error)
                    .nothing_happened()
            })?;
        let (kind, hint) = match report.ending {
            Ending::Exited(0) => return Ok(report),
            Ending::TimedOut => (ErrorKind::TimedOut, ""),
            Ending::Exited(_) => kind_of(&report.errors.text()),
            _ => (ErrorKind::Other, ""),
        };
        let secret = self.address.password.as_ref().map(|password| password.reveal());
        let said = first_error(&without_secrets(&report.errors.text(), secret));
        let cause = match said {
            Some(said) if matches!(report.ending, Ending::Exited(_)) => said,
            _ => format!("it {}", report.ending),
        };
        let error = DriverError::new(kind, self.attempted).caused_by(cause);
        Err(if hint.is_empty() { error } else { error.hint(hint) })
    }
}

/// The major version of the `pg_restore` that is run for a server.
pub(super) async fn major_of(context: &Context, version: Version) -> Result<u32, DriverError> {
    let (_, major) = located(context, "pg_restore", version).await?;
    Ok(major.unwrap_or_else(|| version.major()))
}

/// The first program of a server's major version, else the first there is; with its own version, where it tells it.
async fn located(
    context: &Context,
    name: &str,
    version: Version,
) -> Result<(PathBuf, Option<u32>), DriverError> {
    let mut first = None;
    for path in programs(name, version)? {
        let major = told_by(context, &path).await;
        if major == Some(version.major()) {
            return Ok((path, major));
        }
        first = first.or(Some((path, major)));
    }
    first.ok_or_else(|| DriverError::new(ErrorKind::Config, format!("find {name}")).nothing_happened())
}

/// `pg_restore (PostgreSQL) 15.18 (…)`; nothing of one that cannot be run, which is told when it is to do something.
async fn told_by(context: &Context, path: &Path) -> Option<u32> {
    let mut request = ChildRequest::new(path, ["--version"]);
    request.token = Some(context.child_token.clone());
    request.deadline = Some(context.deadline);
    let report = request.run(context.stop.reached(StopLevel::Finish)).await.ok()?;
    report.output.text().split_whitespace().nth(2).and_then(super::toc::major)
}

/// What the programs say first of an error: later lines hold statements and rows.
fn first_error(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| Some(line.split_once(": error: ")?.1))?;
    // `invalid input syntax for type integer: "…"` quotes a row.
    let line = line.split(": \"").next().unwrap_or(line);
    last_lines(line, 1).pop()
}

/// The kind of what the programs say, and what helps. A disk is the server's where the server itself says so.
fn kind_of(text: &str) -> (ErrorKind, &'static str) {
    let has = |needle: &str| text.contains(needle);
    let is_full = |line: &&str| line.contains("No space left") || line.contains("Disk quota exceeded");
    if let Some(line) = text.lines().find(is_full) {
        let is_servers =
            ["ERROR:", "FATAL:", "PANIC:", "from server:"].iter().any(|word| line.contains(word));
        return (ErrorKind::NoSpace, if is_servers { MAKE_ROOM_THERE } else { MAKE_ROOM_HERE });
    }
    if has("permission denied")
        || has("must be owner")
        || has("must be superuser")
        || has("authentication failed")
    {
        (ErrorKind::Denied, "")
    } else if has("connection to server") || has("server closed the connection") {
        (ErrorKind::Unreachable, "")
    } else if has("canceling statement due to lock timeout") {
        (ErrorKind::Locked, "")
    } else {
        (ErrorKind::Other, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_by_its_first_line_and_without_rows() {
        let text = "pg_restore: while PROCESSING TOC:\npg_restore: from TOC entry 3; 0 0 TABLE DATA public t\n\
                    pg_restore: error: COPY failed for table \"t\": ERROR:  invalid input syntax for type integer: \
                    \"4111 1111\"\nCONTEXT:  COPY t, line 1, column a: \"4111 1111\"\n";
        let said = first_error(text).expect("an error");
        assert_eq!(said, "COPY failed for table \"t\": ERROR:  invalid input syntax for type integer");
        assert_eq!(first_error("nothing"), None);
    }

    #[test]
    fn a_full_disk_is_the_one_that_is_full() {
        for (said, hint) in [
            (
                "pg_restore: error: COPY failed for table \"t\": ERROR:  could not extend file \"base/1/2\": No space left on device",
                MAKE_ROOM_THERE,
            ),
            (
                "pg_dump: error: Dumping the contents of table \"t\" failed: PQgetResult() failed.\n\
              pg_dump: detail: Error message from server: ERROR:  could not write to file: No space left on device",
                MAKE_ROOM_THERE,
            ),
            ("pg_dump: error: could not write to output file: No space left on device", MAKE_ROOM_HERE),
        ] {
            assert_eq!(kind_of(said), (ErrorKind::NoSpace, hint), "{said}");
        }
        assert_eq!(kind_of("pg_dump: error: something else"), (ErrorKind::Other, ""));
    }
}
