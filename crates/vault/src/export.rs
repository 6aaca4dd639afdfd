//! Blobs in one file that another machine can read and check: a tar of a small repository with a key of its own.
//!
//! | in the tar | |
//! |---|---|
//! | `README.txt` | how to read it with a stock restic |
//! | `export.json` | what it is, for whoever has no key |
//! | `repository/..` | the repository: `/blobs/ID`, the files given, and `/names.json`, with what blobs are named with |

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use backout_contract::VaultError;
use backout_core::checkpoint::BlobId;
use backout_kit::atomic_put::sync_folder_of;
use backout_kit::scratch_folder::ScratchFolder;
use serde_json::{Value, json};

use crate::batch::{Entry, keep};
use crate::catalog::{Catalog, path_of};
use crate::disk::{Disk, make, open};
use crate::failed::{on, on_file, on_rustic};
use crate::keys::{Keys, Password};
use crate::names::NamingKey;
use crate::repository::{Shelf, make_repository};
use crate::vault::FileVault;

const README: &str = include_str!("export.txt");
const ABOUT: &str = "export.json";
const NAMES: &str = "names.json";
/// What stands in front of the names of a repository's files in the tar.
const INSIDE: &str = "repository";
/// Descriptions longer than this, in bytes, were not written by us.
const LONGEST_ABOUT: u64 = 1024 * 1024;

/// What an export came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// So many blobs are in it.
    pub blobs: u64,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// An exported file, opened. Its vault reads only what is in it.
#[derive(Debug)]
pub struct Import {
    /// The blobs.
    pub vault: FileVault,
    /// What it says it is.
    pub about: Vec<u8>,
    /// The files that were given when it was made, by name.
    pub files: BTreeMap<String, Vec<u8>>,
    _scratch: ScratchFolder,
}

impl FileVault {
    /// Writes blobs and files to one new file, and the password that opens it to another, private one. `about` is
    /// for whoever has no key: it is not encrypted. Puts things together in a folder below `scratch` first.
    ///
    /// # Errors
    /// A blob is missing or damaged, one of the two files is there already, the disk failed. No file is left then.
    pub async fn export(
        &self,
        blobs: BTreeSet<BlobId>,
        files: BTreeMap<String, Vec<u8>>,
        about: Vec<u8>,
        to: (&Path, &Path),
        scratch: &Path,
    ) -> Result<Exported, VaultError> {
        let (to, key, scratch) = (to.0.to_owned(), to.1.to_owned(), scratch.to_owned());
        self.blocking(move |inner| {
            let folder = ScratchFolder::make(&scratch, 0).map_err(on("make a folder in", &scratch))?;
            let password = gather(&inner.shelf, &blobs, files, folder.path())?;
            save_new(&key, &mut password.text().as_bytes())?;
            let written = pack(folder.path(), &about, &to);
            let bytes = written.inspect_err(|_| drop(fs::remove_file(&key)))?;
            Ok(Exported { blobs: blobs.len() as u64, bytes })
        })
        .await
    }
}

/// Opens a file that was exported, anywhere. Unpacks it into a folder below `scratch`.
///
/// # Errors
/// It is not such a file, it is damaged, or the key is not its own.
pub async fn import(file: &Path, key: &Path, scratch: &Path) -> Result<Import, VaultError> {
    let (file, key, scratch) = (file.to_owned(), key.to_owned(), scratch.to_owned());
    let work = move || {
        let password = Password::load(&key)?;
        let bytes = fs::metadata(&file).map_err(on("read", &file))?.len();
        let folder = ScratchFolder::make(&scratch, bytes).map_err(on("make a folder in", &scratch))?;
        let about = unpack(&file, folder.path())?;
        let disk = Disk::new(folder.path().join(INSIDE), folder.path().join("incoming"));
        if !disk.is_made().map_err(on("read", &file))? {
            return Err(on("read", &file)(no_export()));
        }
        let unnamed = Shelf::new(disk, Some(password.credentials()), NamingKey::from_raw([0; 32]), None);
        let catalog = unnamed.current()?;
        let (naming, aliases) = names(&catalog).ok_or_else(|| on("read", &file)(no_export()))?;
        let mut files = BTreeMap::new();
        for name in catalog.file_names().filter(|name| *name != NAMES) {
            files.extend(catalog.file(name)?.map(|content| (name.to_owned(), content)));
        }
        let disk = Disk::new(folder.path().join(INSIDE), folder.path().join("incoming"));
        let shelf = Shelf::new(disk, Some(password.credentials()), naming, None).with_aliases(aliases);
        let vault = FileVault::on(folder.path(), shelf);
        Ok(Import { vault, about, files, _scratch: folder })
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(VaultError::Io { attempted: "read an exported file".to_owned(), source: io::Error::other(error) })
    })
}

