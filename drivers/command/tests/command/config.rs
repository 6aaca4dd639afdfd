//! What a person may write, and what is said about mistakes.

use std::path::Path;

use backout_conformance::configure;
use backout_core::capability::Quiescence;
use backout_core::order::Mode;
use backout_driver_command::Command;

const WHOLE: &str = "capture: [bin/get]\nrevert: [bin/put]\n";

#[test]
fn capabilities_follow_from_what_is_declared_and_mistakes_are_explained() {
    let door = Quiescence::Door { opening_restarts: true };
    type Promised = (Mode, Quiescence, bool);
    let rows: [(&str, Result<Promised, &str>); 13] = [
        ("", Ok((Mode::InPlace, Quiescence::Impossible, false))),
        ("passive: true\nmode: switched", Ok((Mode::Switched, Quiescence::Passive, false))),
        ("quiesce: [q]\nreopen: [r]\nclosed: [c]\ndata: true", Ok((Mode::InPlace, door, true))),
        (
            "timeout: 5s\noutput: 2KiB\nsecret: true\ndirectory: x",
            Ok((Mode::InPlace, Quiescence::Impossible, false)),
        ),
        ("quiesce: [q]", Err("`reopen` is missing")),
        ("closed: [c]", Err("`quiesce` is missing")),
        ("quiesce: [q]\nreopen: [r]\nclosed: [c]\npassive: true", Err("not `passive`")),
        ("judge: []", Err("`judge` names no program")),
        ("diff: ['']", Err("`diff` names no program")),
        ("judge: bin/check --all", Err("")),
        ("output: 0B", Err("no room")),
        ("environment: {BACKOUT_STATE: x}", Err("is reserved")),
        ("mode: sideways", Err("sideways")),
    ];
    for (keys, expected) in rows {
        match (configure::<Command>(&format!("{WHOLE}{keys}")), expected) {
            (Ok(configured), Ok(expected)) => {
                let promised = configured.capabilities();
                assert_eq!((promised.mode, promised.quiescence, promised.holds_data), expected, "{keys}");
                assert_eq!(configured.target(), "what get prints");
            }
            (Err(found), Err(said)) => assert!(format!("{found:?}").contains(said), "{keys}: {found:?}"),
            (Ok(_), Err(said)) => panic!("{keys} was taken instead of {said:?}"),
            (Err(found), Ok(_)) => panic!("{keys} was refused: {found:?}"),
        }
    }
}

#[test]
fn two_components_that_look_alike_are_one_thing() {
    let claim =
        |keys: &str| configure::<Command>(&format!("{WHOLE}{keys}")).unwrap().claims(Path::new("/srv"));
    let plain = claim("");
    assert!(plain[0].overlaps(&claim("output: 5KiB")[0]));
    for other in ["environment: {TENANT: a}", "directory: other"] {
        assert!(!plain[0].overlaps(&claim(other)[0]), "{other}");
    }
}
