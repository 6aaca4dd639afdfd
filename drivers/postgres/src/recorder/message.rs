//! The messages in which changes are told: those of `pgoutput`, protocol 1, whoever wrote them.

use backout_contract::{DriverError, ErrorKind};

use super::change::{Image, Value};

/// One message.
#[derive(Debug)]
pub(super) enum Message<'a> {
    /// A transaction begins; the lower half of its number.
    Begin { transaction: u32 },
    /// It ends.
    Commit,
    /// It came from elsewhere, under this name.
    Origin(&'a str),
    /// What a number of a relation stands for from here on.
    Relation(Layout<'a>),
    /// A row was born.
    Insert { relation: u32, after: Tuple<'a> },
    /// A row was changed.
    Update { relation: u32, before: Option<Tuple<'a>>, after: Tuple<'a> },
    /// A row was deleted.
    Delete { relation: u32, before: Tuple<'a> },
    /// Tables were emptied.
    Truncate { relations: Vec<u32> },
    /// Names of types, and what others said.
    Other,
}

/// A relation with its columns.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    pub(super) relation: u32,
    pub(super) schema: &'a str,
    pub(super) name: &'a str,
    /// Its replica identity: without `f`, what a row was is known in part.
    pub(super) identity: u8,
    /// Each column.
    pub(super) columns: Vec<Shape<'a>>,
}

/// A column of a relation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape<'a> {
    pub(super) name: &'a str,
    /// Whether it is told of a row that is told by its key.
    pub(super) is_key: bool,
    pub(super) kind: u32,
    pub(super) modifier: i32,
}

/// A row, not taken apart yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tuple<'a>(&'a [u8]);

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn u32(&mut self) -> Option<u32> {
        self.number().map(u32::from_be_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.number().map(u16::from_be_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = std::str::from_utf8(self.take(end)?).ok()?;
        self.byte()?;
        Some(text)
    }

    /// Steps over a row.
    fn tuple(&mut self) -> Option<Tuple<'a>> {
        let start = self.0;
        for _ in 0..self.u16()? {
            if let b't' | b'b' = self.byte()? {
                let length = self.u32()?;
                self.take(usize::try_from(length).ok()?)?;
            }
        }
        start.get(..start.len() - self.0.len()).map(Tuple)
    }
}

impl<'a> Message<'a> {
    /// Takes a message apart.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, DriverError> {
        Self::read(bytes).ok_or_else(garbled)
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        Some(match bytes.byte()? {
            b'I' => {
                let relation = bytes.u32()?;
                bytes.byte().filter(|byte| *byte == b'N')?;
                Self::Insert { relation, after: bytes.tuple()? }
            }
            b'U' => {
                let relation = bytes.u32()?;
                let before = match bytes.byte()? {
                    b'K' | b'O' => {
                        let before = bytes.tuple()?;
                        bytes.byte().filter(|byte| *byte == b'N')?;
                        Some(before)
                    }
                    b'N' => None,
                    _ => return None,
                };
                Self::Update { relation, before, after: bytes.tuple()? }
            }
            b'D' => {
                let relation = bytes.u32()?;
                bytes.byte().filter(|byte| matches!(byte, b'K' | b'O'))?;
                Self::Delete { relation, before: bytes.tuple()? }
            }
            b'B' => {
                bytes.take(16)?;
                Self::Begin { transaction: bytes.u32()? }
            }
            b'C' => Self::Commit,
            b'O' => {
                bytes.take(8)?;
                Self::Origin(bytes.text()?)
            }
            b'R' => {
                let relation = bytes.u32()?;
                let (schema, name) = (bytes.text()?, bytes.text()?);
                let identity = bytes.byte()?;
                let mut columns = Vec::new();
                for _ in 0..bytes.u16()? {
                    let is_key = bytes.byte()? & 1 == 1;
                    let (name, kind) = (bytes.text()?, bytes.u32()?);
                    let modifier = bytes.number().map(i32::from_be_bytes)?;
                    columns.push(Shape { name, is_key, kind, modifier });
                }
                Self::Relation(Layout { relation, schema, name, identity, columns })
            }
            b'T' => {
                let count = bytes.u32()?;
                bytes.byte()?;
                Self::Truncate { relations: (0..count).map(|_| bytes.u32()).collect::<Option<_>>()? }
            }
            b'Y' | b'M' => Self::Other,
            _ => return None,
        })
    }
}

