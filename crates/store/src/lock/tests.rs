use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use backout_core::journal::Actor;
use jiff::Timestamp;

use super::*;

fn prepared() -> (tempfile::TempDir, Layout) {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::at(folder.path().join(".backout"));
    layout.prepare().unwrap();
    (folder, layout)
}

fn us(command: &str) -> Holder {
    let by = Actor { user: "ada".into(), host: "db1".into() };
    Holder::this_process(by, command, Timestamp::UNIX_EPOCH).unwrap()
}

fn busy(result: Result<Lock, LockError>) -> Busy {
    match result {
        Err(LockError::Busy(busy)) => *busy,
        other => panic!("not busy: {other:?}"),
    }
}

/// A holder that ended: a child that we waited for.
fn ended() -> Holder {
    let mut child = Command::new("sleep").arg("60").stdout(Stdio::null()).spawn().unwrap();
    let process = backout_kit::processes::identity_of(child.id()).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    Holder { process, ..us("backout rollback") }
}

fn leave_body(layout: &Layout, epoch: u64, released: bool, holder: Holder) {
    let body = Body { format: FORMAT, epoch, released, holder };
    fs::write(layout.lock(), serde_json::to_vec(&body).unwrap()).unwrap();
}

#[test]
fn one_holder_at_a_time_and_the_epoch_grows() {
    let (_folder, layout) = prepared();
    let first = Lock::acquire(&layout, us("backout rollback")).unwrap();
    assert_eq!(first.epoch(), 1);
    let refused = busy(Lock::acquire(&layout, us("backout capture")));
    assert_eq!(refused.holder.as_ref(), Some(first.holder()));
    assert_eq!(refused.standing, Some(Standing::Running));
    assert!(
        refused.to_string().starts_with("the migration is held by ada@db1 (`backout rollback`, process ")
    );
    drop(first);
    assert_eq!(Lock::acquire(&layout, us("backout capture")).unwrap().epoch(), 2);
    assert_eq!(fs::metadata(layout.lock()).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn the_body_is_json_with_the_fields_people_look_for() {
    let (_folder, layout) = prepared();
    let _lock = Lock::acquire(&layout, us("backout rollback")).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&fs::read(layout.lock()).unwrap()).unwrap();
    for field in ["user", "host", "pid", "start_ticks", "boot_id", "since", "command", "epoch"] {
        assert!(body.get(field).is_some(), "{field} in {body}");
    }
    assert_eq!(body["released"], false);
}

#[test]
fn who_holds_it_is_seen_without_touching_it() {
    let (_folder, layout) = prepared();
    assert_eq!(current_holder(&layout, &us("status")).unwrap(), None);
    assert!(!layout.lock().exists());
    let lock = Lock::acquire(&layout, us("backout rollback")).unwrap();
    let seen = current_holder(&layout, &us("status")).unwrap();
    assert_eq!(seen, Some((lock.holder().clone(), Standing::Running)));
    drop(lock);
    assert_eq!(current_holder(&layout, &us("status")).unwrap(), None);
    leave_body(&layout, 3, false, ended());
    assert_eq!(current_holder(&layout, &us("status")).unwrap().unwrap().1, Standing::Ended);
}

#[test]
fn a_holder_that_was_killed_or_lost_its_machine_is_in_nobodys_way() {
    let mut restarted = us("backout rollback");
    restarted.process.boot_id = "another".into();
    for gone in [ended(), restarted] {
        let (_folder, layout) = prepared();
        leave_body(&layout, 41, false, gone);
        assert_eq!(Lock::acquire(&layout, us("backout resume")).unwrap().epoch(), 42);
    }
}

#[test]
fn a_holder_of_another_machine_cannot_be_judged_from_here() {
    let (_folder, layout) = prepared();
    let mut elsewhere = us("backout rollback");
    elsewhere.by.host = "db2".into();
    elsewhere.process.boot_id = "another".into();
    leave_body(&layout, 41, false, elsewhere.clone());
    for claim in [Lock::acquire, Lock::take_over] {
        let refused = busy(claim(&layout, us("backout resume")));
        assert_eq!(refused.standing, Some(Standing::Elsewhere));
        assert!(refused.hints[0].contains("cannot be proven from here"));
    }
    leave_body(&layout, 41, true, elsewhere);
    Lock::acquire(&layout, us("backout resume")).unwrap();
}

#[test]
fn a_lock_that_outlived_its_holder_is_taken_over_only_with_proof() {
    let (_folder, layout) = prepared();
    // The same open file counts as another holder: as if a child had inherited it.
    let inherited = open(&layout.lock()).unwrap();
    inherited.lock().unwrap();
    assert_eq!(busy(Lock::take_over(&layout, us("backout resume"))).standing, None);

    leave_body(&layout, 5, false, us("backout rollback"));
    assert_eq!(busy(Lock::take_over(&layout, us("x"))).standing, Some(Standing::Running));

    // A held lock whose holder's machine was started again: a machine of the same name holds it.
    let mut restarted = us("backout rollback");
    restarted.process.boot_id = "another".into();
    leave_body(&layout, 5, false, restarted);
    assert_eq!(busy(Lock::take_over(&layout, us("x"))).standing, Some(Standing::Restarted));

    leave_body(&layout, 5, false, ended());
    let refused = busy(Lock::acquire(&layout, us("backout resume")));
    assert_eq!(refused.standing, Some(Standing::Ended));
    assert!(refused.hints[0].contains("--take-over"));

    let taken = Lock::take_over(&layout, us("backout resume")).unwrap();
    assert_eq!(taken.epoch(), 6);
    let refused = busy(Lock::take_over(&layout, us("backout resume")));
    assert_eq!(refused.standing, Some(Standing::Running), "the new holder stands in the file now");
}

#[test]
fn a_child_does_not_inherit_the_lock() {
    let (_folder, layout) = prepared();
    let lock = Lock::acquire(&layout, us("backout rollback")).unwrap();
    let mut child = Command::new("sleep").arg("60").stdout(Stdio::null()).spawn().unwrap();
    drop(lock);
    // A child of another test holds it too, between its fork and its program; that one lives as long as this child.
    let began = std::time::Instant::now();
    let mut again = Lock::acquire(&layout, us("backout resume"));
    while again.is_err() && began.elapsed() < std::time::Duration::from_secs(20) {
        std::thread::yield_now();
        again = Lock::acquire(&layout, us("backout resume"));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    again.unwrap();
}

#[test]
fn a_torn_body_is_no_holder_and_a_longer_older_one_is_cut() {
    let (_folder, layout) = prepared();
    fs::write(layout.lock(), "{\"format\":1,\"epo").unwrap();
    drop(Lock::acquire(&layout, us(&"long ".repeat(99))).unwrap());
    drop(Lock::acquire(&layout, us("short")).unwrap());
    let text = fs::read_to_string(layout.lock()).unwrap();
    assert!(text.ends_with("}\n") && !text.contains("long"), "{text}");
    let body = fs::read(layout.lock()).unwrap();
    fs::write(layout.lock(), [&body[..], b"\",\"rest\":1}"].concat()).unwrap();
    assert_eq!(Lock::acquire(&layout, us("x")).unwrap().epoch(), 3);
}

#[test]
fn an_epoch_below_the_journals_is_outgrown() {
    let (_folder, layout) = prepared();
    let mut lock = Lock::acquire(&layout, us("backout resume")).unwrap();
    lock.outgrow(0).unwrap();
    assert_eq!(lock.epoch(), 1);
    lock.outgrow(9).unwrap();
    assert_eq!(lock.epoch(), 10);
    drop(lock);
    assert_eq!(Lock::acquire(&layout, us("backout resume")).unwrap().epoch(), 11);
}

#[test]
fn the_lock_file_is_no_way_out_of_the_folder() {
    let (folder, layout) = prepared();
    let outside = folder.path().join("precious");
    fs::write(&outside, "precious").unwrap();
    std::os::unix::fs::symlink(&outside, layout.lock()).unwrap();
    assert!(matches!(Lock::acquire(&layout, us("x")), Err(LockError::State(_))));
    assert_eq!(fs::read_to_string(&outside).unwrap(), "precious");
}
