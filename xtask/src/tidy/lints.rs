//! Every crate takes the lints of the workspace.

use crate::repository::Repository;
use crate::tidy::Finding;

pub fn check(repository: &Repository) -> Vec<Finding> {
    repository
        .files
        .iter()
        .filter(|file| file.path.ends_with("/Cargo.toml") && !takes_them(&file.text))
        .map(|file| Finding::new(&file.path, "add `[lints]` with `workspace = true`"))
        .collect()
}

fn takes_them(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
    lines.next() == Some("workspace = true")
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::repository::Repository;
    use crate::tidy::places;

    #[test]
    fn a_crate_with_lints_of_its_own_is_found() {
        let repository = Repository::of(&[
            ("Cargo.toml", "[workspace]\n"),
            ("crates/a/Cargo.toml", "[package]\n\n[lints]\nworkspace = true\n"),
            ("crates/b/Cargo.toml", "[package]\nversion.workspace = true\n"),
            ("crates/c/Cargo.toml", "[lints]\n[lints.rust]\nworkspace = true\n"),
        ]);
        assert_eq!(places(&check(&repository)), ["crates/b/Cargo.toml", "crates/c/Cargo.toml"]);
    }
}
