//! Rows as `COPY … TO STDOUT (FORMAT binary)` gives them: the fastest way out of a server, with bounded memory.

use std::pin::pin;

use backout_contract::DriverError;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::StreamExt;

use super::message::garbled;
use crate::server::{Fault, Link, Pace};

/// How many rows pass between two looks at the clock.
const ROWS: u64 = 4096;

/// Hands every row of a query to `each`: its fields, none where NULL.
///
/// # Errors
/// Those of the server, and of `each`.
pub(super) async fn rows(
    link: &Link,
    query: &str,
    pace: &Pace,
    mut each: impl FnMut(&[Option<&[u8]>]) -> Result<(), DriverError>,
) -> Result<(), Fault> {
    let mut stream = pin!(link.copy_out(&format!("COPY ({query}) TO STDOUT (FORMAT binary)")).await?);
    let mut rest = BytesMut::new();
    let (mut is_begun, mut count) = (false, 0_u64);
    while let Some(chunk) = stream.next().await {
        let mut chunk: Bytes = chunk?;
        if !rest.is_empty() {
            rest.extend_from_slice(&chunk);
            chunk = rest.split().freeze();
        }
        if !is_begun {
            // A signature, flags, and an extension that nobody uses.
            if chunk.len() < 19 {
                rest.extend_from_slice(&chunk);
                continue;
            }
            chunk.advance(19);
            is_begun = true;
        }
        loop {
            let mut fields: [Option<&[u8]>; 12] = [None; 12];
            let Some((read, length)) = row(&chunk, &mut fields)? else { break };
            if let Some(read) = read {
                each(fields.get(..read).unwrap_or_default())?;
            }
            chunk.advance(length);
            count += 1;
            if count.is_multiple_of(ROWS) {
                pace.check("read recorded writes")?;
            }
        }
        rest.extend_from_slice(&chunk);
    }
    Ok(())
}

/// A row, and how long it is; none where it is not there as a whole. The end is a row of none.
#[allow(clippy::type_complexity)]
fn row<'a>(
    bytes: &'a [u8],
    fields: &mut [Option<&'a [u8]>],
) -> Result<Option<(Option<usize>, usize)>, DriverError> {
    let Some(count) = bytes.first_chunk::<2>() else { return Ok(None) };
    let Ok(count) = usize::try_from(i16::from_be_bytes(*count)) else { return Ok(Some((None, 2))) };
    let mut at = 2;
    for field in 0..count {
        let Some(length) = bytes.get(at..).and_then(|bytes| bytes.first_chunk::<4>()) else {
            return Ok(None);
        };
        at += 4;
        let place = fields.get_mut(field).ok_or_else(garbled)?;
        match usize::try_from(i32::from_be_bytes(*length)) {
            Err(_) => *place = None,
            Ok(length) => {
                let Some(value) = bytes.get(at..at + length) else { return Ok(None) };
                *place = Some(value);
                at += length;
            }
        }
    }
    Ok(Some((Some(count), at)))
}
