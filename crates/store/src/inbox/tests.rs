use std::os::unix::fs::{MetadataExt, symlink};

use backout_core::journal::Stance;

use super::*;

fn inbox() -> (tempfile::TempDir, FileInbox) {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::at(folder.path().join(".backout"));
    layout.prepare().unwrap();
    (folder, FileInbox::of(&layout))
}

fn ada() -> Actor {
    Actor { user: "ada".into(), host: "db1".into() }
}

fn at(nanosecond: i128) -> Timestamp {
    Timestamp::from_nanosecond(nanosecond).unwrap()
}

fn stop(stance: Option<Stance>) -> Request {
    Request::Stop { stance }
}

#[tokio::test]
async fn requests_are_taken_oldest_first_and_once() {
    let (_folder, inbox) = inbox();
    assert_eq!(inbox.waiting().await.unwrap(), []);
    // The first has fewer digits than the others, and two were left in the same nanosecond.
    let late = inbox.post(stop(Some(Stance::Reopen)), ada(), at(10_000)).unwrap();
    let later = inbox.post(stop(Some(Stance::StayClosed)), ada(), at(10_000)).unwrap();
    let first = inbox.post(stop(None), ada(), at(9_999)).unwrap();
    let waiting = inbox.waiting().await.unwrap();
    let ids: Vec<&str> = waiting.iter().map(|posted| posted.id.as_str()).collect();
    assert_eq!(ids, [&first, &late, &later]);
    assert_eq!(waiting[0], Posted { id: first.clone(), asks: stop(None), by: ada() });

    inbox.remove(&first).await.unwrap();
    inbox.remove(&first).await.unwrap();
    assert_eq!(inbox.waiting().await.unwrap().len(), 2);
}

#[test]
fn a_request_is_private_and_whole() {
    let (_folder, inbox) = inbox();
    let id = inbox.post(stop(None), ada(), at(1)).unwrap();
    let entries: Vec<_> = fs::read_dir(&inbox.folder).unwrap().map(|entry| entry.unwrap()).collect();
    assert_eq!(entries.len(), 1, "nothing is left beside it");
    assert_eq!(entries[0].file_name().to_string_lossy(), format!("{id}.json"));
    assert_eq!(entries[0].metadata().unwrap().mode() & 0o777, 0o600);
}

#[test]
fn what_is_no_request_is_skipped_with_a_reason_and_blocks_nothing() {
    let (folder, inbox) = inbox();
    let id = inbox.post(stop(None), ada(), at(5)).unwrap();
    let whole = fs::read(inbox.path_of(&id)).unwrap();
    let newer = String::from_utf8(whole.clone()).unwrap().replace("\"format\":1", "\"format\":2");
    let long = vec![b' '; LONGEST as usize + 1];
    for (name, content) in [
        ("1-1-1.json", &b"{\"format\":1,\"asks\""[..]),
        ("1-1-2.json", newer.as_bytes()),
        ("1-1-3.json", &long),
        ("notes.txt", b"remember the milk"),
        ("1-1.json", &whole),
        ("1-1-1-1.json", &whole),
        ("+1-1-1.json", &whole),
        (".backout-put-6-1-1.json", &whole),
    ] {
        fs::write(inbox.folder.join(name), content).unwrap();
    }
    let outside = folder.path().join("outside.json");
    fs::write(&outside, &whole).unwrap();
    symlink(&outside, inbox.folder.join("1-1-4.json")).unwrap();
    fs::create_dir(inbox.folder.join("1-1-5.json")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, inbox.folder.join("1-1-6.json"), rustix::fs::Mode::RUSR).unwrap();

    let mail = inbox.look().unwrap();
    assert_eq!(mail.posted.iter().map(|posted| &posted.id).collect::<Vec<_>>(), [&id]);
    let skipped: Vec<&str> = mail.skipped.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        skipped,
        [
            "+1-1-1.json",
            "1-1-1-1.json",
            "1-1-1.json",
            "1-1-2.json",
            "1-1-3.json",
            "1-1-4.json",
            "1-1-5.json",
            "1-1-6.json",
            "1-1.json",
            "notes.txt"
        ]
    );
}

#[test]
fn only_requests_can_be_removed() {
    let (folder, inbox) = inbox();
    let precious = folder.path().join("precious.json");
    fs::write(&precious, "").unwrap();
    for id in ["../../precious", "", "1-1", "1-1-x"] {
        assert!(inbox.discard(id).is_err(), "{id}");
    }
    assert!(precious.exists());
}

#[test]
fn a_folder_that_is_not_there_is_empty() {
    let inbox = FileInbox { folder: "/nowhere/inbox".into() };
    assert_eq!(inbox.look().unwrap(), Mail::default());
    assert!(inbox.post(stop(None), ada(), at(1)).is_err());
}
