//! What a tree can hold, and how it comes back.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use backout_conformance::Bench;
use backout_contract::{Depth, Effect, ErrorKind};
use backout_driver_file::FileTree;
use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, mknodat, utimensat};

use super::{full_listing, put_back, said, saved, session_with, step, times_of_reading};
use crate::worlds::{FileWorld, TreeWorld};

fn set_times(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

fn modified(path: &Path) -> (i64, i64) {
    let there = path.symlink_metadata().unwrap();
    (there.mtime(), there.mtime_nsec())
}

#[tokio::test]
async fn times_modes_and_owners_come_back_exactly() {
    let (bench, _) = saved::<TreeWorld>().await;
    let site = bench.world.site();
    let is_root = site.metadata().unwrap().uid() == 0;
    for (number, name) in
        ["deep/large", "hidden", "deep/empty", "dangling", "deep", "plain"].iter().enumerate()
    {
        let path = site.join(name);
        if is_root {
            std::os::unix::fs::lchown(&path, Some(1000 + number as u32), Some(77)).unwrap();
        }
        if !path.is_symlink() {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o4710 + number as u32)).unwrap();
        }
        set_times(&path, -5 + number as i64 * 1_000_000_000, 123_456_789 + number as i64);
    }
    let told = |path: &Path| {
        let there = path.symlink_metadata().unwrap();
        (modified(path), there.mode(), there.uid(), there.gid())
    };
    let all = ["deep/large", "hidden", "deep/empty", "dangling", "deep", "plain", ""];
    let before = all.map(|name| told(&site.join(name)));
    let saved = bench.look(Depth::Keep).await.unwrap();
    fs::remove_dir_all(&site).unwrap();
    put_back(&bench, &saved).await;
    assert_eq!(all.map(|name| told(&site.join(name))), before);
}

#[tokio::test]
async fn thousands_of_small_files_share_a_few_blobs() {
    let (bench, _) = saved::<TreeWorld>().await;
    let many = bench.world.site().join("many");
    fs::create_dir(&many).unwrap();
    for number in 0..3000 {
        fs::write(many.join(format!("{number}")), format!("content of {}", number % 1000)).unwrap();
    }
    let saved = bench.look(Depth::Keep).await.unwrap();
    assert!(saved.data.len() <= 4, "{:?}", saved.data);
    fs::remove_dir_all(&many).unwrap();
    put_back(&bench, &saved).await;
    assert_eq!(fs::read_to_string(many.join("2999")).unwrap(), "content of 999");
}

#[tokio::test]
async fn one_large_file_comes_back_too() {
    let (bench, _) = saved::<FileWorld>().await;
    let file = bench.world.file();
    let content: Vec<u8> = (0..20_000_000u32).map(|number| (number / 7) as u8).collect();
    fs::write(&file, &content).unwrap();
    let saved = bench.look(Depth::Keep).await.unwrap();
    fs::write(&file, "small now").unwrap();
    put_back(&bench, &saved).await;
    assert!(fs::read(&file).unwrap() == content);
    assert_eq!(file.metadata().unwrap().mode() & 0o7777, 0o600);
    assert_eq!(fs::read_dir(bench.scratch()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_look_leaves_even_the_times_of_reading() {
    let (bench, saved) = saved::<TreeWorld>().await;
    let site = bench.world.site();
    fs::write(site.join("plain"), "changed").unwrap();
    let step = step(&bench, &saved).await;
    let paths = ["", "deep", "deep/empty", "plain", "hidden", "deep/large"].map(|name| site.join(name));
    for path in &paths {
        // Older than a day, so that mounts with relatime note a reading too.
        let old = SystemTime::now() - Duration::from_secs(10 * 24 * 3600);
        fs::File::open(path).unwrap().set_times(fs::FileTimes::new().set_accessed(old)).unwrap();
    }
    let before = times_of_reading(&paths);
    bench.look(Depth::Look).await.unwrap();
    bench.look(Depth::Keep).await.unwrap();
    bench.sight(&step).await.unwrap();
    bench.session().await.unwrap().ready(&bench.context(), step.saved.as_ref(), &step.data).await.unwrap();
    assert_eq!(times_of_reading(&paths), before);
}

#[tokio::test]
async fn what_cannot_be_captured_is_named() {
    type Make = fn(&Path);
    let rows: [(&str, Make); 4] = [
        ("a pipe", |path| mknodat(CWD, path, FileType::Fifo, Mode::RUSR, 0).unwrap()),
        ("a socket", |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap())),
        ("descend below", |path| {
            let deep = (0..210).fold(path.to_owned(), |deep, _| deep.join("d"));
            fs::create_dir_all(deep).unwrap();
        }),
        ("Permission denied", |path| {
            // For root nothing is forbidden; an unreadable thing of another kind stands in.
            fs::write(path, "x").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
        }),
    ];
    for (what, make) in rows {
        let (bench, saved) = saved::<TreeWorld>().await;
        let odd = bench.world.site().join("odd\nname");
        make(&odd);
        let looked = bench.try_look(Depth::Look).await.unwrap();
        if what == "Permission denied" && looked.is_ok() {
            continue;
        }
        let error = looked.unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Unreadable | ErrorKind::Denied), "{error:?}");
        assert!(said(&error).contains(what) && said(&error).contains("odd\\x0aname"), "{}", said(&error));
        assert!(what == "Permission denied" || said(&error).contains("exclude"), "{}", said(&error));
        put_back(&bench, &saved).await;
        let kept = bench.displaced().await.unwrap();
        assert!(Path::new(&kept[0]).join("odd\nname").symlink_metadata().is_ok(), "{kept:?}");
    }
}

