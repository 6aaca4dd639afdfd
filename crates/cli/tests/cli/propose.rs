//! `init --from`: what is proposed from what is there passes `check`, says why, and gives no secret away.
//!
//! It is over 400 lines because each source has a small estate of its own.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::world::{Seen, World};

/// A value that must never be seen again.
const HUSH: &str = "hush-6c1f";

const COMPOSE: &str = r#"
x-common: &common
  restart: always
  environment: &env
    LOG_LEVEL: info
services:
  api:
    <<: *common
    image: registry.example/todo:1.4.0
    env_file: app.env
    environment:
      <<: *env
      API_TOKEN: hush-6c1f
    volumes:
      - ./data:/data
      - ./nginx.conf:/etc/nginx.conf:ro
      - ./config.json:/etc/config.json
      - uploads:/uploads
      - ${EXTRA:-./hush-6c1f}:/extra
      - ./missing:/missing
    depends_on: [cache]
    ports: ["8080:80"]
  cache:
    image: redis:7
  worker:
    build: .
    image: todo-worker:${TAG:-hush-6c1f}
    volumes: [{type: bind, source: ./data, target: /var/data}]
    depends_on:
      api: {condition: service_started}
      gone: {condition: service_started}
volumes:
  uploads:
"#;

fn database(world: &World, name: &str) {
    let path = world.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode=wal; CREATE TABLE t (a); INSERT INTO t VALUES (1);")
        .unwrap();
}

/// A folder with a name that can be told in snapshots.
fn folder(world: &World) -> String {
    let inner = "shop";
    fs::create_dir_all(world.path(inner)).unwrap();
    inner.to_owned()
}

fn application(world: &World) {
    world.write("shop/compose.yaml", COMPOSE);
    world.write(
        "shop/app.env",
        format!(
            "# settings\nAPI_URL=http://127.0.0.1\nPASSWORD='{HUSH}'\nDATABASE_URL=sqlite:////data/todo.db\n"
        ),
    );
    world.write("shop/.env", format!("TAG={HUSH}\n"));
    world.write("shop/config.json", format!("{{\"server\": {{\"port\": 1, \"key\": \"{HUSH}\"}}}}"));
    world.write("shop/nginx.conf", "listen 80;\n");
    world.write("shop/data/notes.txt", "one\n");
    database(world, "shop/data/todo.db");
}

fn releases(world: &World) {
    world.write("shop/site/releases/1/index.html", "one\n");
    world.write("shop/site/releases/1/.env", format!("SECRET_KEY={HUSH}\nDB_PATH=app.db\n"));
    world.write("shop/site/releases/2/index.html", "two\n");
    world.write("shop/site/releases/1/fake.db", "no database\n");
    world.write("shop/site/shared/upload.bin", "x");
    database(world, "shop/site/releases/1/app.db");
    world.link("releases/1", "shop/site/current");
}

/// Proposes from these in the folder `shop`, checks what was written with the real check, and gives it.
fn proposed(world: &World, from: &[&str]) -> String {
    let mut arguments = vec!["-C", "shop", "init", "--from"];
    arguments.extend(from);
    let seen = world.ok(&arguments);
    assert!(!seen.says(HUSH), "{}", seen.text());
    let text = world.read("shop/backout.yaml");
    assert!(!text.contains(HUSH), "{text}");
    let checked = world.run(&["-C", "shop", "check"]);
    assert_eq!(checked.exit, 0, "{}\n{text}", checked.text());
    assert!(!checked.says("warning["), "{}\n{text}", checked.text());
    let mut arguments = vec!["-C", "shop", "init", "--from"];
    arguments.extend(from);
    assert_eq!(world.run(&arguments).exit, 4, "nothing is overwritten");
    assert_eq!(world.read("shop/backout.yaml"), text);
    fs::remove_file(world.path("shop/backout.yaml")).unwrap();
    world.ok(&arguments);
    assert_eq!(world.read("shop/backout.yaml"), text, "the same twice");
    text
}

