//! Every code of a message is one message's own, and has a page for `backout explain`; no page outlives its code.
//!
//! A code is made by `Code("BK0101")`, or in a table of codes by `NAME = "BK0101", "title";`. Other literals
//! refer to codes, and those must exist.

use std::collections::BTreeMap;

use crate::repository::Repository;
use crate::tidy::Finding;

const PAGES: &str = "docs/errors/";
/// `BK` and four digits.
const LENGTH: usize = 6;

pub fn check(repository: &Repository) -> Vec<Finding> {
    let codes = Codes::read(repository);
    let page = |code: &str| format!("{PAGES}{code}.md");
    let is_empty = |code: &str| repository.text(&page(code)).is_none_or(|text| text.trim().is_empty());

    let mut findings = Vec::new();
    for (code, places) in &codes.made {
        let [first, more @ ..] = places.as_slice() else { continue };
        let taken = |place| Finding::new(place, format!("{code} is taken at {first}; choose another"));
        findings.extend(more.iter().map(taken));
        if is_empty(code) {
            findings.push(Finding::new(first, format!("write {}", page(code))));
        }
    }
    for (place, code) in codes.named.iter().filter(|(_, code)| !codes.made.contains_key(code)) {
        findings.push(Finding::new(place, format!("no message has the code {code}")));
    }
    for file in &repository.files {
        let code = file.path.strip_prefix(PAGES).and_then(|name| name.strip_suffix(".md"));
        if code.is_some_and(|code| is_code(code) && !codes.made.contains_key(code)) {
            findings.push(Finding::new(&file.path, "no message has this code"));
        }
    }
    findings
}

/// Where codes are made, and where they are merely named (place, code).
#[derive(Default)]
struct Codes {
    made: BTreeMap<String, Vec<String>>,
    named: Vec<(String, String)>,
}

impl Codes {
    fn read(repository: &Repository) -> Self {
        let mut codes = Self::default();
        for file in repository.rust().filter(|file| !file.path.starts_with("xtask/")) {
            for (number, line) in file.product_lines() {
                let place = format!("{}:{number}", file.path);
                for code in line.split('"').skip(1).step_by(2).filter(|literal| is_code(literal)) {
                    if is_made(line, code) {
                        codes.made.entry(code.into()).or_default().push(place.clone());
                    } else {
                        codes.named.push((place.clone(), code.into()));
                    }
                }
            }
        }
        codes
    }
}

fn is_made(line: &str, code: &str) -> bool {
    line.contains(&format!("Code(\"{code}\")")) || line.contains(&format!(" = \"{code}\", \""))
}

fn is_code(text: &str) -> bool {
    text.len() == LENGTH
        && text.strip_prefix("BK").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::repository::Repository;
    use crate::tidy::places;

    const CODE: (&str, &str) = ("crates/a/src/lib.rs", "const A: Code = Code(\"BK0101\");\n");
    const PAGE: (&str, &str) = ("docs/errors/BK0101.md", "# It happened\n");

    #[test]
    fn a_code_with_its_page_is_fine() {
        assert_eq!(check(&Repository::of(&[CODE, PAGE])), []);
    }

    #[test]
    fn a_code_without_a_page_is_found() {
        assert_eq!(places(&check(&Repository::of(&[CODE]))), ["crates/a/src/lib.rs:1"]);
        let empty = Repository::of(&[CODE, ("docs/errors/BK0101.md", "\n")]);
        assert_eq!(places(&check(&empty)), ["crates/a/src/lib.rs:1"]);
    }

    #[test]
    fn a_page_without_a_code_is_found() {
        assert_eq!(places(&check(&Repository::of(&[PAGE]))), ["docs/errors/BK0101.md"]);
    }

    #[test]
    fn a_row_in_a_table_makes_a_code() {
        let table = ("crates/a/src/codes.rs", "    WRONG = \"BK0102\", \"it is wrong\";\n");
        assert_eq!(places(&check(&Repository::of(&[table]))), ["crates/a/src/codes.rs:1"]);
    }

    #[test]
    fn naming_a_code_is_fine_when_there_is_one() {
        let naming = ("crates/b/src/lib.rs", "match code { \"BK0101\" | \"BK0102\" => 1 }\n");
        assert_eq!(places(&check(&Repository::of(&[CODE, PAGE, naming]))), ["crates/b/src/lib.rs:1"]);
    }

    #[test]
    fn a_code_made_twice_is_found() {
        let again = ("crates/b/src/lib.rs", "\nconst B: Code = Code(\"BK0101\");\n");
        assert_eq!(places(&check(&Repository::of(&[CODE, PAGE, again]))), ["crates/b/src/lib.rs:2"]);
    }
}
