//! Circles among dependencies.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::file::{Component, Dependency, MigrationFile};

/// One shortest circle for each knot of components that depend on each other: each component with the dependency
/// that leads on, the last one leading to the first. Dependencies on itself and on unknown components are left
/// to others.
pub(super) fn circles(file: &MigrationFile) -> Vec<Vec<(&Component, &Dependency)>> {
    let by_name: BTreeMap<&str, usize> =
        file.components.iter().enumerate().map(|(index, c)| (c.name.value.as_str(), index)).collect();
    let forward: Vec<Vec<(usize, &Dependency)>> = file
        .components
        .iter()
        .enumerate()
        .map(|(index, component)| {
            let known = component.dependencies.iter();
            known
                .filter_map(|d| by_name.get(d.on.value.as_str()).map(|&to| (to, d)))
                .filter(|(to, _)| *to != index)
                .collect()
        })
        .collect();
    let mut rest = in_knots(&forward);
    let mut found = Vec::new();
    while let Some(&start) = rest.first() {
        let Some(circle) = shortest(&forward, start, &rest) else {
            rest.remove(&start);
            continue;
        };
        // What hangs together with this circle is the same knot, and one circle of it is enough.
        for member in knot(&forward, start, &rest) {
            rest.remove(&member);
        }
        found.push(circle.into_iter().filter_map(|(at, d)| Some((file.components.get(at)?, d))).collect());
    }
    found
}

/// The components that stay when all are taken away, again and again, that depend on nothing left or on which
/// nothing left depends: those in circles and those between circles.
fn in_knots(forward: &[Vec<(usize, &Dependency)>]) -> BTreeSet<usize> {
    let mut backward: Vec<Vec<usize>> = vec![Vec::new(); forward.len()];
    for (from, edges) in forward.iter().enumerate() {
        for (to, _) in edges {
            if let Some(list) = backward.get_mut(*to) {
                list.push(from);
            }
        }
    }
    let forward: Vec<Vec<usize>> =
        forward.iter().map(|edges| edges.iter().map(|(to, _)| *to).collect()).collect();
    let mut left: BTreeSet<usize> = (0..forward.len()).collect();
    for (out, back) in [(&forward, &backward), (&backward, &forward)] {
        let mut degree: Vec<usize> =
            out.iter().map(|list| list.iter().filter(|next| left.contains(next)).count()).collect();
        let mut free: Vec<usize> = left.iter().copied().filter(|at| degree.get(*at) == Some(&0)).collect();
        while let Some(at) = free.pop() {
            left.remove(&at);
            for &before in back.get(at).map(Vec::as_slice).unwrap_or_default() {
                if left.contains(&before)
                    && let Some(degree) = degree.get_mut(before)
                {
                    *degree -= 1;
                    if *degree == 0 {
                        free.push(before);
                    }
                }
            }
        }
    }
    left
}

/// A shortest way from a component back to itself.
fn shortest<'a>(
    forward: &[Vec<(usize, &'a Dependency)>],
    start: usize,
    within: &BTreeSet<usize>,
) -> Option<Vec<(usize, &'a Dependency)>> {
    let mut came_from: BTreeMap<usize, (usize, &'a Dependency)> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for &(to, dependency) in forward.get(at).map(Vec::as_slice).unwrap_or_default() {
            if !within.contains(&to) || came_from.contains_key(&to) {
                continue;
            }
            came_from.insert(to, (at, dependency));
            if to == start {
                let mut circle = Vec::new();
                let mut here = start;
                loop {
                    let &(before, dependency) = came_from.get(&here)?;
                    circle.push((before, dependency));
                    here = before;
                    if here == start {
                        circle.reverse();
                        return Some(circle);
                    }
                }
            }
            queue.push_back(to);
        }
    }
    None
}

/// Everything that can be reached from a component and leads back to it.
fn knot(forward: &[Vec<(usize, &Dependency)>], start: usize, within: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut reached = BTreeSet::from([start]);
    let mut todo = vec![start];
    let mut backward: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    while let Some(at) = todo.pop() {
        for &(to, _) in forward.get(at).map(Vec::as_slice).unwrap_or_default() {
            if within.contains(&to) {
                backward.entry(to).or_default().push(at);
                if reached.insert(to) {
                    todo.push(to);
                }
            }
        }
    }
    let mut knot = BTreeSet::from([start]);
    todo.push(start);
    while let Some(at) = todo.pop() {
        for &before in backward.get(&at).map(Vec::as_slice).unwrap_or_default() {
            if knot.insert(before) {
                todo.push(before);
            }
        }
    }
    knot
}
