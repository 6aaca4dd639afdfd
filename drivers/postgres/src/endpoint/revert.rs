//! One step: the door of one side as it was saved.

use backout_contract::{Context, DriverError, Effect, ErrorKind, StepOrder};

use super::config::EndpointConfig;
use super::diff;
use super::doors;
use super::site::Site;
use super::state::{EndpointState, Which};

pub(super) async fn revert(
    config: &EndpointConfig,
    context: &Context,
    step: &StepOrder<EndpointState>,
) -> Result<Effect, DriverError> {
    let bad = |what: &str| DriverError::new(ErrorKind::BadData, what.to_owned()).nothing_happened();
    let order: diff::Effect = serde_json::from_value(step.effect.clone())
        .map_err(|cause| bad("read a step of the plan").caused_by(cause))?;
    let saved = step.saved.as_ref().ok_or_else(|| bad("find what was saved of both sides"))?;
    let mut site = Site::connect(config, order.side, context).await?;
    let (then, entry) = (saved.side(order.side), site.entry().await?);
    let system = site.system().await?;
    if (system.as_str(), entry.oid) != (then.system.as_str(), then.database) {
        let found = format!("{} is another database than was saved", site.shown());
        return Ok(Effect::Blocked { found });
    }
    let marked = (order.side == Which::New).then_some(saved.marked);
    let shown = site.shown();
    let accepts = |now: &super::state::DoorState, is_marked: bool| {
        if *now == then.door && marked.is_none_or(|marked| marked == is_marked) {
            Ok(true)
        } else if order.starts_from.as_ref().is_none_or(|from| from == now) {
            Ok(false)
        } else {
            Err(format!("the door of {shown} is neither what the plan was made on nor what was saved"))
        }
    };
    doors::set(config, &mut site, &then.door, marked, accepts).await
}