#[tokio::test]
async fn a_link_in_place_of_the_root_is_refused_and_set_aside() {
    let (bench, saved) = saved::<TreeWorld>().await;
    let site = bench.world.site();
    let elsewhere = site.with_file_name("elsewhere");
    fs::rename(&site, &elsewhere).unwrap();
    symlink(&elsewhere, &site).unwrap();
    let error = bench.try_look(Depth::Look).await.unwrap().unwrap_err();
    assert!(said(&error).contains("symbolic link") && said(&error).contains("file.link"), "{}", said(&error));
    let before = full_listing(&elsewhere);
    put_back(&bench, &saved).await;
    assert_eq!(full_listing(&elsewhere), before);
    bench.release().await.unwrap();
    assert_eq!(full_listing(&elsewhere), before);
    assert!(!site.is_symlink());
}

#[tokio::test]
async fn a_directory_that_became_a_file_comes_back() {
    let (bench, saved) = saved::<TreeWorld>().await;
    let site = bench.world.site();
    fs::remove_dir_all(&site).unwrap();
    fs::write(&site, "a file").unwrap();
    put_back(&bench, &saved).await;
    let kept = bench.displaced().await.unwrap();
    assert_eq!(fs::read_to_string(&kept[0]).unwrap(), "a file");
}

#[tokio::test]
async fn crafted_names_write_nowhere_else() {
    for path in
        ["../escaped", "/tmp/escaped", "outward/escaped", "deep/../../escaped", "a\\x2f..\\x2f..\\x2fescaped"]
    {
        let (bench, saved) = saved::<TreeWorld>().await;
        fs::write(bench.world.site().join("plain"), "migrated").unwrap();
        let mut step = step(&bench, &saved).await;
        let entries = step.saved.as_mut().unwrap()["entries"].as_array_mut().unwrap();
        let mut crafted = entries.iter().find(|entry| entry["path"] == "plain").unwrap().clone();
        crafted["path"] = path.into();
        entries.push(crafted);
        entries.sort_by_key(|entry| entry["path"].as_str().unwrap().to_owned());
        let before = full_listing(bench.world.site().parent().unwrap());
        let error = bench.try_revert(&step, backout_contract::Stop::never()).await.unwrap().unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadData, "{path}");
        assert_eq!(error.certainty, backout_contract::Certainty::NothingHappened, "{path}");
        let names = |listing: &[String]| listing.len();
        assert_eq!(names(&full_listing(bench.world.site().parent().unwrap())), names(&before), "{path}");
    }
}

