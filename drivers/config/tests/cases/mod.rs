//! What goes wrong with settings files, and must not.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use backout_conformance::{Bench, Looked, World, configure};
use backout_contract::{Certainty, Depth, DriverError, Effect, ErrorKind, StepOrder, Stop};
use backout_core::observation::Seen;
use backout_driver_config::ConfigValues;
use serde_json::Value;

use crate::worlds::{EnvWorld, IniWorld, JsonWorld, TomlWorld, YamlWorld};

async fn saved<W: World>() -> (Bench<W>, Looked) {
    let bench = Bench::<W>::new("").await;
    bench.world.set_up().await;
    let saved = bench.look(Depth::Keep).await.unwrap();
    (bench, saved)
}

async fn step<W: World>(bench: &Bench<W>, saved: &Looked) -> StepOrder<Value> {
    let live = bench.look(Depth::Look).await.unwrap();
    let mut orders = bench.orders(saved, &live).unwrap();
    assert_eq!(orders.len(), 1);
    orders.remove(0)
}

async fn put_back<W: World>(bench: &Bench<W>, saved: &Looked) {
    let step = step(bench, saved).await;
    let effect = bench.revert(&step).await.unwrap();
    assert!(matches!(effect, Effect::Applied { .. }), "{effect:?}");
    assert!(bench.look(Depth::Look).await.unwrap().seen.same_shape(&saved.seen));
}

fn said(error: &DriverError) -> String {
    format!("{} | {}", error.chain(), error.hints.join(" | "))
}

#[tokio::test]
async fn what_others_wrote_meanwhile_stays() {
    let (bench, saved) = saved::<EnvWorld>().await;
    bench.world.migrate().await;
    let step = step(&bench, &saved).await;
    let text = fs::read_to_string(bench.world.file()).unwrap();
    fs::write(bench.world.file(), format!("{text}\r\nADDED_SINCE=1\r\n")).unwrap();
    assert!(matches!(bench.revert(&step).await.unwrap(), Effect::Applied { .. }));
    let text = fs::read_to_string(bench.world.file()).unwrap();
    assert_eq!(
        text,
        "# settings\r\nOTHER=1\r\nAPI_URL=http://old # why\r\nDATABASE_PASSWORD='Tr0ub4dor-saved'\r\nLAST=x\r\nADDED_SINCE=1\r\n"
    );
    assert_eq!(bench.world.file().metadata().unwrap().mode() & 0o7777, 0o640);
}

#[tokio::test]
async fn a_changed_secret_is_drift_though_no_plan_shows_it() {
    let (bench, saved) = saved::<EnvWorld>().await;
    bench.world.migrate().await;
    let step = step(&bench, &saved).await;
    let text = fs::read_to_string(bench.world.file()).unwrap();
    fs::write(bench.world.file(), text.replace("DATABASE_PASSWORD=", "DATABASE_PASSWORD=x")).unwrap();
    let effect = bench.revert(&step).await.unwrap();
    assert!(matches!(effect, Effect::Blocked { .. }), "{effect:?}");
}

#[tokio::test]
async fn where_no_salt_is_a_session_knows_secrets_by_what_it_saw() {
    let bench = Bench::<EnvWorld>::new("").await;
    fs::write(bench.world.file(), "# nothing named\n").unwrap();
    let saved = bench.look(Depth::Keep).await.unwrap();
    assert_eq!(saved.seen, Seen::Absent);
    fs::write(bench.world.file(), "DATABASE_PASSWORD=one\n").unwrap();
    let step = step(&bench, &saved).await;
    let session = bench.session().await.unwrap();
    session.capture(&bench.context(), Depth::Look).await.unwrap();
    fs::write(bench.world.file(), "DATABASE_PASSWORD=two\n").unwrap();
    let effect = session.revert(&bench.context(), &step).await.unwrap();
    assert!(matches!(effect, Effect::Blocked { .. }), "{effect:?}");
}

#[tokio::test]
async fn values_that_were_not_there_are_taken_out_and_the_rest_stays() {
    let bench = Bench::<JsonWorld>::new("").await;
    fs::write(bench.world.file(), "{\n  \"other\": 1\n}\n").unwrap();
    let saved = bench.look(Depth::Keep).await.unwrap();
    assert_eq!(saved.seen, Seen::Absent);
    fs::write(bench.world.file(), "{\n  \"other\": 2,\n  \"flags\": {}\n}\n").unwrap();
    put_back_to_nothing(&bench, &saved).await;
    assert_eq!(fs::read_to_string(bench.world.file()).unwrap(), "{\n  \"other\": 2\n}\n");
}

