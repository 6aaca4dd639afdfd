//! Which key on the side that recorded is which key here, in a temporary table of the target, for there may be millions.
//!
//! In the order in which they are believed: what was kept at cutover, when rows that were deleted later were still
//! there; what an earlier recovery drew; what the declared query answers now; what is drawn.
//!
//! over 400 lines because all of it is about one table of pairs, and in which order they are believed.

use std::collections::BTreeMap;

use backout_core::writes::Gap;
use futures_util::{SinkExt, StreamExt};

use super::config::Merge;
use super::rule::{Direction, Space, shown};
use super::side::{Family, Side};
use super::stage::{Staged, table_of};
use crate::server::{Fault, Link, TableName, literal};

/// Makes the place where pairs are kept in a database.
pub(super) const KEPT: &str = "
    CREATE SCHEMA IF NOT EXISTS _backout;
    CREATE TABLE IF NOT EXISTS _backout.key (space text, new text, old text, PRIMARY KEY (space, new))";

const MAKE: &str = "
    CREATE TEMPORARY TABLE backout_pair (space text, there text, here text, drawn boolean, PRIMARY KEY (space, there))
    ON COMMIT DROP;
    CREATE TEMPORARY TABLE backout_heard (there text, here text) ON COMMIT DROP";

/// Asks the declared queries, and keeps what they answer in the database itself.
pub(super) async fn keep(live: &mut Link, merge: &Merge) -> Result<Vec<Gap>, Fault> {
    let mut gaps = Vec::new();
    if merge.tables.values().all(|rule| rule.keys.is_none()) {
        return Ok(gaps);
    }
    live.batch_execute(KEPT).await?;
    for (new, _, rule) in merge.rules() {
        let Some(query) = &rule.keys else { continue };
        let space = Space::Paired(new.clone()).name();
        // What fails is the person's query; what it did is undone with it.
        live.batch_execute("BEGIN; SET LOCAL search_path TO DEFAULT").await?;
        let sql = format!(
            "INSERT INTO _backout.key (space, new, old) SELECT {}, a::text, b::text FROM ({}) AS q (a, b)
             WHERE a IS NOT NULL AND b IS NOT NULL
             ON CONFLICT (space, new) DO UPDATE SET old = excluded.old",
            literal(&space),
            query.trim().trim_end_matches(';')
        );
        let why = match live.execute(&sql, &[]).await {
            Ok(count) => {
                live.batch_execute("COMMIT").await?;
                if count > 0 || !has_rows(live, &new).await {
                    continue;
                }
                "the declared keys tell no old key at all".to_owned()
            }
            Err(error) if error.as_db_error().is_some() => {
                live.batch_execute("ROLLBACK").await?;
                let said = crate::server::of_postgres("ask for keys", error);
                format!("the declared keys cannot be read: {}", said.chain())
            }
            Err(error) => return Err(error.into()),
        };
        gaps.push(Gap { table: new.to_string(), why });
    }
    Ok(gaps)
}

async fn has_rows(link: &Link, table: &TableName) -> bool {
    let query = format!("SELECT EXISTS (SELECT FROM {})", table.sql());
    link.query_one(&query, &[]).await.is_ok_and(|row| row.get(0))
}

/// Whether a database has pairs that were kept.
async fn has_kept(link: &Link) -> Result<bool, Fault> {
    Ok(link.query_one("SELECT to_regclass('_backout.key') IS NOT NULL", &[]).await?.get(0))
}

/// Every key of the side that recorded that has a pair, kept or answered by the declared query.
pub(super) async fn each(
    live: &Link,
    space: &Space,
    query: &str,
    direction: Direction,
    then: &mut (dyn FnMut(&str) + Send),
) -> Result<(), Fault> {
    let mut asked = Vec::new();
    if has_kept(live).await? {
        let side = if direction == Direction::Back { "new" } else { "old" };
        asked.push(format!("SELECT {side} FROM _backout.key WHERE space = {}", literal(&space.name())));
    }
    if direction == Direction::Back {
        let query = query.trim().trim_end_matches(';');
        asked
            .push(format!("SELECT a::text FROM ({query}) AS q (a, b) WHERE a IS NOT NULL AND b IS NOT NULL"));
    }
    live.batch_execute("BEGIN READ ONLY; SET LOCAL search_path TO DEFAULT").await?;
    for sql in asked {
        // What it cannot tell is not known.
        let Ok(statement) = live.prepare(&sql).await else { break };
        let mut rows = Box::pin(live.query_raw(&statement, std::iter::empty::<&str>()).await?);
        while let Some(row) = rows.next().await {
            then(row?.get(0));
        }
    }
    live.batch_execute("ROLLBACK").await?;
    Ok(())
}

