//! What differs between two trees, for people. Pure.

use backout_core::delta::{Delta, Shown};
use jiff::Timestamp;

use super::state::{Entry, TreeState, What};

/// What differs, live → saved. A whole tree that came or went is one change.
pub(super) fn diff(saved: Option<&TreeState>, live: Option<&TreeState>) -> Delta {
    let mut delta = Delta::default();
    let (saved, live) = match (saved, live) {
        (None, None) => return delta,
        (Some(saved), None) => {
            delta.push(".", Shown::Absent, Shown::Text(summary(saved)));
            return delta;
        }
        (None, Some(live)) => {
            delta.push(".", Shown::Text(summary(live)), Shown::Absent);
            return delta;
        }
        (Some(saved), Some(live)) => (saved, live),
    };
    let (mut then, mut now) = (saved.entries.iter().peekable(), live.entries.iter().peekable());
    loop {
        match (then.peek(), now.peek()) {
            (None, None) => return delta,
            (Some(one), Some(other)) if one.path == other.path => {
                if !one.same_shape(other) {
                    let (now, then) = described(other, one);
                    delta.push(name(one), Shown::Text(now), Shown::Text(then));
                }
                then.next();
                now.next();
            }
            (Some(one), other) if other.is_none_or(|other| one.path < other.path) => {
                delta.push(name(one), Shown::Absent, Shown::Text(kind(one)));
                then.next();
            }
            (_, other) => {
                if let Some(other) = other {
                    delta.push(name(other), Shown::Text(kind(other)), Shown::Absent);
                }
                now.next();
            }
        }
    }
}

/// A tree in a few words.
pub(super) fn summary(tree: &TreeState) -> String {
    let files = tree.entries.iter().filter(|entry| matches!(entry.what, What::File { .. })).count();
    match tree.entries.as_slice() {
        [single] => kind(single),
        _ => format!("directory with {files} files, {} bytes", tree.bytes()),
    }
}

fn name(entry: &Entry) -> &str {
    if entry.path.is_empty() { "." } else { &entry.path }
}

fn kind(entry: &Entry) -> String {
    match &entry.what {
        What::Directory => "directory".to_owned(),
        What::File { bytes, .. } => format!("file of {bytes} bytes"),
        What::Link { target } => format!("link to {target}"),
    }
}

/// Both sides, by the aspects in which they differ. Content is told by its size: a digest of something short
/// would give it away.
fn described(now: &Entry, then: &Entry) -> (String, String) {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let mut differ = |one: String, other: String| {
        left.push(one);
        right.push(other);
    };
    match (&now.what, &then.what) {
        (What::File { bytes: one, content }, What::File { bytes: other, content: saved }) => {
            // Other content has another time, which says nothing more.
            if content != saved {
                differ(format!("other content, {one} bytes"), format!("saved content, {other} bytes"));
            } else if now.modified != then.modified {
                differ(time(now), time(then));
            }
        }
        (one, other) if one != other => differ(kind(now), kind(then)),
        _ => {}
    }
    if now.mode != then.mode {
        differ(format!("mode {:04o}", now.mode), format!("mode {:04o}", then.mode));
    }
    if (now.user, now.group) != (then.user, then.group) {
        differ(format!("owner {}:{}", now.user, now.group), format!("owner {}:{}", then.user, then.group));
    }
    (left.join(", "), right.join(", "))
}

fn time(entry: &Entry) -> String {
    let (seconds, nanoseconds) = entry.modified;
    let time =
        i32::try_from(nanoseconds).ok().and_then(|nanoseconds| Timestamp::new(seconds, nanoseconds).ok());
    time.map_or_else(|| format!("modified {seconds} s after 1970"), |time| format!("modified {time}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use backout_core::digest::Digest;

    fn entry(path: &str, what: What) -> Entry {
        Entry { path: path.into(), what, mode: 0o644, user: 1, group: 2, modified: (0, 5) }
    }

    fn file(content: u8) -> What {
        What::File { bytes: 3, content: Digest::from_raw([content; 32]) }
    }

    fn tree(entries: Vec<Entry>) -> TreeState {
        let root = Entry { mode: 0o755, ..entry("", What::Directory) };
        TreeState { entries: std::iter::once(root).chain(entries).collect() }
    }

    fn lines(saved: Option<&TreeState>, live: Option<&TreeState>) -> Vec<String> {
        let text = |shown: &Shown| match shown {
            Shown::Text(text) => text.clone(),
            other => format!("{other:?}"),
        };
        let line = |change: &backout_core::delta::Change| {
            format!("{}: {} -> {}", change.path, text(&change.now), text(&change.then))
        };
        diff(saved, live).changes.iter().map(line).collect()
    }

    #[test]
    fn each_difference_is_one_line() {
        let saved = tree(vec![
            entry("a", file(1)),
            entry("b", file(1)),
            entry("c", What::Link { target: "x".into() }),
            entry("e", What::Directory),
        ]);
        let live = tree(vec![
            Entry { mode: 0o600, modified: (7, 0), ..entry("a", file(2)) },
            Entry { modified: (1, 0), user: 9, ..entry("b", file(1)) },
            entry("d", file(1)),
            entry("e", What::Link { target: "/".into() }),
        ]);
        assert_eq!(
            lines(Some(&saved), Some(&live)),
            [
                "a: other content, 3 bytes, mode 0600 -> saved content, 3 bytes, mode 0644",
                "b: modified 1970-01-01T00:00:01Z, owner 9:2 -> modified 1970-01-01T00:00:00.000000005Z, owner 1:2",
                "c: Absent -> link to x",
                "d: file of 3 bytes -> Absent",
                "e: link to / -> directory",
            ]
        );
        assert_eq!(lines(Some(&saved), Some(&saved)), Vec::<String>::new());
        assert_eq!(lines(Some(&saved), None), [".: Absent -> directory with 2 files, 6 bytes"]);
        assert_eq!(lines(None, Some(&live)), [".: directory with 3 files, 9 bytes -> Absent"]);
    }
}
