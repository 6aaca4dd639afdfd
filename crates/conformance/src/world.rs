//! What a driver's test says about the thing that its driver puts back.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use backout_contract::{Door, Driver};
use backout_core::writes::Tally;

use crate::listing::{self, Detail};
use crate::readable;

/// Whether the world could do what the suite asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is done.
    Made,
    /// This kind of thing cannot be treated so, for this reason; the cases that need it do not apply.
    Impossible(&'static str),
}

/// A small real thing of the driver's kind, and what people do to it.
///
/// Every case makes a world of its own, and cases run side by side: two worlds must not share a folder, a port
/// or a name. Methods panic when they cannot do what they promise; a world is test code.
#[async_trait]
pub trait World: Send + Sync + Sized + 'static {
    /// The driver that is tested.
    type Driver: Driver;

    /// Whether the thing lives outside this process, so that another process can go on with it. Only a simulated
    /// thing says no; its reverts are dropped half-way instead of killed.
    const LIVES_OUTSIDE: bool = true;

    /// Why going back takes no steps: what the migration did is undone by closing and opening the door. None for a
    /// kind with steps. Cases about single steps then do not apply, and the shape may move with the door.
    const WITHOUT_STEPS: Option<&'static str> = None;

    /// How finely the kind tells when a thing was started, with a margin.
    const START_GRAIN: Duration = Duration::from_millis(50);

    /// Whether a state also tells the moment at which it was taken (a position in a log that others write to as well), so
    /// that two looks at one thing bring back states that only compare as equal.
    const TELLS_THE_MOMENT: bool = false;

    /// How many kills a case strikes at most, unless every one is asked for. Fewer than the suite's own number where each
    /// takes seconds.
    const MOST_KILLS: usize = usize::MAX;

    /// A world of its own, with nothing in it yet.
    async fn new() -> Self;

    /// The folder of the migration file: relative paths of [`config`](World::config) start here.
    fn root(&self) -> &Path;

    /// The component's own keys as they would stand in a migration file, without indentation.
    fn config(&self) -> String;

    /// The environment in which `${env:NAME}` is resolved.
    fn environment(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// Makes the thing as it stood before the migration; also where [`remove`](World::remove) took it away. With
    /// a door: open, and users come in.
    async fn set_up(&self);

    /// Changes its shape, as a migration does.
    async fn migrate(&self);

    /// Somebody changes its shape again after the migration: neither what `set_up` nor what `migrate` left. Nothing
    /// for kinds [without steps](World::WITHOUT_STEPS): there is no step that could meet it.
    async fn drift(&self);

    /// Users write data: the position moves, the shape stays. Works before and after `migrate`, and each call
    /// moves the position again.
    async fn write(&self) -> Change;

    /// Users write, and each write is one that a recorder must see: some are inserted, some changed, some deleted.
    /// How many of each; none where the kind records nothing. Works before and after `migrate`, again and again.
    async fn write_as_user(&self) -> Option<Tally> {
        None
    }

    /// The migration writes some rows, and says by the driver's own way that they are its own. How many; none where
    /// there is no such way.
    async fn write_as_migration(&self) -> Option<u64> {
        None
    }

    /// A migration makes something anew that is recorded, and thereby takes its recorder away.
    async fn rebuild(&self) -> Change {
        Change::Impossible("nothing of this kind can be rebuilt")
    }

    /// Somebody takes a recorder away behind our back.
    async fn drop_recorder(&self) -> Change {
        Change::Impossible("nobody can take a recorder of this kind away")
    }

    /// What is left of recorders, by a way that the driver does not use; [`contents`](World::contents) leaves it out.
    async fn recorders(&self) -> Vec<String> {
        Vec::new()
    }

    /// The thing disappears.
    async fn remove(&self) -> Change;

    /// The thing is damaged so that nobody can read it.
    async fn corrupt(&self) -> Change;

    /// From now on the thing and the configuration bear [`HOSTILE_NAMES`](crate::HOSTILE_NAMES) wherever they
    /// bear names. Called before `set_up`.
    async fn become_hostile(&self) -> Change;

    /// Values that the driver reads and that must appear in no text; put by `set_up`, `migrate` and `drift`.
    fn secrets(&self) -> Vec<String>;

    /// What a revert has to bring back exactly, read by a way that the driver does not use. Left out is what the
    /// driver does not promise (times, process numbers) and what Backout keeps beside.
    ///
    /// The default lists the files below the root, with owners and modes, without times.
    async fn contents(&self) -> BTreeMap<String, String> {
        listing::list(self.root(), Detail::Content)
    }

    /// Everything that a mere look could disturb, times included, and what Backout keeps beside too.
    ///
    /// The default lists the files below the root.
    async fn traces(&self) -> BTreeMap<String, String> {
        listing::list(self.root(), Detail::Everything)
    }

    /// Everybody may read the thing and nobody may write it, until [`let_write`](World::let_write).
    async fn let_read_only(&self) -> Change {
        readable::for_all_writable_for_none(self.root());
        Change::Made
    }

    /// Takes [`let_read_only`](World::let_read_only) back as far as going on needs it.
    async fn let_write(&self) {
        readable::writable_for_owner(self.root());
    }

    /// Whether what `migrate` left is kept whole at a place that the driver named as displaced.
    async fn is_kept(&self, place: &str) -> bool {
        self.root().join(place).symlink_metadata().is_ok()
    }

    /// Whether users come in, by a way that the driver does not use. Kinds with a door must say it.
    async fn door(&self) -> Option<Door> {
        None
    }

    /// What tells one start of the thing from the next (a process number with its start time). Kinds with a door
    /// must say it while the thing runs.
    async fn started(&self) -> Option<String> {
        None
    }
}