/// Pairs of keys.
pub(super) struct Pairs<'a> {
    link: &'a Link,
    merge: &'a Merge,
    direction: Direction,
    /// How many pairs there are of each space.
    pub(super) known: BTreeMap<String, u64>,
}

impl<'a> Pairs<'a> {
    pub(super) async fn new(link: &'a Link, merge: &'a Merge, direction: Direction) -> Result<Self, Fault> {
        link.batch_execute(MAKE).await?;
        Ok(Self { link, merge, direction, known: BTreeMap::new() })
    }

    fn spaces(&self) -> Vec<(String, String)> {
        let declared = self.merge.rules().filter(|(_, _, rule)| rule.keys.is_some());
        declared
            .map(|(new, _, rule)| (Space::Paired(new).name(), rule.keys.clone().unwrap_or_default()))
            .collect()
    }

    /// Adds what is kept here.
    pub(super) async fn add_kept_here(&self) -> Result<(), Fault> {
        if has_kept(self.link).await? {
            let (there, here) = self.sides();
            self.link
                .batch_execute(&format!(
                    "INSERT INTO pg_temp.backout_pair SELECT space, {there}, {here}, false FROM _backout.key
                     ON CONFLICT DO NOTHING"
                ))
                .await?;
        }
        Ok(())
    }

    fn sides(&self) -> (&'static str, &'static str) {
        match self.direction {
            Direction::Back => ("new", "old"),
            Direction::Forth => ("old", "new"),
        }
    }

    /// Adds what is kept in another database.
    pub(super) async fn add_kept_of(&self, other: &Link) -> Result<(), Fault> {
        if !has_kept(other).await? {
            return Ok(());
        }
        let (there, here) = self.sides();
        for (space, _) in self.spaces() {
            let query = format!("SELECT {there}, {here} FROM _backout.key WHERE space = {}", literal(&space));
            self.hear(other, &query).await?;
            self.believe(&space).await?;
        }
        Ok(())
    }

    /// Asks the declared queries on the new side, which may be this one. What they cannot tell is not known.
    pub(super) async fn ask(&self, there: Option<&Link>) -> Result<(), Fault> {
        for (space, query) in self.spaces() {
            let query = query.trim().trim_end_matches(';').to_owned();
            match self.direction {
                Direction::Back => {
                    let Some(there) = there else { continue };
                    let sql = format!(
                        "SELECT a::text, b::text FROM ({query}) AS q (a, b) WHERE a IS NOT NULL AND b IS NOT NULL"
                    );
                    there.batch_execute("BEGIN READ ONLY; SET LOCAL search_path TO DEFAULT").await?;
                    // Asked once in vain before anything is sent, or half a stream would stand in the way.
                    let can = there.prepare(&sql).await.is_ok();
                    if can {
                        self.hear(there, &sql).await?;
                    }
                    there.batch_execute("ROLLBACK").await?;
                }
                Direction::Forth => {
                    let sql = format!(
                        "SAVEPOINT backout_ask; SET LOCAL search_path TO DEFAULT;
                         INSERT INTO pg_temp.backout_heard SELECT b::text, a::text FROM ({query}) AS q (a, b)
                         WHERE a IS NOT NULL AND b IS NOT NULL"
                    );
                    if self.link.batch_execute(&sql).await.is_err() {
                        self.link.batch_execute("ROLLBACK TO backout_ask").await?;
                    }
                    self.link.batch_execute("SET LOCAL search_path = ''").await?;
                }
            }
            self.believe(&space).await?;
        }
        Ok(())
    }

