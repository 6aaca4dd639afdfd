//! Kinds and who serves them. Filled by an explicit, generated list; nothing registers itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::driver::Driver;
use crate::erased::{DriverDyn, Erased};
use crate::probe::{ErasedProbe, Probe, ProbeDyn};

/// Every kind of component and every probe that this program knows.
#[derive(Default, Clone)]
pub struct Registry {
    drivers: BTreeMap<&'static str, Arc<dyn DriverDyn>>,
    probes: BTreeMap<&'static str, Arc<dyn ProbeDyn>>,
}

impl Registry {
    /// Adds a kind.
    #[must_use]
    pub fn with_driver<D: Driver>(mut self) -> Self {
        self.drivers.insert(D::KIND, Arc::new(Erased::<D>::default()));
        self
    }

    /// Adds a probe.
    #[must_use]
    pub fn with_probe<P: Probe>(mut self) -> Self {
        self.probes.insert(P::KIND, Arc::new(ErasedProbe::<P>::default()));
        self
    }

    /// The driver of a kind.
    pub fn driver(&self, kind: &str) -> Option<&Arc<dyn DriverDyn>> {
        self.drivers.get(kind)
    }

    /// A probe by name.
    pub fn probe(&self, kind: &str) -> Option<&Arc<dyn ProbeDyn>> {
        self.probes.get(kind)
    }

    /// Every kind, by name.
    pub fn drivers(&self) -> impl Iterator<Item = &Arc<dyn DriverDyn>> {
        self.drivers.values()
    }

    /// Every probe, by name.
    pub fn probes(&self) -> impl Iterator<Item = &Arc<dyn ProbeDyn>> {
        self.probes.values()
    }
}
