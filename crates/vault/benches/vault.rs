//! The vault against the form it had before, one age file a blob, in one run: 10,000 small blobs, a file of 1 GiB,
//! opening, memory. `cargo bench -p backout-vault`; `-- small` or `-- large` runs one half.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark ends by panicking")]

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Instant;

use backout_contract::Vault;
use backout_core::checkpoint::BlobId;
use backout_vault::FileVault;

const SMALL: u64 = 10_000;
const SMALL_BYTES: usize = 300;
const ONE_BY_ONE: u64 = 200;
const LARGE: u64 = 1024 * 1024 * 1024;
/// So many puts wait side by side.
const TOGETHER: usize = 64;

#[tokio::main]
async fn main() {
    let chosen = std::env::args().nth(1).filter(|word| !word.starts_with("--"));
    // On a disk: where temporary files live in memory, syncs cost nothing.
    let folder =
        tempfile::Builder::new().prefix("vault-bench-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    if chosen.as_deref() != Some("large") {
        small(folder.path()).await;
    }
    if chosen.as_deref() != Some("small") {
        large(folder.path()).await;
        incompressible(folder.path()).await;
    }
}

async fn small(folder: &Path) {
    let old = old::Vault::make(&folder.join("old-small"));
    let began = Instant::now();
    for number in 0..ONE_BY_ONE {
        old.put(&mut noise(SMALL_BYTES, number).as_slice());
    }
    report("before: small blobs one by one, each", began, ONE_BY_ONE);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..TOGETHER as u64 {
            let old = &old;
            scope.spawn(move || {
                for number in (thread..SMALL).step_by(TOGETHER) {
                    old.put(&mut noise(SMALL_BYTES, number).as_slice());
                }
            });
        }
    });
    report(&format!("before: {SMALL} small blobs, {TOGETHER} at a time"), began, 1);
    let began = Instant::now();
    let paths: Vec<_> =
        (0..SMALL).map(|number| old.put(&mut noise(SMALL_BYTES, number).as_slice())).collect();
    report(&format!("before: {SMALL} small blobs"), began, 1);
    let began = Instant::now();
    paths.iter().for_each(|path| old.get(path, &mut io::sink()));
    report(&format!("before: read {SMALL} small blobs"), began, 1);

    let path = folder.join("small");
    let began = Instant::now();
    let vault = FileVault::prepare(&path).unwrap();
    report("make a vault", began, 1);
    let began = Instant::now();
    for number in 0..ONE_BY_ONE {
        vault.put(&noise(SMALL_BYTES, SMALL + number)).await.unwrap();
    }
    report("small blobs one by one, each", began, ONE_BY_ONE);
    let began = Instant::now();
    let blobs = side_by_side(&vault).await;
    report(&format!("{SMALL} small blobs, {TOGETHER} at a time"), began, 1);
    drop(vault);
    let began = Instant::now();
    let vault = FileVault::open(&path).unwrap();
    report("open", began, 1);
    let began = Instant::now();
    vault.get(&blobs[0]).await.unwrap();
    report("read the first blob of all", began, 1);
    let began = Instant::now();
    for blob in &blobs {
        vault.get(blob).await.unwrap();
    }
    report(&format!("read {SMALL} small blobs"), began, 1);
    let vault = FileVault::prepare(&path).unwrap();
    let began = Instant::now();
    vault.prune(blobs.iter().step_by(2).copied().collect()).await.unwrap();
    report("prune half of them", began, 1);
    let vault = FileVault::open(&path).unwrap();
    let began = Instant::now();
    vault.get(&blobs[0]).await.unwrap();
    report("read the first blob of all, once pruned", began, 1);
}

async fn side_by_side(vault: &FileVault) -> Vec<BlobId> {
    let mut tasks = tokio::task::JoinSet::new();
    let mut blobs = Vec::new();
    for number in 0..SMALL {
        let vault = vault.clone();
        tasks.spawn(async move { vault.put(&noise(SMALL_BYTES, number)).await.unwrap() });
        if tasks.len() >= TOGETHER {
            blobs.push(tasks.join_next().await.unwrap().unwrap());
        }
    }
    blobs.extend(tasks.join_all().await);
    blobs
}

