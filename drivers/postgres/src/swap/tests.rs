use std::collections::BTreeSet;
use std::time::Duration;

use backout_core::digest::Digest;
use backout_core::name::RunId;

use super::*;
use crate::door::{Closing, Outside, enter, reopen, shut};
use crate::server::Pace;
use crate::testing::{context, database, server};

fn pace() -> Pace {
    let folder = tempfile::tempdir().expect("a folder");
    Pace::of(&context(folder.path(), &[]))
}

fn staged() -> crate::door::Staged {
    let taken = crate::state::Taken {
        version: crate::server::Version(150_000),
        system: "7".into(),
        database: 1,
        snapshot: "1:1:".into(),
        position: 0,
        timeline: 1,
        restore_point: None,
    };
    crate::door::Staged { saved: Digest::of_bytes("x", b"y"), taken, closed: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_exchanged_and_properties_stay() {
    let (name, address) = database("swap");
    server().sql("postgres", "DO $$ BEGIN CREATE ROLE reader; EXCEPTION WHEN others THEN NULL; END $$");
    server().sql(
        "postgres",
        &format!(
            "COMMENT ON DATABASE {name} IS 'mine''s'; REVOKE CONNECT ON DATABASE {name} FROM PUBLIC;
             GRANT CONNECT, CREATE ON DATABASE {name} TO reader WITH GRANT OPTION;
             ALTER DATABASE {name} SET search_path = \"$user\", public, 'a b';
             ALTER DATABASE {name} SET app.tenant = 'x, y'; ALTER DATABASE {name} CONNECTION LIMIT 33;
             ALTER ROLE reader IN DATABASE {name} SET work_mem = '8MB'"
        ),
    );
    let run = RunId::new("r7").expect("a name");
    let mut outside = Outside::connect(&address, None).await.expect("connect");
    let saved = Properties::read(&*outside.link, &name).await.expect("read").expect("there");
    let beside = beside(&name, Some(&run));
    make(&mut outside, &beside, &saved).await.expect("make");
    finish(&mut outside, &beside, &saved).await.expect("finish");
    outside.annotate(&beside, |note| note.staged = Some(staged())).await.expect("mark");
    assert_eq!(Properties::read(&*outside.link, &beside).await.expect("read").as_ref(), Some(&saved));
    let closing = Closing { read_only: false, patience: Duration::from_secs(10), except: BTreeSet::new() };
    shut(&mut outside, &name, &closing, &pace()).await.expect("shut");
    assert_eq!(Properties::read(&*outside.link, &name).await.expect("read").as_ref(), Some(&saved));
    outside.annotate(&name, |note| note.marker = Some("m".into())).await.expect("mark");
    let links = enter(&outside, &name, 1, &pace()).await.expect("enter");
    drop(links);
    let compared = outside.find(&name).await.expect("find").expect("there");
    let staged_entry = outside.find(&beside).await.expect("find").expect("there");
    let overtaken = Exchange {
        live: &name,
        compared: Some(&crate::door::Entry { version: "0".into(), ..compared.clone() }),
        beside: Some(&staged_entry),
        run: Some(&run),
        read_only: false,
    };
    let said = exchange(&mut outside, &overtaken, Duration::from_secs(10), &pace()).await.expect("exchange");
    assert!(matches!(said, Exchanged::Overtaken(_)));
    let what = Exchange { compared: Some(&compared), ..overtaken };
    let said = exchange(&mut outside, &what, Duration::from_secs(10), &pace()).await.expect("exchange");
    assert_eq!(said, Exchanged::Done(Some(displaced(&name, Some(&run), 1))));
    let now = outside.find(&name).await.expect("find").expect("there");
    let put_back = now.note.put_back.expect("a note");
    assert_eq!((now.oid, now.note.marker, put_back.run.as_str()), (staged_entry.oid, Some("m".into()), "r7"));
    assert_eq!(put_back.taken.snapshot, "1:1:");
    let kept = displaced_by(&outside, &name, Some(&run)).await.expect("find").expect("there");
    assert_eq!((kept.oid, kept.lets_in, kept.note.marker), (compared.oid, false, None));
    reopen(&mut outside, &name).await.expect("open");
    assert_eq!(Properties::read(&*outside.link, &name).await.expect("read"), Some(saved));
    outside.annotate(&name, |note| *note = crate::door::Note::default()).await.expect("mark");
    assert_eq!(left(&outside, &name).await.expect("list").len(), 1);
    release(&outside, &name, &pace()).await.expect("release");
    assert!(left(&outside, &name).await.expect("list").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superuser_inside_is_waited_for_and_named() {
    server().sql(
        "postgres",
        "DO $$ BEGIN CREATE ROLE plain LOGIN CREATEDB PASSWORD 'plain' IN ROLE pg_signal_backend;
         EXCEPTION WHEN duplicate_object THEN NULL; END $$",
    );
    let (name, _) = database("held");
    server().sql("postgres", &format!("ALTER DATABASE {name} OWNER TO plain"));
    let address = crate::testing::address(&server().url_as("plain", "plain", &name));
    let mut outside = Outside::connect(&address, None).await.expect("connect");
    let like = Properties::read(&*outside.link, &name).await.expect("read").expect("there");
    let beside = beside(&name, None);
    make(&mut outside, &beside, &like).await.expect("make");
    let monitor = crate::testing::address(&server().url(&beside));
    let watching = crate::server::connect(&monitor).await.expect("connect");
    let error = remove(&outside, &beside, &pace()).await.expect_err("it was dropped");
    assert_eq!(error.kind, backout_contract::ErrorKind::Locked, "{}", error.chain());
    assert!(error.chain().contains("sessions of postgres"), "{}", error.chain());
    assert!(error.hints.iter().any(|hint| hint.contains("once they are gone")), "{:?}", error.hints);
    assert!(crate::server::connect(&monitor).await.is_err(), "it would come again and again");
    let leaves = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(watching);
    });
    remove(&outside, &beside, &pace()).await.expect("drop");
    leaves.await.expect("leave");
    assert!(outside.find(&beside).await.expect("find").is_none());
}
