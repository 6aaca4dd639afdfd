//! Nothing half done: no stub called finished, no test skipped without saying why, no print left behind.
//!
//! A reason is for what is no test at all: a process that tests start, a measurement, a maker of fixtures.

use crate::repository::{File, Repository};
use crate::tidy::Finding;

const LEFTOVERS: &[&str] = &["todo!(", "unimplemented!(", "dbg!(", "#[ignore]"];

/// These chores name what they look for; the template shows an author where to begin.
const EXEMPT: &[&str] = &["xtask/src/", "xtask/template-driver/"];

pub fn check(repository: &Repository) -> Vec<Finding> {
    let files = repository.rust().filter(|file| !EXEMPT.iter().any(|place| file.path.starts_with(place)));
    files.flat_map(of_file).collect()
}

fn of_file(file: &File) -> Vec<Finding> {
    let code = file.lines().filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.flat_map(|(number, line)| {
        let found = LEFTOVERS.iter().filter(move |leftover| line.contains(*leftover));
        found.map(move |leftover| Finding::at(&file.path, number, format!("`{leftover}` is left behind")))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::of_file;
    use crate::repository::File;
    use crate::tidy::places;

    #[test]
    fn leftovers_are_found_in_code_and_in_tests() {
        let text = "// todo!() in words\nfn a() { todo!() }\n#[ignore = \"started by others\"]\n#[ignore]\nfn b() { dbg!(1); }\n";
        let file = File { path: "crates/a/tests/all.rs".into(), text: text.into() };
        assert_eq!(places(&of_file(&file)).len(), 3);
    }
}
