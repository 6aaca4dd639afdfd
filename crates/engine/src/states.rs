//! Saved states in the vault. Small ones share a blob, so that ten thousand settings do not cost ten thousand
//! durable files; a large one has a blob of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use backout_core::checkpoint::BlobId;
use backout_core::name::ComponentName;
use serde_json::{Map, Value};

use crate::refusal::EngineError;
use crate::tools::Tools;

/// A state larger than this, in bytes of its text, is stored alone.
const LARGEST_SHARED: usize = 16 * 1024;
/// A shared blob is closed once it holds this many bytes.
const FULL: usize = 1024 * 1024;
/// The only key of a shared blob. No driver's state has it: states are named by component below it.
const SHARED: &str = "backout/states";

/// The shared blobs that were read last, so that one is not opened again for each of its states.
#[derive(Default)]
pub struct StateShelf(Mutex<BTreeMap<BlobId, Arc<Value>>>);

/// Stores states, and says for each component in which blob its state is.
///
/// # Errors
/// When the vault cannot store them.
pub(crate) async fn store(
    states: Vec<(ComponentName, Value)>,
    tools: &Tools,
) -> Result<BTreeMap<ComponentName, BlobId>, EngineError> {
    let mut stored = BTreeMap::new();
    let mut shared = Map::new();
    let mut size = 0;
    for (name, state) in states {
        let text = state.to_string();
        if text.len() > LARGEST_SHARED {
            stored.insert(name, tools.vault.put(text.as_bytes()).await?);
            continue;
        }
        size += text.len();
        shared.insert(name.to_string(), state);
        if size >= FULL {
            put_shared(&mut shared, &mut stored, tools).await?;
            size = 0;
        }
    }
    put_shared(&mut shared, &mut stored, tools).await?;
    Ok(stored)
}

async fn put_shared(
    shared: &mut Map<String, Value>,
    stored: &mut BTreeMap<ComponentName, BlobId>,
    tools: &Tools,
) -> Result<(), EngineError> {
    if shared.is_empty() {
        return Ok(());
    }
    let names: Vec<ComponentName> = shared.keys().filter_map(|name| ComponentName::new(name).ok()).collect();
    let whole = Value::Object(Map::from_iter([(SHARED.to_owned(), Value::Object(std::mem::take(shared)))]));
    let blob = tools.vault.put(whole.to_string().as_bytes()).await?;
    stored.extend(names.into_iter().map(|name| (name, blob)));
    Ok(())
}

/// Reads a component's saved state back; none where the component was absent.
///
/// # Errors
/// When the vault cannot give it, whole and as it was stored.
pub async fn saved_state(
    blob: Option<&BlobId>,
    component: &ComponentName,
    tools: &Tools,
) -> Result<Option<Value>, EngineError> {
    let Some(blob) = blob else { return Ok(None) };
    if let Some(whole) = tools.states.get(blob) {
        return pick(&whole, component);
    }
    let bytes = tools.vault.get(blob).await?;
    let whole: Value =
        serde_json::from_slice(&bytes).map_err(|cause| EngineError::Corrupt(cause.to_string()))?;
    if whole.get(SHARED).is_none() {
        return Ok(Some(whole));
    }
    let whole = Arc::new(whole);
    tools.states.keep(*blob, Arc::clone(&whole));
    pick(&whole, component)
}

fn pick(whole: &Value, component: &ComponentName) -> Result<Option<Value>, EngineError> {
    let state = whole.get(SHARED).and_then(|states| states.get(component.as_str())).cloned();
    state.map(Some).ok_or_else(|| EngineError::Corrupt(format!("the vault has no state of `{component}`")))
}

impl StateShelf {
    fn get(&self, blob: &BlobId) -> Option<Arc<Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(blob).cloned()
    }

    fn keep(&self, blob: BlobId, whole: Arc<Value>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(blob, whole);
    }
}
