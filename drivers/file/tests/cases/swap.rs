//! What an attempt may leave behind, and what somebody may do meanwhile.

use std::fs;
use std::path::PathBuf;

use backout_conformance::{Bench, World};
use backout_contract::{Depth, Effect, ErrorKind, Sighting, Stop, StopLevel};

use super::{full_listing, put_back, said, saved, step};
use crate::worlds::TreeWorld;

fn helper(bench: &Bench<TreeWorld>, role: &str) -> PathBuf {
    bench.world.root().join(format!(".backout-{role}-r1-site"))
}

#[tokio::test]
async fn killed_between_exchange_and_rename() {
    let (bench, saved) = saved::<TreeWorld>().await;
    bench.world.migrate().await;
    let step = step(&bench, &saved).await;
    bench.revert(&step).await.unwrap();
    fs::rename(helper(&bench, "displaced"), helper(&bench, "beside")).unwrap();
    assert_eq!(
        bench.sight(&step).await.unwrap(),
        Sighting::Before,
        "the old tree has no name of its own yet"
    );
    assert_eq!(bench.displaced().await.unwrap(), [helper(&bench, "beside").display().to_string()]);
    let effect = bench.revert(&step).await.unwrap();
    assert!(matches!(effect, Effect::Applied { .. }), "{effect:?}");
    assert_eq!(fs::read_to_string(helper(&bench, "displaced").join("plain")).unwrap(), "migrated");
    assert!(!helper(&bench, "beside").exists());
    assert_eq!(bench.revert(&step).await.unwrap(), Effect::AlreadyThere);
}

#[tokio::test]
async fn a_part_of_a_copy_is_built_again() {
    let (bench, saved) = saved::<TreeWorld>().await;
    bench.world.migrate().await;
    fs::create_dir_all(helper(&bench, "build").join("half")).unwrap();
    fs::write(helper(&bench, "build").join("half/done"), "junk").unwrap();
    put_back(&bench, &saved).await;
    assert!(!helper(&bench, "build").exists());
    assert!(!bench.world.site().join("half").exists());
}

#[tokio::test]
async fn a_whole_copy_with_things_carried_over_is_used_again() {
    let (bench, saved) = saved::<TreeWorld>().await;
    bench.world.migrate().await;
    let order = step(&bench, &saved).await;
    // A first run with another name makes the copy; what it carried over has rotated away since.
    bench.revert(&order).await.unwrap();
    fs::rename(bench.world.site(), helper(&bench, "beside")).unwrap();
    fs::rename(helper(&bench, "displaced"), bench.world.site()).unwrap();
    fs::rename(bench.world.site().join("access.log"), bench.world.site().join("rotated.log")).unwrap();
    let copy = fs::symlink_metadata(helper(&bench, "beside")).unwrap();
    put_back(&bench, &saved).await;
    use std::os::unix::fs::MetadataExt;
    assert_eq!(bench.world.site().symlink_metadata().unwrap().ino(), copy.ino(), "it was not built again");
    assert!(bench.world.site().join("rotated.log").exists());
    assert!(!bench.world.site().join("access.log").exists());
}

#[tokio::test]
async fn what_is_not_ours_is_never_removed() {
    let (bench, saved) = saved::<TreeWorld>().await;
    bench.world.migrate().await;
    let order = step(&bench, &saved).await;
    fs::create_dir(helper(&bench, "beside")).unwrap();
    fs::write(helper(&bench, "beside").join("the only copy"), "of something").unwrap();
    let before = full_listing(&bench.world.site());
    let error = bench.try_revert(&order, Stop::never()).await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadData);
    assert!(said(&error).contains("move it away"), "{}", said(&error));
    assert_eq!(full_listing(&bench.world.site()), before);
    assert!(helper(&bench, "beside").join("the only copy").exists());
}

