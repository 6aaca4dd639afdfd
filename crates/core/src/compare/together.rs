//! Which relations of two sides belong together.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::Relation;

/// The relations of both sides that belong together: by their names without the schema where both sides have one schema
/// each, else with it; declared pairs first.
///
/// Gives pairs of places, then the names of those that one side alone has.
pub fn pair_tables(
    left: &[Relation],
    right: &[Relation],
    declared: &[(String, String)],
) -> (Vec<(usize, usize)>, Vec<String>, Vec<String>) {
    let one_schema =
        |all: &[Relation]| all.iter().map(|one| one.schema.as_str()).collect::<BTreeSet<_>>().len() <= 1;
    let by_name_alone = one_schema(left) && one_schema(right);
    let called = |relation: &Relation, name: &str| relation.full_name() == name || relation.name == name;
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (here, there) in declared {
        let at = |all: &[Relation], name: &str| all.iter().position(|relation| called(relation, name));
        if let (Some(here), Some(there)) = (at(left, here), at(right, there)) {
            pairs.push((here, there));
        }
    }
    let mut free: BTreeMap<String, usize> = right
        .iter()
        .enumerate()
        .filter(|(at, _)| pairs.iter().all(|(_, there)| there != at))
        .map(|(at, relation)| (if by_name_alone { relation.name.clone() } else { relation.full_name() }, at))
        .collect();
    let mut only_left = Vec::new();
    for (at, relation) in left.iter().enumerate() {
        if pairs.iter().any(|(here, _)| *here == at) {
            continue;
        }
        let name = if by_name_alone { relation.name.clone() } else { relation.full_name() };
        match free.remove(&name) {
            Some(there) => pairs.push((at, there)),
            None => only_left.push(relation.full_name()),
        }
    }
    let mut only_right: Vec<String> = free.into_values().map(|at| right[at].full_name()).collect();
    only_right.sort();
    pairs.sort_unstable();
    (pairs, only_left, only_right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_find_each_other() {
        let named = |schema: &str, name: &str| Relation {
            schema: schema.to_owned(),
            name: name.to_owned(),
            columns: Vec::new(),
            key: Vec::new(),
            rows: 0,
            bytes: 0,
            unreadable: None,
        };
        let left = [named("public", "a"), named("public", "b"), named("public", "c")];
        let right = [named("old", "b"), named("old", "a"), named("old", "d")];
        let (pairs, only_left, only_right) = pair_tables(&left, &right, &[]);
        assert_eq!(pairs, [(0, 1), (1, 0)]);
        assert_eq!((only_left, only_right), (vec!["public.c".to_owned()], vec!["old.d".to_owned()]));
        let declared = [("c".to_owned(), "old.d".to_owned())];
        assert_eq!(pair_tables(&left, &right, &declared).0, [(0, 1), (1, 0), (2, 2)]);
        let two = [named("old", "a"), named("public", "a")];
        assert_eq!(pair_tables(&left[..1], &two, &[]).0, [(0, 1)]);
    }
}
