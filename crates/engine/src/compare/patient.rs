//! A side whose connection may be lost on the way: what was asked is asked again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use backout_contract::compare::Side;
use backout_contract::{DriverError, ErrorKind};
use tokio::time::{Instant, sleep};

/// A side and what happened to its snapshots.
pub(super) struct Patient<'a> {
    pub(super) side: &'a dyn Side,
    patience: Duration,
    positions: Mutex<Vec<String>>,
    /// Counts snapshots, so that of several calls that lost one connection only the first renews it.
    snapshots: AtomicU32,
    renewing: tokio::sync::Mutex<()>,
}

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl<'a> Patient<'a> {
    pub(super) async fn new(side: &'a dyn Side, patience: Duration) -> Result<Self, DriverError> {
        let positions = side.position().await?.into_iter().collect();
        Ok(Self {
            side,
            patience,
            positions: Mutex::new(positions),
            snapshots: AtomicU32::new(0),
            renewing: tokio::sync::Mutex::new(()),
        })
    }

    pub(super) fn place(&self) -> String {
        self.side.place()
    }

    pub(super) fn positions(&self) -> Vec<String> {
        self.positions.lock().map(|all| all.clone()).unwrap_or_default()
    }

    /// How often a new snapshot was taken.
    pub(super) fn snapshots(&self) -> u32 {
        self.snapshots.load(Ordering::Relaxed)
    }

    /// Asks, and asks again over a new connection while this one is lost and our patience lasts.
    pub(super) async fn ask<T, F: Future<Output = Result<T, DriverError>>>(
        &self,
        question: impl Fn() -> F,
    ) -> Result<T, DriverError> {
        let began = Instant::now();
        loop {
            let snapshot = self.snapshots();
            let lost = match question().await {
                Err(error) if error.kind == ErrorKind::Unreachable => error,
                answered => return answered,
            };
            if began.elapsed() >= self.patience {
                return Err(lost);
            }
            self.found_lost(snapshot).await?;
        }
    }

    /// Comes back after a connection was found lost in that snapshot: with a new one, unless somebody took it already.
    pub(super) async fn found_lost(&self, snapshot: u32) -> Result<(), DriverError> {
        let mut pause = Duration::from_millis(100);
        let began = Instant::now();
        loop {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            match self.renew_after(snapshot).await {
                Err(error) if error.kind == ErrorKind::Unreachable && began.elapsed() < self.patience => {}
                other => return other.map(drop),
            }
        }
    }

    /// Takes a new snapshot; true when anything may have been written since the one before.
    pub(super) async fn renew(&self) -> Result<bool, DriverError> {
        let snapshot = self.snapshots();
        match self.renew_after(snapshot).await {
            Err(error) if error.kind == ErrorKind::Unreachable => {
                self.found_lost(snapshot).await.map(|()| true)
            }
            other => other,
        }
    }

    /// Takes a new snapshot, unless somebody did since that one.
    async fn renew_after(&self, snapshot: u32) -> Result<bool, DriverError> {
        let _alone = self.renewing.lock().await;
        if self.snapshots() != snapshot {
            return Ok(true);
        }
        let written = self.side.renew().await?;
        self.snapshots.fetch_add(1, Ordering::Relaxed);
        if let (Ok(Some(position)), Ok(mut positions)) = (self.side.position().await, self.positions.lock())
            && positions.last() != Some(&position)
        {
            positions.push(position);
        }
        Ok(written)
    }
}
