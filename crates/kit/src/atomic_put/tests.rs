use super::*;
use std::ffi::OsString;
use std::path::PathBuf;

fn names(folder: &Path) -> Vec<OsString> {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

fn mode_of(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn room() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    (folder, path)
}

#[test]
fn a_new_file_is_private_unless_asked() {
    let (folder, path) = room();
    put(&path, b"one", Attributes::default()).unwrap();
    assert_eq!((fs::read(&path).unwrap(), mode_of(&path)), (b"one".to_vec(), 0o600));
    let open = folder.path().join("open");
    put(&open, b"", Attributes { mode: Some(0o4755), owner: None }).unwrap();
    assert_eq!(mode_of(&open), 0o4755);
}

#[test]
fn a_replaced_file_keeps_its_mode_and_its_readers() {
    let (folder, path) = room();
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o2640)).unwrap();
    let mut reader = File::open(&path).unwrap();
    put(&path, b"new", Attributes::default()).unwrap();
    assert_eq!((fs::read(&path).unwrap(), mode_of(&path)), (b"new".to_vec(), 0o2640));
    let mut seen = String::new();
    reader.read_to_string(&mut seen).unwrap();
    assert_eq!(seen, "old");
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn owners_are_kept_and_set_where_we_may() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let (folder, path) = room();
    fs::write(&path, "old").unwrap();
    std::os::unix::fs::chown(&path, Some(12), Some(34)).unwrap();
    put(&path, b"kept", Attributes::default()).unwrap();
    assert_eq!(owner_of(&fs::metadata(&path).unwrap()), Owner { user: 12, group: 34 });
    let asked = Owner { user: 56, group: 78 };
    put(&path, b"set", Attributes { mode: Some(0o4711), owner: Some(asked) }).unwrap();
    assert_eq!((owner_of(&fs::metadata(&path).unwrap()), mode_of(&path)), (asked, 0o4711));

    let link = folder.path().join("link");
    symlink("a", &link).unwrap();
    lchown(&link, Some(12), Some(34)).unwrap();
    put_link(&link, Path::new("b")).unwrap();
    assert_eq!(owner_of(&fs::symlink_metadata(&link).unwrap()), Owner { user: 12, group: 34 });
}

#[test]
fn what_a_killed_attempt_left_is_cleared_away() {
    let (folder, path) = room();
    let leftover = reserved::sibling(&path, "put").unwrap();
    let plant: [fn(&Path); 3] = [
        |at| fs::write(at, "half of a longer content").unwrap(),
        |at| symlink("/dev/null", at).unwrap(),
        |at| rustix::fs::mkfifoat(rustix::fs::CWD, at, rustix::fs::Mode::RUSR).unwrap(),
    ];
    for plant in plant {
        plant(&leftover);
        put(&path, b"whole", Attributes::default()).unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), names(folder.path())),
            (b"whole".to_vec(), vec!["file".into()])
        );
    }
    let link = folder.path().join("link");
    symlink("half", reserved::sibling(&link, "put").unwrap()).unwrap();
    put_link(&link, Path::new("whole")).unwrap();
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("whole"));
    assert_eq!(names(folder.path()), ["file", "link"]);
}

#[test]
fn a_source_that_fails_changes_nothing_and_leaves_nothing() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(ErrorKind::StorageFull.into())
        }
    }
    let (folder, path) = room();
    fs::write(&path, "old").unwrap();
    let error = put_from(&path, &mut b"begin".chain(Broken), Attributes::default()).unwrap_err();
    assert!(error.is_no_space());
    assert_eq!((error.operation, &error.path), ("write", &path));
    assert_eq!((fs::read(&path).unwrap(), names(folder.path())), (b"old".to_vec(), vec!["file".into()]));
}

#[test]
fn writers_of_one_file_never_mix() {
    let (folder, path) = room();
    let contents: Vec<Vec<u8>> = (b'a'..b'i').map(|letter| vec![letter; 100_000]).collect();
    std::thread::scope(|scope| {
        for content in &contents {
            scope.spawn(|| put(&path, content, Attributes::default()).unwrap());
        }
    });
    assert!(contents.contains(&fs::read(&path).unwrap()));
    assert_eq!(names(folder.path()), ["file"]);

    let link = folder.path().join("link");
    std::thread::scope(|scope| {
        for target in ["a", "b", "c", "d"] {
            let link = &link;
            scope.spawn(move || put_link(link, Path::new(target)).unwrap());
        }
    });
    assert_eq!(fs::read_link(&link).unwrap().as_os_str().len(), 1);
    assert_eq!(names(folder.path()), ["file", "link"]);
}

#[test]
fn a_link_is_replaced_and_made() {
    let (folder, path) = room();
    for target in ["releases/1", "releases/2", "../not/there"] {
        put_link(&path, Path::new(target)).unwrap();
        assert_eq!(fs::read_link(&path).unwrap(), Path::new(target));
    }
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn other_kinds_of_things_are_not_replaced() {
    let (folder, path) = room();
    let link = folder.path().join("link");
    fs::write(&path, "file").unwrap();
    symlink("file", &link).unwrap();
    let refused = [
        put(&link, b"x", Attributes::default()),
        put(folder.path(), b"x", Attributes::default()),
        put_link(&path, Path::new("x")),
        put_link(folder.path(), Path::new("x")),
    ];
    for result in refused {
        assert_eq!(result.unwrap_err().operation, "replace");
    }
    assert_eq!(
        (fs::read(&path).unwrap(), names(folder.path())),
        (b"file".to_vec(), vec!["file".into(), "link".into()])
    );
}

#[test]
fn a_missing_folder_is_named() {
    let (folder, _) = room();
    let path = folder.path().join("missing/file");
    let error = put(&path, b"", Attributes::default()).unwrap_err();
    assert!(error.is_absent() && error.path == path, "{error:?}");
}

#[test]
fn the_longest_name_works() {
    let (folder, _) = room();
    let path = folder.path().join("n".repeat(255));
    put(&path, b"x", Attributes::default()).unwrap();
    put_link(&folder.path().join("l".repeat(255)), Path::new("x")).unwrap();
    assert_eq!(names(folder.path()).len(), 2);
}

#[test]
fn edits_side_by_side_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers");
    fs::write(&path, "").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| edit(&path, |content| Some([content, b"x"].concat())).unwrap());
        }
    });
    assert_eq!(fs::read(&path).unwrap().len(), 20);
    assert!(!edit(&path, |_| None).unwrap());
    assert!(edit(&folder.path().join("absent"), |_| None).unwrap_err().is_absent());
}
