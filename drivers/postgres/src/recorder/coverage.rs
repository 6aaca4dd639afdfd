//! What recorders record at this moment, told by reading alone.

use std::collections::{BTreeMap, BTreeSet};

use backout_core::writes::{Coverage, Gap};

use super::config::By;
use super::objects;
use super::order::Order;
use super::slot::{Publication, Slot, bytes};
use super::stamps;
use super::standing::{EVERY_TABLE, Standing, Way};
use super::tables::{self, Found};
use super::triggers;
use crate::server::{Fault, Link};

/// What was found of the recorder on tables.
pub(super) struct Facts {
    pub(super) tables: BTreeMap<u32, Found>,
    pub(super) publication: Publication,
    pub(super) triggers: triggers::Triggers,
}

impl Facts {
    pub(super) async fn look(link: &Link, order: &Order<'_>) -> Result<Self, Fault> {
        Ok(Self {
            tables: tables::find(&link.client, order).await?,
            publication: Publication::look(link).await?,
            triggers: triggers::look(&link.client).await?,
        })
    }

    /// Why the writes to a table are not recorded, though they could be; none where they are.
    pub(super) fn lacks(&self, table: &Found, way: Way, order: &Order<'_>) -> Option<&'static str> {
        if way == Way::Slot
            && let Some(why) = self.publication.lacks(table)
        {
            return Some(why);
        }
        let tells = triggers::needs_teller(order);
        let stand = self.triggers.get(&table.oid);
        let is_there = |name: &str| stand.and_then(|stand| stand.get(name)).is_some_and(|always| *always);
        let missing = triggers::wanted(table, way, tells).iter().any(|(name, _)| !is_there(name));
        missing.then_some(
            "its recorder is gone or not there yet: the table came later, or somebody dropped the triggers",
        )
    }

    /// Whether a TRUNCATE of a partition alone would not be seen, though its rows are recorded.
    pub(super) fn misses_emptying(&self, table: &Found, way: Way) -> bool {
        let Some((name, _)) = triggers::wanted_for_emptying(table).filter(|_| way == Way::Slot) else {
            return false;
        };
        !self.triggers.get(&table.oid).and_then(|stand| stand.get(name)).is_some_and(|always| *always)
    }
}

/// What is recorded; none where there is no recorder.
pub(super) async fn of(link: &Link, order: &Order<'_>) -> Result<Option<Coverage>, Fault> {
    if order.config.by == By::Timestamps {
        return Ok(Some(stamps::coverage(link, order).await?));
    }
    if !objects::are_there(&link.client).await? {
        return Ok(None);
    }
    let Some(standing) = Standing::look(&link.client).await? else {
        return Ok(Some(nothing("its recorder was not put in place as a whole: arm again")));
    };
    let facts = Facts::look(link, order).await?;
    let mut coverage = Coverage::default();
    coverage.notes.push(match standing.way {
        Way::Slot => "writes are recorded by a replication slot".to_owned(),
        Way::Triggers => "writes are recorded by triggers".to_owned(),
    });
    if let Some(why) = broken(link, order, &standing, &mut coverage.notes).await? {
        coverage.uncovered = nothing(&why).uncovered;
        return Ok(Some(coverage));
    }
    let mut lacking: BTreeMap<u32, Gap> = BTreeMap::new();
    for table in facts.tables.values() {
        let why = table.obstacle(standing.way).or_else(|| facts.lacks(table, standing.way, order));
        let top = table.root.map_or(table.oid, |(root, _)| root);
        if let Some(why) = why {
            lacking.entry(top).or_insert_with(|| table.gap(why));
        }
    }
    let mut covered = BTreeSet::new();
    for table in facts.tables.values().filter(|table| table.is_told()) {
        if !lacking.contains_key(&table.oid) {
            covered.insert(table.name.to_string());
            if !table.has_key {
                let note = "has no key: its rows are told apart by all of their columns";
                coverage.notes.push(format!("{} {note}", table.name));
            }
        }
    }
    let unseen = facts.tables.values().filter(|table| facts.misses_emptying(table, standing.way));
    for table in unseen.filter(|table| table.obstacle(standing.way).is_none()) {
        coverage.notes.push(format!(
            "{} is a partition that came later: its rows are recorded, a TRUNCATE of it alone is not before the next \
             arm or cutover",
            table.name
        ));
    }
    coverage.covered = covered.into_iter().collect();
    coverage.uncovered = lacking.into_values().collect();
    coverage.uncovered.sort();
    coverage.interrupted = standing.eras.last().map(|era| era.interrupted.clone()).unwrap_or_default();
    Ok(Some(coverage))
}

/// Nothing is recorded.
pub(super) fn nothing(why: &str) -> Coverage {
    let uncovered = vec![Gap { table: EVERY_TABLE.to_owned(), why: why.to_owned() }];
    Coverage { uncovered, ..Coverage::default() }
}

/// Why the recorder as a whole has not recorded what it should have.
pub(super) async fn broken(
    link: &Link,
    order: &Order<'_>,
    standing: &Standing,
    notes: &mut Vec<String>,
) -> Result<Option<String>, Fault> {
    if standing.is_of_elsewhere() {
        return Ok(Some(
            "its recorder came along with a copy, and records nothing here: arm again".to_owned(),
        ));
    }
    if let Some(why) = &standing.let_go {
        return Ok(Some(why.clone()));
    }
    match standing.way {
        Way::Slot => {
            let name = standing.slot.clone().unwrap_or_default();
            let Some(slot) = Slot::look(&link.client, &name).await? else {
                return Ok(Some("its slot is gone, and with it what was recorded".to_owned()));
            };
            if let Some(why) = slot.fault(standing) {
                return Ok(Some(why.to_owned()));
            }
            let publication = Publication::look(link).await?;
            if !(publication.is_there && publication.is_whole) {
                return Ok(Some("the recorder's publication was dropped or altered".to_owned()));
            }
            let cap = order.config.cap(By::Slot);
            notes.extend(slot.notes(cap));
            if slot.held > cap {
                return Ok(Some(format!(
                    "the server keeps {} of its log for the recorder, over its cap of {}, so that it will be let go: let `recorder.cap` be higher, or roll back or commit",
                    bytes(slot.held),
                    bytes(cap)
                )));
            }
        }
        Way::Triggers => {
            if !triggers::are_there(&link.client).await? {
                return Ok(Some("what was recorded is gone".to_owned()));
            }
            let (held, cap) = (triggers::held(&link.client).await?, order.config.cap(By::Triggers));
            notes.push(format!("the recorder holds {}, and lets go at {}", bytes(held), bytes(cap)));
            if held >= cap {
                return Ok(Some(
                    "the recorder has reached its cap, and lets writes go: let `recorder.cap` be higher and arm again"
                        .to_owned(),
                ));
            }
        }
    }
    Ok(None)
}