/// Makes a repository of the blobs and files, and gives the password that opens it.
fn gather(
    shelf: &Shelf,
    blobs: &BTreeSet<BlobId>,
    files: BTreeMap<String, Vec<u8>>,
    folder: &Path,
) -> Result<Password, VaultError> {
    let attempted = || on("put an export together in", folder);
    let (keys, password) = (Keys::draw(), Password::draw().map_err(attempted())?);
    make(&folder.join("incoming")).map_err(attempted())?;
    let disk = Arc::new(Disk::new(folder.join(INSIDE), folder.join("incoming")));
    make_repository(&disk, &keys, &password)?;

    let (mut entries, mut fates, mut aliases) = (Vec::new(), Vec::new(), BTreeMap::new());
    let naming = shelf.naming();
    let known = if shelf.is_made()? { Some(shelf.fresh()?) } else { None };
    for blob in blobs {
        let size = known.as_ref().and_then(|known| known.find(blob)).map(|node| node.meta.size);
        let reader = known.as_ref().and_then(|known| known.reader(blob));
        let (entry, fate) = match (size, reader) {
            (Some(size), Some(reader)) => Entry::blob(*blob, size, Some(naming), Box::new(reader)),
            // An old blob, or none: unpacked first, and named by its content.
            _ => {
                let path = folder.join(blob.to_string());
                let mut file = File::create_new(&path).map_err(on("make", &path))?;
                let size = shelf.fetch(blob, &mut file, &|error| on("write", &path)(error))?;
                let mut file = open(&path).map_err(on("read", &path))?;
                let (name, _) = naming.name_of(&mut file).map_err(on("read", &path))?;
                aliases.insert(*blob, name);
                let file = open(&path).map_err(on("read", &path))?;
                let (mut entry, fate) = Entry::blob(name, size, Some(naming), Box::new(file));
                entry.path = path_of(blob);
                (entry, fate)
            }
        };
        entries.push(entry);
        fates.push((Some(*blob), fate));
    }
    let names = names_of(&naming, &aliases);
    for (name, content) in files.into_iter().chain([(NAMES.to_owned(), names.to_string().into_bytes())]) {
        let (entry, fate) = Entry::file(Path::new("/").join(name), content);
        entries.push(entry);
        fates.push((None, fate));
    }
    let empty = Catalog::load(&disk, &keys.credentials())?;
    keep(&empty.repository, entries, &[]).map_err(on_rustic("put an export together"))?;
    for (blob, fate) in fates {
        match (blob, fate.failure()) {
            (_, None) => {}
            (Some(blob), Some(error)) => return Err(of_content(&blob, error)),
            (None, Some(error)) => return Err(attempted()(error)),
        }
    }
    Ok(password)
}

fn of_content(blob: &BlobId, error: io::Error) -> VaultError {
    match error.kind() {
        ErrorKind::NotFound => VaultError::Missing(*blob),
        // What has changed since it was named is damaged.
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::ResourceBusy => {
            VaultError::Damaged(*blob)
        }
        _ => VaultError::Io { attempted: format!("read blob {blob}"), source: error },
    }
}

fn names_of(naming: &NamingKey, aliases: &BTreeMap<BlobId, BlobId>) -> Value {
    let key: String = naming.raw().iter().map(|byte| format!("{byte:02x}")).collect();
    let aliases: BTreeMap<String, String> =
        aliases.iter().map(|(blob, name)| (blob.to_string(), name.to_string())).collect();
    json!({ "key": key, "aliases": aliases })
}

