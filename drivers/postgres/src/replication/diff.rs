//! What differs, and the steps back. Pure.

use std::collections::BTreeMap;

use backout_contract::Piece;
use backout_core::delta::{Delta, Reversibility, Shown};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::config::safe;
use super::state::{Publication, ReplicationState, Slot, Subscription};

/// One visible change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "does", rename_all = "kebab-case")]
pub(super) enum Effect {
    /// Publications and subscriptions become what was saved, in one transaction.
    Objects {
        /// What they were when the plan was made; none where that was not known.
        starts_from: Option<String>,
    },
    /// A slot is kept under another name.
    PutAside {
        /// Its name.
        slot: String,
    },
    /// A slot that was put aside is called by its name again.
    TakeBack {
        /// Its name.
        slot: String,
    },
}

pub(super) fn diff(saved: Option<&ReplicationState>, live: Option<&ReplicationState>) -> Delta {
    let (saved, live) = (saved.cloned().unwrap_or_default(), live.cloned().unwrap_or_default());
    let mut delta = Delta::default();
    each(&saved.publications, &live.publications, |name, then, now| {
        parts(&mut delta, &format!("publication {name}"), then.map(of_publication), now.map(of_publication));
    });
    each(&saved.subscriptions, &live.subscriptions, |name, then, now| {
        parts(
            &mut delta,
            &format!("subscription {name}"),
            then.map(of_subscription),
            now.map(of_subscription),
        );
    });
    each(&saved.slots, &live.slots, |name, then, now| {
        parts(&mut delta, &format!("slot {name}"), then.map(of_slot), now.map(of_slot));
    });
    delta
}

fn each<T: PartialEq>(
    saved: &BTreeMap<String, T>,
    live: &BTreeMap<String, T>,
    mut differs: impl FnMut(String, Option<&T>, Option<&T>),
) {
    let names: std::collections::BTreeSet<&String> = saved.keys().chain(live.keys()).collect();
    for name in names {
        let (then, now) = (saved.get(name), live.get(name));
        if then != now {
            differs(safe(name), then, now);
        }
    }
}

type Parts = BTreeMap<String, Shown>;

/// One line for a thing that is there on one side only, else one for each part that differs.
fn parts(delta: &mut Delta, path: &str, then: Option<Parts>, now: Option<Parts>) {
    let (Some(then), Some(now)) = (&then, &now) else {
        let side = |there: Option<&Parts>| there.map_or(Shown::Absent, |_| Shown::text("there"));
        delta.push(path, side(now.as_ref()), side(then.as_ref()));
        return;
    };
    let names: std::collections::BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let mut told = false;
    for name in names.into_iter().filter(|name| then.get(*name) != now.get(*name)) {
        let side = |parts: &Parts| parts.get(name).cloned().unwrap_or(Shown::Absent);
        delta.push(format!("{path} {name}"), side(now), side(then));
        told = true;
    }
    if !told {
        // What differs is nobody's business.
        delta.push(format!("{path} connection"), Shown::Sensitive, Shown::Sensitive);
    }
}

fn text(text: impl AsRef<str>) -> Shown {
    Shown::text(safe(text.as_ref()))
}

fn of_publication(one: &Publication) -> Parts {
    let mut parts = Parts::from([
        ("owner".to_owned(), text(&one.owner)),
        ("publishes".to_owned(), text(one.publish.join(", "))),
        ("by root".to_owned(), text(one.via_root.to_string())),
    ]);
    if one.all_tables {
        parts.insert("tables".to_owned(), text("all"));
    }
    if let Some(generated) = &one.generated {
        parts.insert("generated columns".to_owned(), text(generated));
    }
    for (table, published) in &one.tables {
        let columns = published.columns.as_ref().map(|columns| format!("({})", columns.join(", ")));
        let rows = published.rows.as_ref().map(|rows| format!("where {rows}"));
        let said: Vec<String> = columns.into_iter().chain(rows).collect();
        let said = if said.is_empty() { "published".to_owned() } else { said.join(" ") };
        parts.insert(format!("table {}", safe(table)), text(said));
    }
    for schema in &one.schemas {
        parts.insert(format!("schema {}", safe(schema)), text("published"));
    }
    parts
}

fn of_subscription(one: &Subscription) -> Parts {
    let publications: Vec<&str> = one.publications.iter().map(String::as_str).collect();
    let mut parts = Parts::from([
        ("owner".to_owned(), text(&one.owner)),
        ("state".to_owned(), text(if one.enabled { "running" } else { "stopped" })),
        ("publications".to_owned(), text(publications.join(", "))),
    ]);
    if one.connection.is_some() {
        parts.insert("connection".to_owned(), Shown::Sensitive);
    }
    if let Some(slot) = &one.slot {
        parts.insert("slot".to_owned(), text(slot));
    }
    parts.extend(one.options.iter().chain(&one.fixed).map(|(name, value)| (name.clone(), text(value))));
    parts
}

