//! The table of the order, and the code that applies it. C depends on D.
//!
//! Q quiesce, R revert, W recover (the writes), P prove, O reopen, V verify.
//!
//! | rule | C → D | C | D | edges |
//! |---|---|---|---|---|
//! | groups | | in place, or without `merge` | | C: Q R W P O V |
//! | groups | | switched, `merge` | | C: Q W R P O V |
//! | 1 | any | any | any | C.Q → D.Q |
//! | 2 | needs, inside | can quiesce | switched | C.Q → D.R |
//! | 2 | needs, inside | cannot quiesce | switched | C.R → D.R |
//! | 3 | needs, inside | any | in place | C.Q → D.R |
//! | 4 | any | any | any | D.P → C.O, D.O → C.O, D.V → C.V |
//! | 5 | reads | any | any | D.R → C.R |
//! | 6 | needs, inside | switched | in place | D.O → C.R |
//! | 7 | any, directly or not | any | switched, `merge` | C.Q → D.W, D.W → C.R |
//! | 8 | inside | any | any | D.O → C.R |
//! | edge | needs or inside, directly or not | switched, `edge` | in place | D.O → C.R |
//! | edge | any, directly or not | `edge` | any | D.O → C.O |
//! | person | | | | as written |
//!
//! Three of these follow from others and are not built for indirect dependencies: C.Q → D.W (rule 1 down to D.Q,
//! then D's groups) and the edge's D.O → C.O (rule 4 upwards). An edge that only stands over switched things goes
//! back before them, for their old sides already stand: only what is rewritten holds it up.
//!
//! Without a component that cannot quiesce and without a person's edges there is no cycle: quiesce everything,
//! consumers first, then put back and reopen one component after the other, providers first, keeps every row.

use super::graph::{Gate, Graph, Node};
use super::net::{Net, Tie};
use super::word::{DependencyKind, Group, Mode, Ordered, Rule};

/// Applies the table.
pub(super) fn graph(net: &Net<'_>) -> Graph {
    let mut graph = Graph::new(net.components().count());
    for (position, component) in net.components() {
        alone(&mut graph, net, position, component);
    }
    for tie in net.ties() {
        if let (Some(consumer), Some(provider)) = (net.component(tie.consumer), net.component(tie.provider)) {
            together(&mut graph, tie, consumer, provider);
        }
    }
    graph
}

/// Whether writes to a switched component are recovered before it reverts.
pub(super) fn recovers_first(component: &Ordered) -> bool {
    component.mode == Mode::Switched && component.merges
}

fn alone(graph: &mut Graph, net: &Net<'_>, position: usize, component: &Ordered) {
    let mut groups = Group::ALL;
    if recovers_first(component) {
        groups.swap(Group::Revert as usize, Group::Recover as usize);
    }
    for (before, after) in groups.iter().zip(groups.iter().skip(1)) {
        graph.link(Node::of(position, *before), Node::of(position, *after), Rule::Groups);
    }
    let revert = Node::of(position, Group::Revert);
    graph.link(Node::gate(position, Gate::Recovered), revert, Rule::R7);
    if component.edge && component.mode == Mode::Switched {
        graph.link(Node::gate(position, Gate::Reopened), revert, Rule::EdgeLast);
    }
    for (before, after) in &component.extra {
        if let (Some(from), Some(to)) = (net.position(&before.component), net.position(&after.component)) {
            graph.link(Node::of(from, before.group), Node::of(to, after.group), Rule::Person);
        }
    }
}

fn together(graph: &mut Graph, tie: Tie, consumer: &Ordered, provider: &Ordered) {
    use Group::{Prove, Quiesce, Recover, Reopen, Revert, Verify};
    let c = |group| Node::of(tie.consumer, group);
    let d = |group| Node::of(tie.provider, group);

    graph.link(c(Quiesce), d(Quiesce), Rule::R1);
    graph.link(d(Prove), c(Reopen), Rule::R4);
    graph.link(d(Reopen), c(Reopen), Rule::R4);
    graph.link(d(Verify), c(Verify), Rule::R4);

    let recovered = Node::gate(tie.consumer, Gate::Recovered);
    graph.link(Node::gate(tie.provider, Gate::Recovered), recovered, Rule::R7);
    if recovers_first(provider) {
        graph.link(c(Quiesce), d(Recover), Rule::R7);
        graph.link(d(Recover), recovered, Rule::R7);
    }

    if tie.kind == DependencyKind::Reads {
        graph.link(d(Revert), c(Revert), Rule::R5);
        return;
    }
    let reopened = Node::gate(tie.consumer, Gate::Reopened);
    match provider.mode {
        Mode::Switched => {
            let leave = if consumer.can_quiesce { Quiesce } else { Revert };
            graph.link(c(leave), d(Revert), Rule::R2);
            graph.link(Node::gate(tie.provider, Gate::Reopened), reopened, Rule::EdgeLast);
        }
        Mode::InPlace => {
            graph.link(c(Quiesce), d(Revert), Rule::R3);
            graph.link(d(Reopen), reopened, Rule::EdgeLast);
            if consumer.mode == Mode::Switched {
                graph.link(d(Reopen), c(Revert), Rule::R6);
            }
        }
    }
    if tie.kind == DependencyKind::Inside {
        graph.link(d(Reopen), c(Revert), Rule::R8);
    }
}
