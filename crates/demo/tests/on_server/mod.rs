//! What only an estate with its data on a server can be asked.

use crate::estates::{estate_on_server, server, sql};
use crate::running::{self, Running};
use backout_demo::{Database, Engine, Estate, checks, migration, traffic};
use tempfile::TempDir;

#[test]
fn damage_is_found_on_a_server() {
    let (_folder, estate) = estate_on_server();
    let damage = || checks::damage(&estate.database().unwrap()).unwrap();
    sql(&estate, "SELECT setval('task_id_seq', 239)");
    assert_eq!(damage(), ["the next key of tasks is taken already"]);
    sql(&estate, "SELECT setval('task_id_seq', 240)");
    sql(
        &estate,
        "ALTER TABLE tasks DISABLE TRIGGER tasks_touched, DROP CONSTRAINT tasks_user_id_fkey;
         DELETE FROM users WHERE id = 3",
    );
    let found = damage();
    assert_eq!((found.len(), found[0].as_str()), (21, "trigger tasks_touched is off"), "{found:?}");
}

#[test]
fn the_application_may_work_with_rows_and_nothing_else() {
    let (_folder, estate) = estate_on_server();
    let Database::Postgres(url) = estate.service_database().unwrap() else { panic!("it is on a server") };
    let may = |sql: &str| server().psql(&url, sql).status.success();
    assert!(may("BEGIN; UPDATE tasks SET title = title; SELECT nextval('task_id_seq'); ROLLBACK"));
    for refused in
        ["CREATE TABLE mine (a int)", "ALTER TABLE tasks ADD COLUMN a int", "TRUNCATE tasks", "CREATE ROLE a"]
    {
        assert!(!may(refused), "{refused}");
    }
    migration::run(estate.root()).unwrap();
    assert!(
        may("INSERT INTO tasks (user_id, title) SELECT id, 'new' FROM users LIMIT 1"),
        "as on the old side"
    );
}

#[test]
fn what_was_made_on_a_server_goes_again_and_nothing_else() {
    let (_one, one) = estate_on_server();
    let (_two, two) = estate_on_server();
    let name = server()
        .psql(&server().url("postgres"), "SELECT datname FROM pg_database WHERE datname LIKE 'todo%'");
    let names = String::from_utf8(name.stdout).unwrap();
    assert!(names.lines().count() >= 2, "{names}");
    let Database::Postgres(url) = one.database().unwrap() else { panic!("it is on a server") };
    let own = url.rsplit_once('/').unwrap().1.to_owned();
    server().sql("postgres", &format!("CREATE DATABASE \"{own}.kept-aside\""));
    let gone = one.drop_databases().unwrap();
    assert_eq!(gone, [own.clone(), format!("{own}.kept-aside")]);
    let left =
        server().sql("postgres", &format!("SELECT count(*) FROM pg_roles WHERE rolname LIKE '{own}%'"));
    assert_eq!(left, "0");
    assert!(checks::counts(&two.database().unwrap()).is_ok());
    assert_eq!(one.drop_databases().unwrap(), [""; 0], "a second time there is nothing left");
    assert!(!one.root().join("database.url").exists(), "no password stays behind");
}

#[test]
fn a_role_that_may_make_databases_alone_is_owner_and_application() {
    server().sql("postgres", "CREATE ROLE modest LOGIN CREATEDB PASSWORD 'm@dest'");
    server().sql("postgres", "CREATE ROLE nobody LOGIN PASSWORD 'n'");
    let folder = TempDir::new().unwrap();
    let url = server().url_as("modest", "m%40dest", "postgres");
    let estate = Estate::create_on_server(folder.path().join("estate"), &url).unwrap();
    let service = Running::start(&estate);
    assert_eq!(traffic::run(&service.base_url, 30).unwrap().failed, 0);
    service.stop();
    assert_eq!(estate.drop_databases().unwrap().len(), 1);

    let url = server().url_as("nobody", "n", "postgres");
    let refused = Estate::create_on_server(folder.path().join("other"), &url).unwrap_err();
    assert!(format!("{refused:#}").contains("CREATEDB"), "{refused:#}");
    let wrong = server().url_as("nobody", "wrong", "postgres");
    let refused = format!("{:#}", Estate::create_on_server(folder.path().join("third"), &wrong).unwrap_err());
    assert!(!refused.contains("wrong"), "{refused}");
}

#[test]
fn the_backfill_says_on_a_server_that_it_is_the_migration() {
    let (_folder, estate) = estate_on_server();
    migration::run(estate.root()).unwrap();
    sql(
        &estate,
        "CREATE SCHEMA _backout; CREATE TABLE _backout.said (pid int);
         CREATE FUNCTION _backout.migration() RETURNS void LANGUAGE sql
           AS 'INSERT INTO _backout.said VALUES (pg_backend_pid())'",
    );
    migration::run_stage(estate.root(), migration::Stage::Backfill).unwrap();
    assert_eq!(sql(&estate, "SELECT count(*) FROM _backout.said"), "1");
    assert_eq!(sql(&estate, "SELECT count(*) FROM tasks WHERE search = ''"), "0");
    assert_eq!(
        sql(
            &estate,
            "SELECT count(*) FROM tasks WHERE updated_at > '2030-12-01' OR updated_at < '2030-01-01'"
        ),
        "0"
    );
}

#[test]
fn writers_go_on_through_maintenance_and_know_what_was_taken() {
    let (_folder, estate) = estate_on_server();
    let service = Running::start(&estate);
    let kept =
        || sql(&estate, "SELECT count(*) FROM tasks WHERE title LIKE 'Kept by %'").parse::<usize>().unwrap();
    let writers = traffic::Writers::start(&service.base_url, 3);
    running::wait_until(|| kept() > 5);
    estate.set_maintenance(true).unwrap();
    running::wait_until(|| service.get("/health").1["in_flight"] == 0);
    let then = kept();
    estate.set_maintenance(false).unwrap();
    running::wait_until(|| kept() > then);
    let told = writers.stop();
    assert_eq!(told.len(), kept());
    service.stop();
}

#[test]
fn a_service_whose_server_hung_up_comes_back_by_itself() {
    let (_folder, estate) = estate_on_server();
    let service = Running::start(&estate);
    assert_eq!(service.get("/api/v1/stats").0, 200);
    let hang_up = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(!sql(&estate, hang_up).is_empty());
    running::wait_until(|| service.get("/api/v1/stats").0 == 200);
    assert_eq!(estate.database().unwrap().engine(), Engine::Postgres);
    service.stop();
    assert_eq!(sql(&estate, hang_up), "", "the service has left");
}