fn of_slot(one: &Slot) -> Parts {
    let mut parts = Parts::from([
        ("plugin".to_owned(), text(one.plugin.as_deref().unwrap_or("none, it is physical"))),
        ("temporary".to_owned(), text(one.temporary.to_string())),
        ("two_phase".to_owned(), text(one.two_phase.to_string())),
        ("failover".to_owned(), text(one.failover.to_string())),
    ]);
    if let Some(database) = &one.database {
        parts.insert("database".to_owned(), text(database));
    }
    parts
}

/// Slots that come back do so before subscriptions may read from them, and those that the migration made go aside when
/// nothing of ours reads them any more.
pub(super) fn steps(
    saved: Option<&ReplicationState>,
    live: Option<&ReplicationState>,
) -> Result<Vec<Piece<ReplicationState>>, String> {
    let wanted = saved.cloned().unwrap_or_default();
    if let Some(live) = live {
        refuse_lost(&wanted, live)?;
    }
    let mut at = live.cloned().unwrap_or_default();
    let mut pieces = Vec::new();
    let mut push = |title: String, effect: &Effect, leaves: &ReplicationState| {
        pieces.push(Piece { title, effect: json!(effect), leaves: Some(leaves.clone()) });
    };
    for (name, slot) in
        wanted.slots.iter().filter(|(name, _)| !at.slots.contains_key(*name)).collect::<Vec<_>>()
    {
        at.slots.insert(name.clone(), slot.clone());
        push(format!("take the slot {} back", safe(name)), &Effect::TakeBack { slot: name.clone() }, &at);
    }
    if !at.same_objects(&wanted) {
        let titles = titles(&wanted, &at);
        let starts_from = live.map(ReplicationState::telltale);
        at.publications.clone_from(&wanted.publications);
        at.subscriptions.clone_from(&wanted.subscriptions);
        push(titles, &Effect::Objects { starts_from }, &at);
    }
    for name in at.slots.keys().filter(|name| !wanted.slots.contains_key(*name)).cloned().collect::<Vec<_>>()
    {
        at.slots.remove(&name);
        let title = format!("keep the slot {} aside, which the migration made", safe(&name));
        push(title, &Effect::PutAside { slot: name }, &at);
    }
    if let Some(last) = pieces.last_mut() {
        last.leaves = None;
    }
    Ok(pieces)
}

/// What the step on publications and subscriptions does, in words.
fn titles(wanted: &ReplicationState, live: &ReplicationState) -> String {
    let mut words = Vec::new();
    each(&wanted.subscriptions, &live.subscriptions, |name, then, now| {
        words.push(match (then.map(|one| one.enabled), now.map(|one| one.enabled)) {
            (Some(true), Some(false)) => format!("resume the subscription {name}"),
            (Some(false), Some(true)) => format!("stop the subscription {name}"),
            (Some(_), Some(_)) => format!("set the subscription {name} as it was"),
            (Some(_), None) => format!("take the subscription {name} back"),
            (None, _) => format!("stop the subscription {name} and keep it aside"),
        });
    });
    each(&wanted.publications, &live.publications, |name, then, now| {
        words.push(match (then, now) {
            (Some(_), Some(_)) => format!("set the publication {name} as it was"),
            (Some(_), None) => format!("make the publication {name} again"),
            (None, _) => format!("keep the publication {name} aside"),
        });
    });
    words.join(", ")
}

/// What went for good: a slot or a subscription that was dropped took its place in the log along.
fn refuse_lost(wanted: &ReplicationState, live: &ReplicationState) -> Result<(), String> {
    let mut lost = Vec::new();
    for name in wanted.slots.keys() {
        if !live.slots.contains_key(name) && !live.aside.contains(&format!("slot {name}")) {
            lost.push(format!("the slot {} was dropped, and its place in the log with it", safe(name)));
        }
    }
    for (name, then) in &wanted.subscriptions {
        match live.subscriptions.get(name) {
            None if !live.aside.contains(&format!("subscription {name}")) => lost.push(format!(
                "the subscription {} was dropped, and with it the place up to which it had read",
                safe(name)
            )),
            Some(now) if now.fixed != then.fixed => lost.push(format!(
                "the subscription {} was made anew with other options that cannot be set later",
                safe(name)
            )),
            _ => {}
        }
    }
    for (name, then) in &wanted.slots {
        if live.slots.get(name).is_some_and(|now| now != then) {
            lost.push(format!("the slot {} is another one than was saved", safe(name)));
        }
    }
    if lost.is_empty() { Ok(()) } else { Err(lost.join("; ")) }
}

pub(super) fn reversibility(saved: Option<&ReplicationState>) -> Reversibility {
    let Some(saved) = saved else { return Reversibility::Fully };
    let slots = saved.slots.keys().map(|name| format!("slot {}", safe(name)));
    let named: Vec<String> =
        saved.subscriptions.keys().map(|name| format!("subscription {}", safe(name))).chain(slots).collect();
    if named.is_empty() {
        return Reversibility::Fully;
    }
    Reversibility::WithLoss {
        what: format!(
            "none while they exist; once dropped, the place in the log cannot be had back ({})",
            named.join(", ")
        ),
    }
}
