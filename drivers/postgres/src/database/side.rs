//! The database as a side of a comparison.

use std::sync::Arc;

use async_trait::async_trait;
use backout_contract::compare::{Limits, Side, Which};
use backout_contract::{Context, DriverError, ErrorKind};

use super::config::Config;
use super::site::Site;
use crate::compare::{self, Way, Within};
use crate::server::Link;
use crate::swap;

/// The way into a database of the server, through a door that we shut too.
struct Inside {
    config: Config,
    context: Context,
    name: String,
    shown: String,
}

#[async_trait]
impl Way for Inside {
    fn shown(&self) -> String {
        self.shown.clone()
    }

    async fn links(&self, how_many: usize) -> Result<Vec<Link>, DriverError> {
        let site = Site::of(&self.config, &self.context)?;
        site.ways_into(&self.name, how_many).await?.ok_or_else(|| {
            DriverError::new(ErrorKind::Unreadable, format!("find {}", self.shown))
                .caused_by("its server has no database of this name")
                .nothing_happened()
        })
    }
}

/// The live database, or what the run of the context displaced; none where it is not there.
pub(super) async fn side(
    site: &Site<'_>,
    which: Which,
    limits: &Limits,
) -> Result<Option<Arc<dyn Side>>, DriverError> {
    let name = match which {
        Which::Live => match site.ways_into(site.live(), 1).await? {
            Some(_) => site.live().to_owned(),
            None => return Ok(None),
        },
        Which::Displaced => {
            let outside = site.outside().await?;
            match swap::displaced_by(&outside, site.live(), site.context.run.as_ref()).await? {
                Some(entry) => entry.name,
                None => return Ok(None),
            }
        }
        Which::Old => return Ok(None),
    };
    let shown = site.address.of_database(&name).shown();
    let way = Inside { config: site.config.clone(), context: site.context.clone(), name, shown };
    compare::side(Box::new(way), Within::All, limits).await.map(Some)
}
