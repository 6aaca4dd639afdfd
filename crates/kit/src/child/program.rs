//! Which file a program's name means. Decided before anything is started, so that "not found" is certain, and
//! so that the system can start it the fast way.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    Found(PathBuf),
    /// Only files without the right to execute have that name.
    NotExecutable(PathBuf),
    NotFound,
}

/// A bare name is sought in the absolute folders of `search_path`, others count from `working_directory`.
pub(super) fn look_up(
    program: &OsStr,
    search_path: Option<&OsStr>,
    working_directory: Option<&Path>,
) -> Lookup {
    if program.as_bytes().contains(&b'/') {
        return judge(working_directory.map_or_else(|| program.into(), |folder| folder.join(program)));
    }
    let mut best = Lookup::NotFound;
    if program.is_empty() {
        return best;
    }
    // Relative folders in a search path would let the working directory decide what is run.
    let folders =
        std::env::split_paths(search_path.unwrap_or_default()).filter(|folder| folder.is_absolute());
    for folder in folders {
        match judge(folder.join(program)) {
            Lookup::NotFound => {}
            found @ Lookup::Found(_) => return found,
            other if best == Lookup::NotFound => best = other,
            Lookup::NotExecutable(_) => {}
        }
    }
    best
}

fn judge(file: PathBuf) -> Lookup {
    match std::fs::metadata(&file) {
        Ok(there) if there.is_file() && there.permissions().mode() & 0o111 != 0 => Lookup::Found(file),
        Ok(_) => Lookup::NotExecutable(file),
        Err(_) => Lookup::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn names_paths_and_rights_decide() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        for (file, mode) in [("first/both", 0o644), ("second/both", 0o755), ("first/data", 0o644)] {
            let file = folder.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        }
        fs::create_dir(first.join("folder")).unwrap();
        let search_path =
            std::env::join_paths([Path::new(""), Path::new("second"), &first, &second]).unwrap();
        let rows = [
            ("both", Lookup::Found(second.join("both"))),
            ("data", Lookup::NotExecutable(first.join("data"))),
            ("folder", Lookup::NotExecutable(first.join("folder"))),
            ("absent", Lookup::NotFound),
            ("", Lookup::NotFound),
            ("second/both", Lookup::Found(folder.path().join("second/both"))),
            ("second/absent", Lookup::NotFound),
        ];
        for (program, lookup) in rows {
            let found = look_up(OsStr::new(program), Some(&search_path), Some(folder.path()));
            assert_eq!(found, lookup, "{program}");
        }
        assert_eq!(look_up(OsStr::new("both"), None, None), Lookup::NotFound);
        let absolute = second.join("both");
        assert_eq!(look_up(absolute.as_os_str(), None, Some(&first)), Lookup::Found(absolute));
    }
}
