//! From an example to an input: bytes, tokens and lines are changed, taken from elsewhere, repeated, left out.

use std::ops::Range;

use crate::corpus::Corpus;
use crate::random::Random;
use crate::tokens::tokens;

/// Inputs are no longer; what grows faster than its input shows long before.
const LARGEST: usize = 64 * 1024;

/// So many changes are made to one example at most.
const MOST_CHANGES: usize = 6;

/// What breaks readers of any format.
const COMMON: &[&str] = &[
    "0",
    "-1",
    "1e999",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "4294967296",
    "65535",
    "0.1",
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\u{202e}",
    "\u{0}",
    "\r\n",
    "\t",
    "\"",
    "\\",
    "{",
    "[",
    "}",
    "]",
    ",",
    ":",
    "1970-01-01T00:00:00Z",
    "-009999-01-02T01:59:59Z",
    "9999-12-30T22:00:00.999999999Z",
];

/// The input of this number: always the same for the same seed, corpus and words.
pub fn input(corpus: &Corpus, words: &[&str], seed: u64, index: u64) -> Vec<u8> {
    let mut random = Random::of_input(seed, index);
    let mut input = corpus.example(random.below(usize::MAX)).to_vec();
    for _ in 0..=random.below(MOST_CHANGES) {
        let other = corpus.example(random.below(usize::MAX));
        change(&mut input, other, words, &mut random);
        input.truncate(LARGEST);
    }
    input
}

fn change(input: &mut Vec<u8>, other: &[u8], words: &[&str], random: &mut Random) {
    match random.below(11) {
        0 => {
            let (at, bit) = (random.below(input.len()), random.below(8));
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        1 => {
            let (at, drawn) = (random.below(input.len()), random.next().to_le_bytes()[0]);
            if let Some(byte) = input.get_mut(at) {
                *byte = drawn;
            }
        }
        2 => remove(input, random.stretch(input.len())),
        3 => {
            let (copied, at) = (random.stretch(input.len()), random.below(input.len() + 1));
            let copied = part(input, copied).repeat(1 + random.below(3));
            insert(input, at, &copied);
        }
        // The beginning of the one, the end of the other.
        4 => {
            input.truncate(random.below(input.len() + 1));
            input.extend_from_slice(other.get(random.below(other.len())..).unwrap_or_default());
        }
        5 => {
            let (at, word) = (random.below(input.len() + 1), word(words, random));
            insert(input, at, word.as_bytes());
        }
        // A token becomes a word, or a token of another example: what is well-formed mostly stays so.
        6 => {
            let with = word(words, random).as_bytes();
            replace_token(input, with, random);
        }
        7 | 8 => {
            let from = tokens(other);
            let with = from.get(random.below(from.len())).map_or(&[][..], |at| part(other, at.clone()));
            replace_token(input, with, random);
        }
        9 => change_lines(input, other, random),
        _ => {
            let deep = random.pick(&["[", "{\"a\":", "{a: ", "- ", "(", "\"", "&a "]).unwrap_or("[");
            let at = random.below(input.len() + 1);
            insert(input, at, deep.repeat(random.below(3_000)).as_bytes());
        }
    }
}

fn word<'a>(words: &[&'a str], random: &mut Random) -> &'a str {
    let from = if random.below(2) == 0 { COMMON } else { words };
    random.pick(from).unwrap_or("")
}

fn replace_token(input: &mut Vec<u8>, with: &[u8], random: &mut Random) {
    let all = tokens(input);
    if let Some(at) = all.get(random.below(all.len())).cloned() {
        input.splice(at, with.iter().copied());
    }
}

/// A line is left out, doubled, moved, or taken from another example.
fn change_lines(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let mut lines: Vec<Vec<u8>> = input.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return;
    }
    let (from, to) = (random.below(lines.len()), random.below(lines.len()));
    match random.below(4) {
        0 => drop(lines.remove(from)),
        1 => {
            let copy = lines.get(from).cloned().unwrap_or_default();
            lines.insert(to, copy);
        }
        2 => lines.swap(from, to),
        _ => {
            let theirs: Vec<&[u8]> = other.split_inclusive(|byte| *byte == b'\n').collect();
            lines.insert(to, random.pick(&theirs).unwrap_or_default().to_vec());
        }
    }
    *input = lines.concat();
}

fn part(input: &[u8], at: Range<usize>) -> &[u8] {
    input.get(at).unwrap_or_default()
}

fn remove(input: &mut Vec<u8>, at: Range<usize>) {
    input.splice(at, []);
}

fn insert(input: &mut Vec<u8>, at: usize, what: &[u8]) {
    input.splice(at..at, what.iter().copied());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn inputs_are_the_same_for_the_same_seed_and_hardly_ever_twice() {
        let corpus = Corpus::of(&["a: 1\nb: [2, 3]\n", "", "{\"c\": \"d\"}"]);
        let made = |seed| (0..2_000).map(|index| input(&corpus, &["needs"], seed, index)).collect::<Vec<_>>();
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
        let different: BTreeSet<Vec<u8>> = made(1).into_iter().collect();
        assert!(different.len() > 1_000, "{}", different.len());
        assert!(different.iter().all(|input| input.len() <= LARGEST));
    }
}