async fn put_back_to_nothing(bench: &Bench<JsonWorld>, saved: &Looked) {
    let step = step(bench, saved).await;
    assert!(matches!(bench.revert(&step).await.unwrap(), Effect::Applied { .. }));
    assert_eq!(bench.look(Depth::Look).await.unwrap().seen, Seen::Absent);
    assert_eq!(bench.revert(&step).await.unwrap(), Effect::AlreadyThere);
}

#[tokio::test]
async fn a_file_that_was_not_there_is_set_aside_whole() {
    let bench = Bench::<JsonWorld>::new("").await;
    let saved = bench.look(Depth::Keep).await.unwrap();
    fs::write(bench.world.file(), "{\"other\": 2, \"flags\": {}}").unwrap();
    let step = step(&bench, &saved).await;
    put_back_to_nothing(&bench, &saved).await;
    assert!(!bench.world.file().exists());
    let kept = bench.displaced().await.unwrap();
    assert!(fs::read_to_string(&kept[0]).unwrap().contains("other"));
    fs::write(bench.world.file(), "{\"other\": 2, \"flags\": {}}").unwrap();
    assert!(matches!(bench.revert(&step).await.unwrap(), Effect::Blocked { .. }), "once is enough");
}

#[tokio::test]
async fn a_file_that_is_gone_comes_back_whole() {
    let (bench, saved) = saved::<JsonWorld>().await;
    let before = fs::read(bench.world.file()).unwrap();
    fs::remove_file(bench.world.file()).unwrap();
    put_back(&bench, &saved).await;
    assert_eq!(fs::read(bench.world.file()).unwrap(), before);
    assert_eq!(bench.world.file().metadata().unwrap().mode() & 0o7777, 0o640);
    assert!(bench.displaced().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_link_in_its_place_is_refused_and_set_aside() {
    let (bench, saved) = saved::<JsonWorld>().await;
    let elsewhere = bench.world.root().join("elsewhere.json");
    fs::rename(bench.world.file(), &elsewhere).unwrap();
    symlink(&elsewhere, bench.world.file()).unwrap();
    let error = bench.try_look(Depth::Look).await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreadable);
    assert!(said(&error).contains("symbolic link") && said(&error).contains("leads to"), "{}", said(&error));
    fs::write(&elsewhere, "{}").unwrap();
    put_back(&bench, &saved).await;
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "{}");
    assert!(bench.world.file().symlink_metadata().unwrap().is_file());
    assert_eq!(bench.displaced().await.unwrap().len(), 1);
}

