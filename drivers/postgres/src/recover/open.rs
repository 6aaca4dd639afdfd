//! Conflicts that wait for a person, in the put-back database.

use bytes::{Bytes, BytesMut};
use futures_util::SinkExt;

use super::natives::array;
use super::stage::escape;
use super::told::Telling;
use crate::server::{Fault, Link};

/// Keeps conflicts that wait for a person, with all versions of their rows.
pub(super) async fn keep_open(link: &Link, source: &str, table: &str, open: &[Telling]) -> Result<(), Fault> {
    if open.is_empty() {
        return Ok(());
    }
    let sink = link
        .copy_in::<_, Bytes>(
            "COPY _backout.conflict (source, number, tab, key, cause, columns, before, recorded, restored) FROM STDIN",
        )
        .await?;
    let mut sink = Box::pin(sink);
    let mut piece = BytesMut::new();
    for telling in open {
        let number = telling.numbers.first().copied().unwrap_or_default().to_string();
        let columns = array(telling.columns());
        let cells = [source, &number, table, &telling.key_shown(), &telling.cause(), &columns];
        for cell in cells {
            escape(&mut piece, cell);
            piece.extend_from_slice(b"\t");
        }
        for (at, version) in telling.versions().iter().enumerate() {
            if at > 0 {
                piece.extend_from_slice(b"\t");
            }
            // NUL cannot stand in JSON here, nor in any text of a row.
            if version.is_null() {
                piece.extend_from_slice(b"\\N")
            } else {
                escape(&mut piece, &version.to_string())
            }
        }
        piece.extend_from_slice(b"\n");
        if piece.len() > 128 * 1024 {
            sink.send(piece.split().freeze()).await?;
        }
    }
    sink.send(piece.freeze()).await?;
    sink.as_mut().finish().await?;
    Ok(())
}
