//! Time, output and exit codes of programs, and what is said about them.

use std::time::Duration;

use backout_contract::{Certainty, Context, Depth, ErrorKind, Exactness};
use backout_core::observation::Verdict;

use crate::world::{FlagsBench, SECRET, bench};

async fn unreadable(bench: &FlagsBench) -> backout_contract::DriverError {
    bench.try_look(Depth::Look).await.unwrap().unwrap_err()
}

#[tokio::test]
async fn output_beyond_the_bound_is_an_error_and_never_a_part_of_it() {
    let mut bench = bench().await;
    bench.world.keys = "output: 1KiB\n".to_owned();
    for (bytes, fits) in [(1024, true), (1025, false), (100_000, false)] {
        bench.world.script("capture", &format!("head -c {bytes} /dev/zero | tr '\\0' x"));
        let looked = bench.try_look(Depth::Look).await.unwrap();
        match (looked, fits) {
            (Ok(looked), true) => {
                assert_eq!(looked.state.unwrap()["content"]["value"].as_str().unwrap().len(), bytes)
            }
            (Err(error), false) => {
                assert_eq!(error.kind, ErrorKind::Unreadable);
                let said =
                    format!("run own-capture: it printed {bytes} bytes, more than the 1KiB of `output`");
                assert_eq!(error.chain(), said);
            }
            (looked, _) => panic!("{bytes}: {looked:?}"),
        }
    }
}

#[tokio::test]
async fn what_cannot_be_kept_as_it_is_is_unreadable() {
    let mut bench = bench().await;
    for (script, said) in [
        ("printf '\\377'", "not UTF-8"),
        ("echo one; sleep 1000 & exit 0", "somebody behind"),
        ("echo why >&2; exit 4", "it exited with 4"),
        ("kill -9 $$", "it was ended by signal 9"),
        ("exit 1", "it exited with 1"),
    ] {
        bench.world.script("capture", script);
        let error = unreadable(&bench).await;
        assert!(error.chain().contains(said), "{script}: {}", error.chain());
        assert_eq!(error.kind, ErrorKind::Unreadable, "{script}");
        backout_kit::processes::end_all_children_of(&bench.context().child_token, Duration::ZERO)
            .await
            .unwrap();
    }
    std::fs::remove_file(bench.world.path("own-capture")).unwrap();
    let error = unreadable(&bench).await;
    assert_eq!((error.kind, error.certainty), (ErrorKind::Unreadable, Certainty::NothingHappened));
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_ended_with_its_group() {
    let mut bench = bench().await;
    bench.world.script("capture", "sleep 1000 & echo $! >child; echo waiting >&2; wait");
    let context = Context { deadline: Duration::from_millis(300), ..bench.context() };
    let error = bench.session().await.unwrap().capture(&context, Depth::Look).await.unwrap_err();
    assert_eq!(
        (error.kind, error.hints.as_slice()),
        (ErrorKind::TimedOut, ["waiting".to_owned()].as_slice())
    );
    let child = bench.world.read_file("child").trim().parse().unwrap();
    let still = backout_kit::processes::identity_of(child);
    assert!(!still.is_ok_and(|child| backout_kit::processes::is_alive(&child)));
}

#[tokio::test]
async fn complaints_are_short_harmless_and_without_secrets() {
    let mut bench = bench().await;
    bench.world.script(
        "capture",
        "for n in 1 2 3 4 5; do printf 'line %s \\033[31m%s\\n' $n $TOKEN >&2; done; exit 9",
    );
    let error = unreadable(&bench).await;
    assert_eq!(error.hints[0], "line 3 \\x1b[31m***");
    assert_eq!(error.hints.len(), 4, "three lines and what the exit codes mean: {:?}", error.hints);
    bench.world.keys = "secret: true\n".to_owned();
    let error = unreadable(&bench).await;
    assert!(!format!("{:?}", error.hints).contains("line"), "{:?}", error.hints);
    assert!(!format!("{error:?}").contains(SECRET));
}

#[tokio::test]
async fn programs_see_a_chosen_environment_and_no_input() {
    let mut bench = bench().await;
    bench.world.script("capture", "cat; env");
    let state = bench.look(Depth::Look).await.unwrap().state.unwrap();
    let printed = state["content"]["value"].as_str().unwrap();
    assert!(
        printed.contains("BACKOUT_COMPONENT=subject\n") && printed.contains("BACKOUT_STEP_KEY="),
        "{printed}"
    );
    assert!(printed.contains(&format!("TOKEN={SECRET}\n")) && printed.contains("BACKOUT_CHILD_OF="));
    assert!(!printed.contains("CARGO"), "{printed}");
}

#[tokio::test]
async fn a_persons_own_judgement_has_three_answers() {
    let mut bench = bench().await;
    let session = bench.session().await.unwrap();
    let silent = session.examine(&bench.context(), Exactness::Shape).await.unwrap();
    assert_eq!(silent, (Verdict::Restored, Vec::new()));
    for (code, word) in [(0, "restored"), (1, "differs"), (2, "unknown"), (127, "unknown")] {
        bench.world.script("judge", &format!("echo \"$BACKOUT_EXACTNESS $TOKEN\"; exit {code}"));
        let session = bench.session().await.unwrap();
        let (verdict, looked) = session.examine(&bench.context(), Exactness::Data).await.unwrap();
        assert_eq!(verdict.word(), word);
        assert_eq!(looked, [format!("own-judge exited with {code}: data ***")]);
    }
}

#[tokio::test]
async fn programs_that_cannot_be_run_are_named_before() {
    let mut bench = bench().await;
    let session = bench.session().await.unwrap();
    assert!(session.ready(&bench.context(), None, &[]).await.unwrap().is_empty());
    bench.world.programs.insert("judge", "[no-such-program]".to_owned());
    bench.world.programs.insert("revert", "[./state]".to_owned());
    let session = bench.session().await.unwrap();
    let lacks = session.ready(&bench.context(), None, &[]).await.unwrap();
    let root = bench.world.path("./state");
    assert_eq!(
        lacks,
        [
            format!("`revert` cannot be run: {} is not an executable program", root.display()),
            "`judge` cannot be run: there is no program no-such-program".to_owned(),
        ]
    );
}
