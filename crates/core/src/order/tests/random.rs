//! Random estates: the rule against the naive one, cycles against their cures, and large ones.

use proptest::prelude::*;
use proptest::sample::Index;

use super::naive::Naive;
use super::*;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Quiet {
    Everything,
    Some,
}

type Flags = (bool, bool, bool, bool);

/// Up to eight components whose dependencies have no circle, in any order of the file.
fn estates(quiet: Quiet, added: bool) -> impl Strategy<Value = Vec<Ordered>> {
    let flags = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.3), prop::bool::weighted(0.3));
    let ties = prop::collection::vec((0usize..8, 0u8..5), 0..5);
    let extra =
        prop::collection::vec((any::<Index>(), any::<Index>(), 0usize..6, 0usize..6), 0..=usize::from(added));
    prop::collection::vec((flags, ties, extra), 1..=8)
        .prop_map(move |drawn| {
            let count = drawn.len();
            let called = |position: usize| name(&format!("c{position}"));
            let made = drawn.into_iter().enumerate().map(|(position, (flags, ties, extra))| {
                let (switched, quiesces, merges, edge): Flags = flags;
                let dependencies =
                    ties.into_iter().filter(|(on, _)| *on < position).map(|(on, kind)| Dependency {
                        on: called(on),
                        kind: match kind {
                            0..=2 => DependencyKind::Needs,
                            3 => DependencyKind::Reads,
                            _ => DependencyKind::Inside,
                        },
                        compatible_both: false,
                    });
                let point = |index: Index, group: usize| Milestone {
                    component: called(index.index(count)),
                    group: Group::ALL[group],
                };
                Ordered {
                    name: called(position),
                    mode: if switched { Mode::Switched } else { Mode::InPlace },
                    can_quiesce: quiesces || quiet == Quiet::Everything,
                    live_accepted: false,
                    merges,
                    edge,
                    dependencies: dependencies.collect(),
                    extra: extra.into_iter().map(|(a, b, from, to)| (point(a, from), point(b, to))).collect(),
                }
            });
            made.collect::<Vec<_>>()
        })
        .prop_shuffle()
}

fn agrees(components: &[Ordered], order: &Order) {
    let naive = Naive::new(components);
    assert!(!naive.cycles());
    for edge in order.edges() {
        assert!(naive.has(&edge), "{edge} by {} is not in the table", edge.rule);
    }
    let sequence: Vec<&Milestone> = order.sequence().collect();
    assert_eq!(sequence.len(), components.len() * Group::ALL.len());
    for (place, first) in sequence.iter().enumerate() {
        for (other, second) in sequence.iter().enumerate() {
            let expected = if naive.forced(first, second) {
                assert!(place < other, "{first} stands behind {second}");
                Relation::Forced
            } else if naive.forced(second, first) {
                Relation::Reversed
            } else {
                Relation::Free
            };
            assert_eq!(order.forced(first, second), expected, "{first} and {second}");
        }
    }
}

fn is_a_cycle(components: &[Ordered], cycle: &Cycle) {
    let naive = Naive::new(components);
    assert!(!cycle.path.is_empty());
    for (edge, next) in cycle.path.iter().zip(cycle.path.iter().cycle().skip(1)) {
        assert!(naive.has(edge), "{edge} by {} is not in the table", edge.rule);
        assert_eq!(edge.after, next.before);
    }
    assert_eq!(cycle.steps().len(), cycle.path.len());
}