#[tokio::test]
async fn what_somebody_changed_after_the_swap_stays() {
    let (bench, saved) = saved::<TreeWorld>().await;
    bench.world.migrate().await;
    let step = step(&bench, &saved).await;
    bench.revert(&step).await.unwrap();
    fs::write(bench.world.site().join("plain"), "life goes on").unwrap();
    assert_eq!(bench.sight(&step).await.unwrap(), Sighting::After, "its trace is there");
    let effect = bench.revert(&step).await.unwrap();
    assert!(matches!(effect, Effect::Blocked { .. }), "{effect:?}");
    assert_eq!(fs::read_to_string(bench.world.site().join("plain")).unwrap(), "life goes on");
}

#[tokio::test]
async fn stopped_at_once_nothing_is_exchanged() {
    let (bench, saved) = saved::<TreeWorld>().await;
    bench.world.migrate().await;
    let step = step(&bench, &saved).await;
    let before = bench.look(Depth::Look).await.unwrap().seen;
    let (sender, stop) = Stop::channel();
    sender.send_replace(StopLevel::Abandon);
    let error = bench.try_revert(&step, stop).await.unwrap().unwrap_err();
    assert_eq!(error.certainty, backout_contract::Certainty::NothingHappened);
    assert_eq!(bench.look(Depth::Look).await.unwrap().seen, before);
    put_back(&bench, &saved).await;
}

#[tokio::test]
async fn a_change_that_keeps_every_name_and_size_is_seen() {
    let (bench, saved) = saved::<TreeWorld>().await;
    bench.world.migrate().await;
    let step = step(&bench, &saved).await;
    fs::write(bench.world.site().join("plain"), "MIGRATED").unwrap();
    let effect = bench.revert(&step).await.unwrap();
    assert!(matches!(effect, Effect::Blocked { .. }), "{effect:?}");
}

#[tokio::test]
async fn what_a_run_displaced_is_captured_without_what_is_left_alone_and_without_a_trace() {
    let (bench, saved) = saved::<TreeWorld>().await;
    bench.world.migrate().await;
    let stood = bench.look(Depth::Keep).await.unwrap();
    put_back(&bench, &saved).await;
    fs::write(bench.world.site().join("access.log"), "another line\n").unwrap();
    let before = full_listing(&helper(&bench, "displaced"));
    let captured = bench.session().await.unwrap().capture_displaced(&bench.context()).await.unwrap().unwrap();
    assert_eq!(captured.state, stood.state, "times and all");
    let names = |data: &[backout_core::checkpoint::DataPart]| -> Vec<(String, u64)> {
        data.iter().map(|part| (part.name.clone(), part.bytes)).collect()
    };
    assert_eq!(names(&captured.data), names(&stood.data));
    assert_eq!(full_listing(&helper(&bench, "displaced")), before);
}

#[tokio::test]
async fn a_displaced_thing_that_cannot_be_read_is_as_good_as_none() {
    let (bench, saved) = saved::<TreeWorld>().await;
    bench.world.migrate().await;
    put_back(&bench, &saved).await;
    let pipe = helper(&bench, "displaced").join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, pipe, rustix::fs::Mode::RUSR).unwrap();
    let captured = bench.session().await.unwrap().capture_displaced(&bench.context()).await.unwrap();
    assert!(captured.is_none(), "{captured:?}");
}

#[tokio::test]
async fn a_copy_that_was_never_swapped_in_is_nothing_displaced() {
    let (bench, saved) = saved::<TreeWorld>().await;
    put_back_and_undo(&bench, &saved).await;
    let captured = bench.session().await.unwrap().capture_displaced(&bench.context()).await.unwrap();
    assert!(captured.is_none(), "{captured:?}");
}

/// Leaves a whole copy beside, as an attempt does that was killed before the exchange.
async fn put_back_and_undo(bench: &Bench<TreeWorld>, saved: &backout_conformance::Looked) {
    bench.world.migrate().await;
    put_back(bench, saved).await;
    fs::rename(bench.world.site(), helper(bench, "beside")).unwrap();
    fs::rename(helper(bench, "displaced"), bench.world.site()).unwrap();
}
