//! The demo's application with its data on a server: the whole life of its migration, under users who never stop.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use backout_demo::traffic::Writers;
use backout_demo::{Database, Estate, checks};
use backout_fixtures::{Options, Postgres};
use serde_json::Value;
use tempfile::TempDir;

use super::world::until;

/// One server for all of them; each estate has a database of its own.
pub fn server() -> &'static Postgres {
    static SERVER: LazyLock<Postgres> = LazyLock::new(|| Postgres::start(&Options::default()));
    &SERVER
}

/// An estate on a server; whatever of it still runs or stands when the test ends is taken away.
struct Place {
    _home: TempDir,
    folder: PathBuf,
    server: &'static Postgres,
}

impl Place {
    fn at_stage(server: &'static Postgres, stage: &str) -> Self {
        let home = TempDir::new().unwrap();
        let folder = home.path().canonicalize().unwrap().join("an estate");
        let place = Self { _home: home, folder, server };
        good(&place.demo(&["--postgres", &server.url("postgres"), "--stage", stage]));
        place
    }

    fn demo(&self, more: &[&str]) -> Output {
        run(Path::new("/"), &[&["demo", "--dir", self.folder.to_str().unwrap()], more].concat())
    }

    /// Runs the program in the estate, which has to succeed; what it printed.
    fn ok(&self, arguments: &[&str]) -> String {
        good(&run(&self.folder, arguments))
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = run(&self.folder, &[&["--json"], arguments].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(text.lines().next().unwrap()).unwrap()
    }

    fn estate(&self) -> Estate {
        Estate::open(&self.folder).unwrap()
    }

    fn content(&self) -> Vec<String> {
        checks::content(&self.estate().database().unwrap()).unwrap()
    }

    /// The address of the database as its owner gets in.
    fn url(&self) -> String {
        match self.estate().database().unwrap() {
            Database::Postgres(url) => url,
            Database::Sqlite(_) => panic!("it is in a file"),
        }
    }

    fn database(&self) -> String {
        self.url().rsplit_once('/').unwrap().1.to_owned()
    }

    /// What a query says, asked as the owner of the database.
    fn sql(&self, sql: &str) -> String {
        let output = self.server.psql(&self.url(), sql);
        assert!(output.status.success(), "{sql}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Every database and every slot that is this estate's.
    fn on_server(&self) -> (Vec<String>, Vec<String>) {
        let name = self.database();
        let lines = |sql: String| -> Vec<String> {
            self.server.sql("postgres", &sql).lines().map(str::to_owned).collect()
        };
        (
            lines(format!("SELECT datname FROM pg_database WHERE starts_with(datname, '{name}') ORDER BY 1")),
            lines(format!(
                "SELECT slot_name FROM pg_replication_slots WHERE starts_with(database, '{name}')"
            )),
        )
    }

    /// Nothing is left of what was kept and recorded, and tables are as they were found.
    fn has_let_go(&self) {
        assert_eq!(
            self.on_server(),
            (vec![self.database()], vec![]),
            "displaced databases and slots are gone"
        );
        assert_eq!(self.sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE '\\_backout%'"), "0");
        assert_eq!(self.sql("SELECT count(*) FROM pg_publication"), "0");
        assert_eq!(
            self.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relreplident = 'f'"),
            "0"
        );
    }

    fn key_type(&self) -> String {
        self.sql("SELECT data_type FROM information_schema.columns WHERE table_name = 'tasks' AND column_name = 'id'")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.folder.join("server.json").exists() {
            self.demo(&["--down"]);
        }
    }
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backout"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).env_remove("CLICOLOR_FORCE");
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}

fn good(output: &Output) -> String {
    let text = text(output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    text
}

/// Somebody who writes past the application, in one statement that both releases understand, and never stops: with the
/// application's own role, a connection for each write. The titles of what the server said it committed.
fn write_past_the_application(url: &str, told_to_stop: &AtomicBool) -> Vec<String> {
    let mut committed = Vec::new();
    for number in 0.. {
        if told_to_stop.load(Ordering::SeqCst) {
            break;
        }
        let title = format!("Written by a job (#{number})");
        let sql = format!(
            "INSERT INTO tasks (user_id, title) SELECT id, '{title}' FROM users WHERE email LIKE 'ada@%'"
        );
        if server().psql(url, &sql).status.success() {
            committed.push(title);
        }
    }
    committed
}

#[test]
fn nothing_is_lost_of_what_users_write_before_during_and_after() {
    let place = Place::at_stage(server(), "broken");
    let bystander = Place::at_stage(server(), "captured");
    let untouched = bystander.content();
    assert_eq!(place.key_type(), "uuid");

    let price = place.json(&["plan"])["price"].clone();
    assert!(price["writes"].as_u64().unwrap() >= 14, "five before cutover, nine since, and a crowd: {price}");
    assert_eq!((&price["writes_exact"], &price["lost"]), (&true.into(), &serde_json::json!({"exactly": 0})));

    let Database::Postgres(applications) = place.estate().service_database().unwrap() else { panic!() };
    let told_to_stop = AtomicBool::new(false);
    let (kept, by_job) = thread::scope(|scope| {
        let job = scope.spawn(|| write_past_the_application(&applications, &told_to_stop));
        let writers = Writers::start(&place.estate().base_url().unwrap(), 3);
        let written = |like: &str| -> u32 {
            let sql = format!("SELECT count(*) FROM tasks WHERE title LIKE '{like}'");
            place.sql(&sql).parse().unwrap()
        };
        until("users write on the new side", || written("Kept by %") > 5 && written("Written by %") > 2);
        let rolled_back = place.ok(&["rollback", "--yes", "--reason", "a third of all requests fail"]);
        assert!(rolled_back.contains("Restored and verified"), "{rolled_back}");
        let then = (written("Kept by %"), written("Written by %"));
        until("users write on the old side", || {
            written("Kept by %") > then.0 + 3 && written("Written by %") > then.1
        });
        told_to_stop.store(true, Ordering::SeqCst);
        (writers.stop(), job.join().unwrap())
    });
    assert_eq!(place.key_type(), "integer");
    let content = place.content();
    for title in kept.iter().chain(&by_job) {
        let found =
            content.iter().filter(|line| line.contains(&serde_json::to_string(title).unwrap())).count();
        assert_eq!(found, 1, "{title:?} was taken and has to be there, once");
    }
    let damage = checks::damage(&place.estate().database().unwrap()).unwrap();
    assert_eq!(damage, [""; 0], "every reference leads to a row, and no key will be given twice");

    place.ok(&["verify"]);
    for _ in 0..2 {
        assert!(place.ok(&["recover", "--yes"]).contains("nothing to take over"));
    }
    assert!(place.ok(&["rollback", "--yes"]).contains("Nothing to do"));
    assert_eq!(place.content(), content, "later writes stay");
    let traffic = place.ok(&["demo-traffic", "--dir", "."]);
    assert!(traffic.starts_with("0 % of 180 requests failed"), "{traffic}");
    assert_eq!(bystander.content(), untouched, "another database of the server is nobody's business");
    assert_eq!(bystander.key_type(), "integer");

    place.ok(&["close", "--yes"]);
    place.has_let_go();
    assert_eq!(place.key_type(), "integer");
}

/// On the new side again, after a rollback and a task that somebody noted on the old side; and what stood there before.
fn forth_again() -> (Place, Vec<String>) {
    let place = Place::at_stage(server(), "migrated");
    let migrated = place.content();
    place.ok(&["rollback", "--yes"]);
    assert_eq!(place.key_type(), "integer");
    place.sql("INSERT INTO tasks (user_id, title) VALUES (1, 'Noted after the rollback')");
    let (databases, _) = place.on_server();
    assert!(databases.len() > 1, "what stood there is kept: {databases:?}");
    place.ok(&["rollback", "--to", "before-rollback", "--yes"]);
    assert_eq!(place.key_type(), "uuid");
    (place, migrated)
}

fn noted(content: &[String]) -> usize {
    content.iter().filter(|line| line.contains("Noted after the rollback")).count()
}

#[test]
fn back_from_the_way_back_until_all_is_let_go() {
    let (place, migrated) = forth_again();
    let proven = place.ok(&["checkpoint", "verify", "--restore"]);
    assert!(proven.contains("proven"), "{proven}");
    let content = place.content();
    assert_eq!(
        (content.len(), noted(&content)),
        (migrated.len() + 1, 1),
        "what was written after the rollback too"
    );
    place.ok(&["log", "--verify"]);
    place.ok(&["commit", "--yes"]);
    place.has_let_go();
    assert_eq!(place.content(), content);

    let name = place.database();
    let down = good(&place.demo(&["--down"]));
    assert!(down.contains(&format!("dropped the database {name}")), "{down}");
    let left = server().sql(
        "postgres",
        &format!(
            "SELECT (SELECT count(*) FROM pg_database WHERE starts_with(datname, '{name}'))
                  + (SELECT count(*) FROM pg_roles WHERE starts_with(rolname, '{name}'))"
        ),
    );
    assert_eq!(left, "0");
}

#[test]
fn back_once_more_after_the_way_back() {
    let (place, migrated) = forth_again();
    place.ok(&["rollback", "--yes"]);
    assert_eq!(place.key_type(), "integer");
    let back = place.content();
    assert_eq!((back.len(), noted(&back)), (migrated.len() + 1, 1), "nothing twice");
    place.ok(&["verify"]);
}

#[test]
fn the_tale_is_told_on_a_server_of_its_own_and_leaves_nothing_there() {
    // Without a log that could be read, triggers record.
    let settings = Options { settings: vec!["wal_level = replica".into()], ..Options::default() };
    let server = Postgres::start(&settings);
    let temporary = TempDir::new().unwrap();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_backout"));
    demo.args(["demo", "--postgres", &server.url("postgres")]).current_dir("/").stdin(Stdio::null());
    let told = good(&demo.env("TMPDIR", temporary.path()).output().unwrap());
    for said in [
        "240 tasks in PostgreSQL",
        "$ backout check",
        "by the migration itself",
        "$ backout rollback --yes",
        "1 row changed on both sides",
        "nothing to take over",
        "✓ what users own and see is, line by line, what they had",
        "✓ every reference leads to a row, no index is half done, no key will be given twice",
        "✓ 12 of 12 users log in, by the password hashes of before",
        "✓ 0 % of 180 requests failed",
        "Everything held.",
    ] {
        assert!(told.contains(said), "{said:?} is missing in:\n{told}");
    }
    assert!(!told.contains(Postgres::PASSWORD), "a secret was told:\n{told}");
    let left = fs::read_dir(temporary.path()).unwrap().count();
    assert_eq!(left, 0);
    let left = "SELECT (SELECT count(*) FROM pg_database WHERE datname LIKE 'todo%')
                     + (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'todo%')
                     + (SELECT count(*) FROM pg_replication_slots)";
    assert_eq!(server.sql("postgres", left), "0");
}

#[test]
fn no_password_of_the_server_is_told_or_kept_by_the_migration() {
    let place = Place::at_stage(server(), "migrated");
    let mut told = place.ok(&["plan"]);
    told += &place.ok(&["status"]);
    told += &place.ok(&["log"]);
    told += &place.ok(&["report"]);
    let urls = [place.url(), fs::read_to_string(place.folder.join("app.env")).unwrap()];
    let passwords: Vec<String> = urls
        .iter()
        .filter_map(|text| text.split_once("_owner:").or_else(|| text.split_once("_app:")))
        .map(|(_, rest)| rest.split('@').next().unwrap().to_owned())
        .chain([Postgres::PASSWORD.to_owned()])
        .collect();
    assert_eq!(passwords.len(), 3);
    for password in passwords {
        assert!(!told.contains(&password), "{told}");
        let mut folders = vec![place.folder.join(".backout"), place.folder.join("backout.yaml")];
        while let Some(path) = folders.pop() {
            if path.is_dir() {
                folders.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            let holds = bytes.windows(password.len()).any(|window| window == password.as_bytes());
            assert!(!holds, "{} holds a password", path.display());
        }
    }
}

#[test]
fn a_server_that_does_not_let_us_is_named_and_leaves_no_estate() {
    let home = TempDir::new().unwrap();
    let folder = home.path().join("an estate");
    let dir = OsString::from(&folder).into_string().unwrap();
    let wrong = server().url_as("postgres", "hush-6c1f", "postgres");
    let nobody = "postgresql://ada:hush-6c1f@127.0.0.1:1/postgres";
    for (url, said) in [(wrong.as_str(), "password"), (nobody, "refused"), ("hush-6c1f", "address")] {
        let output = run(Path::new("/"), &["demo", "--dir", &dir, "--postgres", url]);
        let told = text(&output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.to_lowercase().contains(said) && !told.contains("hush-6c1f"), "{told}");
        assert!(!folder.join("backout.yaml").exists());
    }
    let both = run(Path::new("/"), &["demo", "--dir", &dir, "--down", "--postgres", &wrong]);
    assert_eq!(both.status.code(), Some(2));
}
