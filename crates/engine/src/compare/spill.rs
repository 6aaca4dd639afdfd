//! Rows that wait for their equal and do not fit into memory: written to files without a name, by their key, so that
//! equal keys meet in the same file, and read back one file at a time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Result, Seek, Write};
use std::path::Path;

use backout_core::compare::{Key, Odd, Pairing, Which, hash_text};

/// Rows that one file shall hold, so that what is read back at a time stays small.
const ROWS_A_FILE: u64 = 100_000;

/// The files of one table. They vanish with this value, or with the process.
pub(super) struct Spill {
    files: Vec<BufWriter<File>>,
}

impl Spill {
    /// For about so many rows.
    pub(super) fn new(folder: &Path, rows: u64) -> Result<Self> {
        let files = (rows / ROWS_A_FILE).clamp(16, 512);
        let files =
            (0..files).map(|_| tempfile::tempfile_in(folder).map(BufWriter::new)).collect::<Result<_>>()?;
        Ok(Self { files })
    }

    pub(super) fn add(&mut self, side: Which, key: &Key, hash: u64) -> Result<()> {
        // Another seed than any block's, or a block would fill one file.
        let at =
            usize::try_from(hash_text(key.bytes(), 0x5911) % self.files.len() as u64).unwrap_or_default();
        let Some(file) = self.files.get_mut(at) else { return Ok(()) };
        let length = u32::try_from(key.bytes().len()).map_err(std::io::Error::other)?;
        file.write_all(&[u8::from(side == Which::Right)])?;
        file.write_all(&hash.to_le_bytes())?;
        file.write_all(&length.to_le_bytes())?;
        file.write_all(key.bytes())
    }

    /// What has no equal, file by file.
    pub(super) fn parts(self) -> impl Iterator<Item = Result<BTreeMap<Key, Odd>>> {
        self.files.into_iter().map(|file| {
            let mut file = file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
            file.rewind()?;
            read(BufReader::new(file))
        })
    }
}

fn read(mut file: BufReader<File>) -> Result<BTreeMap<Key, Odd>> {
    let mut pairing = Pairing::default();
    let mut head = [0_u8; 13];
    loop {
        match file.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(pairing.finish()),
            Err(error) => return Err(error),
        }
        let [side, a, b, c, d, e, f, g, h, length @ ..] = head;
        let mut key = vec![0; usize::try_from(u32::from_le_bytes(length)).unwrap_or_default()];
        file.read_exact(&mut key)?;
        let side = if side == 0 { Which::Left } else { Which::Right };
        pairing.add(side, Key::from_bytes(key), u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    }
}
