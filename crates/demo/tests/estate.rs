//! The whole life of an estate: created, served, migrated, failing, and what each part must be like.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod estates;
mod on_server;
mod running;

use backout_demo::{Estate, Version, checks, free_port, migration, people, traffic};
use estates::{estate, estates, sqlite};
use running::Running;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, path::PathBuf};
use tempfile::TempDir;

/// Every file by its path with its content; links by their target.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_owned();
            if path.is_symlink() {
                found.insert(name, fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes());
            } else if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn two_estates_on_one_port_are_created_alike() {
    let folder = TempDir::new().unwrap();
    let port = free_port().unwrap();
    let one = Estate::create_on(folder.path().join("one"), port).unwrap();
    let two = Estate::create_on(folder.path().join("two"), port).unwrap();
    assert_eq!(
        checks::content_digest(&one.database().unwrap()).unwrap(),
        checks::content_digest(&two.database().unwrap()).unwrap()
    );
    let without_database = |estate: &Estate| {
        let mut files = files(estate.root());
        assert!(files.remove(Path::new("data/todo.db")).is_some());
        files
    };
    assert_eq!(without_database(&one), without_database(&two));
    assert_eq!(fs::read_link(one.current()).unwrap(), Path::new("releases/1.4.0"));
    assert!(Estate::create(one.root()).is_err(), "a folder that is in use is left alone");
    assert_eq!(Estate::open(one.root()).unwrap().port().unwrap(), port);
    assert!(Estate::open(folder.path()).is_err());
}

#[test]
fn a_new_database_is_whole() {
    for (_folder, estate) in estates() {
        let counts = checks::counts(&estate.database().unwrap()).unwrap();
        assert_eq!((counts.users, counts.tasks, counts.tags, counts.recurrences), (12, 240, 8, 12));
        assert_eq!((counts.task_tags, counts.recurring_tasks), (360, 24));
        assert_eq!(checks::damage(&estate.database().unwrap()).unwrap(), Vec::<String>::new());
    }
}

#[test]
fn both_sorts_of_data_are_alike_before_and_after() {
    let [(_one, file), (_two, on_server)] = estates();
    let content = |estate: &Estate| checks::content(&estate.database().unwrap()).unwrap();
    assert_eq!(content(&file), content(&on_server));
    for estate in [&file, &on_server] {
        migration::run(estate.root()).unwrap();
        migration::run_stage(estate.root(), migration::Stage::Backfill).unwrap();
    }
    assert_eq!(content(&file), content(&on_server));
}

#[test]
fn damage_is_found() {
    let (_folder, estate) = estate();
    let database = rusqlite::Connection::open(sqlite(&estate)).unwrap();
    database.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM users WHERE id = 3").unwrap();
    let damage = checks::damage(&estate.database().unwrap()).unwrap();
    assert_eq!(damage.len(), 20);
    assert_eq!(damage[0], "tasks refers to a missing row of users");
}

#[test]
fn the_migration_changes_every_part_and_loses_nothing() {
    for (_folder, estate) in estates() {
        let (digest, counts) = (
            checks::content_digest(&estate.database().unwrap()).unwrap(),
            checks::counts(&estate.database().unwrap()).unwrap(),
        );
        let before = files(estate.root());
        migration::run(estate.root()).unwrap();
        let after = files(estate.root());

        assert_eq!(checks::content_digest(&estate.database().unwrap()).unwrap(), digest);
        assert_eq!(checks::counts(&estate.database().unwrap()).unwrap(), counts);
        assert_eq!(checks::damage(&estate.database().unwrap()).unwrap(), Vec::<String>::new());
        assert_eq!(fs::read_link(estate.current()).unwrap(), Path::new("releases/2.0.0"));

        let changed: Vec<&str> = before
            .iter()
            .filter(|(path, content)| after.get(*path) != Some(*content))
            .map(|(path, _)| path.to_str().unwrap())
            .filter(|path| !path.starts_with("data/") && !path.starts_with("frontend/assets/app."))
            .collect();
        assert_eq!(
            changed,
            ["app.env", "current", "flags.json", "frontend/config.json", "frontend/index.html"]
        );

        let settings = fs::read_to_string(estate.settings()).unwrap();
        assert!(
            settings.contains("/api/v2\n") && settings.contains("\nAPI_V1_SUNSET=2031-01-31\n"),
            "{settings}"
        );
        let lines = |files: &BTreeMap<PathBuf, Vec<u8>>, name: &str| -> Vec<String> {
            String::from_utf8(files[Path::new(name)].clone()).unwrap().lines().map(str::to_owned).collect()
        };
        let differing = |name: &str| -> usize {
            lines(&before, name).iter().zip(lines(&after, name)).filter(|(old, new)| *old != new).count()
        };
        assert_eq!((differing("app.env"), differing("flags.json")), (2, 1));
    }
}

