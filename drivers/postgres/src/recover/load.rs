//! Puts folded rows into their temporary table, in the binary form of `COPY`, which neither side has to take apart sign by
//! sign.

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::SinkExt;
use tokio_postgres::CopyInSink;

use backout_contract::{DriverError, ErrorKind};

use super::fold::{Cell, Folded, at};
use super::stage::{Numbers, Staged};
use crate::server::{Fault, Link};

/// How much is sent at once.
const PIECE: usize = 128 * 1024;

/// Columns of a staged row besides those of its slots.
const HEAD: usize = 10;

/// The object number of `bigint`.
const BIGINT: i32 = 20;

/// Rows under way.
pub(super) struct Loader {
    sink: std::pin::Pin<Box<CopyInSink<Bytes>>>,
    piece: BytesMut,
    /// Slots that any row touches, or knows after.
    touched: Vec<bool>,
    known: Vec<bool>,
}

/// One slot of a row.
struct Slot<'r> {
    touched: bool,
    base: Cell<&'r str>,
    last: Cell<&'r str>,
    /// Whether what is after stands in `rest`.
    is_apart: bool,
}

impl Loader {
    pub(super) async fn open(link: &Link, staged: &Staged) -> Result<Self, Fault> {
        let sink = link.copy_in(&format!("COPY {} FROM STDIN (FORMAT binary)", staged.rows_table())).await?;
        let mut piece = BytesMut::with_capacity(PIECE + 4096);
        piece.put_slice(b"PGCOPY\n\xff\r\n\0");
        piece.put_i64(0);
        let none = vec![false; staged.slots()];
        Ok(Self { sink: Box::pin(sink), piece, touched: none.clone(), known: none })
    }

    /// Adds a row.
    pub(super) async fn add<T: AsRef<str> + PartialEq>(
        &mut self,
        staged: &mut Staged,
        key: &[(usize, Option<&str>)],
        group: usize,
        folded: &Folded<T>,
        numbers: &Numbers,
        why: Option<&str>,
    ) -> Result<(), Fault> {
        staged.rows += 1;
        staged.is_linked |= numbers.is_linked;
        let slots = self.slots(staged, key, group, folded);
        let piece = &mut self.piece;
        put_count(piece, HEAD + 2 * slots.len())?;
        put(piece, &number(staged.rows)?.to_be_bytes())?;
        put(piece, &number(numbers.first)?.to_be_bytes())?;
        put_numbers(piece, &numbers.more)?;
        put(piece, &i16::try_from(group).map_err(|_| too_much())?.to_be_bytes())?;
        for mark in [numbers.is_linked, folded.base.is_none(), folded.last.is_none()] {
            put(piece, &[u8::from(mark)])?;
        }
        put_text(piece, why)?;
        put_bits(piece, &slots)?;
        put_rest(piece, slots.get(..staged.width).unwrap_or(&slots))?;
        for slot in &slots {
            put_text(piece, slot.base.text())?;
            put_text(piece, slot.last.text().filter(|_| !slot.is_apart))?;
        }
        if piece.len() >= PIECE {
            self.send().await?;
        }
        Ok(())
    }

    fn slots<'r, T: AsRef<str> + PartialEq>(
        &mut self,
        staged: &Staged,
        key: &[(usize, Option<&'r str>)],
        group: usize,
        folded: &'r Folded<T>,
    ) -> Vec<Slot<'r>> {
        let (born, gone) = (folded.base.is_none(), folded.last.is_none());
        let led = staged.groups.get(group).map_or(&[][..], Vec::as_slice);
        let slot = |(slot, (any_touched, any_known)): (usize, (&mut bool, &mut bool))| {
            let own = key.iter().find(|(key, _)| *key == slot);
            let (base, last) = (at(&folded.base, slot), at(&folded.last, slot));
            let touched = if born { last.is_known() } else { folded.differs(slot) };
            let last = match own.filter(|_| gone) {
                Some((_, Some(text))) => Cell::Text(*text),
                _ => last,
            };
            // What is before is of use where it was changed, or where nothing is after.
            let base = if (touched && !born) || (gone && own.is_none()) { base } else { Cell::Unknown };
            *any_touched |= touched;
            *any_known |= last.is_known();
            let is_key = own.is_some() || led.iter().any(|(led, _)| *led == slot);
            Slot { touched, base, last, is_apart: !touched && !is_key && slot < staged.width }
        };
        self.touched.iter_mut().zip(&mut self.known).enumerate().map(slot).collect()
    }

    async fn send(&mut self) -> Result<(), Fault> {
        let piece = self.piece.split().freeze();
        self.piece.reserve(PIECE + 4096);
        Ok(self.sink.send(piece).await?)
    }

    /// All of it is there.
    pub(super) async fn finish(mut self, staged: &mut Staged) -> Result<u64, Fault> {
        let slots =
            |any: &[bool]| (0..any.len()).filter(|slot| any.get(*slot) == Some(&true)).collect::<Vec<_>>();
        staged.touched.extend(slots(&self.touched));
        staged.known.extend(slots(&self.known));
        self.piece.put_i16(-1);
        self.send().await?;
        Ok(self.sink.as_mut().finish().await?)
    }
}

fn too_much() -> DriverError {
    DriverError::new(ErrorKind::BadData, "put a recorded row into the target")
        .caused_by("it is longer than a server takes")
        .nothing_happened()
}

