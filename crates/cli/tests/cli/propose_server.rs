//! `init --from` where settings name a database on a server: its address stays where it is, and what is proposed passes
//! `check` as soon as somebody exports it.

use std::fs;

use backout_fixtures::Postgres;

use super::postgres::server;
use super::world::World;

/// A value that must never be seen again.
const HUSH: &str = "hush-6c1f";

const COMPOSE: &str = r#"
services:
  api:
    image: registry.example/shop:1.4.0
    environment:
      DATABASE_URL: postgresql://shop:hush-6c1f@db:5432/shop
      REPORTS_DSN: postgresql+psycopg://shop:hush-6c1f@elsewhere/reports
    depends_on: [db]
  worker:
    image: registry.example/worker:1.4.0
    env_file: worker.env
  db:
    image: postgres:16.4
    environment: {POSTGRES_PASSWORD: hush-6c1f}
"#;

macro_rules! assert_proposed {
    ($name:literal, $text:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!($name, $text));
    }};
}

fn proposed(world: &World, from: &str) -> String {
    let seen = world.ok(&["-C", "shop", "init", "--from", from]);
    let text = world.read("shop/backout.yaml");
    for secret in [HUSH, Postgres::PASSWORD] {
        assert!(!seen.says(secret) && !text.contains(secret), "{}\n{text}", seen.text());
    }
    world.ok(&["-C", "shop", "check", "--offline"]);
    text
}

#[test]
fn what_settings_name_on_a_server_passes_check_once_it_is_exported() {
    let world = World::empty();
    server().sql("postgres", "CREATE DATABASE proposed");
    server().sql("proposed", "CREATE TABLE orders (id integer PRIMARY KEY); INSERT INTO orders VALUES (1)");
    let url = server().url("proposed");
    world.write("shop/.env", format!("# settings\nDATABASE_URL={url}\nLOG_LEVEL=info\n"));
    assert_proposed!("init-server", proposed(&world, "shop/.env"));

    let without = world.run(&["-C", "shop", "check"]);
    assert_ne!(without.exit, 0);
    assert!(without.says("DATABASE_URL"), "{}", without.text());
    let mut check = world.command(&["-C", "shop", "check"]);
    let with = check.env("DATABASE_URL", &url).output().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&with.stdout), String::from_utf8_lossy(&with.stderr));
    assert_eq!(with.status.code(), Some(0), "{told}");
    // The fixture's role is one that better puts nothing back, and that is all there is to say.
    assert_eq!(told.matches("warning[").count(), 1, "{told}");
    assert!(told.contains("warning[BK0605]") && told.contains("a superuser"), "{told}");
    assert!(!told.contains(Postgres::PASSWORD), "{told}");
}

#[test]
fn services_use_the_database_that_their_variables_name() {
    let world = World::empty();
    world.write("shop/compose.yaml", COMPOSE);
    // The same database, for another role.
    world.write(
        "shop/worker.env",
        format!("QUEUE_URL=postgres://worker:{HUSH}@db:5432/shop?sslmode=disable\n"),
    );
    let text = proposed(&world, "shop/compose.yaml");
    assert_eq!(text.matches("kind: postgres.database").count(), 1, "{text}");
    assert_proposed!("init-compose-server", text);
    fs::remove_file(world.path("shop/backout.yaml")).unwrap();
}
