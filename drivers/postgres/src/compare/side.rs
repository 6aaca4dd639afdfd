//! One side: connections that see one snapshot, and what is asked of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backout_contract::compare::{Burden, Hashed, Limits, Row, Scope, Side};
use backout_contract::{DriverError, ErrorKind};
use backout_core::compare::{About, Block, Catalog, Key, TableOrder, Tallies};
use tokio::sync::mpsc;

use super::links::{Lent, Links, Way};
use super::names::Within;
use super::pieces::pieces;
use super::relation::{Relation, of_person, shown};
use super::sql::{Part, Sql};
use super::{about, catalog, keys, rows, tally};
use crate::server::{Fault, TableName};

/// A database or a part of it, in one snapshot.
pub(super) struct PostgresSide {
    way: Box<dyn Way>,
    within: Within,
    limits: Limits,
    links: Mutex<Arc<Links>>,
    /// The relation of the last order: a pass asks for its pieces one after the other.
    relation: Mutex<Option<(TableOrder, Arc<Relation>)>>,
    /// How relations were cut, by name. Stays when the snapshot is renewed: a piece is told by its number.
    cuts: Mutex<HashMap<TableName, Cut>>,
    /// Whether something was read that snapshots of this server do not tell of.
    beyond: AtomicBool,
}

type Cut = Arc<Vec<Vec<Part>>>;

impl PostgresSide {
    pub(super) async fn open(
        way: Box<dyn Way>,
        within: Within,
        limits: &Limits,
    ) -> Result<Self, DriverError> {
        let links = Links::open(&*way, limits).await?;
        Ok(Self {
            way,
            within,
            limits: limits.clone(),
            links: Mutex::new(links),
            relation: Mutex::new(None),
            cuts: Mutex::new(HashMap::new()),
            beyond: AtomicBool::new(false),
        })
    }

    fn links(&self) -> Result<Arc<Links>, DriverError> {
        let links = self.links.lock().map(|links| Arc::clone(&links));
        links.map_err(|_| DriverError::new(ErrorKind::Other, "use the connections of a side"))
    }

    async fn lend(&self) -> Result<Lent, DriverError> {
        self.links()?.lend().await
    }

    fn place_of(&self, order: &TableOrder) -> TableName {
        self.within.place_of(TableName::new(order.schema.clone(), order.name.clone()))
    }

    async fn relation(&self, lent: &Lent, order: &TableOrder) -> Result<Arc<Relation>, Fault> {
        if let Ok(last) = self.relation.lock()
            && let Some((of, relation)) = &*last
            && of == order
        {
            return Ok(Arc::clone(relation));
        }
        let found = Arc::new(Relation::of(lent.link()?, order, &self.place_of(order)).await?);
        self.beyond.fetch_or(found.beyond, Ordering::Relaxed);
        if let Ok(mut last) = self.relation.lock() {
            *last = Some((order.clone(), Arc::clone(&found)));
        }
        Ok(found)
    }

    async fn cut(&self, lent: &Lent, order: &TableOrder, anew: bool) -> Result<Cut, Fault> {
        let name = self.place_of(order);
        let known = self.cuts.lock().ok().and_then(|cuts| cuts.get(&name).cloned());
        if let Some(cut) = known.filter(|_| !anew) {
            return Ok(cut);
        }
        let link = lent.link()?;
        let leaves = Relation::leaves(link, &name).await?;
        let page = self.links()?.moment.page;
        let cut = Arc::new(pieces(&leaves, page, link.version.major() >= 14, order.rows_a_piece));
        if let Ok(mut cuts) = self.cuts.lock() {
            cuts.insert(name, Arc::clone(&cut));
        }
        Ok(cut)
    }
}

/// What went wrong while rows were read: where an order holds SQL of a person's, that may be what failed.
fn blame(order: &TableOrder, fault: Fault) -> Fault {
    let expressions = order.columns.iter().filter(|column| column.expression.is_some());
    let mut theirs: Vec<String> =
        expressions.map(|column| format!("the expression for `{}`", column.name)).collect();
    theirs.extend(order.filter.is_some().then(|| "the filter".to_owned()));
    match fault {
        Fault::Postgres(error) if !theirs.is_empty() => of_person(&theirs.join(" or "), &shown(order), error),
        other => other,
    }
}

