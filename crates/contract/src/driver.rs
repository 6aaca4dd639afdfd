//! What a driver's author writes.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use backout_core::capability::Capabilities;
use backout_core::checkpoint::DataPart;
use backout_core::delta::{Delta, Reversibility};
use backout_core::migration::Claim;
use backout_core::observation::Verdict;
use backout_core::plan::DataPrice;
use backout_core::writes::{Counted, Coverage, Occasion, Recovered, SealedWrites};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

mod values;

use crate::compare;
use crate::context::Context;
use crate::effect::{Door, Effect, Sighting};
use crate::error::{DriverError, ErrorKind};
use crate::writes::{RecoverOrder, Sealed};

pub use values::{Captured, Depth, Exactness, Glance, KindPage, Known, Piece, StepOrder};

/// Typed: what an author writes. The pure parts get no session and no context, so there is nothing to do IO with.
///
/// The conformance suite holds a driver to what is said here.
pub trait Driver: Send + Sync + Sized + 'static {
    /// What the migration file calls it (`sqlite.database`).
    const KIND: &'static str;
    /// Version of the state format.
    const STATE_VERSION: u16;
    /// The component's own keys in the migration file; `#[serde(deny_unknown_fields)]` is a duty.
    type Config: DeserializeOwned + JsonSchema + Clone + Send + Sync;
    /// The captured state, canonical: equal things have equal states.
    type State: Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync;
    /// A connected session.
    type Session: Session<Self>;

    /// What it is, for people.
    fn page() -> KindPage;

    /// What it promises for a component configured like this.
    fn capabilities(config: &Self::Config) -> Capabilities;

    /// The thing in a few words, for plans (`data/todo.db`).
    fn target(config: &Self::Config) -> String;

    /// What the component lays claim to, so that two components on one thing are found.
    fn claims(config: &Self::Config, root: &Path) -> Vec<Claim>;

    /// Mistakes in a configuration that its types cannot catch; one sentence each. No IO.
    fn check(config: &Self::Config) -> Result<(), Vec<String>> {
        let _ = config;
        Ok(())
    }

    /// What must match exactly. Values of secrets may stand here: fingerprints are keyed digests.
    fn shape(state: &Self::State) -> Value;

    /// How far living data has moved; none where nothing lives.
    fn position(state: &Self::State) -> Option<Value> {
        let _ = state;
        None
    }

    /// What differs, live → saved. `diff(x, x)` is empty; secrets are [`Shown::Sensitive`].
    ///
    /// [`Shown::Sensitive`]: backout_core::delta::Shown::Sensitive
    fn diff(saved: Option<&Self::State>, live: Option<&Self::State>) -> Delta;

    /// The effects that lead from live to saved, in order; usually one. `live` is none where nothing is there or
    /// nothing can be read. Closing and opening doors is not theirs.
    ///
    /// # Errors
    /// Why it cannot be put back at all.
    fn steps(
        config: &Self::Config,
        saved: Option<&Self::State>,
        live: Option<&Self::State>,
    ) -> Result<Vec<Piece<Self::State>>, String>;

    /// Whether, until when and at what loss it can be put back.
    fn reversibility(saved: Option<&Self::State>) -> Reversibility {
        let _ = saved;
        Reversibility::Fully
    }

    /// What going back costs in data.
    fn price(saved: &Self::State, live: Option<&Self::State>) -> Option<DataPrice> {
        let _ = (saved, live);
        None
    }

    /// Opens a session. Reads only.
    fn connect(
        config: Self::Config,
        context: &Context,
    ) -> impl Future<Output = Result<Self::Session, DriverError>> + Send;
}

/// Connected: the only door to the outside.
#[async_trait]
pub trait Session<D: Driver>: Send + Sync {
    /// Looks. Must not change anything, not even times that it can avoid to change. Safe to retry.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`], [`ErrorKind::Locked`] or [`ErrorKind::Denied`] say that it is there and cannot
    /// be read; [`ErrorKind::Unreachable`] or [`ErrorKind::TimedOut`] that it did not answer.
    async fn capture(&self, context: &Context, depth: Depth) -> Result<Captured<D::State>, DriverError>;

