//! What goes wrong in real file systems, and must not.

mod link;
mod swap;
mod tree;

use std::path::Path;
use std::sync::Arc;

use backout_conformance::{Bench, Looked, World, configure};
use backout_contract::{Depth, Driver, DriverError, Effect, SessionDyn, StepOrder};
use serde_json::Value;

/// A bench with its world set up, and what was saved of it.
pub async fn saved<W: World>() -> (Bench<W>, Looked) {
    let bench = Bench::<W>::new("").await;
    bench.world.set_up().await;
    let saved = bench.look(Depth::Keep).await.unwrap();
    (bench, saved)
}

/// The one step from what is there to what was saved.
pub async fn step<W: World>(bench: &Bench<W>, saved: &Looked) -> StepOrder<Value> {
    let live = bench.look(Depth::Look).await.unwrap();
    let mut orders = bench.orders(saved, &live).unwrap();
    assert_eq!(orders.len(), 1);
    orders.remove(0)
}

/// Goes back and looks that it was worth it.
pub async fn put_back<W: World>(bench: &Bench<W>, saved: &Looked) {
    let step = step(bench, saved).await;
    let effect = bench.revert(&step).await.unwrap();
    assert!(matches!(effect, Effect::Applied { .. }), "{effect:?}");
    let live = bench.look(Depth::Look).await.unwrap();
    assert_eq!(live.seen, saved.seen);
}

/// A session over the folder of a bench with other keys.
pub async fn session_with<D: Driver, W: World>(
    bench: &Bench<W>,
    keys: &str,
) -> Result<Arc<dyn SessionDyn>, DriverError> {
    configure::<D>(keys).unwrap().connect(&bench.context()).await
}

/// What an error says, hints included.
pub fn said(error: &DriverError) -> String {
    format!("{} | {}", error.chain(), error.hints.join(" | "))
}

/// Kind, mode, times and inode of everything below a path.
pub fn full_listing(path: &Path) -> Vec<String> {
    let there = path.symlink_metadata().unwrap();
    let mut lines = vec![told(path)];
    if there.is_dir() {
        let mut inner: Vec<_> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        inner.sort();
        lines.extend(inner.iter().flat_map(|path| full_listing(path)));
    }
    lines
}

fn told(path: &Path) -> String {
    use std::os::unix::fs::MetadataExt;
    let there = path.symlink_metadata().unwrap();
    let (mode, node) = (there.mode(), there.ino());
    let times = [there.mtime(), there.mtime_nsec(), there.ctime(), there.ctime_nsec()];
    format!("{} {mode:o} {times:?} node {node}", path.display())
}

/// The times of reading of some paths. Asking for them changes none, which listing a folder would.
pub fn times_of_reading(paths: &[std::path::PathBuf]) -> Vec<std::time::SystemTime> {
    paths.iter().map(|path| path.symlink_metadata().unwrap().accessed().unwrap()).collect()
}