fn number(number: u64) -> Result<i64, DriverError> {
    i64::try_from(number)
        .map_err(|_| DriverError::new(ErrorKind::BadData, "read the number of a recorded change"))
}

fn length(bytes: usize) -> Result<i32, DriverError> {
    i32::try_from(bytes).map_err(|_| too_much())
}

fn put_count(piece: &mut BytesMut, columns: usize) -> Result<(), DriverError> {
    piece.put_i16(i16::try_from(columns).map_err(|_| too_much())?);
    Ok(())
}

fn put(piece: &mut BytesMut, value: &[u8]) -> Result<(), DriverError> {
    piece.put_i32(length(value.len())?);
    piece.put_slice(value);
    Ok(())
}

fn put_text(piece: &mut BytesMut, text: Option<&str>) -> Result<(), DriverError> {
    match text {
        Some(text) => put(piece, text.as_bytes())?,
        None => piece.put_i32(-1),
    }
    Ok(())
}

/// An array, or NULL for none.
fn put_numbers(piece: &mut BytesMut, numbers: &[u64]) -> Result<(), DriverError> {
    if numbers.is_empty() {
        piece.put_i32(-1);
        return Ok(());
    }
    piece.put_i32(length(20 + 12 * numbers.len())?);
    for word in [1, 0, BIGINT, length(numbers.len())?, 1] {
        piece.put_i32(word);
    }
    for more in numbers {
        put(piece, &number(*more)?.to_be_bytes())?;
    }
    Ok(())
}

/// Which slots are touched, known before, known after.
fn put_bits(piece: &mut BytesMut, slots: &[Slot<'_>]) -> Result<(), DriverError> {
    let bits = 3 * slots.len();
    piece.put_i32(length(4 + bits.div_ceil(8))?);
    piece.put_i32(length(bits)?);
    let touched = slots.iter().map(|slot| slot.touched);
    let before = slots.iter().map(|slot| slot.base.is_known());
    let after = slots.iter().map(|slot| slot.last.is_known());
    let (mut byte, mut room) = (0u8, 8);
    for bit in touched.chain(before).chain(after) {
        room -= 1;
        byte |= u8::from(bit) << room;
        if room == 0 {
            piece.put_u8(byte);
            (byte, room) = (0, 8);
        }
    }
    if room < 8 {
        piece.put_u8(byte);
    }
    Ok(())
}

/// The texts that stand apart, as an array by slots; NULL where there are none.
fn put_rest(piece: &mut BytesMut, slots: &[Slot<'_>]) -> Result<(), DriverError> {
    if !slots.iter().any(|slot| slot.is_apart && slot.last.text().is_some()) {
        piece.put_i32(-1);
        return Ok(());
    }
    let start = piece.len();
    piece.put_i32(0);
    for (nth, slot) in slots.iter().enumerate() {
        piece.put_u8(if nth == 0 { b'{' } else { b',' });
        match slot.last.text().filter(|_| slot.is_apart) {
            None => piece.put_slice(b"NULL"),
            Some(text) => {
                piece.put_u8(b'"');
                put_quoted(piece, text);
                piece.put_u8(b'"');
            }
        }
    }
    piece.put_u8(b'}');
    let bytes = length(piece.len() - start - 4)?;
    if let Some(place) = piece.get_mut(start..start + 4) {
        place.copy_from_slice(&bytes.to_be_bytes());
    }
    Ok(())
}

/// A text within the quotes of an array.
fn put_quoted(piece: &mut BytesMut, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(next) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
        let (plain, after) = rest.split_at(next);
        piece.put_slice(plain);
        piece.put_u8(b'\\');
        piece.put_slice(after.get(..1).unwrap_or_default());
        rest = after.get(1..).unwrap_or_default();
    }
    piece.put_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot<'r>(last: Cell<&'r str>, touched: bool, is_apart: bool) -> Slot<'r> {
        Slot { touched, base: Cell::Unknown, last, is_apart }
    }

    #[test]
    fn what_stands_apart_is_an_array_by_slots() {
        let slots = [
            slot(Cell::Text("key"), false, false),
            slot(Cell::Text("a\"\\b, {c}"), false, true),
            slot(Cell::Null, false, true),
            slot(Cell::Text(""), false, true),
            slot(Cell::Text("new"), true, false),
        ];
        let mut piece = BytesMut::new();
        put_rest(&mut piece, &slots).unwrap();
        let text = r#"{NULL,"a\"\\b, {c}",NULL,"",NULL}"#;
        assert_eq!(&piece[..4], &i32::try_from(text.len()).unwrap().to_be_bytes());
        assert_eq!(std::str::from_utf8(&piece[4..]).unwrap(), text);
        piece.clear();
        put_rest(&mut piece, &slots[2..3]).unwrap();
        assert_eq!(&piece[..], &(-1_i32).to_be_bytes(), "nothing stands there");
    }

    #[test]
    fn bits_are_those_of_all_slots_section_by_section() {
        let slots = [
            slot(Cell::Text("1"), true, false),
            slot(Cell::Unknown, false, false),
            slot(Cell::Null, false, true),
        ];
        let mut piece = BytesMut::new();
        put_bits(&mut piece, &slots).unwrap();
        assert_eq!(&piece[..], &[0, 0, 0, 6, 0, 0, 0, 9, 0b1000_0010, 0b1000_0000]);
    }
}