#[test]
fn the_migrated_schema_is_that_of_release_2_and_a_second_run_changes_nothing() {
    let (_folder, estate) = estate();
    migration::run(estate.root()).unwrap();
    let schema = |connection: &rusqlite::Connection| -> Vec<String> {
        let sql =
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY 1";
        let mut rows = connection.prepare(sql).unwrap();
        rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let fresh = rusqlite::Connection::open_in_memory().unwrap();
    fresh.execute_batch(&fs::read_to_string(estate.current().join("schema.sql")).unwrap()).unwrap();
    assert_eq!(schema(&rusqlite::Connection::open(sqlite(&estate)).unwrap()), schema(&fresh));

    let once = files(estate.root());
    migration::run(estate.root()).unwrap();
    assert_eq!(files(estate.root()), once);
}

#[test]
fn the_backfill_changes_what_it_says_and_can_be_told_from_users() {
    let (_folder, estate) = estate();
    migration::run(estate.root()).unwrap();
    let before = checks::content(&estate.database().unwrap()).unwrap();
    let recorder = "CREATE TABLE _backout_writer (origin TEXT NOT NULL, source INTEGER);
        CREATE TABLE seen (origin TEXT);
        CREATE TRIGGER watching AFTER UPDATE ON tasks BEGIN
          INSERT INTO seen SELECT coalesce((SELECT origin FROM _backout_writer), 'user');
        END;";
    rusqlite::Connection::open(sqlite(&estate)).unwrap().execute_batch(recorder).unwrap();
    for _ in 0..2 {
        migration::run_stage(estate.root(), migration::Stage::Backfill).unwrap();
    }
    let database = rusqlite::Connection::open(sqlite(&estate)).unwrap();
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM tasks WHERE search = ''"), 0);
    assert_eq!(count("SELECT count(*) FROM tasks WHERE title LIKE '%“big”%'"), 24);
    assert_eq!(count("SELECT count(*) FROM _backout_writer"), 0, "the mark is gone with its transaction");
    assert_eq!(count("SELECT count(*) FROM seen WHERE origin <> 'migration'"), 0);
    assert!(count("SELECT count(*) FROM seen") >= 240);
    let after = checks::content(&estate.database().unwrap()).unwrap();
    assert_ne!(after, before);
    let mut back: Vec<String> = after.iter().map(|line| migration::undone(line)).collect();
    back.sort();
    assert!(back == before, "with straight marks again everything is as it was");
}

#[test]
fn stages_run_by_themselves() {
    let (_folder, estate) = estate();
    for stage in migration::Stage::ALL {
        assert_eq!(stage.name().parse::<migration::Stage>().unwrap(), stage);
    }
    assert!("everything".parse::<migration::Stage>().is_err());
    migration::run_stage(estate.root(), migration::Stage::Release).unwrap();
    let release = estate.releases().join(Version::V2.number());
    assert_eq!(fs::canonicalize(estate.current()).unwrap(), fs::canonicalize(release).unwrap());
    assert!(fs::read_to_string(estate.flags()).unwrap().contains("\"uuid_ids\": false"));
}

#[test]
fn release_1_serves_its_users() {
    for (_folder, estate) in estates() {
        let service = Running::start(&estate);
        let (status, health) = service.get("/health");
        assert_eq!((status, &health["status"], &health["version"]), (200, &"up".into(), &"1.4.0".into()));
        assert_eq!((&health["ids"], &health["schema_ok"]), (&"integer".into(), &Value::Bool(true)));

        assert_eq!(checks::release_in_service(&service.base_url).unwrap().as_deref(), Some("1.4.0"));

        let logged_in = checks::log_ins(&service.base_url).unwrap();
        assert_eq!((logged_in.accepted, logged_in.refused), (people::everybody().len(), vec![]));

        let (status, list) = service.get("/api/v1/tasks?user=ada@todo.example");
        assert_eq!((status, list["tasks"].as_array().unwrap().len()), (200, 20));
        let id = &list["tasks"][0]["id"];
        let (status, task) = service.get(&format!("/api/v1/tasks/{id}?user=1"));
        assert_eq!((status, &task), (200, &list["tasks"][0]));
        assert_eq!(service.get(&format!("/api/v1/tasks/{id}?user=2")).0, 404, "somebody else's");
        assert_eq!(service.get("/api/v1/tasks").0, 401);
        assert_eq!(service.get("/api/v1/tasks?user=nobody").0, 401);
        assert_eq!(service.get("/api/v2/tasks?user=1").0, 404);
        assert_eq!(service.get("/api/v1/stats").1["tasks"], 240);

        let report = traffic::run(&service.base_url, 60).unwrap();
        assert_eq!((report.sent, report.failed), (60, 0), "{report:?}");
        let written = traffic::users_write(&service.base_url, 3).unwrap();
        assert_eq!((written.created.len(), written.ticked_off.len(), written.failed), (3, 3, 0));
        let renamed = traffic::rename_one(&service.base_url, "\"big\"", "The big report").unwrap().unwrap();
        assert!(renamed.title.contains("\"big\""), "{renamed:?}");
        assert!(traffic::rename_one(&service.base_url, "nothing of the sort", "x").unwrap().is_none());
        let tasks = checks::counts(&estate.database().unwrap()).unwrap().tasks;
        assert!(traffic::delete_one(&service.base_url).unwrap().is_some());
        assert_eq!(checks::counts(&estate.database().unwrap()).unwrap().tasks, tasks - 1);
        service.stop();
        assert_eq!(checks::damage(&estate.database().unwrap()).unwrap(), Vec::<String>::new());
    }
}

#[test]
fn wrong_passwords_and_wrong_tokens_are_refused() {
    for (_folder, estate) in estates() {
        let service = Running::start(&estate);
        let log_in = |password: &str| {
            service.ask(
                "POST",
                "/api/v1/login",
                None,
                &format!(r#"{{"email":"ada@todo.example","password":"{password}"}}"#),
            )
        };
        assert_eq!(log_in("correct-horse-2").0, 401);
        let (status, body) = log_in("correct-horse-1");
        assert_eq!((status, &body["user"]["name"]), (200, &"Ada Lovelace".into()));
        let token = body["token"].as_str().unwrap();
        assert_eq!(service.ask("GET", "/api/v1/tasks", Some(token), "").0, 200);
        let forged = token.replacen("1.", "2.", 1);
        assert_eq!(service.ask("GET", "/api/v1/tasks", Some(&forged), "").0, 401);
        let post = |body: &str| service.ask("POST", "/api/v1/tasks", Some(token), body).0;
        assert_eq!(
            (post(r#"{"title":" "}"#), post(r#"{"title":"a","priority":9}"#), post("{")),
            (422, 422, 400)
        );
        service.stop();
    }
}

#[test]
fn maintenance_shuts_everybody_out_at_once_but_health() {
    let (_folder, estate) = estate();
    let service = Running::start(&estate);
    assert_eq!(service.get("/api/v1/stats").0, 200);
    estate.set_maintenance(true).unwrap();
    let (status, body) = service.get("/api/v1/stats");
    assert_eq!((status, &body["error"]), (503, &"maintenance".into()));
    let (status, health) = service.get("/health");
    assert_eq!((status, &health["status"], &health["in_flight"]), (200, &"maintenance".into(), &0.into()));
    assert_eq!(checks::release_in_service(&service.base_url).unwrap(), None);
    assert!(!estate.root().join("data/todo.db-wal").exists(), "the database was let go");
    let report = traffic::run(&service.base_url, 9).unwrap();
    assert_eq!(report.by_status, BTreeMap::from([(503, 9)]));
    estate.set_maintenance(false).unwrap();
    assert_eq!(service.get("/api/v1/stats").0, 200);
    service.stop();
}

#[test]
fn maintenance_says_when_the_last_request_is_done() {
    let (_folder, estate) = estate();
    let service = Running::start(&estate);
    let in_flight = |wanted: u64| {
        running::wait_until(|| service.get("/health").1["in_flight"] == wanted);
    };
    let lock = rusqlite::Connection::open(sqlite(&estate)).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let create = r#"{"title":"while the door closes"}"#;
        let late = scope.spawn(|| service.ask("POST", "/api/v1/tasks?user=1", None, create).0);
        in_flight(2);
        estate.set_maintenance(true).unwrap();
        assert_eq!(service.get("/health").1["in_flight"], 2);
        lock.execute_batch("COMMIT").unwrap();
        in_flight(0);
        assert_eq!(checks::counts(&estate.database().unwrap()).unwrap().tasks, 241);
        assert_eq!(late.join().unwrap(), 201);
    });
    service.stop();
}

#[test]
fn release_2_is_healthy_and_fails_its_users() {
    for (_folder, estate) in estates() {
        let service = Running::start(&estate);
        migration::run(estate.root()).unwrap();
        let (status, health) = service.get("/health");
        assert_eq!(
            (status, &health["status"], &health["schema_ok"]),
            (500, &"down".into(), &Value::Bool(false))
        );
        let old = traffic::run(&service.base_url, 9).unwrap();
        assert_eq!(old.error_share(), 8.0 / 9.0, "only the statistics need no keys: {old:?}");
        service.stop();

        let service = Running::start(&estate);
        let (status, health) = service.get("/health");
        assert_eq!((status, &health["status"], &health["version"]), (200, &"up".into(), &"2.0.0".into()));
        assert_eq!((&health["ids"], &health["api"]), (&"uuid".into(), &"/api/v2".into()));
        assert_eq!(checks::log_ins(&service.base_url).unwrap().accepted, people::everybody().len());
        assert_eq!(service.get("/api/v1/tasks?user=ada@todo.example").0, 200);

        let report = traffic::run(&service.base_url, 180).unwrap();
        assert_eq!(report.sent, 180);
        assert!((0.1..0.9).contains(&report.error_share()), "{report:?}");
        assert_eq!(report.by_status.get(&500), Some(&report.failed), "nothing but the defect: {report:?}");
        let written = traffic::users_write(&service.base_url, 4).unwrap();
        assert_eq!(written.created.len(), 4);
        assert!(!written.ticked_off.is_empty());
        service.stop();
    }
}

#[test]
fn what_is_read_at_start_needs_a_restart() {
    let (_folder, estate) = estate();
    migration::run(estate.root()).unwrap();
    let service = Running::start(&estate);
    let flags = fs::read_to_string(estate.flags()).unwrap();
    fs::write(estate.flags(), flags.replace("\"uuid_ids\": true", "\"uuid_ids\": false")).unwrap();
    assert_eq!(service.get("/health").1["ids"], "uuid");
    service.stop();
    let service = Running::start(&estate);
    let (status, health) = service.get("/health");
    assert_eq!((status, &health["ids"]), (500, &"integer".into()), "the flag is off, the schema is not");
    service.stop();
}

#[test]
fn a_missing_database_is_a_matter_of_health() {
    let (_folder, estate) = estate();
    fs::remove_file(sqlite(&estate)).unwrap();
    let service = Running::start(&estate);
    let (status, health) = service.get("/health");
    assert_eq!((status, &health["schema_ok"]), (500, &Value::Null));
    assert!(!sqlite(&estate).exists(), "none is made up");
    service.stop();
}

#[test]
fn the_service_ends_well_on_sigterm() {
    let (_folder, estate) = estate();
    let mut child = running::child(&estate);
    running::wait_until_up(&estate.base_url().unwrap());
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(!estate.root().join("data/todo.db-wal").exists(), "the database was closed");
}

/// Not a test: the process that [`the_service_ends_well_on_sigterm`] starts.
#[test]
#[ignore = "runs until it is told to stop"]
fn child_process() {
    running::serve_as_child();
}
