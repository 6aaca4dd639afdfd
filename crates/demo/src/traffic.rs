//! What users do: they log in, read, write, and notice when it fails.

use crate::http::{Answer, Service};
use crate::people::{self, Person};
use anyhow::Result;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How a number of requests went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrafficReport {
    /// Requests sent.
    pub sent: usize,
    /// Those that were not answered with success.
    pub failed: usize,
    /// Requests by status; 0 stands for no answer at all.
    pub by_status: BTreeMap<u16, usize>,
}

impl TrafficReport {
    /// Failed of sent, between 0 and 1; nothing sent is nothing failed.
    pub fn error_share(&self) -> f64 {
        if self.sent == 0 { 0.0 } else { self.failed as f64 / self.sent as f64 }
    }
}

/// What users wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WriteReport {
    /// The titles of tasks that the service says it created.
    pub created: Vec<String>,
    /// The titles of tasks that it says it ticked off.
    pub ticked_off: Vec<String>,
    /// Requests that it did not answer with success.
    pub failed: usize,
}

/// Sends that many requests, user after user: each logs in, lists, reads four tasks, creates one, ticks one off
/// and looks at the figures.
///
/// # Errors
/// The address cannot be understood. A service that fails or is not there is no error but a result.
pub fn run(base_url: &str, requests: usize) -> Result<TrafficReport> {
    let mut users =
        Crowd { service: Service::find(base_url)?, left: requests, report: TrafficReport::default() };
    for (round, person) in people::everybody().cycle().enumerate() {
        if users.left == 0 || users.visit(person, round).is_none() {
            break;
        }
    }
    Ok(users.report)
}

/// Has `n` users create a task and tick another off, and log in for it.
///
/// Whoever cannot tick off a task tries the next of the list, as people do.
///
/// # Errors
/// The address cannot be understood, or nobody answers. Requests that fail are counted.
pub fn users_write(base_url: &str, n: usize) -> Result<WriteReport> {
    let service = Service::find(base_url)?;
    let mut report = WriteReport::default();
    for (number, person) in people::everybody().cycle().take(n).enumerate() {
        let answer = service.log_in(person)?;
        let Some(token) = text(&answer.body, "token") else {
            report.failed += 1;
            continue;
        };
        let title = format!("Noted by {} (#{})", person.name, number + 1);
        let body = json!({ "title": title, "priority": 1 });
        match service.send("POST", "/tasks", Some(token), Some(&body))?.is_good() {
            true => report.created.push(title),
            false => report.failed += 1,
        }
        let list = service.send("GET", "/tasks", Some(token), None)?;
        for task in tasks(&list.body).filter(|task| text(task, "status") == Some("open")) {
            let (id, title) = (task_id(task), text(task, "title").unwrap_or_default());
            // The task just created is left alone: ticking off is about what was there before.
            if title.starts_with("Noted by ") {
                continue;
            }
            let path = format!("/tasks/{id}");
            if service.send("PATCH", &path, Some(token), Some(&json!({ "status": "done" })))?.is_good() {
                report.ticked_off.push(title.to_owned());
                break;
            }
            report.failed += 1;
        }
    }
    Ok(report)
}

/// Users who go on writing, whatever happens to the service meanwhile, until they are told to stop.
pub struct Writers {
    told_to_stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<String>>>,
}

impl Writers {
    /// The first `n` users begin: each notes one task after another under a title of its own. Who is shut out tries
    /// again with another.
    pub fn start(base_url: &str, n: usize) -> Self {
        let told_to_stop = Arc::new(AtomicBool::new(false));
        let people = people::everybody().take(n);
        let threads = people.map(|person| {
            let (base_url, told_to_stop) = (base_url.to_owned(), Arc::clone(&told_to_stop));
            thread::spawn(move || go_on_writing(&base_url, person, &told_to_stop))
        });
        let threads = threads.collect();
        Self { told_to_stop, threads }
    }

    /// Stops them. The titles of all tasks that the service said it created; what it did not answer may be there too.
    pub fn stop(self) -> Vec<String> {
        self.told_to_stop.store(true, Ordering::SeqCst);
        self.threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    }
}

fn go_on_writing(base_url: &str, person: Person, told_to_stop: &AtomicBool) -> Vec<String> {
    let mut created = Vec::new();
    let mut token: Option<String> = None;
    for number in 1.. {
        if told_to_stop.load(Ordering::SeqCst) {
            break;
        }
        // People do not type faster than that.
        thread::sleep(Duration::from_millis(15));
        // Asked anew each time: another release may have another API.
        let Ok(service) = Service::find(base_url) else { continue };
        if token.is_none() {
            let answer = service.log_in(person).ok();
            token = answer.and_then(|answer| text(&answer.body, "token").map(str::to_owned));
        }
        let title = format!("Kept by {} (#{number})", person.name);
        let body = json!({ "title": title });
        match service.send("POST", "/tasks", token.as_deref(), Some(&body)) {
            Ok(answer) if answer.status == 201 => created.push(title),
            _ => token = None,
        }
    }
    created
}

