//! No file that nobody can hold in mind: over 400 lines wants a reason, over 800 is refused.

use crate::repository::{File, Repository};
use crate::tidy::Finding;

const SOURCES: &[&str] = &["rs", "sh", "js", "css", "html", "sql", "py"];
const WITH_REASON: usize = 400;
const NEVER: usize = 800;
const REASON: &str = "over 400 lines because";
/// The reason stands where a reader begins.
const FIRST_LINES: usize = 20;

/// The bird's view stays one.
const OVERVIEW: (&str, usize) = ("ARCHITECTURE.md", 300);

pub fn check(repository: &Repository) -> Vec<Finding> {
    repository.files.iter().filter_map(of_file).collect()
}

fn of_file(file: &File) -> Option<Finding> {
    let count = file.text.lines().count();
    let message = if file.path == OVERVIEW.0 && count >= OVERVIEW.1 {
        format!("{count} lines; it stays under {}", OVERVIEW.1)
    } else if !SOURCES.contains(&file.extension()) {
        return None;
    } else if count > NEVER {
        format!("{count} lines; split it, {NEVER} is the most")
    } else if count > WITH_REASON && !gives_reason(file) {
        format!("{count} lines; split it, or say in its first lines: \"{REASON} ..\"")
    } else {
        return None;
    };
    Some(Finding::new(&file.path, message))
}

fn gives_reason(file: &File) -> bool {
    file.text.lines().take(FIRST_LINES).any(|line| line.contains(REASON))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::of_file;
    use crate::repository::File;

    #[rstest]
    #[case::short("a.rs", "", 400, true)]
    #[case::long("a.rs", "", 401, false)]
    #[case::long_with_a_reason("a.rs", "//! over 400 lines because it is one table.\n", 700, true)]
    #[case::too_long("a.rs", "//! over 400 lines because it is one table.\n", 801, false)]
    #[case::a_document("docs/a.md", "", 900, true)]
    #[case::the_overview("ARCHITECTURE.md", "", 300, false)]
    fn each_size(#[case] path: &str, #[case] first: &str, #[case] lines: usize, #[case] fine: bool) {
        let rest = lines - first.lines().count();
        let file = File { path: path.into(), text: format!("{first}{}", "x\n".repeat(rest)) };
        assert_eq!(of_file(&file).is_none(), fine);
    }
}
