//! What stands there is what was saved, or all of it is taken back.

use std::collections::BTreeSet;

use backout_contract::{DriverError, ErrorKind};
use tokio_postgres::Client;

use crate::catalog::{Object, Schema};
use crate::server::{Fault, Version};
use crate::state::State;
use crate::tables::part::Part;
use crate::tables::seen;

/// What stands there now has to be what was saved, object by object and part by part.
pub(super) async fn prove(
    client: &Client,
    version: Version,
    part: &Part,
    saved: Option<&State>,
) -> Result<(), Fault> {
    let empty = Schema::default();
    let saved = saved.map_or(&empty, |saved| &saved.schema);
    let found = seen::definition(client, version, part).await?;
    let now = if found.tables.is_empty() {
        Schema::default()
    } else {
        seen::schema(client, version, part, &found).await?
    };
    if now == *saved {
        return Ok(());
    }
    let names: BTreeSet<&String> = now.objects.keys().chain(saved.objects.keys()).collect();
    let mut differs = Vec::new();
    for name in names {
        let (then, is) = (saved.objects.get(name), now.objects.get(name));
        if then == is {
            continue;
        }
        let parts = |object: Option<&Object>| object.map(|object| object.parts.clone()).unwrap_or_default();
        let (then, is) = (parts(then), parts(is));
        let keys: BTreeSet<&String> = then.keys().chain(is.keys()).collect();
        let other = keys.into_iter().filter(|key| then.get(*key) != is.get(*key));
        differs.extend(other.map(|key| safe(&format!("{name}, {key}"))));
    }
    Err(Fault::Said(
        DriverError::new(ErrorKind::Other, format!("put {} back exactly as it was saved", part.shown))
            .caused_by(format!("what stands there then would differ: {}", differs.join("; ")))
            .hint("nothing was changed; make the difference good by hand, or put the whole database back")
            .nothing_happened(),
    ))
}

fn safe(text: &str) -> String {
    backout_kit::path_text::encode(std::ffi::OsStr::new(text))
}
