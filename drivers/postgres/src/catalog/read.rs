//! Puts a schema together from the answers of a server.

use std::collections::{HashMap, HashSet};

use futures_util::future::try_join_all;
use tokio_postgres::{Client, Row};

use super::canonical::canonical;
use super::classes::{Question, questions};
use super::ours::{open_the_door, without_recorder};
use super::{Object, Schema, Scope};
use crate::recorder::originals;
use crate::server::{Fault, TableName, Version};

/// The objects of a database, or of a part of it. All questions travel at once; nothing of it reads rows.
///
/// # Errors
/// When the server does not answer, or an object was dropped while it was asked about.
pub(crate) async fn schema(client: &Client, version: Version, scope: &Scope) -> Result<Schema, Fault> {
    // Compiling these statements takes far longer than running them.
    client.batch_execute("SET jit = off").await?;
    let originals = originals(client).await?;
    let questions = questions(version);
    let asked = questions.iter().map(|question| client.query_typed(statement(question), &[]));
    let answers = try_join_all(asked).await?;
    let mut reading =
        Reading { scope, schema: Schema::default(), heads: HashMap::new(), parts: HashMap::new() };
    let answered: Vec<(&Question, &Vec<Row>)> = questions.iter().zip(&answers).collect();
    let members: HashSet<Number> = answered
        .iter()
        .filter(|(question, _)| matches!(question, Question::Members(_)))
        .flat_map(|(_, rows)| rows.iter().map(|row| (row.get(0), row.get(1))))
        .collect();
    for (question, rows) in &answered {
        if matches!(question, Question::Objects(_)) {
            rows.iter().for_each(|row| reading.object(row, &members));
        }
    }
    for (question, rows) in &answered {
        match question {
            Question::Parts(_) => rows.iter().for_each(|row| reading.part(row, str::to_owned)),
            Question::Expressions(_) => rows.iter().for_each(|row| reading.part(row, canonical)),
            Question::Objects(_) | Question::Remarks(_) | Question::Members(_) => {}
        }
    }
    for (question, rows) in &answered {
        if matches!(question, Question::Remarks(_)) {
            rows.iter().for_each(|row| reading.remark(row));
        }
    }
    for original in &originals {
        let table = reading.heads.get(&(PG_CLASS, original.oid));
        if let Some(table) = table.and_then(|key| reading.schema.objects.get_mut(key)) {
            without_recorder(table, original);
        }
    }
    if let Some(database) = reading.schema.objects.get_mut("database") {
        open_the_door(database);
    }
    Ok(reading.schema)
}

/// The number of the catalog of tables.
const PG_CLASS: u32 = 1259;

/// An object as catalogs refer to it: the catalog's number and its own within it.
type Number = (u32, u32);

struct Reading<'a> {
    scope: &'a Scope,
    schema: Schema,
    /// The objects that are wanted, by number. Parts of any other are not.
    heads: HashMap<Number, String>,
    /// Parts that have a number of their own: the object and the part.
    parts: HashMap<Number, (String, String)>,
}

impl Reading<'_> {
    fn object(&mut self, row: &Row, members: &HashSet<Number>) {
        let number: Number = (row.get(0), row.get(1));
        let (schema, relation): (Option<&str>, Option<&str>) = (row.get(2), row.get(3));
        if members.contains(&number) || !contains(self.scope, schema, relation) {
            return;
        }
        let key: String = row.get(4);
        let object = self.schema.objects.entry(key.clone()).or_default();
        for (part, at) in [("owner", 5), ("grants", 6)] {
            if let Some(value) = row.get::<_, Option<String>>(at) {
                object.parts.insert(part.to_owned(), value);
            }
        }
        self.heads.insert(number, key);
    }

    fn part(&mut self, row: &Row, form: impl Fn(&str) -> String) {
        let Some(key) = self.heads.get(&(row.get(0), row.get(1))) else { return };
        let (part, value): (String, Option<&str>) = (row.get(2), row.get(3));
        if let (Some(class), Some(number)) = (row.get(4), row.get(5)) {
            self.parts.insert((class, number), (key.clone(), part.clone()));
        }
        put(&mut self.schema, key, part, form(value.unwrap_or_default()));
    }

    fn remark(&mut self, row: &Row) {
        let number: Number = (row.get(0), row.get(1));
        let (column, remark): (Option<&str>, &str) = (row.get(2), row.get(3));
        let value: String = row.get(4);
        match (self.heads.get(&number), self.parts.get(&number), column) {
            (Some(key), _, None) => put(&mut self.schema, key, remark.to_owned(), value),
            (Some(key), _, Some(column)) => {
                put(&mut self.schema, key, format!("{remark} of column {column}"), value);
            }
            (None, Some((key, part)), _) => put(&mut self.schema, key, format!("{remark} of {part}"), value),
            (None, None, _) => {}
        }
    }
}

fn put(schema: &mut Schema, key: &str, part: String, value: String) {
    let object: &mut Object = schema.objects.entry(key.to_owned()).or_default();
    object.parts.insert(part, value);
}

/// How the names of schemas of ours begin: of recorders, and of tables that are staged or displaced beside others.
const OURS: &str = "_backout";

/// Whether an object is part of what is looked at: one that belongs to no table goes with its schema, one without a
/// schema with the whole database. What stands in schemas of ours is part of no database; by its name it can be asked for.
pub(crate) fn contains(scope: &Scope, schema: Option<&str>, relation: Option<&str>) -> bool {
    match scope {
        Scope::Database => schema.is_none_or(|schema| !schema.starts_with(OURS)),
        Scope::Part { schemas, tables } => schema.is_some_and(|schema| {
            schemas.iter().any(|wanted| wanted == schema)
                || relation.is_some_and(|name| tables.contains(&TableName::new(schema, name)))
        }),
    }
}

pub(super) fn statement(question: &Question) -> &str {
    match question {
        Question::Objects(sql)
        | Question::Parts(sql)
        | Question::Expressions(sql)
        | Question::Remarks(sql)
        | Question::Members(sql) => sql,
    }
}
