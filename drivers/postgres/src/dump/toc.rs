//! The table of contents of a dump (`toc.dat`), read to its last byte. The programs' own listing is no proof: it reads
//! only this file, and nobody looks whether what it lists is there.

use std::collections::BTreeSet;

/// What every archive begins with.
const MAGIC: &[u8] = b"PGDMP";

/// Its letter for the directory format.
const DIRECTORY: u8 = 3;

/// Longer texts than this are taken for damage: a definition has at most a few MiB.
const LONGEST: i64 = 1 << 30;

/// A table of contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Toc {
    /// The format's version: major, minor.
    pub(crate) format: (u8, u8),
    /// How rows are compressed: `none`, `gzip`, `lz4`, `zstd`.
    pub(crate) compression: &'static str,
    /// The database's name.
    pub(crate) database: String,
    /// The server's version, as it writes it.
    pub(crate) server: String,
    /// The version of the program that wrote it.
    pub(crate) program: String,
    /// What is in it.
    pub(crate) entries: Vec<Entry>,
}

/// One thing of a dump.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its number in this dump.
    pub(crate) number: i64,
    /// Its name; may hold anything.
    pub(crate) tag: String,
    /// Its kind, in PostgreSQL's words (`TABLE DATA`).
    pub(crate) kind: String,
    /// The statements that make it.
    pub(crate) definition: String,
    /// How its rows are put in.
    pub(crate) copy: String,
    /// Its schema.
    pub(crate) schema: String,
    /// Its tablespace.
    pub(crate) tablespace: String,
    /// Who owns it.
    pub(crate) owner: String,
    /// The numbers of what it needs.
    pub(crate) needs: Vec<i64>,
    /// The file with its rows, without what compression appends to the name.
    pub(crate) file: Option<String>,
}

impl Toc {
    /// Reads one.
    ///
    /// # Errors
    /// Why it is none, in a few words.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.is_empty() {
            return Err("its table of contents is empty".to_owned());
        }
        let mut reader = Reader { rest: bytes, width: 4 };
        if reader.take(MAGIC.len())? != MAGIC {
            return Err("its table of contents is no archive of pg_dump".to_owned());
        }
        let format = (reader.byte()?, reader.byte()?);
        let _revision = reader.byte()?;
        if format.0 != 1 || format.1 < 14 {
            return Err(format!("its format {}.{} is older than any that is supported", format.0, format.1));
        }
        reader.width = usize::from(reader.byte()?);
        let _offsets = reader.byte()?;
        if reader.byte()? != DIRECTORY {
            return Err("it is no dump in directory format".to_owned());
        }
        if !(1..=8).contains(&reader.width) {
            return Err(damaged());
        }
        let compression = if format.1 >= 15 {
            match reader.byte()? {
                0 => "none",
                1 => "gzip",
                2 => "lz4",
                3 => "zstd",
                _ => return Err("its rows are compressed in an unknown way".to_owned()),
            }
        } else if reader.integer()? == 0 {
            "none"
        } else {
            "gzip"
        };
        // When it was made: seconds, minutes, hours, day, month, year, daylight saving.
        for _ in 0..7 {
            reader.integer()?;
        }
        let (database, server, program) = (reader.text()?, reader.text()?, reader.text()?);
        let count = reader.integer()?;
        let mut entries = Vec::new();
        for _ in 0..count {
            entries.push(reader.entry(format.1)?);
        }
        if !reader.rest.is_empty() {
            return Err("its table of contents has something after its end".to_owned());
        }
        let toc = Self { format, compression, database, server, program, entries };
        toc.check()?;
        Ok(toc)
    }

    /// That numbers are used once, and rows are put in by nothing but a plain `COPY … FROM stdin`.
    fn check(&self) -> Result<(), String> {
        let mut numbers = BTreeSet::new();
        for entry in &self.entries {
            if !numbers.insert(entry.number) {
                return Err(damaged());
            }
            if entry.file.as_deref().is_some_and(|file| !is_plain(file)) {
                return Err("its table of contents names a file outside of it".to_owned());
            }
            if !entry.copy.is_empty() && !is_copy_from_us(&entry.copy) {
                return Err("it would put rows in by something else than a plain COPY".to_owned());
            }
        }
        Ok(())
    }

    /// What compression appends to the names of files.
    pub(crate) fn suffix(&self) -> &'static str {
        match self.compression {
            "gzip" => ".gz",
            "lz4" => ".lz4",
            "zstd" => ".zst",
            _ => "",
        }
    }

    /// The server's major version.
    pub(crate) fn major(&self) -> Option<u32> {
        major(&self.server)
    }
}

