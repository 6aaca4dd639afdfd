//! The pages of all codes, compiled in.

/// Code and page, sorted by code.
static PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/error_pages.rs"));

/// The page of a code, however it is written (`bk0101`).
pub fn of_code(code: &str) -> Option<&'static str> {
    let code = code.to_ascii_uppercase();
    PAGES.iter().find(|(known, _)| **known == code).map(|(_, page)| *page)
}

/// Every code that has a page.
pub fn codes() -> impl Iterator<Item = &'static str> + Clone {
    PAGES.iter().map(|(code, _)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    /// Every `Code("BK....")` in the sources of the workspace.
    fn codes_in(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                codes_in(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let codes = text.match_indices("Code(\"BK").filter_map(|(at, _)| text.get(at + 6..at + 12));
                found.extend(codes.filter(|code| code[2..].parse::<u16>().is_ok()).map(str::to_owned));
            }
        }
    }

    #[test]
    fn every_code_has_a_page_and_every_page_a_code() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut used: BTreeSet<String> =
            backout_core::migration::codes::ALL.iter().map(|(code, _)| code.to_string()).collect();
        for folder in ["crates", "drivers", "probes"] {
            codes_in(&root.join(folder), &mut used);
        }
        let pages: BTreeSet<String> = codes().map(str::to_owned).collect();
        let without: Vec<&String> = used.difference(&pages).collect();
        assert!(without.is_empty(), "codes without a page in docs/errors: {without:?}");
        let idle: Vec<&String> = pages.difference(&used).collect();
        assert!(idle.is_empty(), "pages in docs/errors without a code: {idle:?}");
    }

    #[test]
    fn a_page_begins_with_its_code() {
        for (code, page) in PAGES {
            assert!(page.starts_with(&format!("# {code}: ")), "{code}");
        }
    }
}
