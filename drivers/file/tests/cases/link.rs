//! The link that names the current release.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use backout_conformance::World;
use backout_contract::{Depth, Effect, Sighting};

use super::{put_back, said, saved, step};
use crate::worlds::LinkWorld;

#[tokio::test]
async fn any_bytes_can_be_named() {
    let (bench, _) = saved::<LinkWorld>().await;
    let odd = OsStr::from_bytes(b"releases/\xff\n \"x\"");
    fs::remove_file(bench.world.link()).unwrap();
    symlink(odd, bench.world.link()).unwrap();
    let saved = bench.look(Depth::Keep).await.unwrap();
    bench.world.migrate().await;
    put_back(&bench, &saved).await;
    assert_eq!(fs::read_link(bench.world.link()).unwrap(), odd);
    assert!(bench.displaced().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_release_that_is_gone_is_named_before() {
    let (bench, saved) = saved::<LinkWorld>().await;
    bench.world.migrate().await;
    fs::remove_dir(bench.world.root().join("releases/1")).unwrap();
    let lacks = bench
        .session()
        .await
        .unwrap()
        .ready(&bench.context(), saved.state.as_ref(), &saved.data)
        .await
        .unwrap();
    assert!(lacks.iter().any(|lack| lack.contains("releases/1") && lack.contains("gone")), "{lacks:?}");
}

#[tokio::test]
async fn something_else_in_its_place_is_kept_aside() {
    let (bench, saved) = saved::<LinkWorld>().await;
    bench.world.corrupt().await;
    let error = bench.try_look(Depth::Look).await.unwrap().unwrap_err();
    assert!(said(&error).contains("file.tree"), "{}", said(&error));
    let step = step(&bench, &saved).await;
    bench.revert(&step).await.unwrap();
    let kept = bench.world.root().join(".backout-displaced-r1-current");
    assert!(kept.join("kept").exists());
    // Killed between the two renames of an exchange.
    fs::rename(&kept, bench.world.root().join(".backout-beside-r1-current")).unwrap();
    assert_eq!(bench.sight(&step).await.unwrap(), Sighting::After);
    assert!(matches!(bench.revert(&step).await.unwrap(), Effect::Applied { .. }));
    assert!(kept.join("kept").exists());
    assert_eq!(bench.revert(&step).await.unwrap(), Effect::AlreadyThere);
    bench.release().await.unwrap();
    assert!(!kept.exists() && bench.world.link().is_symlink());
}

#[tokio::test]
async fn a_link_that_no_link_can_be_is_refused() {
    for target in ["", "x\\x00y", "\\q"] {
        let (bench, saved) = saved::<LinkWorld>().await;
        bench.world.migrate().await;
        let mut step = step(&bench, &saved).await;
        step.saved.as_mut().unwrap()["target"] = target.into();
        assert!(bench.try_revert(&step, backout_contract::Stop::never()).await.unwrap().is_err(), "{target}");
        assert_eq!(fs::read_link(bench.world.link()).unwrap(), OsStr::new("releases/2"));
    }
}
