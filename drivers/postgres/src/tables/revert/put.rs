//! The transaction.

use std::collections::BTreeMap;

use backout_contract::{Context, DriverError, Effect, ErrorKind};
use backout_core::checkpoint::DataPart;
use tokio_postgres::{Client, GenericClient};

use super::families::{Ways, ways};
use super::orphans::{self, Link};
use super::outside::{self, Reference};
use super::{proof, rows, swap};
use crate::catalog::Schema;
use crate::server::{Fault, Pace, TableName, Version, identifier};
use crate::state::State;
use crate::tables::definition::{self, Definition};
use crate::tables::displaced::{self, Kept};
use crate::tables::judge::{Found, Origin, shape_of};
use crate::tables::lock::{TRY, Tries};
use crate::tables::part::{Member, Part};
use crate::tables::stage::{self, About, run};
use crate::tables::{bar, recording, seen};

/// What is to be done.
pub(super) struct Task<'a> {
    pub(super) part: &'a Part,
    pub(super) context: &'a Context,
    pub(super) saved: Option<&'a State>,
    /// How the saved tables are defined; of none, where none were there.
    pub(super) definition: Definition,
    /// Which checkpoint is staged.
    pub(super) from: String,
    pub(super) origin: &'a Origin,
    pub(super) found: &'a Found,
    /// What was recorded and sealed just now.
    pub(super) sealed: Vec<DataPart>,
    pub(super) pace: &'a Pace,
}

/// How a try ended.
enum Outcome {
    Done { evidence: String },
    Overtaken,
}