proptest! {
    #[test]
    fn no_cycle_when_everything_can_quiesce(components in estates(Quiet::Everything, false)) {
        agrees(&components, &order(&components).unwrap());
    }

    #[test]
    fn the_cure_of_every_cycle_cures(mut components in estates(Quiet::Some, false)) {
        let open = components.iter().filter(|component| !component.can_quiesce).count();
        for _ in 0..=open {
            let cycle = match order(&components) {
                Ok(order) => {
                    agrees(&components, &order);
                    return Ok(());
                }
                Err(cycle) => cycle,
            };
            is_a_cycle(&components, &cycle);
            let Cause::CannotQuiesce(blamed) = &cycle.cause else { panic!("{cycle:?}") };
            let mut cured = components.clone();
            let first = cured.iter_mut().find(|component| component.name == blamed[0]).unwrap();
            prop_assert!(!first.can_quiesce);
            first.can_quiesce = true;
            let naive = Naive::new(&cured);
            prop_assert!(cycle.path.iter().any(|edge| !naive.has(edge)), "the cure left the cycle as it was");
            components = cured;
        }
        prop_assert!(false, "everything can quiesce, and there is still a cycle");
    }

    #[test]
    fn added_edges_are_blamed_only_for_what_they_do(components in estates(Quiet::Some, true)) {
        match order(&components) {
            Ok(order) => agrees(&components, &order),
            Err(cycle) => {
                is_a_cycle(&components, &cycle);
                let mut without = components.clone();
                for component in &mut without {
                    component.extra.clear();
                }
                match &cycle.cause {
                    Cause::Added(edges) => {
                        prop_assert!(!edges.is_empty());
                        prop_assert!(edges.iter().all(|edge| edge.rule == Rule::Person));
                        prop_assert!(order(&without).is_ok());
                    }
                    Cause::CannotQuiesce(_) => prop_assert_eq!(order(&without).unwrap_err(), cycle),
                    Cause::Circle(_) => prop_assert!(false, "there is no circle"),
                }
            }
        }
    }

    #[test]
    fn the_order_is_the_same_every_time(components in estates(Quiet::Everything, false)) {
        let (first, second) = (order(&components).unwrap(), order(&components).unwrap());
        prop_assert!(first.sequence().eq(second.sequence()));
        prop_assert!(first.edges().eq(second.edges()));
    }
}

/// A tower in which every floor merges and is an edge: the worst case of the rules that reach through.
fn tower(floors: usize) -> Vec<Ordered> {
    let mut text = String::from("c0 switched merge edge\n");
    for floor in 1..floors {
        let below = [1, 2, 7].map(|down| format!("c{}", floor.saturating_sub(down))).join(" ");
        text.push_str(&format!("c{floor} switched merge edge needs {below}\n"));
    }
    estate(&text)
}

#[test]
fn edges_grow_with_the_estate_and_not_with_its_square() {
    let count = |floors| rule::graph(&net::Net::new(&tower(floors))).links();
    assert!(count(2000) <= count(1000) * 2 + 64);
}

#[test]
fn ten_thousand_floors() {
    let floors = 10_000;
    let order = order(&tower(floors)).unwrap();
    assert_eq!(order.sequence().count(), floors * Group::ALL.len());
    assert_eq!(relation(&order, "c0.W c9999.R"), Relation::Forced);
    assert_eq!(relation(&order, "c9999.Q c0.W"), Relation::Forced);
}

#[test]
fn hundreds_of_databases_are_each_recovered_first() {
    let order = order(&tower(200)).unwrap();
    let top = milestone("c199.R");
    let by_seven: Vec<&Milestone> =
        order.predecessors(&top).filter(|(_, rule)| *rule == Rule::R7).map(|(before, _)| before).collect();
    let expected: Vec<Milestone> = (0..199).map(|floor| milestone(&format!("c{floor}.W"))).collect();
    assert_eq!(by_seven, expected.iter().collect::<Vec<_>>());
}

#[test]
fn a_long_chain_over_one_database() {
    let floors = 10_000;
    let mut text = String::from("c0 switched merge\n");
    for floor in 1..floors {
        text.push_str(&format!("c{floor} switched needs c{}\n", floor - 1));
    }
    let order = order(&estate(&text)).unwrap();
    // Groups; rules 1, 2 and 4 for each tie; what rule 7 asks of each floor, and of the writer on the first.
    assert_eq!(order.edges().count(), 5 * floors + 5 * (floors - 1) + (floors - 1) + 1);
}
