//! One look at the named values, with or without what is needed to make the whole file again.

use std::collections::BTreeMap;
use std::path::Path;

use backout_contract::{Captured, Context, Depth, DriverError, ErrorKind};
use backout_core::checkpoint::DataPart;
use backout_core::secret::Secret;

use crate::config::Chosen;
use crate::file::{Content, read};
use crate::format::find;
use crate::state::{Held, ValuesState};
use crate::trouble::{of_vault, unfit};

/// The name of the part that holds the whole file, for the time when it is gone.
pub(crate) const WHOLE: &str = "file";

/// The name of an empty part that says that there was no file, where none of the values was there. Without it, what
/// was made since is emptied of the values and stays.
pub(crate) const NO_FILE: &str = "no-file";

/// A file that was looked at, with the named values in it.
pub(crate) struct Look {
    pub(crate) content: Content,
    pub(crate) values: BTreeMap<String, Held>,
}

/// Looks at the file; none where none is.
pub(crate) fn look(path: &Path, chosen: &Chosen) -> Result<Option<Look>, DriverError> {
    let Some(content) = read(path)? else { return Ok(None) };
    let values = find(chosen, &content.bytes).map_err(|why| unfit(path, &why))?;
    Ok(Some(Look { content, values }))
}

/// Captures the named values. They are absent when none of them is in the file, whether there is a file or not.
pub(crate) async fn capture(
    context: &Context,
    path: &Path,
    chosen: &Chosen,
    depth: Depth,
) -> Result<Captured<ValuesState>, DriverError> {
    let mut captured = Captured { state: None, identity: None, data: Vec::new() };
    let Some(look) = look(path, chosen)? else {
        if depth == Depth::Keep {
            captured.data.push(stored(context, NO_FILE, b"").await?);
        }
        return Ok(captured);
    };
    if look.values.is_empty() {
        return Ok(captured);
    }
    let mut state = ValuesState { values: look.values, file: look.content.facts, salt: None };
    if depth == Depth::Keep {
        state.salt = Some(draw_salt()?);
        captured.data.push(stored(context, WHOLE, &look.content.bytes).await?);
    }
    captured.state = Some(state);
    Ok(captured)
}

async fn stored(context: &Context, name: &str, bytes: &[u8]) -> Result<DataPart, DriverError> {
    let blob = context.vault.put(bytes).await.map_err(of_vault)?;
    Ok(DataPart { name: name.to_owned(), blob, bytes: bytes.len() as u64 })
}

/// 32 random bytes in hexadecimal digits.
fn draw_salt() -> Result<Secret, DriverError> {
    let mut bytes = [0u8; 32];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    match filled {
        Ok(count) if count == bytes.len() => {
            Ok(Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
        }
        Ok(_) => Err(DriverError::new(ErrorKind::Other, "draw random bytes").nothing_happened()),
        Err(error) => Err(DriverError::io("draw random bytes", error.into()).nothing_happened()),
    }
}