async fn large(folder: &Path) {
    let from = folder.join("large.from");
    let mut file = File::create(&from).unwrap();
    for part in 0..LARGE / (1024 * 1024) {
        // Half of it compresses.
        file.write_all(&noise(512 * 1024, part)).unwrap();
        file.write_all(format!("{part:>64}").repeat(8192).as_bytes()).unwrap();
    }
    file.sync_all().unwrap();
    println!("memory so far: {} MiB", memory());
    let old = old::Vault::make(&folder.join("old-large"));
    let began = Instant::now();
    let stored = old.put(&mut File::open(&from).unwrap());
    rate("before: put 1 GiB", began);
    let began = Instant::now();
    old.get(&stored, &mut File::create(folder.join("old.to")).unwrap());
    rate("before: get 1 GiB", began);
    println!("memory at most: {} MiB; on disk {} MiB", memory(), size(&folder.join("old-large")));
    fs::remove_file(folder.join("old.to")).unwrap();
    fs::remove_dir_all(folder.join("old-large")).unwrap();

    let vault = FileVault::prepare(&folder.join("large")).unwrap();
    let began = Instant::now();
    let (blob, _) = vault.put_file(&from).await.unwrap();
    rate("put 1 GiB", began);
    println!("memory at most: {} MiB; on disk {} MiB", memory(), size(&folder.join("large")));
    drop(vault);
    let vault = FileVault::prepare(&folder.join("large")).unwrap();
    let began = Instant::now();
    vault.get_file(&blob, &folder.join("to")).await.unwrap();
    rate("get 1 GiB", began);
    let began = Instant::now();
    vault.check(&blob).await.unwrap();
    rate("check 1 GiB", began);
    let began = Instant::now();
    vault.put_file(&from).await.unwrap();
    rate("put the same 1 GiB again", began);
    println!("memory at most: {} MiB; on disk {} MiB", memory(), size(&folder.join("large")));
}

/// What does not compress, said by its beginning to be compressed already, and not.
async fn incompressible(folder: &Path) {
    let vault = FileVault::prepare(&folder.join("incompressible")).unwrap();
    for (what, beginning) in [("nothing known", [0; 4]), ("compressed already", [0x1f, 0x8b, 8, 0])] {
        let from = folder.join("incompressible.from");
        let mut file = File::create(&from).unwrap();
        file.write_all(&beginning).unwrap();
        for part in 0..LARGE / (1024 * 1024) {
            file.write_all(&noise(1024 * 1024, part + u64::from(beginning[0]))).unwrap();
        }
        file.sync_all().unwrap();
        let (began, processor) = (Instant::now(), processor());
        let (blob, _) = vault.put_file(&from).await.unwrap();
        rate(
            &format!("put 1 GiB of noise, {what} ({:.1} s of processors)", self::processor() - processor),
            began,
        );
        let (began, processor) = (Instant::now(), self::processor());
        let to = folder.join("incompressible.to");
        vault.get_file(&blob, &to).await.unwrap();
        rate(&format!("get it ({:.1} s of processors)", self::processor() - processor), began);
        fs::remove_file(&to).unwrap();
    }
    println!("memory at most: {} MiB", memory());
}

/// The processor time of this process until now, in seconds.
fn processor() -> f64 {
    let line = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = line.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn report(what: &str, began: Instant, times: u64) {
    let each = began.elapsed().as_secs_f64() * 1000.0 / times as f64;
    println!("{what}: {each:.1} ms");
}

fn rate(what: &str, began: Instant) {
    let seconds = began.elapsed().as_secs_f64();
    println!("{what}: {seconds:.1} s, {:.0} MB/s", LARGE as f64 / 1e6 / seconds);
}

/// The largest resident memory of this process until now, in MiB.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn size(folder: &Path) -> u64 {
    fn bytes(folder: &Path) -> u64 {
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
        entries
            .map(
                |entry| {
                    if entry.path().is_dir() { bytes(&entry.path()) } else { entry.metadata().unwrap().len() }
                },
            )
            .sum()
    }
    bytes(folder) / (1024 * 1024)
}

fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// The form before: one file a blob, zstd inside age, synced with its folder.
mod old {
    use std::iter;
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::{File, Path, Read, Write, fs, io};

    pub struct Vault {
        folder: PathBuf,
        identity: age::x25519::Identity,
        count: AtomicU64,
    }

    impl Vault {
        pub fn make(folder: &Path) -> Self {
            fs::create_dir(folder).unwrap();
            let identity = age::x25519::Identity::generate();
            Self { folder: folder.to_owned(), identity, count: AtomicU64::new(0) }
        }

        pub fn put(&self, source: &mut dyn Read) -> PathBuf {
            let path = self.folder.join(self.count.fetch_add(1, Ordering::Relaxed).to_string());
            let incoming = path.with_extension("incoming");
            let recipient = self.identity.to_public();
            let encryptor =
                age::Encryptor::with_recipients(iter::once(&recipient as &dyn age::Recipient)).unwrap();
            let file = io::BufWriter::new(File::create(&incoming).unwrap());
            let mut encoder = zstd::Encoder::new(encryptor.wrap_output(file).unwrap(), 3).unwrap();
            io::copy(source, &mut encoder).unwrap();
            let file = encoder.finish().unwrap().finish().unwrap().into_inner().unwrap();
            file.sync_all().unwrap();
            fs::rename(&incoming, &path).unwrap();
            File::open(&self.folder).unwrap().sync_all().unwrap();
            path
        }

        pub fn get(&self, path: &Path, sink: &mut dyn Write) {
            let stored = io::BufReader::new(File::open(path).unwrap());
            let decryptor = age::Decryptor::new_buffered(stored).unwrap();
            let plain = decryptor.decrypt(iter::once(&self.identity as &dyn age::Identity)).unwrap();
            io::copy(&mut zstd::Decoder::new(plain).unwrap(), sink).unwrap();
        }
    }
}
