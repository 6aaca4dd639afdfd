//! "Did you mean": the nearest of the words that would have been right.

/// Words longer than this are not compared; nobody mistypes them into another.
const LONGEST: usize = 64;

/// The candidate that a person most likely meant, if any is near enough.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(LONGEST + 1).map(folded).collect();
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let allowed = (word.len() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let other: Vec<char> = candidate.chars().take(LONGEST + 1).map(folded).collect();
        let distance = if is_beginning(&word, &other) {
            1
        } else if word.len().abs_diff(other.len()) > allowed {
            continue;
        } else {
            distance(&word, &other)
        };
        // A word of which nothing stays is another word, however short.
        let near = distance <= allowed && distance < word.len().max(other.len());
        if near && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn folded(character: char) -> char {
    if character == '_' { '-' } else { character.to_ascii_lowercase() }
}

/// Whether one is the beginning of the other, with enough in common to be no accident.
fn is_beginning(one: &[char], other: &[char]) -> bool {
    one.len().min(other.len()) >= 3 && (one.starts_with(other) || other.starts_with(one))
}

/// Edits between two words: insert, delete, replace, and swap of neighbours.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    let mut one_ago = None;
    for (row, &a) in one.iter().enumerate() {
        let mut current = Vec::with_capacity(other.len() + 1);
        current.push(row + 1);
        let mut other_ago = None;
        for (column, &b) in other.iter().enumerate() {
            let up = above.get(column + 1).copied().unwrap_or(usize::MAX - 1) + 1;
            let left = current.get(column).copied().unwrap_or(usize::MAX - 1) + 1;
            let diagonal = above.get(column).copied().unwrap_or(usize::MAX - 1) + usize::from(a != b);
            let mut least = up.min(left).min(diagonal);
            if Some(a) == other_ago
                && Some(b) == one_ago
                && let Some(swapped) = column.checked_sub(1).and_then(|at| before.get(at))
            {
                least = least.min(swapped + 1);
            }
            current.push(least);
            other_ago = Some(b);
        }
        before = std::mem::replace(&mut above, current);
        one_ago = Some(a);
    }
    above.last().copied().unwrap_or(one.len())
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let fields = ["kind", "needs", "reads", "inside", "writes", "verify", "url"];
        for (word, expected) in [
            ("neds", Some("needs")),
            ("nedes", Some("needs")),
            ("enedS", Some("needs")),
            ("wirtes", Some("writes")),
            ("verif", Some("verify")),
            ("verifying", Some("verify")),
            ("ulr", Some("url")),
            ("knd", Some("kind")),
            ("zone", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(closest(word, fields), expected, "{word}");
        }
        assert_eq!(closest("acceptloss", ["merge", "review", "accept-loss"]), Some("accept-loss"));
        assert_eq!(closest("accept_loss", ["merge", "review", "accept-loss"]), Some("accept-loss"));
    }
}
