//! Looks at a part, and saves it.

use std::path::Path;

use backout_contract::{Captured, Context, Depth, DriverError, ErrorKind, Exactness};
use backout_core::checkpoint::DataPart;
use backout_core::observation::Verdict;
use backout_kit::scratch_folder::{ScratchFolder, sweep};
use futures_util::future::try_join_all;
use tokio_postgres::Client;

use super::definition::{Definition, Place};
use super::part::Part;
use super::{copy, seen};
use crate::look::Held;
use crate::our_side::of_io;
use crate::server::{Fault, Pace, connect};
use crate::state::State;

/// What the definitions are called among the data of a checkpoint.
pub(super) const DEFINITION: &str = "definition";

pub(super) async fn capture(
    part: &Part,
    context: &Context,
    depth: Depth,
) -> Result<Captured<State>, DriverError> {
    let pace = Pace::of(context);
    let attempted = format!("look at {}", part.shown);
    let jobs = part.config.jobs();
    let links = try_join_all((0..jobs).map(|_| connect(&part.address))).await?;
    let held = Held::begin(links, &pace).await?;
    let look = async {
        look(&held, part, context, depth, &pace, &attempted)
            .await
            .map_err(|fault| fault.while_doing(&attempted))
    };
    let looked = pace.within(&attempted, look).await.map_err(DriverError::nothing_happened);
    held.close().await;
    looked
}

async fn look(
    held: &Held,
    part: &Part,
    context: &Context,
    depth: Depth,
    pace: &Pace,
    attempted: &str,
) -> Result<Captured<State>, Fault> {
    let Some(link) = held.link() else {
        return Err(Fault::Said(DriverError::new(ErrorKind::Other, attempted).nothing_happened()));
    };
    let definition = seen::definition(link, link.version, part).await?;
    let state = held.look(&seen::scope(part, &definition), pace).await?;
    let state = seen::whole(state, &definition, attempted)?;
    let identity = state.as_ref().map(|state| crate::state::identity(&state.taken.system, &part.address));
    let mut data = Vec::new();
    if depth == Depth::Keep && state.is_some() {
        data = keep(link, &definition, &Place::default(), context, pace).await?;
    }
    Ok(Captured { state, identity, data })
}

/// Judges the tables by the server's own means.
pub(super) async fn examine(
    part: &Part,
    exactness: Exactness,
    pace: &Pace,
) -> Result<(Verdict, Vec<String>), DriverError> {
    let link = part.connect().await?;
    let found = seen::definition(&link, link.version, part).await;
    let attempted = format!("examine {}", part.shown);
    let found = found.map_err(|fault| fault.while_doing(attempted).nothing_happened())?;
    let scope = seen::scope(part, &found);
    crate::examine::examine(&link, &scope, exactness, &part.config.checks, pace).await
}

/// Puts definitions and rows into the vault; of tables that stand elsewhere, as if they stood at their own place.
pub(super) async fn keep(
    client: &Client,
    definition: &Definition,
    place: &Place,
    context: &Context,
    pace: &Pace,
) -> Result<Vec<DataPart>, Fault> {
    let folder = folder(&context.scratch)?;
    let text = serde_json::to_vec(definition).map_err(|error| {
        DriverError::new(ErrorKind::Other, "write down how tables are defined")
            .caused_by(error)
            .nothing_happened()
    })?;
    let bytes = text.len() as u64;
    let blob = context.vault.put(&text).await.map_err(copy::of_vault)?;
    let mut data = vec![DataPart { name: DEFINITION.to_owned(), blob, bytes }];
    for (number, table) in definition.tables.iter().enumerate().filter(|(_, table)| table.holds_rows()) {
        let at = place.of(&table.name);
        let part = copy::out(client, table, &at, folder.path(), context, pace).await?;
        data.push(DataPart { name: copy::part_name(number), ..part });
    }
    Ok(data)
}

/// A private folder for rows on their way.
pub(super) fn folder(scratch: &Path) -> Result<ScratchFolder, Fault> {
    sweep(scratch);
    ScratchFolder::make(scratch, 0)
        .map_err(|error| Fault::Said(of_io("make a folder for rows on their way", error).nothing_happened()))
}

/// The saved definitions.
pub(super) async fn definition(context: &Context, data: &[DataPart]) -> Result<Definition, DriverError> {
    let missing = |why: &str| {
        DriverError::new(ErrorKind::BadData, "read how the saved tables are defined")
            .caused_by(why.to_owned())
            .nothing_happened()
    };
    let part = data.iter().find(|part| part.name == DEFINITION).ok_or_else(|| missing("it was not saved"))?;
    let bytes = context.vault.get(&part.blob).await.map_err(copy::of_vault)?;
    let definition: Definition =
        serde_json::from_slice(&bytes).map_err(|_| missing("it is not what this program writes"))?;
    let mut numbers = definition.tables.iter().enumerate().filter(|(_, table)| table.holds_rows());
    if numbers.any(|(number, _)| !data.iter().any(|part| part.name == copy::part_name(number))) {
        return Err(missing("the rows of a table were not saved"));
    }
    Ok(definition)
}