#[tokio::test]
async fn places_that_cannot_be_put_back_are_named_before() {
    let bench = Bench::<TreeWorld>::new("").await;
    let session = session_with::<FileTree, _>(&bench, "path: /proc\n").await.unwrap();
    let lacks = session.ready(&bench.context(), None, &[]).await.unwrap();
    assert!(lacks.iter().any(|lack| lack.contains("mount point")), "{lacks:?}");
    let session = session_with::<FileTree, _>(&bench, "path: not/there\n").await.unwrap();
    let lacks = session.ready(&bench.context(), None, &[]).await.unwrap();
    assert!(lacks.iter().any(|lack| lack.contains("is not there")), "{lacks:?}");
    for own in [bench.workshop().to_owned(), bench.workshop().join("vault"), bench.scratch()] {
        let keys = format!("path: '{}'\n", own.display());
        let error = session_with::<FileTree, _>(&bench, &keys).await.err().unwrap();
        assert!(said(&error).contains("own state"), "{}", said(&error));
    }
    for keys in ["path: ../out\n", "path: /\n", "path: ''\n", "path: a\nexclude: ['\\x']\n"] {
        assert!(backout_conformance::configure::<FileTree>(keys).is_err(), "{keys}");
    }
}

#[tokio::test]
async fn a_tree_too_large_for_the_disk_is_named_before() {
    let (bench, saved) = saved::<TreeWorld>().await;
    let mut huge = saved.state.clone().unwrap();
    for entry in huge["entries"].as_array_mut().unwrap() {
        if entry["what"]["type"] == "file" {
            entry["what"]["bytes"] = (1u64 << 60).into();
        }
    }
    let lacks =
        bench.session().await.unwrap().ready(&bench.context(), Some(&huge), &saved.data).await.unwrap();
    assert!(lacks.iter().any(|lack| lack.contains("bytes")), "{lacks:?}");
}

#[tokio::test]
async fn what_is_left_alone_stays_where_it_is_while_the_tree_is_exchanged() {
    use std::io::Write;
    let (bench, _) = saved::<TreeWorld>().await;
    let site = bench.world.site();
    fs::create_dir(site.join("deep/cache.log")).unwrap();
    fs::write(site.join("deep/cache.log/inner"), "cached").unwrap();
    symlink("nowhere", site.join("deep/cache.log/link")).unwrap();
    mknodat(CWD, site.join("pipe.log"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let saved = bench.look(Depth::Keep).await.unwrap();
    let folders = (modified(&site), modified(&site.join("deep")));
    fs::write(site.join("plain"), "migrated").unwrap();
    fs::write(site.join("new.log"), "made by the migration").unwrap();
    let mut log = fs::OpenOptions::new().append(true).open(site.join("access.log")).unwrap();
    let node = site.join("access.log").metadata().unwrap().ino();
    put_back(&bench, &saved).await;
    log.write_all(b"written through the old handle\n").unwrap();
    assert_eq!(site.join("access.log").metadata().unwrap().ino(), node);
    assert!(fs::read_to_string(site.join("access.log")).unwrap().ends_with("the old handle\n"));
    assert_eq!(fs::read_to_string(site.join("deep/cache.log/inner")).unwrap(), "cached");
    assert!(site.join("deep/cache.log/link").is_symlink());
    assert_eq!(fs::read_to_string(site.join("new.log")).unwrap(), "made by the migration");
    assert!(site.join("pipe.log").symlink_metadata().is_ok());
    assert_eq!((modified(&site), modified(&site.join("deep"))), folders);
    bench.release().await.unwrap();
    assert_eq!(fs::read_to_string(site.join("deep/cache.log/inner")).unwrap(), "cached");
}

#[tokio::test]
async fn a_pattern_added_since_the_capture_parts_with_nothing() {
    let (bench, saved) = saved::<TreeWorld>().await;
    let site = bench.world.site();
    fs::write(site.join("plain"), "migrated").unwrap();
    let step = step(&bench, &saved).await;
    let session =
        session_with::<FileTree, _>(&bench, "path: site\nexclude: ['*.log', hidden]\n").await.unwrap();
    let lacks = session.ready(&bench.context(), step.saved.as_ref(), &step.data).await.unwrap();
    assert!(lacks.iter().any(|lack| lack.contains("hidden")), "{lacks:?}");
    match session.revert(&bench.context(), &step).await {
        Ok(Effect::Applied { evidence }) => panic!("put back: {evidence}"),
        Ok(_) | Err(_) => assert_eq!(fs::read_to_string(site.join("plain")).unwrap(), "migrated"),
    }
}
