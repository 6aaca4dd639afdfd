//! What going back costs in data: the driver's comparison, and what its recorder counted where there is one.

use backout_contract::Stop;
use backout_core::migration::Writes;
use backout_core::name::ComponentName;
use backout_core::plan::{Becomes, Count, DataPrice, Plan};
use backout_core::writes::{Counted, Gap, SealedWrites, Way};
use serde_json::Value;

use crate::assemble::{Assembled, Part};
use crate::look::{connect, find};
use crate::tools::Tools;

/// The price of putting a component back, and what becomes of the writes that were recorded. `recorded` says that a
/// recorder was put in place there: if nothing is recorded now, somebody took it away. `earlier` is what runs sealed
/// since the state was saved.
pub(crate) async fn priced(
    part: &Part,
    saved: Option<&Value>,
    live: Option<&Value>,
    (recorded, earlier): (bool, &[SealedWrites]),
    tools: &Tools,
) -> Result<(Option<DataPrice>, Option<Way>), String> {
    let (Some(configured), Some(saved)) = (&part.configured, saved) else { return Ok((None, None)) };
    let Some(compared) = configured.price(saved, live).map_err(|error| error.chain())? else {
        return Ok((None, None));
    };
    let counted = match live {
        Some(_) => count(part, saved, earlier, tools).await.unwrap_or_else(|why| Some(uncounted(part, why))),
        None => None,
    };
    let way = counted.as_ref().and_then(|_| way(part));
    let taken_away = counted.is_none() && live.is_some() && recorded && part.records_writes();
    let counted = if taken_away {
        Some(uncounted(part, "its recorder is gone, with what it held".into()))
    } else {
        counted
    };
    Ok((Some(compared.judged(becomes(part), counted)), way))
}

/// A count that failed does not hold a rollback up, and is no promise either.
fn uncounted(part: &Part, why: String) -> Counted {
    let gap =
        Gap { table: part.target.clone(), why: format!("what was recorded could not be counted: {why}") };
    Counted { tables: Vec::new(), gaps: vec![gap], notes: Vec::new() }
}

/// Counts what the recorder saw since a state was saved; none where nothing is recorded.
async fn count(
    part: &Part,
    target: &Value,
    earlier: &[SealedWrites],
    tools: &Tools,
) -> Result<Option<Counted>, String> {
    if !part.records_writes() {
        return Ok(None);
    }
    let stop = Stop::never();
    let (session, context) =
        connect(part, tools, None, "count", &stop).await.map_err(|error| error.chain())?;
    session.count(&context, target, earlier).await.map_err(|error| error.chain())
}

/// What is declared to become of a component's writes.
pub(crate) fn becomes(part: &Part) -> Becomes {
    match part.writes {
        Some(Writes::Merge) => Becomes::Merged,
        Some(Writes::AcceptLoss) => Becomes::Lost,
        Some(Writes::Review) | None => Becomes::Reviewed,
    }
}

/// The components that lose writes although their file does not accept that, and how many.
///
/// | `writes:` | loses, in the plan | named |
/// |---|---|---|
/// | accept-loss | any | no |
/// | merge | none | no |
/// | merge | some, or nobody knows | yes |
/// | review | any, and the displaced data is kept | no: a person has all of it |
/// | review | some, and nothing is kept | yes |
pub fn unaccepted_loss(assembled: &Assembled, plan: &Plan) -> Vec<(ComponentName, Count)> {
    let losing = plan.acting().filter_map(|component| {
        let (part, price) = (find(&assembled.parts, &component.name)?, component.price.as_ref()?);
        let is_promised = match becomes(part) {
            Becomes::Lost => false,
            Becomes::Merged => true,
            Becomes::Reviewed => !price.kept_aside,
        };
        (is_promised && price.lost != Count::Exactly(0)).then(|| (component.name.clone(), price.lost))
    });
    losing.collect()
}

fn way(part: &Part) -> Option<Way> {
    match becomes(part) {
        Becomes::Merged => Some(Way::Merge),
        Becomes::Reviewed => Some(Way::Review),
        Becomes::Lost => None,
    }
}