/// Refused, with nothing written.
fn refused(world: &World, from: &[&str]) -> Seen {
    let mut arguments = vec!["-C", "shop", "init", "--from"];
    arguments.extend(from);
    let seen = world.run(&arguments);
    assert_ne!(seen.exit, 0, "{}", seen.text());
    assert!(!world.path("shop/backout.yaml").exists());
    assert!(!seen.says(HUSH), "{}", seen.text());
    seen
}

macro_rules! assert_proposed {
    ($name:literal, $text:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!($name, $text));
    }};
}

#[test]
fn from_a_compose_file() {
    let world = World::empty();
    application(&world);
    assert_proposed!("init-compose", proposed(&world, &["shop/compose.yaml"]));
}

#[test]
fn from_settings() {
    let world = World::empty();
    folder(&world);
    database(&world, "shop/data/todo.db");
    world.write("shop/.env", format!("A={HUSH}\nDB=data/todo.db\nexport B=\"{HUSH}\n{HUSH}\"\nA2=1\nA2=2\n"));
    world.write("shop/c.json", format!("{{\"a\": {{\"b.c\": \"{HUSH}\"}}, \"l\": [1]}}"));
    assert_proposed!("init-settings", proposed(&world, &["shop/.env", "shop/c.json"]));
}

#[test]
fn from_settings_of_every_sort() {
    let world = World::empty();
    for (file, text, key) in [
        ("a.yaml", format!("server:\n  url: {HUSH}\n"), "server.url"),
        ("b.yml", "own: {y: 2}\n".to_owned(), "own.y"),
        ("c.toml", format!("[server]\nurl = \"{HUSH}\"\n"), "server.url"),
        ("d.ini", format!("[server]\nurl = {HUSH}\n"), "server.url"),
        ("e.json", format!("{{\"server\": {{\"url\": \"{HUSH}\"}}}}"), "server.url"),
        (".env.production", format!("URL={HUSH}\n"), "URL"),
    ] {
        let path = format!("shop/{file}");
        world.write(&path, text);
        let text = proposed(&world, &[&path]);
        assert!(text.contains(key) && text.contains("config.values"), "{file}: {text}");
        fs::remove_file(world.path("shop/backout.yaml")).unwrap();
    }
    // No value of these can be named and put back by itself.
    for (file, text) in [("list.json", "[1, 2]"), ("merged.yml", "base: &b {x: 1}\nown: {<<: *b, y: 2}\n")] {
        let path = format!("shop/{file}");
        world.write(&path, text);
        let text = proposed(&world, &[&path]);
        assert!(text.contains("kind: file.tree") && text.contains(&format!("path: {file}")), "{text}");
        fs::remove_file(world.path("shop/backout.yaml")).unwrap();
    }
}

#[test]
fn from_a_database() {
    let world = World::empty();
    database(&world, "shop/data/odd.name");
    let before = fs::read_dir(world.path("shop/data")).unwrap().count();
    let arguments = ["-C", "shop", "init", "--from", "shop/data/odd.name"];
    world.ok(&arguments);
    assert_eq!(fs::read_dir(world.path("shop/data")).unwrap().count(), before, "a look makes no files");
    fs::remove_file(world.path("shop/backout.yaml")).unwrap();
    assert_proposed!("init-database", proposed(&world, &["shop/data/odd.name"]));
}

#[test]
fn from_a_release_folder() {
    let world = World::empty();
    releases(&world);
    assert_proposed!("init-releases", proposed(&world, &["shop/site"]));
    fs::remove_file(world.path("shop/backout.yaml")).unwrap();
    let text = proposed(&world, &["shop/site/current"]);
    assert!(text.contains("path: site/current"), "{text}");
}

#[test]
fn from_several_at_once() {
    let world = World::empty();
    application(&world);
    releases(&world);
    let from = ["shop/compose.yaml", "shop/site", "shop/app.env", "shop/data/todo.db", "shop/data"];
    assert_proposed!("init-several", proposed(&world, &from));
}