#[async_trait]
impl Side for PostgresSide {
    fn place(&self) -> String {
        self.way.shown()
    }

    async fn about(&self) -> Result<About, DriverError> {
        let lent = self.lend().await?;
        let result = async { about::about(lent.link()?).await }.await;
        lent.done(result, &format!("look what {} is", self.place())).await
    }

    async fn position(&self) -> Result<Option<String>, DriverError> {
        Ok(self.links()?.moment.position.clone())
    }

    async fn catalog(&self, scope: &Scope) -> Result<Catalog, DriverError> {
        let lent = self.lend().await?;
        let result = async { catalog::catalog(lent.link()?, &self.within, scope).await }.await;
        lent.done(result, &format!("read what is in {}", self.place())).await
    }

    async fn pieces(&self, order: &TableOrder) -> Result<u32, DriverError> {
        let lent = self.lend().await?;
        let result = async {
            self.relation(&lent, order).await?;
            Ok(self.cut(&lent, order, true).await?.len())
        };
        let result = result.await;
        let count = lent.done(result, &format!("look up {}", shown(order))).await?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    async fn tally(&self, order: &TableOrder, piece: u32) -> Result<Tallies, DriverError> {
        let lent = self.lend().await?;
        let result = async {
            let relation = self.relation(&lent, order).await?;
            let cut = self.cut(&lent, order, false).await?;
            let sql = Sql { order, relation: &relation };
            let parts = usize::try_from(piece).ok().and_then(|piece| cut.get(piece));
            let found = tally::tally(lent.link()?, &sql, parts.map(Vec::as_slice).unwrap_or_default()).await;
            found.map_err(|fault| blame(order, fault))
        };
        let result = result.await;
        lent.done(result, &format!("read {}", shown(order))).await
    }

    async fn keys(
        &self,
        order: &TableOrder,
        blocks: Option<&BTreeSet<Block>>,
        to: mpsc::Sender<Vec<Hashed>>,
    ) -> Result<(), DriverError> {
        let lent = self.lend().await?;
        let result = async {
            let relation = self.relation(&lent, order).await?;
            let cut = self.cut(&lent, order, false).await?;
            let sql = Sql { order, relation: &relation };
            let given = keys::keys(lent.link()?, &sql, &cut, blocks, &to).await;
            given.map_err(|fault| blame(order, fault))
        };
        let result = result.await;
        if matches!(result, Ok(true)) {
            // Nobody listens: the server is still at work, and is asked to end it.
            drop(lent);
            return Ok(());
        }
        lent.done(result.map(|_| ()), &format!("read keys of {}", shown(order))).await
    }

    async fn rows(&self, order: &TableOrder, keys: &[Key]) -> Result<Vec<Row>, DriverError> {
        let lent = self.lend().await?;
        let result = async {
            let relation = self.relation(&lent, order).await?;
            let cut = self.cut(&lent, order, false).await?;
            let sql = Sql { order, relation: &relation };
            let found = rows::rows(lent.link()?, &sql, &cut, keys).await;
            found.map_err(|fault| blame(order, fault))
        };
        let result = result.await;
        lent.done(result, &format!("read rows of {}", shown(order))).await
    }

    async fn renew(&self) -> Result<bool, DriverError> {
        let before = self.links()?.moment.clone();
        let links = Links::open(&*self.way, &self.limits).await?;
        let written = links.moment.may_differ(&before) || self.beyond.load(Ordering::Relaxed);
        if let Ok(mut last) = self.relation.lock() {
            *last = None;
        }
        if let Ok(mut held) = self.links.lock() {
            *held = links;
        }
        Ok(written)
    }

    async fn burden(&self) -> Result<Burden, DriverError> {
        let lent = self.lend().await?;
        let result = async { about::burden(lent.link()?).await }.await;
        lent.done(result, &format!("look how busy {} is", self.place())).await
    }
}
