//! A child sees the variables that it needs and no others: our own may hold secrets.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::ChildRequest;
use crate::processes::CHILD_OF;

/// The variables that a child gets from our environment unless it asks for others.
pub const PASSED_BY_DEFAULT: [&str; 7] = ["PATH", "HOME", "LANG", "LC_*", "TZ", "USER", "TMPDIR"];

/// The whole environment of the child.
pub(super) fn of_child(
    request: &ChildRequest,
    ours: impl Iterator<Item = (OsString, OsString)>,
) -> BTreeMap<OsString, OsString> {
    let mut environment: BTreeMap<_, _> =
        ours.filter(|(name, _)| request.passed.iter().any(|pattern| matches(pattern, name))).collect();
    environment.extend(request.variables.iter().cloned());
    if let Some(token) = &request.token {
        environment.insert(CHILD_OF.into(), token.into());
    }
    environment
}

fn matches(pattern: &str, name: &OsStr) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.as_bytes().starts_with(prefix.as_bytes()),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(request: &ChildRequest, ours: &[(&str, &str)]) -> Vec<String> {
        let ours = ours.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        of_child(request, ours)
            .iter()
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect()
    }

    #[test]
    fn only_what_is_passed_set_or_the_token_arrives() {
        let ours = [("PATH", "/bin"), ("LC_ALL", "C"), ("LC", "no"), ("PATHS", "no"), ("SECRET", "no")];
        let mut request = ChildRequest::new("x", [""; 0]);
        assert_eq!(names(&request, &ours), ["LC_ALL=C", "PATH=/bin"]);
        request.variables = vec![("PATH".into(), "/mine".into()), (CHILD_OF.into(), "forged".into())];
        request.token = Some("t".to_owned());
        assert_eq!(names(&request, &ours), ["BACKOUT_CHILD_OF=t", "LC_ALL=C", "PATH=/mine"]);
        request.passed = vec!["*".to_owned()];
        assert_eq!(names(&request, &ours).len(), ours.len() + 1);
    }
}
