//! The tables as a side of a comparison.

use std::sync::Arc;

use backout_contract::compare::{Limits, Side, Which};
use backout_contract::{Context, DriverError};

use super::displaced;
use super::part::Part;
use crate::compare::{self, Within};

/// The live tables, or those that the run of the context displaced; none where it displaced none.
pub(super) async fn side(
    part: &Part,
    context: &Context,
    which: Which,
    limits: &Limits,
) -> Result<Option<Arc<dyn Side>>, DriverError> {
    let within = match which {
        Which::Live => Within::Only {
            schemas: part.named.schemas.iter().cloned().collect(),
            tables: part.named.tables.iter().cloned().collect(),
        },
        Which::Displaced => match displaced::elsewhere(part, context).await? {
            Some(within) => within,
            None => return Ok(None),
        },
        Which::Old => return Ok(None),
    };
    compare::side(Box::new(part.address.clone()), within, limits).await.map(Some)
}
