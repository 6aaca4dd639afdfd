//! A side of a component: what stands there now, what was left at cutover, what a rollback moved away, or what a checkpoint
//! saved.

use std::sync::Arc;

use backout_contract::compare::{Limits, Side, Which};
use backout_contract::{DriverError, ErrorKind, Stop};
use backout_core::checkpoint::Manifest;

use crate::assemble::Part;
use crate::look::connect;
use crate::states::saved_state;
use crate::tools::Tools;

/// Which of a component's data.
#[derive(Debug, Clone, Copy)]
pub enum Data<'a> {
    /// What stands somewhere by itself.
    Standing(Which),
    /// What a checkpoint saved, put back into a scratch copy.
    Saved(&'a Manifest),
}

/// The side; none where the component's kind cannot be compared row by row, or it has no such data.
///
/// # Errors
/// When it cannot be reached, read or put back.
pub async fn component_side(
    part: &Part,
    data: Data<'_>,
    limits: &Limits,
    tools: &Tools,
    stop: &Stop,
) -> Result<Option<Arc<dyn Side>>, DriverError> {
    let (session, context) = connect(part, tools, None, "compare", stop).await?;
    let manifest = match data {
        Data::Standing(which) => return session.side(&context, which, limits).await,
        Data::Saved(manifest) => manifest,
    };
    let Some(saved) = manifest.components.get(&part.name).filter(|saved| saved.observation.kind == part.kind)
    else {
        return Ok(None);
    };
    let state = saved_state(saved.state.as_ref(), &part.name, tools).await.map_err(|error| {
        DriverError::new(ErrorKind::BadData, "read what was saved")
            .caused_by(error.to_string())
            .nothing_happened()
    })?;
    match state {
        Some(state) => session.saved_side(&context, &state, &saved.data, limits).await,
        None => Ok(None),
    }
}
