//! Tests of the migration file as a whole.

mod bad_input;
mod decoding;
mod hostile;
mod kinds;
mod round_trip;
mod schema;

use super::{MigrationFile, Source, lint, parse};
use crate::diagnostic::Diagnostic;

/// The smallest file that is whole, to be changed by tests.
const WHOLE: &str = "\
migration: todo-uuid-ids
components:
  database:
    kind: postgres.database
    url: ${env:DATABASE_URL}
    writes: review
  settings:
    kind: config.values
    file: app.env
    keys: [API_URL, DATABASE_URL]
  api:
    kind: docker.container
    name: todo-api
    needs: [database]
    reads: [settings]
  edge:
    kind: dns.records
    records: [api A, www A]
    edge: true
    needs: [api]
phases:
  data: [database]
  application: [settings, api, edge]
";

/// Reads and lints a text; everything that was found, in order.
fn findings(text: &str) -> Vec<Diagnostic> {
    match parse(&Source::new("backout.yaml", text)) {
        Ok(file) => lint(&file),
        Err(found) => found,
    }
}

fn read(text: &str) -> MigrationFile {
    parse(&Source::new("backout.yaml", text)).unwrap_or_else(|found| panic!("{found:#?}"))
}
