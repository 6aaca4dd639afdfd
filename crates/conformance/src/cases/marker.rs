//! The claim marker at the target.

use backout_contract::Depth;
use serde_json::json;

use crate::bench::Bench;
use crate::listing::difference;
use crate::outcome::{Outcome, Ran, must};
use crate::scene::{as_ground, save};
use crate::world::World;

/// A marker is read as it was written, replaced whole, removed without a trace, and is no part of the thing.
pub async fn markers_are_kept<W: World>(bench: &Bench<W>) -> Outcome {
    if !bench.capabilities()?.marker {
        return Ran::not("the driver does not declare `marker`");
    }
    let (saved, contents) = as_ground(save(bench).await)?;
    let long = "x".repeat(200);
    let markers = [
        None,
        Some(json!({"migration": "m", "generation": 1, "nonce": "\u{e9}\"\\ \n", "last_run": null})),
        Some(json!({"migration": "other", "epoch": 18_446_744_073_709_551_615_u64, "nonce": long})),
        None,
        None,
    ];
    for (turn, marker) in markers.iter().enumerate() {
        if turn > 0 {
            bench.session().await?.write_marker(&bench.context(), marker.as_ref()).await?;
        }
        let read = bench.session().await?.read_marker(&bench.context()).await?;
        must!(read == *marker, "the marker {marker:?} was written, and {read:?} is read");
        let seen = bench.look(Depth::Look).await?.seen;
        must!(
            seen == saved.seen,
            "with the marker {marker:?} a look finds {seen:?} instead of {:?}",
            saved.seen
        );
    }
    let change = difference(&contents, &bench.world.contents().await).unwrap_or_default();
    must!(change.is_empty(), "markers came and went, and left:\n    {change}");
    Ok(Ran::Passed)
}
