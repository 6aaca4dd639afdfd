//! `/tasks`: list, read, create, change the status. Everybody sees only their own.

use super::answer::Failure;
use super::application::Application;
use super::path_id;
use super::token::Caller;
use crate::database::{Connection, Row, values};
use crate::identifier::{self, IdType, Identifier};
use anyhow::{Context, Result};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

const SELECT: &str = "
    SELECT tasks.id, title, status, priority, CAST(due AS TEXT), rule, CAST(updated_at AS TEXT),
           (SELECT string_agg(name, '\n' ORDER BY name) FROM task_tags JOIN tags ON tags.id = tag_id
            WHERE task_id = tasks.id)
    FROM tasks LEFT JOIN recurrences ON recurrences.id = recurrence_id
    WHERE user_id = $1";

/// A task as users see it.
#[derive(Serialize)]
pub struct Task {
    id: Identifier,
    title: String,
    status: String,
    priority: i64,
    due: Option<String>,
    recurs: Option<String>,
    updated_at: String,
    tags: Vec<String>,
}

impl Task {
    fn from_row(mut row: Row) -> Result<Self> {
        let tags: Option<String> = row.take(7)?;
        Ok(Self {
            id: row.take(0)?,
            title: row.take(1)?,
            status: row.take(2)?,
            priority: row.take(3)?,
            due: row.take(4)?,
            recurs: row.take(5)?,
            updated_at: row.take(6)?,
            tags: tags.iter().flat_map(|names| names.lines()).map(str::to_owned).collect(),
        })
    }

    fn find(connection: &mut Connection, user: &Identifier, id: &Identifier) -> Result<Json<Self>, Failure> {
        let sql = format!("{SELECT} AND tasks.id = $2");
        let row = connection.row(&sql, values![user, id])?.ok_or(Failure::NotFound)?;
        Ok(Json(Self::from_row(row)?))
    }
}

/// `?user=`
#[derive(Deserialize)]
pub struct Named {
    user: Option<String>,
}

/// A task to be.
#[derive(Deserialize)]
pub struct NewTask {
    title: String,
    #[serde(default = "normal")]
    priority: i64,
    due: Option<String>,
}

fn normal() -> i64 {
    2
}

/// What can be changed in a task; what is left out stays.
#[derive(Deserialize)]
pub struct Change {
    status: Option<String>,
    title: Option<String>,
}

/// All tasks of the caller, the most pressing first.
pub async fn list(
    State(application): State<Arc<Application>>,
    Query(named): Query<Named>,
    headers: HeaderMap,
) -> Result<Json<Value>, Failure> {
    let caller = Caller::from_request(&headers, named.user)?;
    let work = move |application: &Application, connection: &mut Connection| {
        let user = caller.user(application, connection)?;
        let rows = connection.rows(&format!("{SELECT} ORDER BY due IS NULL, due, title"), values![&user])?;
        let tasks: Result<Vec<Task>> = rows.into_iter().map(Task::from_row).collect();
        Ok(Json(json!({ "tasks": tasks? })))
    };
    application.work(work).await
}

/// One task of the caller.
pub async fn read(
    State(application): State<Arc<Application>>,
    Path(id): Path<String>,
    Query(named): Query<Named>,
    headers: HeaderMap,
) -> Result<Json<Task>, Failure> {
    let caller = Caller::from_request(&headers, named.user)?;
    let work = move |application: &Application, connection: &mut Connection| {
        let user = caller.user(application, connection)?;
        Task::find(connection, &user, &path_id::read(application.ids, &id)?)
    };
    application.work(work).await
}

/// Creates a task for the caller.
pub async fn create(
    State(application): State<Arc<Application>>,
    Query(named): Query<Named>,
    headers: HeaderMap,
    Json(new): Json<NewTask>,
) -> Result<(StatusCode, Json<Task>), Failure> {
    let caller = Caller::from_request(&headers, named.user)?;
    if new.title.trim().is_empty() {
        return Err(Failure::Invalid("a task needs a title"));
    }
    if !(1..=3).contains(&new.priority) {
        return Err(Failure::Invalid("a priority is 1, 2 or 3"));
    }
    let work = move |application: &Application, connection: &mut Connection| {
        let user = caller.user(application, connection)?;
        let title = new.title.trim();
        let made = match application.ids {
            IdType::Integer => {
                let sql =
                    "INSERT INTO tasks (user_id, title, priority, due) VALUES ($1, $2, $3, $4) RETURNING id";
                connection.row(sql, values![&user, title, new.priority, new.due])?
            }
            IdType::Uuid => {
                let sql = "INSERT INTO tasks (id, user_id, title, priority, due) VALUES ($1, $2, $3, $4, $5)
                           RETURNING id";
                let id = identifier::fresh_uuid();
                connection.row(sql, values![id, &user, title, new.priority, new.due])?
            }
        };
        let id = made.context("learn the identifier of a new task")?.take(0)?;
        Ok((StatusCode::CREATED, Task::find(connection, &user, &id)?))
    };
    application.work(work).await
}

/// Changes the status or the title of a task of the caller.
pub async fn change(
    State(application): State<Arc<Application>>,
    Path(id): Path<String>,
    Query(named): Query<Named>,
    headers: HeaderMap,
    Json(change): Json<Change>,
) -> Result<Json<Task>, Failure> {
    let caller = Caller::from_request(&headers, named.user)?;
    if change.status.as_deref().is_some_and(|status| !["open", "doing", "done"].contains(&status)) {
        return Err(Failure::Invalid("a status is open, doing or done"));
    }
    if change.title.as_deref().is_some_and(|title| title.trim().is_empty()) {
        return Err(Failure::Invalid("a task needs a title"));
    }
    let work = move |application: &Application, connection: &mut Connection| {
        let user = caller.user(application, connection)?;
        let id = path_id::read(application.ids, &id)?;
        let sql = "UPDATE tasks SET status = coalesce($1, status), title = coalesce($2, title)
                   WHERE user_id = $3 AND id = $4";
        connection.execute(sql, values![change.status, change.title, &user, &id])?;
        Task::find(connection, &user, &id)
    };
    application.work(work).await
}

/// Deletes a task of the caller, with its tags.
pub async fn remove(
    State(application): State<Arc<Application>>,
    Path(id): Path<String>,
    Query(named): Query<Named>,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    let caller = Caller::from_request(&headers, named.user)?;
    let work = move |application: &Application, connection: &mut Connection| {
        let user = caller.user(application, connection)?;
        let id = path_id::read(application.ids, &id)?;
        let sql = "DELETE FROM tasks WHERE user_id = $1 AND id = $2";
        match connection.execute(sql, values![&user, &id])? {
            0 => Err(Failure::NotFound),
            _ => Ok(StatusCode::NO_CONTENT),
        }
    };
    application.work(work).await
}