impl Task<'_> {
    /// Tries until it is done, somebody else was first, or patience is over.
    pub(super) async fn run(&self) -> Result<Effect, DriverError> {
        let attempted = format!("put {} back", self.part.shown);
        let mut link = self.part.connect().await?;
        let mut tries = Tries::new(self.part);
        loop {
            let version = link.version;
            let transaction = link
                .client
                .transaction()
                .await
                .map_err(|error| Fault::from(error).while_doing(&attempted).nothing_happened())?;
            let tried = self.within(transaction.client(), version).await;
            let fault = match tried {
                Ok(Outcome::Done { evidence }) => {
                    backout_kit::failpoint!("postgres-tables-before-commit");
                    // Whether it is there when the answer is lost, a look tells.
                    transaction.commit().await.map_err(|error| Fault::from(error).while_doing(&attempted))?;
                    backout_kit::failpoint!("postgres-tables-put");
                    return Ok(Effect::Applied { evidence });
                }
                Ok(Outcome::Overtaken) => {
                    let found = "somebody else changed them at this very moment".to_owned();
                    return Ok(Effect::Blocked { found });
                }
                Err(fault) => fault,
            };
            // Before the commit, nothing has happened, whatever failed.
            drop(transaction);
            let members = self.part.members(&*link).await;
            let tables: Vec<u32> = members.iter().flatten().map(|member| member.oid).collect();
            tries
                .again(fault, self.part, &link, &tables, self.pace, &attempted)
                .await
                .map_err(DriverError::nothing_happened)?;
        }
    }

    async fn within(&self, client: &Client, version: Version) -> Result<Outcome, Fault> {
        let part = self.part;
        client.batch_execute(TRY).await?;
        client.batch_execute("SET LOCAL row_security = off").await?;
        let members = self.locked(client).await?;
        recording::keep_out(client).await?;
        let readable = !matches!(self.found, Found::Unreadable(_));
        let live = seen::definition(client, version, part).await?;
        let schema = seen::schema(client, version, part, &live).await?;
        let there = if members.is_empty() { None } else { Some(shape_of(&schema)) };
        if readable && there != self.origin.shape {
            return Ok(Outcome::Overtaken);
        }
        let sequences = seen::sequences(client, part, &live).await?;
        let about = stage::about(client, part, self.context).await?;
        if self.saved.is_some() && about.is_none_or(|about| about.from != self.from || about.applied) {
            return Err(Fault::Said(impossible("find the staged tables again")));
        }
        let ways = ways(&self.definition, &live, readable);
        let oids: BTreeMap<TableName, u32> =
            members.iter().map(|member| (member.name.clone(), member.oid)).collect();
        let gone: Vec<u32> = ways.aside.iter().filter_map(|name| oids.get(name).copied()).collect();
        let kept: Vec<u32> = ways.kept.iter().filter_map(|name| oids.get(name).copied()).collect();
        self.refuse_obstacles(client, &gone).await?;

        // A foreign key of a kept table stays, where its triggers can be kept still; else it is said again afterwards.
        let may_still = kept.is_empty() || may_still_foreign_keys(client, version).await?;
        let touched: Vec<u32> =
            if may_still { gone.clone() } else { gone.iter().chain(&kept).copied().collect() };
        let all_touched: Vec<u32> = gone.iter().chain(&kept).copied().collect();
        let references = outside::references(client, &all_touched).await?;
        let (dropped, standing): (Vec<Reference>, Vec<Reference>) =
            references.into_iter().partition(|one| touched.contains(&one.oid) || touched.contains(&one.to));
        self.refuse_dangling(&dropped, &oids, &ways)?;
        let again = outside::said_again(client, version, &gone).await?;

        let place = stage::place(part, self.context, &self.definition);
        let aside = displaced::make(client, part, self.context, &live).await?;
        for name in &ways.kept {
            if let Some(table) = live.table(name).filter(|table| table.holds_rows()) {
                rows::copy_aside(client, table, &aside.place.of(name)).await?;
            }
        }
        for reference in &dropped {
            let name = identifier(&reference.constraint.name);
            client
                .batch_execute(&format!("ALTER TABLE {} DROP CONSTRAINT {name}", reference.table.sql()))
                .await?;
        }
        for table in live.tables.iter().filter(|table| ways.aside.contains(&table.name)) {
            run(client, &swap::aside(table, &aside.place.of(&table.name).schema, &ways.aside)).await?;
        }
        self.make_schemas(client, &ways).await?;
        for table in self.definition.tables.iter().filter(|table| ways.placed.contains(&table.name)) {
            run(client, &swap::into_place(table, &place, &ways.placed)).await?;
        }
        let now = part.members(client).await?;
        let oids_now: BTreeMap<TableName, u32> =
            now.iter().map(|member| (member.name.clone(), member.oid)).collect();
        swap::finish(client, version, &self.definition, &ways.placed, &oids_now).await?;

        let (mut out, mut into) = (0, 0);
        if may_still && !kept.is_empty() {
            client.batch_execute("SET LOCAL session_replication_role = replica").await?;
        }
        for table in self.definition.tables.iter().filter(|table| ways.kept.contains(&table.name)) {
            if table.holds_rows() {
                let (deleted, inserted) = rows::exchange(client, table, &place.of(&table.name)).await?;
                out += deleted;
                into += inserted;
            }
        }
        if may_still && !kept.is_empty() {
            client.batch_execute("SET LOCAL session_replication_role = origin").await?;
        }
        self.restart_sequences(client, &ways, &live).await?;
        self.relate(client, &ways, &dropped, &standing).await?;
        run(client, &again).await?;
        bar::keep_shut(client, part).await?;
        proof::prove(client, version, part, self.saved).await?;
        let kept_as = Kept { state: self.live_state(schema, sequences), definition: live };
        aside.describe(client, &kept_as, &self.sealed).await?;
        if let Some(saved) = self.saved {
            recording::note(client, part, &saved.taken).await?;
        }
        self.clear_stage(client).await?;
        Ok(Outcome::Done {
            evidence: format!(
                "{} tables were exchanged whole; in {} others, {out} rows were taken away and {into} put in; what stood \
                 there is kept in the schema {}",
                ways.placed.len(),
                ways.kept.len(),
                aside.shown()
            ),
        })
    }

    /// Locks every table of the part, always in the same order, and gives them as they stand behind the lock.
    async fn locked(&self, client: &impl GenericClient) -> Result<Vec<Member>, Fault> {
        let mut members = self.part.members(client).await?;
        loop {
            if !members.is_empty() {
                let names: Vec<String> =
                    members.iter().map(|member| format!("ONLY {}", member.name.sql())).collect();
                client
                    .batch_execute(&format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", names.join(", ")))
                    .await?;
            }
            let now = self.part.members(client).await?;
            if now == members {
                return Ok(members);
            }
            members = now;
        }
    }

    async fn refuse_obstacles(&self, client: &impl GenericClient, gone: &[u32]) -> Result<(), Fault> {
        if gone.is_empty() {
            return Ok(());
        }
        let obstacles = outside::obstacles(client, gone).await?;
        if obstacles.is_empty() {
            return Ok(());
        }
        Err(Fault::Said(
            DriverError::new(ErrorKind::Other, format!("put {} back: others depend on it", self.part.shown))
                .caused_by(obstacles.join("; "))
                .hint("drop what depends on it, and make it again afterwards; nothing was changed")
                .nothing_happened(),
        ))
    }

    /// A foreign key of others to a table that was not there when it was saved has nothing to point to.
    fn refuse_dangling(
        &self,
        dropped: &[Reference],
        oids: &BTreeMap<TableName, u32>,
        ways: &Ways,
    ) -> Result<(), Fault> {
        let ours = |oid: &u32| oids.values().any(|one| one == oid);
        let dangling: Vec<String> = dropped
            .iter()
            .filter(|one| !ours(&one.oid))
            .filter_map(|one| Some((one, one.key()?)))
            .filter(|(_, key)| !ways.placed.contains(&key.to) && !ways.kept.contains(&key.to))
            .map(|(one, key)| format!("{} -> {}", one.table, key.to))
            .collect();
        if dangling.is_empty() {
            return Ok(());
        }
        Err(Fault::Said(
            DriverError::new(
                ErrorKind::Other,
                format!("put {} back: others refer to what goes", self.part.shown),
            )
            .caused_by(dangling.join("; "))
            .hint("drop those foreign keys; nothing was changed")
            .nothing_happened(),
        ))
    }

    async fn make_schemas(&self, client: &impl GenericClient, ways: &Ways) -> Result<(), Fault> {
        let mut schemas: Vec<&String> = ways.placed.iter().map(|name| &name.schema).collect();
        schemas.dedup();
        for schema in schemas {
            let there: bool = client
                .query_one("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", &[schema])
                .await?
                .get(0);
            if !there {
                client.batch_execute(&format!("CREATE SCHEMA {}", identifier(schema))).await?;
            }
        }
        Ok(())
    }

    async fn restart_sequences(
        &self,
        client: &impl GenericClient,
        ways: &Ways,
        live: &Definition,
    ) -> Result<(), Fault> {
        let kept = self.definition.tables.iter().filter(|table| ways.kept.contains(&table.name));
        for sequence in kept.flat_map(|table| &table.sequences) {
            let Some(value) = self.definition.values.iter().find(|value| value.name == sequence.name) else {
                continue;
            };
            if live.values.contains(value) {
                continue;
            }
            let next = if value.called { value.last.saturating_add(sequence.increment) } else { value.last };
            let name = sequence.name.sql();
            // Unlike `setval`, this is taken back with the transaction.
            if (sequence.minimum..=sequence.maximum).contains(&next) {
                client.batch_execute(&format!("ALTER SEQUENCE {name} RESTART WITH {next}")).await?;
            } else {
                client
                    .execute("SELECT setval(to_regclass($1), $2, $3)", &[&name, &value.last, &value.called])
                    .await?;
            }
        }
        Ok(())
    }

    /// Says foreign keys again, after every row was held against them.
    async fn relate(
        &self,
        client: &impl GenericClient,
        ways: &Ways,
        dropped: &[Reference],
        standing: &[Reference],
    ) -> Result<(), Fault> {
        let mut links = Vec::new();
        let mut statements = Vec::new();
        for table in self.definition.tables.iter().filter(|table| ways.placed.contains(&table.name)) {
            for constraint in table.foreign_keys() {
                if let Some(key) = &constraint.key {
                    links.push(Link { table: table.name.clone(), key: key.clone() });
                }
                statements.extend(definition::foreign_key(&table.name, constraint));
            }
        }
        for reference in dropped.iter().filter(|one| !ways.aside.contains(&one.table)) {
            statements.extend(definition::foreign_key(&reference.table, &reference.constraint));
        }
        for reference in dropped.iter().chain(standing).filter(|one| !ways.aside.contains(&one.table)) {
            if let Some(key) = reference.key() {
                links.push(Link { table: reference.table.clone(), key: key.clone() });
            }
        }
        orphans::refuse(client, &links, &self.part.shown).await?;
        run(client, &statements).await
    }

    /// What stood there, but for its rows, which are looked at when somebody asks for them.
    fn live_state(&self, schema: Schema, sequences: BTreeMap<String, i64>) -> Option<State> {
        // Behind the door, nothing was written since that look; the moment is its.
        let Found::Present(seen) = self.found else { return None };
        Some(State { schema, sequences, rows: BTreeMap::new(), ..seen.as_ref().clone() })
    }

    /// Takes the stage away, but for a note that there may be something left to tidy.
    async fn clear_stage(&self, client: &impl GenericClient) -> Result<(), Fault> {
        if self.saved.is_none() {
            return stage::clear(client, self.part).await;
        }
        let first = stage::first(self.part, self.context);
        for schema in stage::schemas(client, &self.part.key.staged()).await? {
            if schema != first {
                client.batch_execute(&format!("DROP SCHEMA {} CASCADE", identifier(&schema))).await?;
            }
        }
        let about = About { from: self.from.clone(), applied: true };
        stage::note(client, self.part, self.context, &about).await
    }
}