#[tokio::test]
async fn other_things_in_its_place_are_set_aside() {
    type Make = fn(&std::path::Path);
    let rows: [Make; 3] = [
        |path| fs::create_dir(path).unwrap(),
        |path| {
            rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
                .unwrap();
        },
        |path| fs::write(path, vec![b'\n'; 9 * 1024 * 1024]).unwrap(),
    ];
    for make in rows {
        let (bench, saved) = saved::<EnvWorld>().await;
        fs::remove_file(bench.world.file()).unwrap();
        make(&bench.world.file());
        let error = bench.try_look(Depth::Look).await.unwrap().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unreadable, "{}", said(&error));
        put_back(&bench, &saved).await;
        assert_eq!(bench.displaced().await.unwrap().len(), 1);
        bench.release().await.unwrap();
        assert!(bench.displaced().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_was_not_there_and_cannot_be_read_is_set_aside() {
    let bench = Bench::<JsonWorld>::new("").await;
    let saved = bench.look(Depth::Keep).await.unwrap();
    fs::write(bench.world.file(), "{").unwrap();
    let step = step(&bench, &saved).await;
    assert!(matches!(bench.revert(&step).await.unwrap(), Effect::Applied { .. }));
    assert!(!bench.world.file().exists());
    let kept = bench.displaced().await.unwrap();
    assert_eq!(fs::read_to_string(&kept[0]).unwrap(), "{");
}

#[tokio::test]
async fn what_an_attempt_left_is_finished_and_what_is_not_ours_stays() {
    let (bench, saved) = saved::<JsonWorld>().await;
    bench.world.corrupt().await;
    let step = step(&bench, &saved).await;
    let beside = bench.world.root().join(".backout-beside-r1-app.json");
    let displaced = bench.world.root().join(".backout-displaced-r1-app.json");
    fs::write(&beside, "somebody's only copy").unwrap();
    let error = bench.try_revert(&step, Stop::never()).await.unwrap().unwrap_err();
    assert_eq!((error.kind, error.certainty), (ErrorKind::BadData, Certainty::NothingHappened));
    assert_eq!(fs::read_to_string(&beside).unwrap(), "somebody's only copy");
    fs::remove_file(&beside).unwrap();
    bench.revert(&step).await.unwrap();
    // Killed between the two renames of an exchange.
    fs::rename(&displaced, &beside).unwrap();
    assert!(matches!(bench.revert(&step).await.unwrap(), Effect::Applied { .. }));
    assert!(displaced.exists() && !beside.exists());
    assert_eq!(bench.revert(&step).await.unwrap(), Effect::AlreadyThere);
}

#[tokio::test]
async fn nothing_of_the_content_is_in_an_error() {
    for text in [
        "hunter2",
        "{\"hunter2\": hunter2}",
        "{\"a\": 1 \"hunter2\": 2}",
        "\"hunter2\"",
        "{\"server\": \"hunter2\"}",
    ] {
        let bench = Bench::<JsonWorld>::new("").await;
        fs::write(bench.world.file(), text).unwrap();
        let error = bench.try_look(Depth::Look).await.unwrap().unwrap_err();
        assert!(!format!("{} {error:?}", said(&error)).contains("hunter2"), "{error:?}");
        assert!(said(&error).contains("line 1"), "{}", said(&error));
    }
}

/// What is well and cannot be edited is refused while nothing is changed yet, and is never set aside.
async fn refused<W: World>(file: impl Fn(&W) -> PathBuf, live: &str, why: &str, is_seen: bool) {
    let (bench, saved) = saved::<W>().await;
    bench.world.migrate().await;
    let step = step(&bench, &saved).await;
    fs::write(file(&bench.world), live).unwrap();
    let looked = bench.try_look(Depth::Look).await.unwrap();
    if let Err(error) = &looked {
        assert_eq!((error.kind, error.certainty), (ErrorKind::Config, Certainty::NothingHappened));
        assert!(said(error).contains(why), "{}", said(error));
    }
    assert_eq!(looked.is_ok(), is_seen);
    let session = bench.session().await.unwrap();
    let obstacles = session.ready(&bench.context(), step.saved.as_ref(), &step.data).await.unwrap();
    assert!(obstacles.iter().any(|obstacle| obstacle.contains(why)), "{obstacles:?}");
    let outcome = bench.try_revert(&step, Stop::never()).await.unwrap();
    assert!(!matches!(outcome, Ok(Effect::Applied { .. })), "{outcome:?}");
    assert_eq!(fs::read_to_string(file(&bench.world)).unwrap(), live);
    assert!(bench.displaced().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_well_and_cannot_be_edited_stays() {
    let yaml = YamlWorld::file;
    refused(yaml, "server: {url: &u x, port: 1}\nother: *u\n", "line 1: server.url is shared", false).await;
    refused(yaml, "server:\n  url: x\n---\n", "line 3: a second document", false).await;
    refused(TomlWorld::file, "[[server]]\nurl = 'x'\n", "line 1: `server` on the way", false).await;
    refused(TomlWorld::file, "server.port = 1\n", "cannot be written", true).await;
    refused(IniWorld::file, "[server]\n[server]\n", "begins twice", false).await;
}

#[tokio::test]
async fn a_look_leaves_even_the_time_of_reading() {
    let (bench, saved) = saved::<EnvWorld>().await;
    bench.world.migrate().await;
    let step = step(&bench, &saved).await;
    // Older than a day, so that mounts with relatime note a reading too.
    let old = SystemTime::now() - Duration::from_secs(10 * 24 * 3600);
    let file = bench.world.file();
    fs::File::open(&file).unwrap().set_times(fs::FileTimes::new().set_accessed(old)).unwrap();
    let before = file.metadata().unwrap().accessed().unwrap();
    bench.look(Depth::Look).await.unwrap();
    bench.look(Depth::Keep).await.unwrap();
    bench.sight(&step).await.unwrap();
    assert_eq!(file.metadata().unwrap().accessed().unwrap(), before);
}

#[tokio::test]
async fn a_file_that_changes_hands_keeps_its_owner() {
    let (bench, saved) = saved::<EnvWorld>().await;
    bench.world.migrate().await;
    if std::os::unix::fs::chown(bench.world.file(), Some(1234), Some(77)).is_err() {
        // Only root can give files away.
        return;
    }
    fs::set_permissions(bench.world.file(), fs::Permissions::from_mode(0o604)).unwrap();
    put_back(&bench, &saved).await;
    let there = bench.world.file().metadata().unwrap();
    assert_eq!((there.uid(), there.gid(), there.mode() & 0o7777), (1234, 77, 0o604));
}

#[tokio::test]
async fn bad_choices_are_refused_where_they_are_written() {
    for (keys, word) in [
        ("file: app.env\nkeys: []\n", "empty"),
        ("file: app.conf\nkeys: [A]\n", "format"),
        ("file: app.env\nkeys: [A]\nformat: xml\n", "xml"),
        ("file: ../app.env\nkeys: [A]\n", ".."),
        ("file: app.env\nkeys: ['A B']\n", "no name"),
        ("file: app.env\n", "keys"),
    ] {
        let found = configure::<ConfigValues>(keys).err().unwrap();
        assert!(format!("{found:?}").contains(word), "{keys}: {found:?}");
    }
}