#[test]
fn a_look_leaves_no_trace() {
    use std::os::unix::fs::MetadataExt;
    let world = World::empty();
    application(&world);
    releases(&world);
    let things = below(&world.path("shop"));
    // Read long before it was written: the next reading counts also where most do not.
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(1_000_000);
    for path in &things {
        let times = fs::FileTimes::new().set_accessed(long_ago);
        fs::File::open(path).unwrap().set_times(times).unwrap();
    }
    let times = || -> Vec<[i64; 6]> {
        let about = things.iter().map(|path| fs::metadata(path).unwrap());
        about
            .map(|one| {
                [one.atime(), one.atime_nsec(), one.mtime(), one.mtime_nsec(), one.ctime(), one.ctime_nsec()]
            })
            .collect()
    };
    let before = times();
    world.ok(&["init", "--from", "shop", "shop/site", "shop/app.env", "shop/data/todo.db"]);
    for ((path, before), after) in things.iter().zip(before).zip(times()) {
        assert_eq!(before, after, "{}", path.display());
    }
    assert_eq!(below(&world.path("shop")), things);
}

/// Every file and folder there, itself included; links are left out.
fn below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = vec![folder.to_owned()];
    let mut inner: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    inner.sort();
    for path in inner.into_iter().filter(|path| !path.is_symlink()) {
        if path.is_dir() {
            found.extend(below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn what_lies_elsewhere_is_named_by_its_root() {
    let world = World::empty();
    folder(&world);
    world.write("elsewhere/app.env", "A=1\n");
    world.write("elsewhere/files/a", "1");
    let text = proposed(&world, &["elsewhere/app.env", "elsewhere/files"]);
    let elsewhere = world.path("elsewhere").canonicalize().unwrap();
    assert!(text.contains(&format!("  - {}\n", elsewhere.display())), "{text}");
    assert_eq!(text.matches("\n  - ").count(), 1, "one root is enough: {text}");
}

#[test]
fn the_folder_of_the_migration_itself_is_looked_through() {
    let world = World::empty();
    application(&world);
    let text = proposed(&world, &["shop"]);
    for part in ["path: data/todo.db", "file: app.env", "kind: manual", "this folder"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("path: .\n"), "{text}");
}

#[test]
fn hostile_names_stay_in_their_quotes() {
    let world = World::empty();
    let evil = "shop/d/a\nwrites: merge # \u{202e}\"'${env:HOME}";
    world.write(&format!("{evil}/x.txt"), "x");
    database(&world, &format!("{evil}/b\t: c.db"));
    let text = proposed(&world, &[evil]);
    assert!(!text.contains('\u{202e}') && !text.contains("\nwrites"), "{text}");
    let odd = world.path("shop/d").join(std::ffi::OsStr::from_bytes(b"\xff.env"));
    fs::write(&odd, "A=1\n").unwrap();
    fs::remove_file(world.path("shop/backout.yaml")).unwrap();
    let text = proposed(&world, &["shop/d"]);
    assert!(text.contains("is not proposed: its name is not UTF-8"), "{text}");
}

#[test]
fn what_cannot_be_saved_is_left_alone() {
    let world = World::empty();
    world.write("shop/files/a", "1");
    let pipe = world.path("shop/files/p*pe");
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    world.link("/etc", "shop/files/link");
    let text = proposed(&world, &["shop/files"]);
    assert!(text.contains("it is a pipe") && text.contains("\"/p?pe\""), "{text}");
    assert!(!text.contains("/etc"), "{text}");
}

#[test]
fn the_data_of_a_server_are_not_copied() {
    let world = World::empty();
    world.write(
        "shop/compose.yaml",
        "services:\n  db:\n    image: postgres:17\n    volumes: [./pg:/var/lib/pg]\n",
    );
    world.write("shop/pg/PG_VERSION", "17\n");
    let text = proposed(&world, &["shop/compose.yaml"]);
    assert!(text.contains("holds the data of PostgreSQL") && !text.contains("file.tree"), "{text}");
}

#[test]
fn each_file_that_cannot_be_used_has_its_code() {
    let world = World::empty();
    folder(&world);
    world.write("shop/picture.png", b"\x89PNG");
    world.write("shop/docker-compose.yml", "volumes: {}\n");
    world.write("shop/large.yaml", format!("# {}\n", "x".repeat(10 << 20)));
    world.write("shop/bad.json", format!("{{\"{HUSH}\": [\n"));
    world.write("shop/open.env", format!("A=\"{HUSH}\n"));
    let bomb = (1..40).fold("services: &a0 {x: y}\n".to_owned(), |text, level| {
        let before = level - 1;
        text + &format!("a{level}: &a{level} [*a{before}, *a{before}, *a{before}]\n")
    });
    world.write("shop/compose.yaml", bomb);
    world.write("shop/compose.yml", "services:\n  a: [\n");
    let many: String = (0..1_001).map(|number| format!("  s{number}: {{}}\n")).collect();
    world.write("shop/many.yaml", format!("services:\n{many}"));
    world.write("shop/good.env", "A=1\n");
    world.write("shop/latin.env", b"A=\xe9\n");
    world.link("nowhere", "shop/dangling");
    assert!(
        std::process::Command::new("mkfifo").arg(world.path("shop/pipe.env")).status().unwrap().success()
    );
    for (file, code) in [
        ("shop/none.env", "BK0720"),
        ("none/none.env", "BK0720"),
        ("shop/dangling", "BK0720"),
        ("shop/pipe.env", "BK0720"),
        ("/dev/zero", "BK0720"),
        ("shop/large.yaml", "BK0720"),
        ("shop/latin.env", "BK0720"),
        ("shop/picture.png", "BK0721"),
        ("shop/docker-compose.yml", "BK0722"),
        ("shop/compose.yaml", "BK0722"),
        ("shop/compose.yml", "BK0722"),
        ("shop/many.yaml", "BK0722"),
        ("shop/bad.json", "BK0722"),
        ("shop/open.env", "BK0722"),
    ] {
        let seen = refused(&world, &[file, "shop/good.env"]);
        assert_eq!(seen.exit, 2, "{}", seen.text());
        assert!(
            seen.says(&format!("error[{code}]: propose something from {file}")),
            "{file}: {}",
            seen.text()
        );
    }
    let seen = refused(&world, &["shop/none.env", "shop/picture.png"]);
    assert!(seen.says("BK0720") && seen.says("BK0721"), "{}", seen.text());
}

#[test]
fn a_folder_without_rights_is_said() {
    let world = World::empty();
    world.write("shop/shut/a", "1");
    world.write("shop/open/a", "1");
    world.write("shop/open/shut/a", "1");
    let shut = |mode: u32| {
        for name in ["shop/shut", "shop/open/shut"] {
            fs::set_permissions(world.path(name), fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    shut(0o000);
    // Root may read it all the same.
    if fs::read_dir(world.path("shop/shut")).is_err() {
        assert!(refused(&world, &["shop/shut"]).says("BK0720"));
        let text = proposed(&world, &["shop/open"]);
        assert!(text.contains("- /shut\n") || text.contains("- \"/shut\"\n"), "{text}");
    }
    shut(0o755);
}

#[test]
fn nothing_to_propose_is_an_error() {
    let world = World::empty();
    folder(&world);
    let seen = refused(&world, &["shop"]);
    assert!(seen.exit == 2 && seen.says("BK0723"), "{}", seen.text());
}

#[test]
fn circles_are_opened() {
    let world = World::empty();
    world.write(
        "shop/compose.yaml",
        "services:\n  a: {image: a, depends_on: [b]}\n  b: {image: b, depends_on: [a]}\n",
    );
    let text = proposed(&world, &["shop/compose.yaml"]);
    assert!(text.contains("closes a circle"), "{text}");
    assert!(Path::new(&world.path("shop/backout.yaml")).exists());
}
