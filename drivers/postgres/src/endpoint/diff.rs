//! What differs, the steps back, and what they cost. Pure.

use std::collections::BTreeSet;

use backout_contract::Piece;
use backout_core::delta::{Delta, Shown};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::state::{DoorState, EndpointState, Inside, Which};
use crate::replication::safe;
use crate::rows::Rows;

/// A step: the door of one side becomes what was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Effect {
    /// Which side.
    pub(super) side: Which,
    /// Its door when the plan was made; none where nobody could look.
    pub(super) starts_from: Option<DoorState>,
}

pub(super) fn diff(saved: Option<&EndpointState>, live: Option<&EndpointState>) -> Delta {
    let mut delta = Delta::default();
    let (Some(saved), Some(live)) = (saved, live) else {
        if saved.is_some() != live.is_some() {
            let side = |state: Option<&EndpointState>| state.map_or(Shown::Absent, |_| Shown::text("there"));
            delta.push("both sides", side(live), side(saved));
        }
        return delta;
    };
    let mut push = |path: String, now: String, then: String| {
        if now != then {
            delta.push(path, Shown::text(now), Shown::text(then));
        }
    };
    push("writers".into(), live.writers().word().into(), saved.writers().word().into());
    for which in [Which::Old, Which::New] {
        let (then, now, word) = (saved.side(which), live.side(which), which.word());
        push(
            format!("{word} side database"),
            format!("{} in {}", now.database, now.system),
            format!("{} in {}", then.database, then.system),
        );
        push(format!("{word} side door"), shown(&now.door), shown(&then.door));
    }
    if let (Some(then), Some(now)) = (&saved.old.inside, &live.old.inside) {
        let (then, now) = (then.tables(), now.tables());
        for name in then.keys().chain(now.keys()).collect::<BTreeSet<_>>() {
            let (then, now) = (then.get(name), now.get(name));
            if then != now {
                let side = |there: bool, word: &str| if there { word } else { "absent" }.to_owned();
                let word = if then.is_some() && now.is_some() { "other columns" } else { "there" };
                let path = format!("old side table {}", safe(name));
                push(path, side(now.is_some(), word), side(then.is_some(), "as saved"));
            }
        }
    }
    if saved.writers() == live.writers()
        && let (Some(then), Some(now)) = (saved.of_writers(), live.of_writers())
    {
        for name in then.rows.keys().chain(now.rows.keys()).collect::<BTreeSet<_>>() {
            let (then, now) = (then.rows.get(name), now.rows.get(name));
            if then != now {
                let count = |rows: Option<&Rows>| {
                    rows.map_or_else(|| "absent".to_owned(), |rows| format!("{} rows", rows.count))
                };
                let (now, then) = (count(now), count(then));
                let now = if now == then { format!("{now}, content differs") } else { now };
                push(format!("rows of {}", safe(name)), now, then);
            }
        }
        for name in then.sequences.keys().chain(now.sequences.keys()).collect::<BTreeSet<_>>() {
            let next = |inside: &Inside| {
                inside.sequences.get(name).map_or_else(|| "absent".to_owned(), i64::to_string)
            };
            push(format!("sequence {}", safe(name)), next(now), next(then));
        }
    }
    delta
}

fn shown(door: &DoorState) -> String {
    if !door.lets_in {
        return "shut for everybody".to_owned();
    }
    let names: Vec<String> = door
        .connect
        .iter()
        .map(|role| if role.is_empty() { "everybody".to_owned() } else { safe(role) })
        .collect();
    let who = if names.is_empty() {
        "shut for applications".to_owned()
    } else {
        format!("open for {}", names.join(", "))
    };
    match &door.read_only {
        Some(set) if !names.is_empty() => format!("{who}, read-only by default: {}", safe(set)),
        _ => who,
    }
}

/// The new side first: it is shut for good before the old one is opened.
pub(super) fn steps(
    saved: Option<&EndpointState>,
    live: Option<&EndpointState>,
) -> Result<Vec<Piece<EndpointState>>, String> {
    let saved = saved.ok_or("both sides of an endpoint are always there; nothing was saved of it")?;
    if let Some(live) = live {
        saved.same_databases(live)?;
    }
    let mut at = live.cloned();
    let mut pieces = Vec::new();
    for (which, title) in
        [(Which::New, "keep writers out of the new side"), (Which::Old, "let writers in on the old side")]
    {
        let then = &saved.side(which).door;
        let is_marked_so = |at: &EndpointState| which == Which::Old || at.marked == saved.marked;
        if at.as_ref().is_some_and(|at| at.side(which).door == *then && is_marked_so(at)) {
            continue;
        }
        let starts_from = at.as_ref().map(|at| at.side(which).door.clone());
        if let Some(at) = &mut at {
            at.side_mut(which).door = then.clone();
            at.marked = saved.marked;
        }
        let title = match (which, then.admits(), saved.writers()) {
            (Which::New, true, Which::New) => "let writers in on the new side again",
            (Which::Old, false, _) => "keep writers out of the old side",
            _ => title,
        };
        pieces.push(Piece {
            title: title.to_owned(),
            effect: json!(Effect { side: which, starts_from }),
            leaves: at.clone(),
        });
    }
    if let Some(last) = pieces.last_mut() {
        last.leaves = None;
    }
    Ok(pieces)
}
