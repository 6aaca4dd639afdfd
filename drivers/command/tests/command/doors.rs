//! Doors that a person's own programs move.

use backout_contract::{Certainty, ErrorKind};

use crate::world::bench;

#[tokio::test]
async fn a_door_that_did_not_move_is_doubt_whatever_the_program_says() {
    let mut bench = bench().await;
    for (script, said) in [
        ("exit 0", "run own-quiesce: it says that it is done, and the door has not moved"),
        ("echo busy >&2; exit 2", "run own-quiesce: it exited with 2"),
    ] {
        bench.world.script("quiesce", script);
        let session = bench.session().await.unwrap();
        let error = session.quiesce(&bench.context()).await.unwrap_err();
        assert_eq!((error.certainty, error.chain().as_str()), (Certainty::InDoubt, said));
    }
}

#[tokio::test]
async fn a_look_at_the_door_that_cannot_tell_is_no_answer() {
    let mut bench = bench().await;
    bench.world.script("closed", "exit 2");
    let session = bench.session().await.unwrap();
    for said in [
        session.door(&bench.context()).await.map(|_| ()),
        session.quiesce(&bench.context()).await.map(|_| ()),
    ] {
        let error = said.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unreadable);
        assert!(error.hints[0].contains("exits with 0 when the door is shut"), "{:?}", error.hints);
    }
}
