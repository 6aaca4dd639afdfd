//! What a person may write, and what is said about mistakes.

use backout_conformance::configure;
use backout_core::capability::Quiescence;
use backout_driver_process::Process;

const WHOLE: &str = "command: [bin/api, serve]\npid_file: run/api.pid\n";

#[test]
fn ways_to_close_are_read_and_mistakes_are_explained() {
    let door = |opening_restarts| Ok(Quiescence::Door { opening_restarts });
    let rows: [(&str, Result<Quiescence, &str>); 19] = [
        ("", door(true)),
        ("quiesce: stop", door(true)),
        ("quiesce: {signal: USR1, undo: USR2}", door(false)),
        ("quiesce: {signal: SIGUSR1, undo: SIGUSR2}", door(false)),
        ("quiesce: {setting: {file: a.env, key: DOWN, closed: on, open: off}}", door(false)),
        ("quiesce: {command: [drain], undo: [undrain, x]}", door(false)),
        (
            "quiesce: {signal: USR1, undo: USR2, drained: {url: 'http://a/', json: /n, equals: 0, within: 1s}}",
            door(false),
        ),
        ("health: 127.0.0.1:80\nhealthy_within: 3s\nstop: {signal: INT, within: 1s}", door(true)),
        ("quiesce: halt", Err("`stop`, or a map")),
        ("quiesce: {signal: USR1}", Err("wants `undo: SIGNAL`")),
        ("quiesce: {signal: USR1, undo: [x]}", Err("wants `undo: SIGNAL`")),
        ("quiesce: {signal: USR9, undo: USR2}", Err("USR9")),
        ("quiesce: {command: [x], undo: USR2}", Err("wants `undo: [PROGRAM, ..]`")),
        ("quiesce: {drained: {url: 'http://a/', json: /n, equals: 0}}", Err("exactly one of")),
        ("quiesce: {setting: {file: a, key: 'a b', closed: on, open: off}}", Err("letters, digits")),
        ("health: localhost", Err("is an address such as")),
        ("environment: {BACKOUT_SERVICE: x}", Err("is reserved")),
        ("log: ${env:HOME}/log", Err("")),
        ("no_such_key: 1", Err("")),
    ];
    for (keys, expected) in rows {
        let configured = configure::<Process>(&format!("{WHOLE}{keys}"));
        match (configured, expected) {
            (Ok(configured), Ok(quiescence)) => {
                assert_eq!(configured.capabilities().quiescence, quiescence, "{keys}");
                assert_eq!(configured.target(), "api (run/api.pid)");
            }
            (Err(found), Err(said)) => assert!(format!("{found:?}").contains(said), "{keys}: {found:?}"),
            (Ok(_), Err(said)) => panic!("{keys} was taken instead of {said:?}"),
            (Err(found), Ok(_)) => panic!("{keys} was refused: {found:?}"),
        }
    }
    assert!(configure::<Process>("command: []\npid_file: a").is_err());
    assert!(configure::<Process>("command: prog\npid_file: a").is_err(), "never a shell line");
}

#[test]
fn a_process_claims_its_pid_file_and_the_one_key() {
    let keys = format!("{WHOLE}quiesce: {{setting: {{file: a.env, key: DOWN, closed: on, open: off}}}}");
    let claims = configure::<Process>(&keys).unwrap().claims(std::path::Path::new("/srv"));
    let [pid_file, setting] = claims.as_slice() else { panic!("{claims:?}") };
    assert_eq!((pid_file.space.as_str(), pid_file.path.join("/").as_str()), ("process", "srv/run/api.pid"));
    assert_eq!(setting.path.join("/"), "srv/a.env");
    assert!(setting.parts.as_ref().unwrap().contains("DOWN"));
}
