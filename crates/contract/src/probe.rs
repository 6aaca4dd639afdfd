//! One look at health from outside.

use std::sync::Arc;

use async_trait::async_trait;
use backout_core::diagnostic::Diagnostic;
use backout_core::migration::{Source, Tree, decode};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::context::Context;
use crate::driver::KindPage;
use crate::error::DriverError;

/// What one look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeLook {
    /// As it should be.
    Ok {
        /// What was seen, for people (`200 in 3 ms`).
        found: String,
    },
    /// Not as it should be.
    Bad {
        /// What was seen and what was expected.
        found: String,
    },
    /// The look could not tell.
    Unknown {
        /// Why.
        why: String,
    },
}

/// Typed: what an author writes.
#[async_trait]
pub trait Probe: Send + Sync + Sized + 'static {
    /// What the migration file calls it (`http`).
    const KIND: &'static str;
    /// Its keys in the migration file, beside `probe`; `#[serde(deny_unknown_fields)]` is a duty.
    type Config: DeserializeOwned + JsonSchema + Clone + Send + Sync;

    /// What it is, for people.
    fn page() -> KindPage;

    /// The look in a few words (`GET http://127.0.0.1:8080/health`), without secrets.
    fn describe(config: &Self::Config) -> String;

    /// Looks once. Changes nothing.
    ///
    /// # Errors
    /// When the look itself could not be taken (a reference that does not resolve); a target that does not answer
    /// is a [`ProbeLook::Bad`].
    async fn look(config: &Self::Config, context: &Context) -> Result<ProbeLook, DriverError>;
}

/// A probe as the engine holds it.
pub trait ProbeDyn: Send + Sync {
    /// What the migration file calls it.
    fn kind(&self) -> &'static str;
    /// What it is, for people.
    fn page(&self) -> KindPage;
    /// The schema of its keys.
    fn schema(&self) -> Value;
    /// Reads its keys.
    ///
    /// # Errors
    /// Where and why they cannot be read.
    fn configure(&self, tree: &Tree, source: &Source) -> Result<Arc<dyn ConfiguredProbe>, Diagnostic>;
}

/// A probe with its keys.
#[async_trait]
pub trait ConfiguredProbe: Send + Sync {
    /// The look in a few words.
    fn describe(&self) -> String;
    /// Looks once.
    async fn look(&self, context: &Context) -> Result<ProbeLook, DriverError>;
}

/// Makes a [`ProbeDyn`] of a [`Probe`].
pub struct ErasedProbe<P>(std::marker::PhantomData<fn() -> P>);

impl<P> Default for ErasedProbe<P> {
    fn default() -> Self {
        Self(std::marker::PhantomData)
    }
}

struct Configured<P: Probe>(P::Config);

impl<P: Probe> ProbeDyn for ErasedProbe<P> {
    fn kind(&self) -> &'static str {
        P::KIND
    }

    fn page(&self) -> KindPage {
        P::page()
    }

    fn schema(&self) -> Value {
        schemars::schema_for!(P::Config).to_value()
    }

    fn configure(&self, tree: &Tree, source: &Source) -> Result<Arc<dyn ConfiguredProbe>, Diagnostic> {
        Ok(Arc::new(Configured::<P>(decode(tree, source)?)))
    }
}

#[async_trait]
impl<P: Probe> ConfiguredProbe for Configured<P> {
    fn describe(&self) -> String {
        P::describe(&self.0)
    }

    async fn look(&self, context: &Context) -> Result<ProbeLook, DriverError> {
        P::look(&self.0, context).await
    }
}
