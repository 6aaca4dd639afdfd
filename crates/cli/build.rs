//! Compiles the pages under `docs/errors` into the program, so that `backout explain` works where no docs are.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let manifest = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    let folder = Path::new(&manifest).join("../../docs/errors").canonicalize()?;
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut pages: Vec<String> = Vec::new();
    for entry in fs::read_dir(&folder)? {
        if let Some(code) = entry?.file_name().to_str().and_then(|name| name.strip_suffix(".md")) {
            pages.push(code.to_owned());
        }
    }
    pages.sort();
    let mut table = String::from("&[\n");
    for code in pages {
        let path = folder.join(format!("{code}.md"));
        println!("cargo::rerun-if-changed={}", path.display());
        writeln!(table, "    ({code:?}, include_str!({path:?})),").map_err(io::Error::other)?;
    }
    table.push_str("]\n");
    fs::write(Path::new(&out).join("error_pages.rs"), table)
}
