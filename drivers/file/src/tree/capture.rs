//! One look at a tree, with or without its data.

use std::path::{Path, PathBuf};

use backout_contract::{Captured, Context, Depth, DriverError, ErrorKind};

use super::content::{read, state_of};
use super::keep::keep;
use super::selector::Selector;
use super::state::TreeState;
use super::walk::{Outline, Trouble, walk};
use crate::displaced::{Places, is_there};
use crate::judge::Found;
use crate::pace::{Pace, blocking};
use crate::trouble::shown;

/// How often a tree is read again when somebody writes to it meanwhile.
const TRIES: usize = 3;

/// A tree as it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) state: TreeState,
    /// Tells whether anybody changed it since.
    pub(super) outline: Outline,
}

/// Captures a tree, as deep as is asked.
pub(super) async fn capture(
    context: &Context,
    root: &Path,
    selector: &Selector,
    depth: Depth,
) -> Result<Captured<TreeState>, DriverError> {
    let (state, data) = match depth {
        Depth::Look => (look(context, root, selector).await?.map(|look| look.state), Vec::new()),
        Depth::Keep => keep(context, root, selector).await?,
    };
    Ok(Captured { state, identity: None, data })
}

/// Captures what the run of a call displaced, with its data: the tree that stood at its place when the run put the
/// saved one there. A run displaces once; what it finds displaced already, it never exchanges again.
pub(super) async fn capture_displaced(
    context: &Context,
    target: &Path,
    selector: &Selector,
) -> Result<Option<Captured<TreeState>>, DriverError> {
    let displaced = Places::of(target, context)?.displaced;
    if !is_there(&displaced)? {
        return Ok(None);
    }
    let looked = keep(context, &displaced, selector).await;
    let kept = looked.map(|(state, data)| state.map(|state| (state, data)));
    Ok(match Found::from_look(kept)? {
        Found::Present((state, data)) => Some(Captured { state: Some(state), identity: None, data }),
        Found::Absent | Found::Unreadable(_) => None,
    })
}

/// Looks at a tree and digests what is in its files.
pub(super) async fn look(
    context: &Context,
    root: &Path,
    selector: &Selector,
) -> Result<Option<Look>, DriverError> {
    let pace = Pace::of(context);
    let (root, selector) = (root.to_owned(), selector.clone());
    blocking(move || look_now(&root, &selector, &pace)).await
}

/// The same, where waiting for disks is allowed.
pub(super) fn look_now(root: &Path, selector: &Selector, pace: &Pace) -> Result<Option<Look>, DriverError> {
    let mut tries = Tries::default();
    loop {
        let attempt = walk(root, selector, pace).and_then(|outline| {
            let Some(outline) = outline else { return Ok(None) };
            let state = state_of(&outline, |seen| read(root, seen, pace, &mut |_| Ok(())))?;
            Ok(Some(Look { state, outline }))
        });
        match attempt {
            Ok(look) => return Ok(look),
            Err(trouble) => tries.again(trouble)?,
        }
    }
}

/// Counts how often a tree was changed while it was read.
#[derive(Default)]
pub(super) struct Tries(usize);

impl Tries {
    /// Lets the look be taken again, or says why not.
    pub(super) fn again(&mut self, trouble: Trouble) -> Result<(), DriverError> {
        let path: PathBuf = match trouble {
            Trouble::Failed(error) => return Err(error),
            Trouble::Changed(path) => path,
        };
        self.0 += 1;
        if self.0 < TRIES {
            return Ok(());
        }
        let error =
            DriverError::new(ErrorKind::Locked, format!("read {} while it keeps changing", shown(&path)));
        Err(error.hint("stop what writes to it, or leave it alone with `exclude`").nothing_happened())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_that_keeps_changing_is_locked_in_the_end() {
        let mut tries = Tries::default();
        for _ in 1..TRIES {
            tries.again(Trouble::Changed("/srv/site/busy".into())).unwrap();
        }
        let error = tries.again(Trouble::Changed("/srv/site/busy".into())).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Locked);
        assert!(error.to_string().contains("/srv/site/busy") && !error.hints.is_empty());
        let failed = DriverError::new(ErrorKind::Denied, "open it");
        assert_eq!(Tries::default().again(Trouble::Failed(failed)).unwrap_err().kind, ErrorKind::Denied);
    }
}
