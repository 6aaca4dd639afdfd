//! How far long calls are, for people who wait. Told as it goes and never recorded: nothing rests on it.

use std::fmt;
use std::sync::Arc;

use backout_core::name::ComponentName;

/// How far a call is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Far {
    /// Of which component.
    pub component: ComponentName,
    /// What is done, in a word or two (`dump`, `restore`).
    pub work: &'static str,
    /// How many bytes are done.
    pub done: u64,
    /// Of how many, as well as it is known.
    pub of: Option<u64>,
}

/// Where long calls say how far they are. The default is nowhere.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<dyn Fn(Far) + Send + Sync>>);

impl Progress {
    /// Tells whoever looks on.
    pub fn to(reader: impl Fn(Far) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(reader)))
    }

    /// Says how far a call is. Cheap where nobody looks on; some times a second is often enough.
    pub fn tell(&self, far: impl FnOnce() -> Far) {
        if let Some(reader) = &self.0 {
            reader(far());
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Progress(told)" } else { "Progress(silent)" })
    }
}
