use super::*;
use std::fs;

struct Room {
    _folder: tempfile::TempDir,
    target: PathBuf,
    beside: PathBuf,
    displaced: PathBuf,
}

impl Room {
    /// Each thing is absent (`-`) or a file (a letter) with that content; `N` is the new one.
    fn with(things: [&str; 3]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("thing");
        let beside = beside_path(&target, "run7").unwrap();
        let displaced = displaced_path(&target, "run7").unwrap();
        for (path, thing) in [&target, &beside, &displaced].into_iter().zip(things) {
            if thing != "-" {
                fs::write(path, thing).unwrap();
            }
        }
        Self { _folder: folder, target, beside, displaced }
    }

    fn things(&self) -> [String; 3] {
        [&self.target, &self.beside, &self.displaced]
            .map(|path| fs::read_to_string(path).unwrap_or_else(|_| "-".to_owned()))
    }

    fn state(&self) -> SwapState {
        swap_state(&self.target, &self.beside, &self.displaced, &mut is_new).unwrap()
    }

    fn swap(&self) -> Result<SwapState, FileError> {
        swap(&self.target, &self.beside, &self.displaced, &mut is_new)
    }
}

fn is_new(path: &Path) -> Result<bool, FileError> {
    fs::read_to_string(path).map(|content| content == "N").on_file("read", path)
}

#[test]
fn every_row_of_the_table() {
    use SwapState::{Disturbed, Done, Exchanged, NotPrepared, Ready, ReadyOverNothing};
    let rows = [
        (1, ["-", "-", "-"], NotPrepared, None),
        (2, ["-", "N", "-"], ReadyOverNothing, Some(["N", "-", "-"])),
        (3, ["-", "h", "-"], NotPrepared, None),
        (4, ["-", "-", "O"], Disturbed, None),
        (4, ["-", "N", "O"], Disturbed, None),
        (5, ["N", "-", "-"], Done, Some(["N", "-", "-"])),
        (6, ["O", "-", "-"], NotPrepared, None),
        (7, ["N", "-", "O"], Done, Some(["N", "-", "O"])),
        (8, ["x", "-", "O"], Disturbed, None),
        (9, ["N", "O", "-"], Exchanged, Some(["N", "-", "O"])),
        (9, ["N", "N", "-"], Exchanged, Some(["N", "-", "N"])),
        (10, ["O", "N", "-"], Ready, Some(["N", "-", "O"])),
        (11, ["O", "h", "-"], NotPrepared, None),
        (12, ["N", "N", "O"], Disturbed, None),
        (12, ["O", "N", "x"], Disturbed, None),
    ];
    for (row, things, state, after) in rows {
        let room = Room::with(things);
        assert_eq!(room.state(), state, "row {row}");
        let result = room.swap();
        match after {
            Some(after) => {
                assert_eq!(result.unwrap(), state, "row {row}");
                assert_eq!(room.things(), after, "row {row}");
                assert_eq!(room.swap().unwrap(), SwapState::Done, "row {row}, twice");
                assert_eq!(room.things(), after, "row {row}, twice");
            }
            None => {
                assert_eq!(result.unwrap_err().operation, "swap", "row {row}");
                assert_eq!(room.things(), things, "row {row}");
            }
        }
    }
}

#[test]
fn trees_links_and_files_swap_with_each_other() {
    let make: [fn(&Path); 4] = [
        |at| {
            fs::create_dir_all(at.join("deep/er")).unwrap();
            fs::write(at.join("deep/er/file"), "x").unwrap();
        },
        |at| fs::write(at, "file").unwrap(),
        |at| std::os::unix::fs::symlink("nowhere", at).unwrap(),
        |at| fs::create_dir(at).unwrap(),
    ];
    for old in make {
        for new in make {
            let room = Room::with(["-", "-", "-"]);
            old(&room.target);
            new(&room.beside);
            let node = |path: &Path| fs::symlink_metadata(path).map(|there| there.ino()).ok();
            let (old_node, new_node) = (node(&room.target), node(&room.beside));
            let mut is_new = |path: &Path| Ok(node(path) == new_node);
            swap(&room.target, &room.beside, &room.displaced, &mut is_new).unwrap();
            assert_eq!((node(&room.target), node(&room.displaced)), (new_node, old_node));
            assert_eq!(node(&room.beside), None);
        }
    }
}

#[test]
fn the_predicate_s_own_failure_stops_the_swap() {
    let room = Room::with(["O", "N", "-"]);
    let mut failing = |path: &Path| Err(FileError::refuse("read", path, ErrorKind::PermissionDenied, "no"));
    let result = swap(&room.target, &room.beside, &room.displaced, &mut failing);
    assert!(result.unwrap_err().is_denied());
    assert_eq!(room.things(), ["O", "N", "-"]);
}

#[test]
fn displacing_is_done_once_and_overwrites_nothing() {
    for (before, after) in [
        (["O", "-", "-"], Some(["-", "-", "O"])),
        (["-", "-", "O"], Some(["-", "-", "O"])),
        (["x", "-", "O"], None),
        (["-", "-", "-"], None),
    ] {
        let room = Room::with(before);
        assert_eq!(displace(&room.target, &room.displaced).is_ok(), after.is_some());
        assert_eq!(room.things(), after.unwrap_or(before));
    }
}

#[test]
fn two_file_systems_are_refused_before_anything_moves() {
    let elsewhere = Path::new("/dev/shm");
    let room = Room::with(["O", "N", "-"]);
    let device = |path: &Path| fs::metadata(path).map(|there| there.dev()).ok();
    // Where both are one file system, /proc is surely another.
    let elsewhere = if device(elsewhere) == device(&room.target) { Path::new("/proc") } else { elsewhere };
    let displaced = elsewhere.join(".backout-displaced-test");
    let error = swap(&room.target, &room.beside, &displaced, &mut is_new).unwrap_err();
    assert!(error.is_crossing_file_systems(), "{error:?}");
    assert_eq!(room.things(), ["O", "N", "-"]);
    assert!(displace(&room.target, &displaced).unwrap_err().is_crossing_file_systems());
}