fn names(catalog: &Catalog) -> Option<(NamingKey, BTreeMap<BlobId, BlobId>)> {
    let names: Value = serde_json::from_slice(&catalog.file(NAMES).ok()??).ok()?;
    let key = NamingKey::parse(names.get("key")?.as_str()?)?;
    let aliases = names.get("aliases")?.as_object()?.iter();
    let aliases: Option<BTreeMap<_, _>> =
        aliases.map(|(blob, name)| Some((BlobId::parse(blob)?, BlobId::parse(name.as_str()?)?))).collect();
    Some((key, aliases?))
}

/// Writes the tar, durably and whole or not at all.
fn pack(folder: &Path, about: &[u8], to: &Path) -> Result<u64, VaultError> {
    let part = folder.join("export.tar");
    let failed = || on("write", to);
    let file = File::create_new(&part).map_err(failed())?;
    let mut tar = tar::Builder::new(io::BufWriter::new(file));
    let mut append = |name: &Path, size: u64, content: &mut dyn io::Read| {
        let mut header = tar::Header::new_ustar();
        header.set_size(size);
        header.set_mode(0o600);
        tar.append_data(&mut header, name, content)
    };
    append(Path::new("README.txt"), README.len() as u64, &mut README.as_bytes()).map_err(failed())?;
    append(Path::new(ABOUT), about.len() as u64, &mut &*about).map_err(failed())?;
    let mut paths = Vec::new();
    walk(&folder.join(INSIDE), &mut paths).map_err(failed())?;
    paths.sort();
    for path in paths {
        let name = path.strip_prefix(folder).unwrap_or(&path);
        let file = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (size, mut file) = file.map_err(on("read", &path))?;
        append(name, size, &mut file).map_err(failed())?;
    }
    let mut writer = tar.into_inner().map_err(failed())?;
    writer.flush().map_err(failed())?;
    drop(writer);
    let mut whole = File::open(&part).map_err(failed())?;
    let bytes = whole.metadata().map_err(failed())?.len();
    save_new(to, &mut whole)?;
    Ok(bytes)
}

/// Writes a new private file, durably; what is there already is not overwritten.
fn save_new(path: &Path, content: &mut dyn io::Read) -> Result<(), VaultError> {
    let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = new.map_err(on("make the file", path))?;
    let saved = io::copy(content, &mut file).and_then(|_| file.sync_all()).map_err(on("write", path));
    saved.and_then(|()| sync_folder_of(path).map_err(on_file)).inspect_err(|_| drop(fs::remove_file(path)))
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), paths)?;
        } else {
            paths.push(entry.path());
        }
    }
    Ok(())
}

/// Unpacks what we pack and nothing else: a tar may come from anybody.
fn unpack(file: &Path, folder: &Path) -> Result<Vec<u8>, VaultError> {
    let failed = || on("read", file);
    let mut tar = tar::Archive::new(io::BufReader::new(open(file).map_err(failed())?));
    let mut about = None;
    for entry in tar.entries().map_err(failed())? {
        let mut entry = entry.map_err(failed())?;
        let name = entry.path().map_err(failed())?.into_owned();
        let parts: Vec<_> = name.components().collect();
        let is_plain = parts.iter().all(|part| matches!(part, Component::Normal(_)));
        if entry.header().entry_type() != tar::EntryType::Regular || !is_plain || parts.len() > 4 {
            return Err(failed()(no_export()));
        }
        if name == Path::new(ABOUT) {
            let mut text = Vec::new();
            (&mut entry).take(LONGEST_ABOUT).read_to_end(&mut text).map_err(failed())?;
            about = Some(text);
        } else if parts.len() > 1 && name.starts_with(INSIDE) {
            let path = folder.join(&name);
            fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(on("write", &path))?;
            let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            let mut to = new.map_err(on("write", &path))?;
            io::copy(&mut entry, &mut to).map_err(on("unpack", &path))?;
        }
    }
    about.ok_or_else(|| failed()(no_export()))
}

fn no_export() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "it is not what `backout checkpoint export` writes")
}
