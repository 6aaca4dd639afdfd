//! The pass: both sides at once, piece by piece, each adding up its blocks.

use std::sync::Mutex;

use backout_contract::compare::Side;
use backout_core::compare::{TableOrder, Tallies};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::held::Held;
use super::patient::Patient;
use super::{Comparing, End, Pass};

/// Adds up the blocks of both sides of a table.
pub(super) async fn pass(
    comparing: &Comparing<'_>,
    left: &TableOrder,
    right: &TableOrder,
    about: u64,
) -> Result<(Tallies, Tallies), End> {
    let done = Mutex::new(0_u64);
    let far = |rows: u64| {
        let Ok(mut done) = done.lock() else { return };
        *done += rows;
        let pass = Pass { table: name(left), work: "first pass", done: *done, of: (about * 2).max(*done) };
        comparing.tell(|listener| listener.far(&pass));
    };
    tokio::try_join!(
        of_side(comparing, &comparing.left, left, &far),
        of_side(comparing, &comparing.right, right, &far)
    )
}

/// The name of a table for people.
pub(super) fn name(order: &TableOrder) -> String {
    if order.schema.is_empty() { order.name.clone() } else { format!("{}.{}", order.schema, order.name) }
}

async fn of_side<'c>(
    comparing: &Comparing<'c>,
    patient: &Patient<'c>,
    order: &TableOrder,
    far: &impl Fn(u64),
) -> Result<Tallies, End> {
    let side: &dyn Side = patient.side;
    let pieces = patient.ask(|| side.pieces(order)).await.map_err(End::of)?;
    let held = Held::new(comparing, patient);
    let sum = Mutex::new((Tallies::default(), 0_u64));
    stream::iter(0..pieces)
        .map(Ok)
        .try_for_each_concurrent(comparing.order.ceiling.at_once.max(1), |piece| {
            let (held, sum) = (&held, &sum);
            async move {
                let rows = sum.lock().map(|sum| sum.1).unwrap_or_default();
                held.until_free(rows).await?;
                let found = patient.ask(|| side.tally(order, piece)).await.map_err(End::of)?;
                let rows = found.rows();
                if let Ok(mut sum) = sum.lock() {
                    sum.0.extend(found);
                    sum.1 += rows;
                }
                far(rows);
                comparing.go_on()
            }
        })
        .await?;
    Ok(sum.into_inner().map(|sum| sum.0).unwrap_or_default())
}