/// Whether an attempt left something to be tidied.
pub(super) async fn is_left(part: &Part, context: &Context) -> Result<bool, DriverError> {
    let link = part.connect().await?;
    let about = stage::about(&*link, part, context).await;
    let about =
        about.map_err(|fault| fault.while_doing("look for what an attempt left").nothing_happened())?;
    Ok(about.is_some_and(|about| about.applied))
}

/// Does what has to be done after the exchange, as often as it takes.
pub(super) async fn tidy(part: &Part, context: &Context, saved: Option<&State>) -> Result<(), DriverError> {
    let attempted = format!("tidy up after {} was put back", part.shown);
    let mut link = part.connect().await?;
    let about = stage::about(&*link, part, context).await.map_err(|fault| fault.while_doing(&attempted))?;
    if about.is_some_and(|about| about.applied) {
        recording::again(part, context, &mut link, saved).await?;
    }
    let cleared = async {
        let transaction = link.client.transaction().await?;
        stage::clear(&transaction, part).await?;
        transaction.commit().await?;
        Ok::<_, Fault>(())
    };
    cleared.await.map_err(|fault| fault.while_doing(&attempted))
}

/// Whether our role may keep the triggers of foreign keys still.
async fn may_still_foreign_keys(client: &impl GenericClient, version: Version) -> Result<bool, Fault> {
    let query = if version.major() >= 15 {
        "SELECT has_parameter_privilege('session_replication_role', 'SET')"
    } else {
        "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
    };
    Ok(client.query_one(query, &[]).await?.get(0))
}

fn impossible(what: &str) -> DriverError {
    DriverError::new(ErrorKind::Other, what.to_owned()).nothing_happened()
}
