//! What a component lays claim to, and when two claims are on one thing.

use std::collections::BTreeSet;

/// A thing in the world that a component puts back, addressed so that overlaps can be seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// What kind of address it is, such as `file` or `postgres://host:5432`.
    pub space: String,
    /// The address from the outside in, such as the components of a path.
    pub path: Vec<String>,
    /// The parts of it that are claimed, such as the keys of a settings file; none is all of it.
    pub parts: Option<BTreeSet<String>>,
}

impl Claim {
    /// Whether both are in one space, one address leads to or is the other, and they have a part in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.space == other.space
            && (self.path.starts_with(&other.path) || other.path.starts_with(&self.path))
            && match (&self.parts, &other.parts) {
                (Some(ours), Some(theirs)) => !ours.is_disjoint(theirs),
                _ => true,
            }
    }
}

/// The claims so far on the way from the outside in to the current address.
struct Level<'a> {
    claim: &'a Claim,
    /// Owners of all of it.
    whole: Vec<usize>,
    /// Owners of a part of it.
    parts: std::collections::BTreeMap<&'a str, usize>,
}

/// Pairs of owners with overlapping claims: for each claim the first other that it meets, in time linear in the
/// claims but for sorting. `may_share(inner, outer)` says whether an owner may claim something strictly within
/// what another claims.
pub(super) fn overlaps(
    claims: &[(usize, &Claim)],
    may_share: impl Fn(usize, usize) -> bool,
) -> Vec<(usize, usize)> {
    let mut order: Vec<&(usize, &Claim)> = claims.iter().collect();
    order.sort_by_key(|(owner, claim)| (&claim.space, &claim.path, *owner));
    let mut levels: Vec<Level<'_>> = Vec::new();
    let mut found = Vec::new();
    for &&(owner, claim) in &order {
        while levels.last().is_some_and(|level| {
            level.claim.space != claim.space || !claim.path.starts_with(&level.claim.path)
        }) {
            levels.pop();
        }
        let clash = levels.iter().find_map(|level| {
            let within = claim.path.len() > level.claim.path.len();
            let strange = |other: usize| other != owner && !(within && may_share(owner, other));
            let of_whole = level.whole.iter().copied().find(|other| strange(*other));
            of_whole.or_else(|| match &claim.parts {
                Some(parts) => parts
                    .iter()
                    .filter_map(|part| level.parts.get(part.as_str()).copied())
                    .find(|o| strange(*o)),
                None => level.parts.values().copied().find(|other| strange(*other)),
            })
        });
        if let Some(other) = clash {
            found.push((owner.min(other), owner.max(other)));
        }
        if levels.last().is_none_or(|level| level.claim.path != claim.path) {
            levels.push(Level { claim, whole: Vec::new(), parts: std::collections::BTreeMap::new() });
        }
        if let Some(level) = levels.last_mut() {
            match &claim.parts {
                None => level.whole.push(owner),
                Some(parts) => {
                    for part in parts {
                        level.parts.entry(part).or_insert(owner);
                    }
                }
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(space: &str, path: &str, parts: Option<&[&str]>) -> Claim {
        Claim {
            space: space.into(),
            path: path.split('/').filter(|piece| !piece.is_empty()).map(String::from).collect(),
            parts: parts.map(|parts| parts.iter().map(|part| part.to_string()).collect()),
        }
    }

    #[test]
    fn claims_overlap_by_space_path_and_parts() {
        for (one, other, expected) in [
            (claim("file", "a/b", None), claim("file", "a/b", None), true),
            (claim("file", "a/b", None), claim("file", "a", None), true),
            (claim("file", "a/b", None), claim("file", "", None), true),
            (claim("file", "a/b", None), claim("file", "a/c", None), false),
            (claim("file", "a/b", None), claim("file", "a/bb", None), false),
            (claim("file", "a/b", None), claim("redis", "a/b", None), false),
            (claim("file", "a", Some(&["x"])), claim("file", "a", Some(&["y"])), false),
            (claim("file", "a", Some(&["x", "z"])), claim("file", "a", Some(&["y", "z"])), true),
            (claim("file", "a", Some(&["x"])), claim("file", "a", None), true),
            (claim("file", "a", Some(&["x"])), claim("file", "a/b", None), true),
            (claim("file", "a", Some(&[])), claim("file", "a", Some(&[])), false),
        ] {
            assert_eq!(one.overlaps(&other), expected, "{one:?} {other:?}");
            assert_eq!(other.overlaps(&one), expected, "{other:?} {one:?}");
            let pairs = overlaps(&[(0, &one), (1, &other)], |_, _| false);
            assert_eq!(!pairs.is_empty(), expected, "{one:?} {other:?}");
        }
    }

    #[test]
    fn what_lives_inside_may_be_claimed_inside() {
        let (server, stream) = (claim("nats", "server", None), claim("nats", "server/stream", None));
        let claims = [(0, &server), (1, &stream)];
        assert_eq!(overlaps(&claims, |inner, outer| (inner, outer) == (1, 0)), []);
        assert_eq!(overlaps(&claims, |inner, outer| (inner, outer) == (0, 1)), [(0, 1)]);
    }

    #[test]
    fn one_owner_may_claim_twice() {
        let one = claim("file", "a", None);
        assert_eq!(overlaps(&[(3, &one), (3, &one)], |_, _| false), []);
    }
}