/// What one user did to one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The name of the user.
    pub by: String,
    /// The title of the task before.
    pub title: String,
}

/// Has the first user who can give a task whose title contains `part` another title.
///
/// # Errors
/// The address cannot be understood, or nobody answers.
pub fn rename_one(base_url: &str, part: &str, title: &str) -> Result<Option<Done>> {
    let is_meant = |task: &Value| text(task, "title").is_some_and(|title| title.contains(part));
    change_one(base_url, "PATCH", Some(&json!({ "title": title })), is_meant)
}

/// Has the first user who can delete a task that is done.
///
/// # Errors
/// The address cannot be understood, or nobody answers.
pub fn delete_one(base_url: &str) -> Result<Option<Done>> {
    change_one(base_url, "DELETE", None, |task| text(task, "status") == Some("done"))
}

fn change_one(
    base_url: &str,
    method: &str,
    body: Option<&Value>,
    is_meant: impl Fn(&Value) -> bool,
) -> Result<Option<Done>> {
    let service = Service::find(base_url)?;
    for person in people::everybody() {
        let answer = service.log_in(person)?;
        let Some(token) = text(&answer.body, "token") else { continue };
        let list = service.send("GET", "/tasks", Some(token), None)?;
        for task in tasks(&list.body).filter(|task| is_meant(task)) {
            let path = format!("/tasks/{}", task_id(task));
            if service.send(method, &path, Some(token), body)?.is_good() {
                let title = text(task, "title").unwrap_or_default().to_owned();
                return Ok(Some(Done { by: person.name.to_owned(), title }));
            }
        }
    }
    Ok(None)
}

struct Crowd {
    service: Service,
    left: usize,
    report: TrafficReport,
}

impl Crowd {
    /// One user's visit; nothing once the requests are used up.
    fn visit(&mut self, person: Person, round: usize) -> Option<()> {
        let credentials = json!({ "email": person.email, "password": person.password() });
        let answer = self.send("POST", "/login", "", Some(&credentials))?;
        let token = text(&answer, "token").unwrap_or_default().to_owned();
        let list = self.send("GET", "/tasks", &token, None)?;
        let ids: Vec<String> = tasks(&list).map(task_id).collect();
        let mut ids = ids.iter().cycle().skip(round * 4);
        let mut next = || ids.next().map_or("1", String::as_str);
        for _ in 0..4 {
            self.send("GET", &format!("/tasks/{}", next()), &token, None)?;
        }
        self.send("POST", "/tasks", &token, Some(&json!({ "title": format!("Remember {round}") })))?;
        self.send("PATCH", &format!("/tasks/{}", next()), &token, Some(&json!({ "status": "done" })))?;
        self.send("GET", "/stats", &token, None)?;
        Some(())
    }

    /// Sends and counts one request; the answer's body, or nothing when no request is left.
    fn send(&mut self, method: &str, path: &str, token: &str, body: Option<&Value>) -> Option<Value> {
        self.left = self.left.checked_sub(1)?;
        let answer = self.service.send(method, path, Some(token), body);
        let answer = answer.unwrap_or(Answer { status: 0, body: Value::Null });
        self.report.sent += 1;
        self.report.failed += usize::from(!answer.is_good());
        *self.report.by_status.entry(answer.status).or_default() += 1;
        Some(answer.body)
    }
}

fn text<'body>(body: &'body Value, field: &str) -> Option<&'body str> {
    body.get(field)?.as_str()
}

fn tasks(body: &Value) -> impl Iterator<Item = &Value> {
    body.get("tasks").and_then(Value::as_array).into_iter().flatten()
}

fn task_id(task: &Value) -> String {
    match task.get("id") {
        Some(Value::String(uuid)) => uuid.clone(),
        Some(number) => number.to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_is_not_there_fails_every_request() {
        let base_url = format!("http://127.0.0.1:{}", crate::free_port().unwrap());
        let report = run(&base_url, 5).unwrap();
        assert_eq!((report.sent, report.failed), (5, 5));
        assert_eq!(report.by_status, BTreeMap::from([(0, 5)]));
        assert_eq!(report.error_share(), 1.0);
        assert!(run("ftp://nowhere", 1).is_err());
    }

    #[test]
    fn nothing_sent_is_nothing_failed() {
        assert_eq!(TrafficReport::default().error_share(), 0.0);
    }
}
