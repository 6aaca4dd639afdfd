//! Kinds and who serves them. Filled by an explicit, generated list; nothing registers itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::compare::Sides;
use crate::driver::Driver;
use crate::erased::{DriverDyn, Erased};
use crate::probe::{ErasedProbe, Probe, ProbeDyn};

/// Every kind of component and every probe that this program knows.
#[derive(Default, Clone)]
pub struct Registry {
    drivers: BTreeMap<&'static str, Arc<dyn DriverDyn>>,
    probes: BTreeMap<&'static str, Arc<dyn ProbeDyn>>,
    sides: Vec<Arc<dyn Sides>>,
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

    /// Adds a way to compare data by its address.
    #[must_use]
    pub fn with_sides<S: Sides + Default + 'static>(mut self) -> Self {
        self.sides.push(Arc::new(S::default()));
        self
    }

    /// Every way to compare data by its address.
    pub fn sides(&self) -> impl Iterator<Item = &Arc<dyn Sides>> {
        self.sides.iter()
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
