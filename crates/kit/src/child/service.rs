//! A program that is to run on when we are gone.

use std::fs::File;
use std::io;
use std::process::Stdio;

use super::ChildRequest;
use super::start::{self, StartError};
use crate::processes::{ProcessIdentity, identity_of};

pub(super) fn start(request: &ChildRequest, log: Option<&File>) -> Result<ProcessIdentity, StartError> {
    let (program, mut command) = start::prepare(request)?;
    let in_system = |source| StartError::System { program: program.clone(), source };
    let output = || -> io::Result<Stdio> {
        log.map_or_else(|| Ok(Stdio::null()), |log| log.try_clone().map(Stdio::from))
    };
    command.stdin(Stdio::null());
    command.stdout(output().map_err(in_system)?).stderr(output().map_err(in_system)?);
    let mut process = start::spawn(&mut command)
        .map_err(|source| start::explain(source, program.clone(), request.working_directory.as_deref()))?;
    match identity_of(process.id()) {
        Ok(identity) => {
            // So that it is no zombie if it ends before we do.
            std::thread::spawn(move || process.wait());
            Ok(identity)
        }
        Err(source) => {
            // Nobody could ever name it again.
            let _ = process.kill();
            let _ = process.wait();
            Err(in_system(source))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processes::is_alive;
    use std::fs;

    #[test]
    fn a_service_has_its_own_group_writes_to_its_log_and_is_reaped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = File::options().create(true).append(true).open(&path).unwrap();
        let script = "echo one; echo two >&2; cat; ps -o pgid= -p $$; echo $$";
        let mut request = ChildRequest::new("sh", ["-c", script]);
        request.input = Some(b"not for services".to_vec());
        let identity = request.start_service(Some(&log)).unwrap();
        while is_alive(&identity) {
            std::thread::yield_now();
        }
        let printed = fs::read_to_string(&path).unwrap();
        let pid = identity.pid.to_string();
        let lines: Vec<_> = printed.lines().map(str::trim).collect();
        assert_eq!(lines, ["one", "two", &pid, &pid]);
        while identity_of(identity.pid).is_ok_and(|there| there == identity) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn finding_starts_nothing_and_says_what_starting_would() {
        assert!(ChildRequest::new("sh", [""; 0]).find().unwrap().is_absolute());
        let absent = ChildRequest::new("no-such-program", [""; 0]);
        assert!(matches!(absent.find(), Err(StartError::NotFound { .. })));
        assert!(matches!(absent.start_service(None), Err(StartError::NotFound { .. })));
    }
}