    /// Looks while users wait behind a shut door, in a time that does not grow with the data where that can be. `saved` is
    /// what would stand there once it was put back: a kind that proved it when it was staged, and sees that nobody could
    /// reach it since, says so instead of reading it again. Reads only, like a capture.
    ///
    /// # Errors
    /// As [`Session::capture`].
    async fn glance(
        &self,
        context: &Context,
        saved: Option<&D::State>,
    ) -> Result<Glance<D::State>, DriverError> {
        let _ = saved;
        Ok(Glance { captured: self.capture(context, Depth::Look).await?, known: Known::All })
    }

    /// Puts what a revert will need beside the live thing, and proves it there, while users still come in: what is
    /// long is done before a door is shut. Nothing of the live thing changes. Absolute and idempotent; a revert whose
    /// stage is missing does it itself. Only with the capability.
    async fn stage(&self, context: &Context, step: &StepOrder<D::State>) -> Result<Effect, DriverError> {
        let _ = (context, step);
        Ok(Effect::AlreadyThere)
    }

    /// One effect, absolute and idempotent. Refuses ([`Effect::Blocked`]) when live is neither the step's *before*
    /// nor its *after*.
    async fn revert(&self, context: &Context, step: &StepOrder<D::State>) -> Result<Effect, DriverError>;

    /// Looks whether a step happened. None leaves it to a capture and a comparison of fingerprints; a driver that
    /// can tell by its own traces (a displaced copy of this run) answers itself.
    async fn sight(
        &self,
        context: &Context,
        step: &StepOrder<D::State>,
    ) -> Result<Option<Sighting>, DriverError> {
        let _ = (context, step);
        Ok(None)
    }

    /// Judges by a way independent of the call that changed things: integrity, foreign keys, replicas. Comparing
    /// with what was saved is not its business; the engine does that. One entry a look.
    async fn examine(
        &self,
        context: &Context,
        exactness: Exactness,
    ) -> Result<(Verdict, Vec<String>), DriverError> {
        let _ = (context, exactness);
        Ok((Verdict::Restored, Vec::new()))
    }

    /// Whether rights, space and tools for putting back are there. Reads only. One sentence for each that is not.
    async fn ready(
        &self,
        context: &Context,
        saved: Option<&D::State>,
        data: &[DataPart],
    ) -> Result<Vec<String>, DriverError> {
        let _ = (context, saved, data);
        Ok(Vec::new())
    }

    /// What a person should know before this is put back, and what keeps nobody from doing it. Reads only. One sentence
    /// each, with what would be better.
    async fn advice(&self, context: &Context) -> Result<Vec<String>, DriverError> {
        let _ = context;
        Ok(Vec::new())
    }

    /// Where its door is. Only for kinds with a door.
    async fn door(&self, context: &Context) -> Result<Door, DriverError> {
        let _ = context;
        Err(DriverError::new(ErrorKind::Other, "look at the door of a kind that has none").nothing_happened())
    }

    /// Closes its door; returns when nobody is inside. Idempotent.
    async fn quiesce(&self, context: &Context) -> Result<Effect, DriverError> {
        let _ = context;
        Err(DriverError::new(ErrorKind::Other, "close the door of a kind that has none").nothing_happened())
    }

    /// Starts afresh behind a shut door. `since` is Unix milliseconds: started after it is done already.
    async fn restart(&self, context: &Context, since: i64) -> Result<Effect, DriverError> {
        let _ = (context, since);
        Err(DriverError::new(ErrorKind::Other, "restart a kind that cannot").nothing_happened())
    }

    /// Opens its door as it was saved (what was stopped then stays stopped); returns when it answers. Idempotent.
    async fn reopen(&self, context: &Context, saved: Option<&D::State>) -> Result<Effect, DriverError> {
        let _ = (context, saved);
        Err(DriverError::new(ErrorKind::Other, "open the door of a kind that has none").nothing_happened())
    }

    /// Puts recorders in place over everything that users write, or renews them, and proves each by a marker write
    /// that is taken back. Idempotent; changes nothing of the captured state. At its cap a recorder lets go, never
    /// the writers. Only with the capability, like everything below about writes.
    async fn arm(&self, context: &Context, occasion: Occasion) -> Result<Coverage, DriverError> {
        let _ = (context, occasion);
        Err(cannot_record())
    }

