//! Rows as they come out of `COPY … (FORMAT binary)`, one at a time.

use std::ops::Range;
use std::pin::Pin;

use backout_contract::{DriverError, ErrorKind};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::StreamExt;
use tokio_postgres::{Client, CopyOutStream};

use crate::server::Fault;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// After the signature: flags, and the length of what else is in the header.
const HEADER: usize = SIGNATURE.len() + 8;

/// Rows of a query.
pub(super) struct Rows {
    stream: Pin<Box<CopyOutStream>>,
    /// What came and was not given yet.
    rest: Bytes,
    begun: bool,
    row: Bytes,
    cells: Vec<Option<Range<usize>>>,
}

impl Rows {
    /// Begins to read what a query gives. Every value comes in the binary form of its type, which for texts is the text.
    pub(super) async fn of(client: &Client, query: &str) -> Result<Self, Fault> {
        let stream = client.copy_out(&format!("COPY ({query}) TO STDOUT (FORMAT binary)")).await?;
        let (rest, row) = (Bytes::new(), Bytes::new());
        Ok(Self { stream: Box::pin(stream), rest, begun: false, row, cells: Vec::new() })
    }

    /// Goes on to the next row; false behind the last.
    pub(super) async fn next(&mut self) -> Result<bool, Fault> {
        loop {
            if !self.begun && self.rest.len() >= HEADER {
                if !self.rest.starts_with(SIGNATURE) {
                    return Err(garbled());
                }
                self.rest.advance(SIGNATURE.len() + 4);
                let more = usize::try_from(self.rest.get_i32()).map_err(|_| garbled())?;
                if self.rest.len() < more {
                    return Err(garbled());
                }
                self.rest.advance(more);
                self.begun = true;
            }
            if self.begun {
                match row_of(&self.rest, &mut self.cells) {
                    Found::Row(length) => {
                        self.row = self.rest.split_to(length);
                        return Ok(true);
                    }
                    Found::End => {
                        // The server says that all went well only after the last row.
                        while let Some(more) = self.stream.next().await {
                            more?;
                        }
                        return Ok(false);
                    }
                    Found::Part => {}
                }
            }
            match self.stream.next().await {
                Some(chunk) => self.take(chunk?),
                None => return Err(garbled()),
            }
        }
    }

    /// A server sends each row as one message, but promises no such thing.
    fn take(&mut self, chunk: Bytes) {
        if self.rest.is_empty() {
            self.rest = chunk;
            return;
        }
        let mut joined = BytesMut::with_capacity(self.rest.len() + chunk.len());
        joined.extend_from_slice(&self.rest);
        joined.extend_from_slice(&chunk);
        self.rest = joined.freeze();
    }

    /// The bytes of a value; none of a null.
    pub(super) fn cell(&self, at: usize) -> Option<&[u8]> {
        self.row.get(self.cells.get(at)?.clone()?)
    }

    /// How many values the row has.
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// All values of the row.
    pub(super) fn cells(&self) -> Vec<Option<&[u8]>> {
        (0..self.cells.len()).map(|at| self.cell(at)).collect()
    }

    /// A `bigint`.
    pub(super) fn number(&self, at: usize) -> Result<i64, Fault> {
        let bytes = self.cell(at).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
        bytes.map(i64::from_be_bytes).ok_or_else(garbled)
    }
}

enum Found {
    /// A whole row of so many bytes.
    Row(usize),
    /// The mark behind the last one.
    End,
    /// Not all of it is there yet.
    Part,
}

fn row_of(buffer: &[u8], cells: &mut Vec<Option<Range<usize>>>) -> Found {
    cells.clear();
    let Some(count) = buffer.first_chunk::<2>() else { return Found::Part };
    let Ok(count) = u16::try_from(i16::from_be_bytes(*count)) else { return Found::End };
    let mut at = 2;
    for _ in 0..count {
        let Some(length) = buffer.get(at..).and_then(|rest| rest.first_chunk::<4>()) else {
            return Found::Part;
        };
        at += 4;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            cells.push(None);
            continue;
        };
        if buffer.len() < at + length {
            return Found::Part;
        }
        cells.push(Some(at..at + length));
        at += length;
    }
    Found::Row(at)
}

pub(super) fn garbled() -> Fault {
    let error = DriverError::new(ErrorKind::Unreadable, "read rows from the server");
    Fault::Said(error.caused_by("they are not in the form that was asked for").nothing_happened())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_wherever_the_bytes_are_cut() {
        let mut bytes = vec![0, 2];
        bytes.extend_from_slice(&[0, 0, 0, 3, b'a', b'b', b'c']);
        bytes.extend_from_slice(&(-1_i32).to_be_bytes());
        let whole = bytes.len();
        bytes.extend_from_slice(&[0xff, 0xff]);
        let mut cells = Vec::new();
        for cut in 0..whole {
            assert!(matches!(row_of(&bytes[..cut], &mut cells), Found::Part), "{cut}");
        }
        assert!(matches!(row_of(&bytes, &mut cells), Found::Row(length) if length == whole));
        assert_eq!(cells, [Some(6..9), None]);
        assert!(matches!(row_of(&bytes[whole..], &mut cells), Found::End));
    }
}
