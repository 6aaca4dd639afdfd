//! Where the paths of components may lead, by their spelling; symbolic links are for those who open them.

use super::source::Spanned;
use super::tree::shown;

/// Whether a text can be a declared root; says why not.
pub(super) fn check_root(root: &str) -> Result<(), String> {
    if !root.starts_with('/') {
        return Err("a root is an absolute path; what lies beside the file needs none".into());
    }
    if root.split('/').any(|piece| piece == ".." || piece == ".") {
        return Err("a root is written without `.` and `..`".into());
    }
    if root.trim_matches('/').is_empty() {
        return Err("the whole file system is no root".into());
    }
    Ok(())
}

/// Whether a path stays where it may be: a relative one within the folder of the file, an absolute one within a
/// declared root. Says what is wrong.
pub fn check_path(path: &str, roots: &[Spanned<String>]) -> Result<(), String> {
    if path.is_empty() {
        return Err("it leads to the folder of the migration file, where its state is kept".into());
    }
    let Some(pieces) = resolved(path) else {
        return Err(format!("`{}` leads out of its root by `..`", shown(path)));
    };
    if !path.starts_with('/') {
        return Ok(());
    }
    let within =
        |root: &str| resolved(root).is_some_and(|root| !root.is_empty() && pieces.starts_with(&root));
    if roots.iter().any(|root| root.value.starts_with('/') && within(&root.value)) {
        return Ok(());
    }
    Err(format!("`{}` is absolute and in none of the declared `roots`", shown(path)))
}

/// The pieces of a path without `.` and `..`; none where it climbs above its beginning.
fn resolved(path: &str) -> Option<Vec<&str>> {
    let mut pieces = Vec::new();
    for piece in path.split('/') {
        match piece {
            "" | "." => {}
            ".." => {
                pieces.pop()?;
            }
            piece => pieces.push(piece),
        }
    }
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_their_roots() {
        let roots = [Spanned::nowhere("/srv/app".to_owned()), Spanned::nowhere("/".to_owned())];
        for (path, expected) in [
            ("data/todo.db", true),
            ("./a/../b", true),
            (".", true),
            ("..", false),
            ("a/../../b", false),
            ("", false),
            ("/srv/app", true),
            ("/srv/app/x", true),
            ("/srv/app/../app/x", true),
            ("/srv/app/../other", false),
            ("/srv/apple", false),
            ("/etc/passwd", false),
            ("/../srv/app", false),
        ] {
            assert_eq!(check_path(path, &roots).is_ok(), expected, "{path}");
        }
    }

    #[test]
    fn roots_are_absolute_and_not_everything() {
        for (root, expected) in
            [("/srv/app", true), ("/srv/app/", true), ("srv", false), ("/", false), ("/a/../b", false)]
        {
            assert_eq!(check_root(root).is_ok(), expected, "{root}");
        }
    }
}