impl Tuple<'_> {
    /// The values, one for each column. Of a row that is known by its key alone the others are none.
    ///
    /// # Errors
    /// When there are not as many as the relation has columns, or one is no text.
    pub(super) fn image(self, columns: usize, is_key: bool) -> Result<Image, DriverError> {
        self.read(columns, is_key).ok_or_else(garbled)
    }

    fn read(self, columns: usize, is_key: bool) -> Option<Image> {
        let mut bytes = Bytes(self.0);
        if usize::from(bytes.u16()?) != columns {
            return None;
        }
        let mut image = Vec::with_capacity(columns);
        for _ in 0..columns {
            image.push(match bytes.byte()? {
                b'n' if is_key => None,
                b'n' => Some(Value::Null),
                b'u' => Some(Value::Untouched),
                b't' => {
                    let length = bytes.u32()?;
                    let value = bytes.take(usize::try_from(length).ok()?)?;
                    Some(Value::Text(std::str::from_utf8(value).ok()?.into()))
                }
                _ => return None,
            });
        }
        Some(image)
    }
}

/// Something that was recorded is not what it should be.
pub(super) fn garbled() -> DriverError {
    DriverError::new(ErrorKind::BadData, "read recorded writes")
        .caused_by("a message of the recorder cannot be understood")
        .nothing_happened()
}

/// Writes messages, for recorders other than a slot.
pub(super) mod write {
    /// A transaction begins.
    pub(crate) fn begin(transaction: u64, into: &mut Vec<u8>) {
        into.clear();
        into.push(b'B');
        into.extend_from_slice(&[0; 16]);
        #[allow(clippy::cast_possible_truncation, reason = "the lower half is what is told")]
        into.extend_from_slice(&(transaction as u32).to_be_bytes());
    }

    /// What a number stands for: names, and number and modifier of their types.
    pub(crate) fn relation(
        relation: u32,
        schema: &str,
        name: &str,
        columns: &[(&str, u32, i32)],
        into: &mut Vec<u8>,
    ) {
        into.clear();
        into.push(b'R');
        into.extend_from_slice(&relation.to_be_bytes());
        for text in [schema, name] {
            into.extend_from_slice(text.as_bytes());
            into.push(0);
        }
        into.push(b'f');
        into.extend_from_slice(&u16::try_from(columns.len()).unwrap_or(u16::MAX).to_be_bytes());
        for (column, kind, modifier) in columns {
            into.push(0);
            into.extend_from_slice(column.as_bytes());
            into.push(0);
            into.extend_from_slice(&kind.to_be_bytes());
            into.extend_from_slice(&modifier.to_be_bytes());
        }
    }

    /// The beginning of a change of a row: `I`, `U` or `D`.
    pub(crate) fn change(kind: u8, relation: u32, into: &mut Vec<u8>) {
        into.clear();
        into.push(kind);
        into.extend_from_slice(&relation.to_be_bytes());
    }

    /// A row of a change: `N` or `O`. None is NULL.
    pub(crate) fn tuple<'a>(
        kind: u8,
        columns: usize,
        values: impl Iterator<Item = Option<&'a [u8]>>,
        into: &mut Vec<u8>,
    ) {
        into.push(kind);
        into.extend_from_slice(&u16::try_from(columns).unwrap_or(u16::MAX).to_be_bytes());
        for value in values {
            match value {
                None => into.push(b'n'),
                Some(value) => {
                    into.push(b't');
                    into.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
                    into.extend_from_slice(value);
                }
            }
        }
    }

    /// A table was emptied.
    pub(crate) fn truncate(relation: u32, into: &mut Vec<u8>) {
        into.clear();
        into.push(b'T');
        into.extend_from_slice(&1_u32.to_be_bytes());
        into.push(0);
        into.extend_from_slice(&relation.to_be_bytes());
    }
}
