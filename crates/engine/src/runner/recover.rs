//! The unit that takes users' writes over, once the saved state stands; and the count right before it is put back.

use backout_contract::{DriverError, RecoverOrder, Sealed};
use backout_core::journal::Event;
use backout_core::plan::share;
use backout_core::writes::{Counted, Recovered, Way};
use tokio::sync::mpsc;

use super::dispatcher::Report;
use super::step::{Early, Unit};
use crate::price::becomes;
use crate::recover::folder_of;

impl Unit {
    pub(super) async fn recover(
        &self,
        way: Way,
        reports: &mpsc::Sender<Report>,
    ) -> Result<Vec<Event>, Early> {
        self.intend(None, reports).await?;
        let began = self.tools.clock.monotonic_millis();
        let folder = folder_of(&self.tools, &self.run, &self.component.name);
        let sealed = self.sealed.clone();
        let most_lost = self.may_lose();
        let order =
            RecoverOrder { way, from: vec![self.run.clone()], sealed, folder, most_lost, winner: None };
        let outcome = match self.session().await {
            Ok((session, context)) => session.recover(&context, &order).await,
            Err(error) => Err(error.nothing_happened()),
        };
        backout_kit::failpoint!("writes-recovered");
        let millis = self.tools.clock.monotonic_millis().saturating_sub(began);
        let step = self.step.id.clone();
        Ok(match outcome {
            Ok(recovered) => {
                let after = self.look().await;
                let evidence = told(&recovered, way);
                let component = self.component.name.clone();
                vec![
                    Event::WritesRecovered { component, step: Some(step.clone()), recovered, millis },
                    Event::StepApplied { step, evidence, after: Some(after), confirmed: true, millis },
                ]
            }
            // Each write is taken over once, so what failed can be tried again whatever came of it.
            Err(error) => {
                vec![Event::StepFailed { step, cause: error.chain(), hints: error.hints, never_begun: false }]
            }
        })
    }

    /// Counts what the put-back state will lack, as late as can be, and keeps it; none where nothing is recorded. An
    /// error says why it could not be counted, which holds a rollback up only where a number was agreed to.
    pub(super) async fn seal_writes(&self) -> Result<Option<Sealed>, String> {
        if !self.part.records_writes() {
            return Ok(None);
        }
        let sealing = async {
            let Some(saved) = self.saved().await? else { return Ok(None) };
            let (session, context) = self.session().await?;
            session.seal(&context, &saved, &self.sealed).await
        };
        sealing.await.map_err(|error: DriverError| error.chain())
    }

    /// The most writes that may be lost here; none where any number may.
    fn may_lose(&self) -> Option<u64> {
        let own = self.component.price.as_ref()?.lost;
        share(self.most_lost, self.plan.price.lost, own)
    }

    /// Why putting back would now cost more than was agreed to, or may do so.
    pub(super) fn too_dear(&self, counted: Result<Option<Counted>, &String>) -> Option<String> {
        let (room, stated) = (self.may_lose()?, self.component.price.as_ref()?);
        let counted = match counted {
            Ok(counted) => counted?,
            Err(why) => {
                return Some(format!(
                    "at most {room} writes may be lost, and what users wrote could not be counted: {why}"
                ));
            }
        };
        let now = stated.clone().judged(becomes(&self.part), Some(counted)).lost;
        (!now.is_within(room)).then(|| {
            format!(
                "{now} writes would be lost here, and at most {room} were agreed to; users have written since"
            )
        })
    }
}

fn told(recovered: &Recovered, way: Way) -> String {
    let mut told = match way {
        Way::Merge => format!("{} writes taken over", recovered.applied),
        Way::Review => format!("{} writes stand in files for a person", recovered.waiting),
    };
    for (number, what) in [
        (recovered.already, "were there already"),
        (recovered.unmapped, "have no place in the put-back state"),
        (recovered.conflicts(), "changed on both sides"),
    ] {
        if number > 0 {
            told.push_str(&format!(", {number} {what}"));
        }
    }
    told
}