    /// Fetches pairs from another database.
    async fn hear(&self, other: &Link, query: &str) -> Result<(), Fault> {
        let mut out = Box::pin(other.copy_out(&format!("COPY ({query}) TO STDOUT")).await?);
        let mut sink = Box::pin(self.link.copy_in("COPY pg_temp.backout_heard FROM STDIN").await?);
        while let Some(piece) = out.next().await {
            sink.send(piece?).await?;
        }
        sink.as_mut().finish().await?;
        Ok(())
    }

    /// Adds what was heard, where nothing is known yet.
    async fn believe(&self, space: &str) -> Result<(), Fault> {
        self.link
            .batch_execute(&format!(
                "INSERT INTO pg_temp.backout_pair SELECT {}, there, here, false FROM pg_temp.backout_heard
                 ON CONFLICT DO NOTHING; TRUNCATE pg_temp.backout_heard",
                literal(space)
            ))
            .await?;
        Ok(())
    }

    /// Forgets keys that lead to a key to which another one leads as well: nobody can tell which is right. Counts the
    /// others.
    pub(super) async fn settle(&mut self) -> Result<(), Fault> {
        self.link
            .batch_execute(
                "DELETE FROM pg_temp.backout_pair AS p USING (SELECT space, here FROM pg_temp.backout_pair
                 WHERE space LIKE '~%' GROUP BY space, here HAVING count(*) > 1) AS q
                 WHERE p.space = q.space AND p.here = q.here;
                 ANALYZE pg_temp.backout_pair",
            )
            .await?;
        self.count().await
    }

    pub(super) async fn count(&mut self) -> Result<(), Fault> {
        let rows =
            self.link.query("SELECT space, count(*) FROM pg_temp.backout_pair GROUP BY space", &[]).await?;
        self.known =
            rows.iter().map(|row| (row.get(0), u64::try_from(row.get::<_, i64>(1)).unwrap_or(0))).collect();
        Ok(())
    }

    pub(super) fn is_empty(&self, space: &Space) -> bool {
        !self.known.contains_key(&space.name())
    }

    /// Draws a key for every staged row that was born in a table with paired keys. How many.
    pub(super) async fn draw_for_born(
        &mut self,
        here: &Side,
        staged: &Staged,
        there: Option<&Link>,
    ) -> Result<u64, Fault> {
        let table = table_of(here, staged)?;
        let mut drawn = 0;
        for (number, group) in staged.groups.iter().enumerate() {
            let Some(key) = table.single_key() else { continue };
            let own = group.iter().find(|(slot, space)| *slot == key && matches!(space, Space::Paired(_)));
            let Some((_, space)) = own else { continue };
            // Declared keys that tell nothing at all are a mistake, and then nothing is guessed.
            if self.is_empty(space) && self.is_silent(staged, number, space, there).await? {
                continue;
            }
            let Some(key_sql) = self.drawing(here, staged).await? else { continue };
            drawn += self
                .link
                .execute(
                    &format!(
                        "INSERT INTO pg_temp.backout_pair
                         SELECT {space}, l{key}, ({key_sql})::text, true FROM (
                           SELECT l{key}, row_number() OVER (ORDER BY min(first), l{key}) AS backout_nth
                           FROM {rows} AS s WHERE grp = {number} AND born AND NOT gone AND why IS NULL AND NOT EXISTS (
                             SELECT FROM pg_temp.backout_pair AS p WHERE p.space = {space} AND p.there = s.l{key})
                           GROUP BY l{key}) AS q",
                        space = literal(&space.name()),
                        rows = staged.rows_table(),
                    ),
                    &[],
                )
                .await?;
        }
        if drawn > 0 {
            self.count().await?;
        }
        Ok(drawn)
    }

    /// Whether a table's declared keys tell no pair, although it has rows, or had, that nobody inserted since.
    async fn is_silent(
        &self,
        staged: &Staged,
        group: usize,
        space: &Space,
        there: Option<&Link>,
    ) -> Result<bool, Fault> {
        let row = self
            .link
            .query_one(
                &format!(
                    "SELECT count(*) FILTER (WHERE NOT born), count(*) FILTER (WHERE born AND NOT gone)
                     FROM {} WHERE grp = {group}",
                    staged.rows_table()
                ),
                &[],
            )
            .await?;
        let (found, born): (i64, i64) = (row.get(0), row.get(1));
        let (Some(there), Space::Paired(table)) = (there, space) else { return Ok(true) };
        if found > 0 {
            return Ok(true);
        }
        let query = format!("SELECT count(*) FROM {}", table.sql());
        Ok(there.query_one(&query, &[]).await.map_or(true, |row| row.get::<_, i64>(0) > born))
    }

    /// An expression for the `backout_nth` key that nobody has and nobody had; none where none can be drawn.
    pub(super) async fn drawing(&self, here: &Side, staged: &Staged) -> Result<Option<String>, Fault> {
        let table = table_of(here, staged)?;
        let Some(column) = table.single_key().and_then(|key| table.column(key)) else { return Ok(None) };
        let name = crate::server::identifier(&column.name);
        match Family::of(&column.type_name) {
            Family::Integer => {
                let key = table.single_key().unwrap_or_default();
                let highest = self.highest(here, staged, key).await?;
                Ok(Some(format!("{highest} + backout_nth")))
            }
            Family::Uuid => Ok(Some("pg_catalog.gen_random_uuid()".to_owned())),
            Family::Text => {
                let query = format!(
                    "SELECT coalesce((SELECT {name}::text LIKE '________-____-____-____-____________' FROM {} LIMIT 1), \
                     false)",
                    table.only()
                );
                let holds: bool = self.link.query_one(&query, &[]).await?.get(0);
                Ok(holds.then(|| "pg_catalog.gen_random_uuid()".to_owned()))
            }
            _ => Ok(None),
        }
    }

    /// The highest integer key that was ever given here, as far as anything tells.
    async fn highest(&self, here: &Side, staged: &Staged, key: usize) -> Result<i64, Fault> {
        let table = table_of(here, staged)?;
        let Some(column) = table.column(key) else { return Ok(0) };
        let name = crate::server::identifier(&column.name);
        let mut highest: i64 = self
            .link
            .query_one(&format!("SELECT coalesce(max({name}), 0)::bigint FROM {}", table.only()), &[])
            .await?
            .get(0);
        for sequence in super::sequences::of_table(self.link, &table.name()).await? {
            if sequence.column == column.name {
                highest = highest.max(super::sequences::last_given(self.link, &sequence.name).await?);
            }
        }
        // Keys that stand in pairs, and those that staged rows bring themselves.
        let spaces: Vec<String> = staged
            .groups
            .iter()
            .flatten()
            .filter(|(slot, _)| *slot == key)
            .map(|(_, space)| literal(&space.name()))
            .collect();
        if !spaces.is_empty() {
            let query = format!(
                "SELECT coalesce(max(here::numeric), 0)::text FROM pg_temp.backout_pair
                 WHERE space IN ({}) AND here ~ '^[0-9]{{1,18}}$'",
                spaces.join(", ")
            );
            let kept: String = self.link.query_one(&query, &[]).await?.get(0);
            highest = highest.max(kept.parse().unwrap_or(0));
        }
        let own = format!(
            "SELECT coalesce(max(l{key}::numeric), 0)::text FROM {} WHERE l{key} ~ '^[0-9]{{1,18}}$'",
            staged.rows_table()
        );
        let own: String = self.link.query_one(&own, &[]).await?.get(0);
        Ok(highest.max(own.parse().unwrap_or(0)))
    }

    /// Keeps all pairs here, as they were used.
    pub(super) async fn keep(&self) -> Result<(), Fault> {
        let (there, here) = self.sides();
        self.link
            .batch_execute(&format!(
                "{KEPT}; INSERT INTO _backout.key (space, {there}, {here})
                 SELECT space, there, here FROM pg_temp.backout_pair AS p
                 WHERE drawn OR NOT EXISTS (SELECT FROM _backout.key AS k WHERE k.space = p.space AND k.{there} = p.there)
                 ON CONFLICT (space, new) DO UPDATE SET old = excluded.old"
            ))
            .await?;
        Ok(())
    }

    /// The declared tables with any pairs: their names, for files.
    pub(super) fn used(&self) -> Vec<(String, String)> {
        let declared = self.merge.rules().filter(|(_, _, rule)| rule.keys.is_some());
        declared
            .map(|(new, _, _)| (shown(&new.to_string()), Space::Paired(new).name()))
            .filter(|(_, space)| self.known.contains_key(space))
            .collect()
    }
}
