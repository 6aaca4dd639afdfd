//! In which order things go back: one rule for every estate, as a pure function.
//!
//! Every component has six [groups](Group) of steps, and every group is a milestone, empty or not: leaving empty
//! ones out would lose the order of what stands on both sides of them. [`order`] derives the edges between
//! milestones from how components depend on each other; two milestones that no path of edges joins may pass side
//! by side. The table is in `rule`, above the code that applies it.
//!
//! Around it: what [takes part](taking_part) in a rollback, who [restarts](restarts) because a value that it
//! read went back, what a partial [selection](closure) draws in, and what the edges [cannot guard](unguarded).

mod behind;
mod cycle;
mod graph;
mod net;
mod part;
mod rule;
mod selection;
mod sequence;
mod unguarded;
mod word;

#[cfg(test)]
mod tests;

pub use cycle::{Cause, Cycle};
pub use part::{Why, restarts, taking_part};
pub use selection::{Chosen, LeftOut, Selection, closure};
pub use sequence::{Order, Relation};
pub use unguarded::{Unguarded, unguarded};
pub use word::{
    Dependency, DependencyKind, Edge, Group, Milestone, Mode, NotAMilestone, Ordered, Rule, UnknownGroup,
};

/// Orders the milestones of all components of a migration, those without a difference included.
///
/// A dependency or an added edge that names no component is passed over, and so is a second component of the
/// same name: the lint of the migration file reports both.
///
/// # Errors
///
/// A [`Cycle`], with its path, where no order exists.
pub fn order(components: &[Ordered]) -> Result<Order, Cycle> {
    let net = net::Net::new(components);
    let graph = rule::graph(&net);
    match graph.ranks(|_| true) {
        Ok(ranked) => Ok(Order::new(&net, graph, ranked)),
        Err(_) => Err(Cycle::find(&net, &graph)),
    }
}
