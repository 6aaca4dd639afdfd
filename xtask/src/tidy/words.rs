//! What must not stand in the tree: paths of one person's machine, and notes to oneself.

use crate::repository::{File, Repository};
use crate::tidy::Finding;

/// Nowhere at all.
const NOWHERE: &[(&str, &str)] = &[
    ("/work/", "a path of one machine"),
    ("/home/", "a path of one machine"),
    ("/Users/", "a path of one machine"),
    ("../shared", "a path out of the repository"),
    ("FIXME", "a note to oneself; mend it or write it down where others look"),
    ("XXX", "a note to oneself; mend it or write it down where others look"),
];

/// Not in what the product is built from.
const NOT_IN_THE_PRODUCT: &[(&str, &str)] =
    &[("\"/tmp", "a fixed place for temporary files; ask for one"), ("/root/", "a path of one machine")];

/// These chores name the words that they look for.
const EXEMPT: &str = "xtask/src/";

pub fn check(repository: &Repository) -> Vec<Finding> {
    let files = repository.files.iter().filter(|file| !file.path.starts_with(EXEMPT));
    files.flat_map(of_file).collect()
}

fn of_file(file: &File) -> Vec<Finding> {
    let mut findings = matching(file, file.lines(), NOWHERE);
    if file.extension() == "rs" {
        findings.extend(matching(file, file.product_lines(), NOT_IN_THE_PRODUCT));
    }
    findings
}

fn matching<'a>(
    file: &File,
    lines: impl Iterator<Item = (usize, &'a str)>,
    words: &[(&str, &str)],
) -> Vec<Finding> {
    lines
        .flat_map(|(number, line)| {
            let found = words.iter().filter(move |(word, _)| stands_in(line, word));
            found.map(move |(word, why)| Finding::at(&file.path, number, format!("`{word}`: {why}")))
        })
        .collect()
}

/// Whether the text stands in the line, not as a part of a longer word: `mktemp -t XXXXXX` is no note.
fn stands_in(line: &str, text: &str) -> bool {
    let is_letter = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    line.match_indices(text).any(|(at, _)| {
        let (before, after) =
            (line.get(..at).unwrap_or_default(), line.get(at + text.len()..).unwrap_or_default());
        let grows_left = is_letter(text.chars().next()) && is_letter(before.chars().next_back());
        let grows_right = is_letter(text.chars().next_back()) && is_letter(after.chars().next());
        !grows_left && !grows_right
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::of_file;
    use crate::repository::File;

    #[rstest]
    #[case::machine_path("docs/a.md", "see /home/ann/notes", false)]
    #[case::note("crates/a/src/lib.rs", "// FIXME later", false)]
    #[case::part_of_a_word("benches/a.sh", "mktemp -t XXXXXX", true)]
    #[case::fixed_place("crates/a/src/lib.rs", "let d = \"/tmp/demo\";", false)]
    #[case::fixed_place_in_a_test("crates/a/tests/all.rs", "let d = \"/tmp/demo\";", true)]
    #[case::fixed_place_in_a_document("docs/a.md", "`--dir \"/tmp/demo\"`", true)]
    #[case::an_innocent_line("crates/a/src/lib.rs", "let work = home;", true)]
    fn each_word(#[case] path: &str, #[case] line: &str, #[case] fine: bool) {
        assert_eq!(of_file(&File { path: path.into(), text: line.into() }).is_empty(), fine);
    }
}
