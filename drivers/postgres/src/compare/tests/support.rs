//! What the tests share: two sides, and everything that a comparison asks of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use backout_contract::DriverError;
use backout_contract::compare::{Hashed, Limits, Row, Scope, Side, Sides};
use backout_core::compare::{
    Block, Catalog, Key, Odd, Pairing, Relation, TableOrder, Tallies, Wanted, Which, plan_table,
};
use backout_core::secret::Secret;
use tokio::sync::mpsc;

use crate::compare::PostgresSides;
use crate::testing::{context, database, server};

pub(super) fn limits() -> Limits {
    Limits { connections: 2, statement: Duration::from_secs(60), lock: Duration::from_secs(5) }
}

/// A database with this in it, and its name.
pub(super) fn made(sql: &str) -> String {
    let (name, _) = database("compare");
    server().sql(&name, sql);
    name
}

pub(super) async fn open(url: &str, limits: &Limits) -> Arc<dyn Side> {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = Secret::new(url);
    let sides = PostgresSides;
    assert!(sides.knows(&secret, &context(folder.path(), &[])));
    sides.open(&secret, limits, &context(folder.path(), &[])).await.expect("open a side")
}

/// A side of a database of the shared server.
pub(super) async fn side(name: &str) -> Arc<dyn Side> {
    open(&server().url(name), &limits()).await
}

pub(super) fn named(tables: &[&str]) -> Scope {
    Scope { tables: tables.iter().map(|name| (*name).to_owned()).collect(), ..Scope::default() }
}

pub(super) async fn catalog(side: &dyn Side, scope: &Scope) -> Catalog {
    side.catalog(scope).await.expect("a catalog")
}

pub(super) async fn relation(side: &dyn Side, name: &str) -> Relation {
    let mut found = catalog(side, &named(&[name])).await.relations;
    assert_eq!(found.len(), 1, "{name}: {found:?}");
    found.remove(0)
}

/// Two relations and the orders to compare them by.
pub(super) struct Pair {
    pub(super) left: Arc<dyn Side>,
    pub(super) right: Arc<dyn Side>,
    pub(super) left_order: TableOrder,
    pub(super) right_order: TableOrder,
}

impl Pair {
    pub(super) async fn of(
        left: (&Arc<dyn Side>, &str),
        right: (&Arc<dyn Side>, &str),
        wanted: &Wanted,
    ) -> Self {
        let (here, there) = (relation(&**left.0, left.1).await, relation(&**right.0, right.1).await);
        let abouts = (left.0.about().await.expect("about"), right.0.about().await.expect("about"));
        let plan = plan_table((&here, &abouts.0), (&there, &abouts.1), wanted).expect("a plan");
        Self {
            left: Arc::clone(left.0),
            right: Arc::clone(right.0),
            left_order: plan.left_order(),
            right_order: plan.right_order(),
        }
    }

    /// The rows that differ, by key, found in the three ways there are, which all have to say the same; and what is
    /// shown of them.
    pub(super) async fn differences(&self) -> Vec<(Vec<Option<String>>, Odd)> {
        let (here, there) = (
            tallies(&*self.left, &self.left_order).await.expect("tally"),
            tallies(&*self.right, &self.right_order).await.expect("tally"),
        );
        let blocks = here.unlike(&there);
        let of_blocks = self.paired(Some(&blocks)).await;
        let of_all = self.paired(None).await;
        assert_eq!(of_blocks, of_all, "{:?}", self.left_order);
        let keys: Vec<Key> = of_all.keys().cloned().collect();
        for (side, order, which) in
            [(&self.left, &self.left_order, Which::Left), (&self.right, &self.right_order, Which::Right)]
        {
            let rows = side.rows(order, &keys).await.expect("rows");
            let mut found: Vec<(Key, u64)> = rows.iter().map(|row| (row.key.clone(), row.hash)).collect();
            found.sort();
            let hashes = |odd: &Odd| match which {
                Which::Left => odd.left.clone(),
                Which::Right => odd.right.clone(),
            };
            let mut expected: Vec<(Key, u64)> = of_all
                .iter()
                .flat_map(|(key, odd)| hashes(odd).into_iter().map(|hash| (key.clone(), hash)))
                .collect();
            expected.sort();
            if order.key.is_empty() {
                // One for each hash, also where the other side has more of the same.
                expected.dedup();
                let many = found.len();
                found.dedup();
                assert_eq!(many, found.len(), "{order:?}");
                found.retain(|one| expected.contains(one));
            }
            assert_eq!(found, expected, "{order:?}");
        }
        of_all.into_iter().map(|(key, odd)| (key.parts(), odd)).collect()
    }

    async fn paired(&self, blocks: Option<&BTreeSet<Block>>) -> std::collections::BTreeMap<Key, Odd> {
        let mut pairing = Pairing::default();
        let given = keys(&*self.left, &self.left_order, blocks).await.expect("keys");
        given.into_iter().for_each(|one| pairing.add(Which::Left, one.key, one.hash));
        let given = keys(&*self.right, &self.right_order, blocks).await.expect("keys");
        given.into_iter().for_each(|one| pairing.add(Which::Right, one.key, one.hash));
        pairing.finish()
    }

    /// The row on the left with a key.
    pub(super) async fn left_row(&self, key: &Key) -> Row {
        let rows = self.left.rows(&self.left_order, std::slice::from_ref(key)).await.expect("rows");
        rows.into_iter().next().expect("a row")
    }
}

pub(super) async fn tallies(side: &dyn Side, order: &TableOrder) -> Result<Tallies, DriverError> {
    let mut all = Tallies::default();
    for piece in 0..side.pieces(order).await? {
        all.extend(side.tally(order, piece).await?);
    }
    Ok(all)
}

pub(super) async fn keys(
    side: &dyn Side,
    order: &TableOrder,
    blocks: Option<&BTreeSet<Block>>,
) -> Result<Vec<Hashed>, DriverError> {
    let (sender, mut receiver) = mpsc::channel(2);
    let gathered = async {
        let mut all = Vec::new();
        while let Some(batch) = receiver.recv().await {
            all.extend(batch);
        }
        Ok(all)
    };
    let ((), all) = tokio::try_join!(side.keys(order, blocks, sender), gathered)?;
    Ok(all)
}

/// What differs between two tables of two databases.
pub(super) async fn differences(
    left: &str,
    right: &str,
    table: &str,
    wanted: &Wanted,
) -> Vec<Vec<Option<String>>> {
    let (here, there) = (side(&made(left)).await, side(&made(right)).await);
    let pair = Pair::of((&here, table), (&there, table), wanted).await;
    pair.differences().await.into_iter().map(|(key, _)| key).collect()
}

/// What a comparison draws, and what is told apart by it.
pub(super) fn seeded() -> Wanted {
    Wanted { seed: 0x0123_4567_89ab_cdef, ..Wanted::default() }
}
