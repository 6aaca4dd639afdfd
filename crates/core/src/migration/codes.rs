//! The codes of the migration file. Each has a page under `docs/errors`; a code is never given a new meaning.

use crate::diagnostic::Code;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $title:literal;)*) => {
        $($(#[$doc])* pub const $name: Code = Code($code);)*

        /// Every code of the migration file with its title, in order.
        pub const ALL: &[(Code, &str)] = &[$(($name, $title)),*];

        #[cfg(test)]
        const PAGES: &[&str] = &[$(include_str!(concat!("../../../../docs/errors/", $code, ".md"))),*];
    };
}

codes! {
    /// Not UTF-8 text: another encoding, a byte order mark, or nothing at all.
    NOT_TEXT = "BK0101", "the file is not plain UTF-8 text";
    /// Larger, deeper or of more parts than any migration needs.
    TOO_LARGE = "BK0102", "the file is too large or nested too deeply";
    /// The YAML parser cannot go on.
    SYNTAX = "BK0103", "the file is not valid YAML";
    /// An anchor, an alias or a merge key.
    ANCHOR = "BK0104", "anchors and aliases are not supported";
    /// A tag such as `!!str`.
    TAG = "BK0105", "tags are not supported";
    /// A second document or a `%` directive.
    DOCUMENTS = "BK0106", "one file holds one document without directives";
    /// The same key twice in one map.
    DUPLICATE_KEY = "BK0107", "a key is written twice";
    /// A control, invisible or bidirectional character.
    HIDDEN_CHARACTER = "BK0108", "the file holds a hidden character";
    /// A tab where indentation is expected.
    TAB = "BK0109", "a tab is used as indentation";
    /// A key that is a list, a map or nothing.
    KEY = "BK0110", "a key is not text";
    /// A field that does not exist here.
    UNKNOWN_FIELD = "BK0111", "unknown field";
    /// A field that must be written.
    MISSING_FIELD = "BK0112", "a required field is missing";
    /// A value of the wrong type or out of range.
    WRONG_VALUE = "BK0113", "a value is not what the field wants";
    /// A number that programs read differently.
    AMBIGUOUS_NUMBER = "BK0114", "a number can be read in two ways";
    /// `${env:..}` or `${file:..}` in a field that takes none.
    REFERENCE_NOT_ALLOWED = "BK0115", "a reference stands where none is allowed";
    /// `${` that begins no known reference.
    BAD_REFERENCE = "BK0116", "a reference cannot be read";
    /// A name with characters that names do not have.
    BAD_NAME = "BK0117", "a name is not a name";
    /// A name that means something else.
    RESERVED_NAME = "BK0118", "a name is reserved";
    /// A component that the file does not have.
    UNKNOWN_COMPONENT = "BK0119", "unknown component";
    /// A component that depends on itself.
    SELF_DEPENDENCY = "BK0120", "a component depends on itself";
    /// Dependencies that go round in a circle.
    CYCLE = "BK0121", "components depend on each other in a circle";
    /// The same thing named twice in one list.
    DUPLICATE_ENTRY = "BK0122", "something is listed twice";
    /// A list, a map or a field with nothing in it.
    EMPTY = "BK0123", "something is empty and matches nothing";
    /// A component in no phase, or in two.
    PHASES = "BK0124", "each component belongs to exactly one phase";
    /// `edge: true` with nothing behind it.
    EDGE_ALONE = "BK0125", "an edge stands in front of nothing";
    /// `compatible` names what is no dependency.
    NOT_A_DEPENDENCY = "BK0126", "compatible with something that is no dependency";
    /// A kind that no driver offers.
    UNKNOWN_KIND = "BK0127", "unknown kind";
    /// A data component without `writes`.
    WRITES_MISSING = "BK0128", "what becomes of users' writes is not said";
    /// `writes: merge` on a kind that does not record writes.
    MERGE_UNSUPPORTED = "BK0129", "merging writes of a kind that does not record them";
    /// `writes` on something that holds no data.
    WRITES_POINTLESS = "BK0130", "writes on something that holds no data";
    /// A consumer that cannot hold still while what it uses is rewritten.
    CANNOT_QUIESCE = "BK0131", "a consumer cannot be quiesced";
    /// Two components on one thing.
    OVERLAP = "BK0132", "two components claim one thing";
    /// A path that leaves the declared roots.
    STRAY_PATH = "BK0133", "a path leaves the declared roots";
    /// A probe that does not exist.
    UNKNOWN_PROBE = "BK0134", "unknown probe";
    /// A secret written into the file.
    SECRET_LITERAL = "BK0135", "a secret is written into the file";
    /// An edge that names no group of steps.
    BAD_EDGE = "BK0136", "an extra edge names no group";
}

#[cfg(test)]
mod tests {
    use super::{ALL, PAGES};

    #[test]
    fn codes_are_contiguous_and_stable() {
        for (index, (code, _)) in ALL.iter().enumerate() {
            assert_eq!(code.0, format!("BK01{:02}", index + 1));
        }
    }

    #[test]
    fn each_code_has_a_page_with_its_title() {
        for ((code, title), page) in ALL.iter().zip(PAGES) {
            assert!(page.starts_with(&format!("# {code}: {title}\n")), "{code}");
            for part in ["Why it is refused", "Wrong:", "Right:", "What to do"] {
                assert!(page.contains(part), "{code} lacks {part}");
            }
        }
    }
}