    /// Takes recorders away with what they recorded. Idempotent.
    async fn disarm(&self, context: &Context) -> Result<(), DriverError> {
        let _ = context;
        Ok(())
    }

    /// Looks what the recorders record at this moment; none where none are in place. Reads only.
    async fn coverage(&self, context: &Context) -> Result<Option<Coverage>, DriverError> {
        let _ = context;
        Ok(None)
    }

    /// Counts the recorded writes that `target` lacks; none where nothing was recorded since `target` was saved. `earlier`
    /// is what runs since then sealed, oldest first: a driver whose recorder does not travel with the data counts it
    /// too, each write once. Reads only.
    async fn count(
        &self,
        context: &Context,
        target: &D::State,
        earlier: &[SealedWrites],
    ) -> Result<Option<Counted>, DriverError> {
        let _ = (context, target, earlier);
        Ok(None)
    }

    /// Counts as [`count`](Session::count) does, behind a shut door where there is one, and puts what was recorded up to
    /// this moment into the vault, so that it outlives whatever recorded it. Changes nothing, and consumes nothing.
    async fn seal(
        &self,
        context: &Context,
        target: &D::State,
        earlier: &[SealedWrites],
    ) -> Result<Option<Sealed>, DriverError> {
        let counted = self.count(context, target, earlier).await?;
        Ok(counted.map(|counted| Sealed { counted, data: Vec::new() }))
    }

    /// Puts saved data back into a scratch copy of its own, looks at it, and takes the copy away again: what came out,
    /// to be compared with what was saved. None for a kind that has no room for a scratch copy.
    async fn rehearse(
        &self,
        context: &Context,
        saved: &D::State,
        data: &[DataPart],
    ) -> Result<Option<D::State>, DriverError> {
        let _ = (context, saved, data);
        Ok(None)
    }

    /// Takes recorded writes over. Each is taken over once, however often this is called and wherever it was killed.
    async fn recover(&self, context: &Context, order: &RecoverOrder) -> Result<Recovered, DriverError> {
        let _ = (context, order);
        Err(cannot_record())
    }

    /// What the run that the context names displaced here, as a look at it, its data put into the vault; none where
    /// it displaced nothing or the displaced thing cannot be read. Only for kinds that keep what they displace.
    async fn capture_displaced(&self, context: &Context) -> Result<Option<Captured<D::State>>, DriverError> {
        let _ = context;
        Ok(None)
    }

    /// One side of a comparison over the component's data; none where it has no such data, or its kind cannot be
    /// compared row by row.
    async fn side(
        &self,
        context: &Context,
        which: compare::Which,
        limits: &compare::Limits,
    ) -> Result<Option<Arc<dyn compare::Side>>, DriverError> {
        let _ = (context, which, limits);
        Ok(None)
    }

    /// One side of a comparison over what was saved: put back into a scratch copy as [`rehearse`](Session::rehearse) does,
    /// which is taken away when the side is closed. None for a kind that cannot.
    async fn saved_side(
        &self,
        context: &Context,
        saved: &D::State,
        data: &[DataPart],
        limits: &compare::Limits,
    ) -> Result<Option<Arc<dyn compare::Side>>, DriverError> {
        let _ = (context, saved, data, limits);
        Ok(None)
    }

    /// Reads the claim marker at the target. Only with the capability.
    async fn read_marker(&self, context: &Context) -> Result<Option<Value>, DriverError> {
        let _ = context;
        Ok(None)
    }

    /// Writes the claim marker at the target, atomically. Only with the capability.
    async fn write_marker(&self, context: &Context, marker: Option<&Value>) -> Result<(), DriverError> {
        let _ = (context, marker);
        Ok(())
    }

    /// What a run displaced at this target and keeps until release, as a place for people.
    async fn displaced(&self, context: &Context) -> Result<Vec<String>, DriverError> {
        let _ = context;
        Ok(Vec::new())
    }

    /// Removes what runs displaced. Called by `commit` and `close` only, after they listed it.
    async fn release(&self, context: &Context) -> Result<(), DriverError> {
        let _ = context;
        Ok(())
    }
}

fn cannot_record() -> DriverError {
    DriverError::new(ErrorKind::Other, "record the writes of a kind that cannot").nothing_happened()
}

/// A connected session as the engine holds it.
pub type SharedSession = Arc<dyn crate::erased::SessionDyn>;
