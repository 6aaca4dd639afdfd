//! What every call of the recorder is given.

use backout_contract::Context;

use super::config::Config;
use crate::catalog::Scope;
use crate::server::{Address, Pace};

/// What is recorded, and how.
#[derive(Clone)]
pub(crate) struct Order<'a> {
    /// Where; only for people.
    pub(crate) address: &'a Address,
    /// Which tables.
    pub(crate) scope: &'a Scope,
    /// How.
    pub(crate) config: &'a Config,
    /// The call that it is done for.
    pub(crate) context: &'a Context,
    /// When the call has to end.
    pub(crate) pace: Pace,
}

impl<'a> Order<'a> {
    /// An order within a call.
    pub(crate) fn new(
        address: &'a Address,
        scope: &'a Scope,
        config: &'a Config,
        context: &'a Context,
    ) -> Self {
        Self { address, scope, config, context, pace: Pace::of(context) }
    }
}
