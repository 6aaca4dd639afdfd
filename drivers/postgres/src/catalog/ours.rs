//! What we ourselves changed about objects of users, read as if we had not: a database whose door is shut and whose rows
//! are recorded has the schema that it had before.

use super::Object;
use crate::door::{Note, Shut};
use crate::recorder::Original;

/// Where a database keeps whether its transactions only read by default.
const READ_ONLY: &str = "setting default_transaction_read_only";

/// Takes our note out of the comment of a database, and what the shut door took away back in.
pub(super) fn open_the_door(database: &mut Object) {
    let Some(comment) = database.parts.remove("comment") else { return };
    let (own, note) = Note::of_comment(&comment);
    if !own.is_empty() {
        database.parts.insert("comment".to_owned(), own);
    }
    let Some(Shut { revoked, read_only, .. }) = note.shut else { return };
    let owner = database.parts.get("owner").cloned().unwrap_or_default();
    if let Some(grants) = database.parts.get_mut("grants") {
        for role in &revoked {
            *grants = with_connect(grants, role, &owner);
        }
    }
    if let Some(read_only) = read_only {
        match read_only.was {
            Some(was) => database.parts.insert(READ_ONLY.to_owned(), was),
            None => database.parts.remove(READ_ONLY),
        };
    }
}

/// Grants with the right to connect for one more; the empty name is everybody. The right's letter is the last one.
fn with_connect(grants: &str, role: &str, owner: &str) -> String {
    let (role, grantor) = (quoted(role), quoted(owner));
    let mut items: Vec<String> =
        grants.split(", ").filter(|item| *item != "none").map(str::to_owned).collect();
    let (begin, end) = (format!("{role}="), format!("/{grantor}"));
    let found = items.iter_mut().find(|item| item.starts_with(&begin) && item.ends_with(&end));
    match found {
        Some(item) => {
            let rights = item.strip_suffix(&end).unwrap_or(item).to_owned();
            if !rights.contains("=c") && !rights.ends_with('c') && !rights.ends_with("c*") {
                *item = format!("{rights}c{end}");
            }
        }
        None => items.push(format!("{begin}c{end}")),
    }
    items.sort();
    items.join(", ")
}

/// A role as grants write it.
fn quoted(role: &str) -> String {
    let plain = role.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { role.to_owned() } else { crate::server::identifier(role) }
}

/// Gives a table the replica identity back that it had before it was recorded.
pub(super) fn without_recorder(table: &mut Object, original: &Original) {
    let identity = match (original.replica_identity, &original.index) {
        ('d', _) => None,
        ('n', _) => Some("nothing".to_owned()),
        ('f', _) => Some("full".to_owned()),
        (_, index) => Some(format!("index {}", index.as_deref().unwrap_or_default())),
    };
    match identity {
        Some(identity) => table.parts.insert("replica identity".to_owned(), identity),
        None => table.parts.remove("replica identity"),
    };
}

#[cfg(test)]
mod tests {
    use super::with_connect;

    #[test]
    fn the_right_to_connect_comes_back_where_it_was() {
        for (grants, role, then) in [
            ("=T/o, o=CTc/o", "", "=Tc/o, o=CTc/o"),
            ("o=CTc/o", "", "=c/o, o=CTc/o"),
            ("none", "app", "app=c/o"),
            ("=Tc/o", "", "=Tc/o"),
            ("\"a b\"=C/o, o=CTc/o", "a b", "\"a b\"=Cc/o, o=CTc/o"),
        ] {
            assert_eq!(with_connect(grants, role, "o"), then);
        }
    }
}