/// The major version at the beginning of `15.18 (Debian …)`.
pub(super) fn major(version: &str) -> Option<u32> {
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// A name of a file in the dump's own folder, as the programs make them.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.len() < 200
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'))
}

/// Whether it is one `COPY` of what we send, and nothing else: outside of quoted names there is neither a quoted text
/// (a file, a program) nor the end of a statement before its own.
fn is_copy_from_us(statement: &str) -> bool {
    let Some(middle) =
        statement.strip_prefix("COPY ").and_then(|rest| rest.trim_end().strip_suffix(" FROM stdin;"))
    else {
        return false;
    };
    let mut quoted = false;
    for letter in middle.chars() {
        match letter {
            '"' => quoted = !quoted,
            _ if quoted => {}
            _ if letter.is_ascii_alphanumeric() || !letter.is_ascii() => {}
            '_' | '$' | '.' | ',' | '(' | ')' | ' ' => {}
            _ => return false,
        }
    }
    !quoted
}

fn damaged() -> String {
    "its table of contents is damaged".to_owned()
}

struct Reader<'a> {
    rest: &'a [u8],
    /// How many bytes an integer has, besides its sign.
    width: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or_else(|| "its table of contents is cut short".to_owned())?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, String> {
        self.take(1).map(|bytes| bytes.first().copied().unwrap_or_default())
    }

    fn integer(&mut self) -> Result<i64, String> {
        let negative = self.byte()? != 0;
        let bytes = self.take(self.width)?;
        let mut value: i64 = 0;
        for byte in bytes.iter().rev() {
            value = value
                .checked_mul(256)
                .and_then(|value| value.checked_add(i64::from(*byte)))
                .ok_or_else(damaged)?;
        }
        Ok(if negative { -value } else { value })
    }

    /// A text; none where there is none.
    fn optional(&mut self) -> Result<Option<String>, String> {
        let length = self.integer()?;
        if length < 0 {
            return Ok(None);
        }
        if length > LONGEST {
            return Err(damaged());
        }
        let bytes = self.take(usize::try_from(length).map_err(|_| damaged())?)?;
        // Names are in the database's own encoding; what is not UTF-8 is only looked at, never written back.
        Ok(Some(String::from_utf8_lossy(bytes).into_owned()))
    }

    fn text(&mut self) -> Result<String, String> {
        Ok(self.optional()?.unwrap_or_default())
    }

    fn entry(&mut self, minor: u8) -> Result<Entry, String> {
        let number = self.integer()?;
        let _has_data = self.integer()?;
        let (_catalog, _object) = (self.text()?, self.text()?);
        let (tag, kind) = (self.text()?, self.text()?);
        let _section = self.integer()?;
        let definition = self.text()?;
        let _drop = self.text()?;
        let copy = self.text()?;
        let schema = self.text()?;
        let tablespace = self.text()?;
        let _access_method = self.text()?;
        if minor >= 16 {
            let _relation_kind = self.integer()?;
        }
        let owner = self.text()?;
        let _with_oids = self.text()?;
        let mut needs = Vec::new();
        while let Some(text) = self.optional()? {
            needs.push(text.parse().map_err(|_| damaged())?);
        }
        let file = self.optional()?.filter(|file| !file.is_empty());
        Ok(Entry { number, tag, kind, definition, copy, schema, tablespace, owner, needs, file })
    }
}

#[cfg(test)]
mod tests {
    use super::is_copy_from_us;

    #[test]
    fn only_a_plain_copy_is_one() {
        for (statement, is_plain) in [
            ("COPY public.t (a, b) FROM stdin;\n", true),
            ("COPY \"it's\".\"a;b\"\"c\" (\"x y\") FROM stdin;\n", true),
            ("COPY öl.t (a) FROM stdin;", true),
            ("COPY public.t FROM PROGRAM 'id';\n", false),
            ("COPY public.t FROM PROGRAM 'id'; COPY public.t FROM stdin;", false),
            ("COPY public.t FROM PROGRAM $$id$$; COPY t FROM stdin;", false),
            ("COPY \"t (a) FROM stdin;", false),
            ("SELECT 1; COPY t FROM stdin;", false),
        ] {
            assert_eq!(is_copy_from_us(statement), is_plain, "{statement}");
        }
    }
}
