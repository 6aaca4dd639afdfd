//! What is fed, and what has to hold for every input whatever: a target panics where it does not.

mod manifest;
mod migration;
mod records;

/// Something that reads bytes which others may have written.
#[derive(Debug)]
pub struct Target {
    /// How it is called; also the folder of its examples.
    pub name: &'static str,
    /// Takes one input and panics where a promise is broken; says whether it was read and not refused, so that
    /// inputs which are all refused, and so test little, show.
    pub check: fn(&[u8]) -> bool,
    /// Words of its language, for inputs that get further than noise.
    pub words: &'static [&'static str],
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "migration", check: migration::check, words: migration::WORDS },
    Target { name: "records", check: records::check, words: records::WORDS },
    Target { name: "manifest", check: manifest::check, words: manifest::WORDS },
];
