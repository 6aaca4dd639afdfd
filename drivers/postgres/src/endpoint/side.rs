//! Either database as a side of a comparison.

use std::sync::Arc;

use async_trait::async_trait;
use backout_contract::compare::{self, Limits, Side};
use backout_contract::{Context, DriverError};

use super::config::EndpointConfig;
use super::site::Site;
use super::state::Which;
use crate::compare::{Way, Within, side as open};
use crate::door;
use crate::server::{Address, Link, Pace};

/// The way into a side, through a door that we shut too.
struct Inside {
    config: EndpointConfig,
    context: Context,
    which: Which,
    shown: String,
}

#[async_trait]
impl Way for Inside {
    fn shown(&self) -> String {
        self.shown.clone()
    }

    async fn links(&self, how_many: usize) -> Result<Vec<Link>, DriverError> {
        let site = Site::connect(&self.config, self.which, &self.context).await?;
        door::enter(&site.outside, site.name(), how_many, &Pace::of(&self.context)).await
    }
}

/// The new database is the live one.
pub(super) async fn side(
    config: &EndpointConfig,
    context: &Context,
    which: compare::Which,
    limits: &Limits,
) -> Result<Option<Arc<dyn Side>>, DriverError> {
    let (which, url) = match which {
        compare::Which::Live => (Which::New, &config.new),
        compare::Which::Old => (Which::Old, &config.old),
        compare::Which::Displaced => return Ok(None),
    };
    let shown = Address::resolve(url, context)?.shown();
    let way = Inside { config: config.clone(), context: context.clone(), which, shown };
    open(Box::new(way), Within::All, limits).await.map(Some)
}
