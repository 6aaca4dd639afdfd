//! The migration file: it is read or refused with findings that have a place, and what was read is printed as a file
//! that reads back as the same thing.

use std::hint::black_box;

use backout_core::migration::{Source, lint, parse, print};

pub const WORDS: &[&str] = &[
    "migration: ",
    "components:\n",
    "phases:\n",
    "kind: ",
    "needs: ",
    "reads: ",
    "inside: ",
    "old:",
    "new:",
    "writes: ",
    "merge",
    "review",
    "accept-loss",
    "verify:",
    "then:",
    "before: ",
    "after: ",
    "limits:",
    "vault:",
    "store: ",
    "environment: ",
    "roots: [/]",
    "edge: true",
    "live: accepted",
    "${env:A}",
    "${file:a}",
    "$${",
    "30s",
    "2GiB",
    "5%",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "|\n",
    ">-\n",
    "---\n",
    "...\n",
    "? ",
    "- ",
    "# ",
    "%YAML 1.2\n",
];

pub fn check(input: &[u8]) -> bool {
    let source = match Source::from_bytes("backout.yaml", input) {
        Ok(source) => source,
        Err(refused) => {
            black_box(refused.to_string());
            return false;
        }
    };
    let file = match parse(&source) {
        Ok(file) => file,
        Err(findings) => {
            assert!(!findings.is_empty(), "refused without a word");
            for finding in findings {
                black_box(finding.to_string());
            }
            return false;
        }
    };
    for finding in lint(&file) {
        black_box(finding.to_string());
    }
    let printed = print(&file);
    let again = parse(&Source::new("printed", &printed))
        .unwrap_or_else(|findings| panic!("what was printed cannot be read: {findings:#?}\n{printed}"));
    assert_eq!(again.digest(), file.digest(), "what was printed reads back as something else\n{printed}");
    assert_eq!(print(&again), printed, "what was printed is printed differently");
    true
}
