//! The SQL that makes publications and subscriptions what they were. Pure; it may hold a password, so it is never shown.

use std::collections::BTreeMap;

use super::aside;
use super::state::{Publication, PublishedTable, ReplicationState, Subscription};
use crate::server::{identifier, literal};

/// Statements for one transaction, in order.
///
/// # Errors
/// What cannot be had back, for people.
pub(super) fn statements(
    saved: &ReplicationState,
    live: &ReplicationState,
    kept: &ReplicationState,
    run: &str,
) -> Result<Vec<String>, String> {
    let mut sql = Vec::new();
    // What the migration subscribed to stops before anything else changes.
    for (name, now) in &live.subscriptions {
        if !saved.subscriptions.contains_key(name) {
            put_subscription_aside(&mut sql, name, now, run);
        }
    }
    for name in live.publications.keys() {
        if !saved.publications.contains_key(name) {
            sql.push(rename("PUBLICATION", name, &aside::name(run, name)));
        }
    }
    for (name, then) in &saved.publications {
        match live.publications.get(name) {
            Some(now) if now == then => {}
            Some(now) if now.all_tables == then.all_tables && (then.all_tables || has_content(then)) => {
                alter_publication(&mut sql, name, then, now);
            }
            Some(_) => {
                sql.push(rename("PUBLICATION", name, &aside::name(run, name)));
                make_publication(&mut sql, name, then);
            }
            None => match newest(&kept.publications, name).filter(|(_, kept)| *kept == then) {
                Some((kept, _)) => sql.push(rename("PUBLICATION", kept, name)),
                None => make_publication(&mut sql, name, then),
            },
        }
    }
    for (name, then) in &saved.subscriptions {
        match live.subscriptions.get(name) {
            Some(now) if now == then => {}
            Some(now) => alter_subscription(&mut sql, name, then, now),
            None => {
                let (kept, now) = newest(&kept.subscriptions, name).ok_or_else(|| {
                    "a subscription was dropped, and with it the place up to which it had read".to_owned()
                })?;
                sql.push(rename("SUBSCRIPTION", kept, name));
                alter_subscription(&mut sql, name, then, now);
            }
        }
    }
    Ok(sql)
}

/// What was put aside last under this name.
pub(super) fn newest<'a, T>(kept: &'a BTreeMap<String, T>, name: &String) -> Option<(&'a String, &'a T)> {
    kept.iter()
        .filter(|(aside, _)| aside::original(aside, [name]).is_some())
        .max_by_key(|(aside, _)| (aside.len(), *aside))
}

fn rename(what: &str, from: &str, to: &str) -> String {
    format!("ALTER {what} {} RENAME TO {}", identifier(from), identifier(to))
}

fn put_subscription_aside(sql: &mut Vec<String>, name: &str, now: &Subscription, run: &str) {
    if now.enabled {
        sql.push(format!("ALTER SUBSCRIPTION {} DISABLE", identifier(name)));
    }
    sql.push(rename("SUBSCRIPTION", name, &aside::name(run, name)));
}

fn has_content(publication: &Publication) -> bool {
    !publication.tables.is_empty() || !publication.schemas.is_empty()
}

fn make_publication(sql: &mut Vec<String>, name: &str, then: &Publication) {
    let what = if then.all_tables {
        " FOR ALL TABLES".to_owned()
    } else if has_content(then) {
        format!(" FOR {}", content(then))
    } else {
        String::new()
    };
    let name = identifier(name);
    sql.push(format!("CREATE PUBLICATION {name}{what} WITH ({})", publication_options(then)));
    sql.push(format!("ALTER PUBLICATION {name} OWNER TO {}", identifier(&then.owner)));
}

fn alter_publication(sql: &mut Vec<String>, name: &str, then: &Publication, now: &Publication) {
    let name = identifier(name);
    if publication_options(then) != publication_options(now) {
        sql.push(format!("ALTER PUBLICATION {name} SET ({})", publication_options(then)));
    }
    if (&then.tables, &then.schemas) != (&now.tables, &now.schemas) {
        sql.push(format!("ALTER PUBLICATION {name} SET {}", content(then)));
    }
    if then.owner != now.owner {
        sql.push(format!("ALTER PUBLICATION {name} OWNER TO {}", identifier(&then.owner)));
    }
}

fn publication_options(one: &Publication) -> String {
    let publish = literal(&one.publish.join(", "));
    let generated =
        one.generated.as_ref().map(|kind| format!(", publish_generated_columns = {}", literal(kind)));
    format!(
        "publish = {publish}, publish_via_partition_root = {}{}",
        one.via_root,
        generated.unwrap_or_default()
    )
}

fn content(one: &Publication) -> String {
    let table = |(name, published): (&String, &PublishedTable)| {
        let columns = published.columns.as_ref().map(|columns| {
            format!(" ({})", columns.iter().map(|column| identifier(column)).collect::<Vec<_>>().join(", "))
        });
        let rows = published.rows.as_ref().map(|rows| format!(" WHERE ({rows})"));
        format!("ONLY {name}{}{}", columns.unwrap_or_default(), rows.unwrap_or_default())
    };
    let mut parts = Vec::new();
    if !one.tables.is_empty() {
        parts.push(format!("TABLE {}", one.tables.iter().map(table).collect::<Vec<_>>().join(", ")));
    }
    if !one.schemas.is_empty() {
        let names: Vec<String> = one.schemas.iter().map(|schema| identifier(schema)).collect();
        parts.push(format!("TABLES IN SCHEMA {}", names.join(", ")));
    }
    parts.join(", ")
}

/// Stopped first, started last; what it knows of tables is not refreshed, for that would copy rows.
fn alter_subscription(sql: &mut Vec<String>, name: &str, then: &Subscription, now: &Subscription) {
    let name = identifier(name);
    let has_another_slot = then.slot != now.slot;
    let mut runs = now.enabled;
    if runs && (!then.enabled || has_another_slot) {
        sql.push(format!("ALTER SUBSCRIPTION {name} DISABLE"));
        runs = false;
    }
    if has_another_slot {
        let slot = then.slot.as_ref().map_or_else(|| "NONE".to_owned(), |slot| literal(slot));
        sql.push(format!("ALTER SUBSCRIPTION {name} SET (slot_name = {slot})"));
    }
    if let (Some(connection), Some(_)) = (&then.connection, &now.connection)
        && then.connection != now.connection
    {
        sql.push(format!("ALTER SUBSCRIPTION {name} CONNECTION {}", literal(connection)));
    }
    if then.publications != now.publications {
        let names: Vec<String> = then.publications.iter().map(|one| identifier(one)).collect();
        sql.push(format!(
            "ALTER SUBSCRIPTION {name} SET PUBLICATION {} WITH (refresh = false)",
            names.join(", ")
        ));
    }
    let set = then.options.iter().filter(|(option, value)| now.options.get(*option) != Some(*value));
    let set: Vec<String> = set.map(|(option, value)| format!("{option} = {}", literal(value))).collect();
    if !set.is_empty() {
        sql.push(format!("ALTER SUBSCRIPTION {name} SET ({})", set.join(", ")));
    }
    if then.owner != now.owner {
        sql.push(format!("ALTER SUBSCRIPTION {name} OWNER TO {}", identifier(&then.owner)));
    }
    if then.enabled && !runs {
        sql.push(format!("ALTER SUBSCRIPTION {name} ENABLE"));
    }
}
