//! The calls of a session that act or judge, as the engine makes them.

use backout_contract::{Depth, Door, DriverError, Effect, Exactness, Sighting, StepOrder, Stop};
use backout_core::capability::Quiescence;
use backout_core::observation::Verdict;
use backout_core::writes::{Counted, Coverage, Gap, Occasion};
use serde_json::Value;

use crate::bench::{Bench, Looked};
use crate::outcome::Failure;
use crate::world::World;

impl<W: World> Bench<W> {
    /// One attempt at a step.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn revert(&self, order: &StepOrder<Value>) -> Result<Effect, Failure> {
        Ok(self.try_revert(order, Stop::never()).await??)
    }

    /// Puts beside what a step will need.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn stage(&self, order: &StepOrder<Value>) -> Result<Effect, Failure> {
        let said = self.session().await?.stage(&self.context(), order).await;
        let effect = said.inspect_err(|error| self.diary.error(error))?;
        self.diary.effect(&effect);
        Ok(effect)
    }

    /// One attempt at a step that can be stopped, and what the driver says.
    ///
    /// # Errors
    /// When there is no session.
    pub async fn try_revert(
        &self,
        order: &StepOrder<Value>,
        stop: Stop,
    ) -> Result<Result<Effect, DriverError>, Failure> {
        let session = self.session().await?;
        let said = session.revert(&self.context_until(stop), order).await;
        match &said {
            Ok(effect) => self.diary.effect(effect),
            Err(error) => self.diary.error(error),
        }
        Ok(said)
    }

    /// Looks whether a step happened, the way the engine does: the driver's own answer, else a look that is
    /// compared with the step's *before* and *after*.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn sight(&self, order: &StepOrder<Value>) -> Result<Sighting, Failure> {
        let session = self.session().await?;
        let own = session.sight(&self.context(), order).await.inspect_err(|error| self.diary.error(error))?;
        if let Some(sighting) = own {
            self.diary.sighting(&sighting);
            return Ok(sighting);
        }
        let seen = self.look(Depth::Look).await?.seen;
        Ok(match &order.before {
            _ if seen.same_exactly(&order.after) => Sighting::After,
            Some(before) if seen.same_shape(before) => Sighting::Before,
            Some(before) if !before.is_known() && seen.word() == before.word() => Sighting::Before,
            _ => Sighting::Neither { found: seen.word().to_owned(), seen },
        })
    }

    /// Judges by the driver's own way.
    ///
    /// # Errors
    /// When it does not say "restored", or fails.
    pub async fn examine(&self, exactness: Exactness) -> Result<(), Failure> {
        let session = self.session().await?;
        let (verdict, looks) =
            session.examine(&self.context(), exactness).await.inspect_err(|error| self.diary.error(error))?;
        self.diary.debug("a verdict's Debug", &verdict);
        for look in &looks {
            self.diary.shown("a look of a verdict", look);
        }
        match verdict {
            Verdict::Restored => Ok(()),
            other => {
                Err(Failure::Broken(format!("`examine({exactness:?})` of a sound thing says {other:?}")))
            }
        }
    }

    /// Where the driver says the door is; none for kinds without one.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn door(&self) -> Result<Option<Door>, Failure> {
        if !self.capabilities()?.has_door() {
            return Ok(None);
        }
        Ok(Some(
            self.session().await?.door(&self.context()).await.inspect_err(|error| self.diary.error(error))?,
        ))
    }

    /// Closes the door; nothing for kinds without one.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn quiesce(&self) -> Result<Option<Effect>, Failure> {
        if !self.capabilities()?.has_door() {
            return Ok(None);
        }
        let said = self.session().await?.quiesce(&self.context()).await;
        let effect = said.inspect_err(|error| self.diary.error(error))?;
        self.diary.effect(&effect);
        Ok(Some(effect))
    }

    /// Starts afresh, for kinds that do not when they open.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn restart(&self, since: i64) -> Result<Option<Effect>, Failure> {
        if self.capabilities()?.quiescence != (Quiescence::Door { opening_restarts: false }) {
            return Ok(None);
        }
        let said = self.session().await?.restart(&self.context(), since).await;
        let effect = said.inspect_err(|error| self.diary.error(error))?;
        self.diary.effect(&effect);
        Ok(Some(effect))
    }

    /// Opens the door; nothing for kinds without one.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn reopen(&self, saved: &Looked) -> Result<Option<Effect>, Failure> {
        if !self.capabilities()?.has_door() {
            return Ok(None);
        }
        let said = self.session().await?.reopen(&self.context(), saved.state.as_ref()).await;
        let effect = said.inspect_err(|error| self.diary.error(error))?;
        self.diary.effect(&effect);
        Ok(Some(effect))
    }

    /// What runs displaced.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn displaced(&self) -> Result<Vec<String>, Failure> {
        let places = self.session().await?.displaced(&self.context()).await;
        let places = places.inspect_err(|error| self.diary.error(error))?;
        for place in &places {
            self.diary.shown("a displaced place", place);
        }
        Ok(places)
    }

    /// Puts recorders in place.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn arm(&self, occasion: Occasion) -> Result<Coverage, Failure> {
        let said = self.session().await?.arm(&self.context(), occasion).await;
        let coverage = said.inspect_err(|error| self.diary.error(error))?;
        self.show_coverage(&coverage);
        Ok(coverage)
    }

    /// Takes recorders away.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn disarm(&self) -> Result<(), Failure> {
        let said = self.session().await?.disarm(&self.context()).await;
        Ok(said.inspect_err(|error| self.diary.error(error))?)
    }

    /// What recorders record.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn coverage(&self) -> Result<Option<Coverage>, Failure> {
        let said = self.session().await?.coverage(&self.context()).await;
        let coverage = said.inspect_err(|error| self.diary.error(error))?;
        coverage.iter().for_each(|coverage| self.show_coverage(coverage));
        Ok(coverage)
    }

    /// The recorded writes that live has and a state lacks.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn count(&self, target: &Looked) -> Result<Option<Counted>, Failure> {
        let Some(state) = &target.state else {
            return Err(Failure::NoGround("there is no state to count against".to_owned()));
        };
        let said = self.session().await?.count(&self.context(), state, &[]).await;
        let counted = said.inspect_err(|error| self.diary.error(error))?;
        if let Some(counted) = &counted {
            self.show_gaps(&counted.gaps);
            counted.tables.iter().for_each(|table| self.diary.shown("a table", &table.table));
        }
        Ok(counted)
    }

    fn show_coverage(&self, coverage: &Coverage) {
        coverage.covered.iter().for_each(|table| self.diary.shown("a covered table", table));
        self.show_gaps(&coverage.uncovered);
        self.show_gaps(&coverage.interrupted);
    }

    fn show_gaps(&self, gaps: &[Gap]) {
        for gap in gaps {
            self.diary.shown("the table of a gap", &gap.table);
            self.diary.shown("the reason of a gap", &gap.why);
        }
    }

    /// Removes what runs displaced.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn release(&self) -> Result<(), Failure> {
        let said = self.session().await?.release(&self.context()).await;
        Ok(said.inspect_err(|error| self.diary.error(error))?)
    }
}
