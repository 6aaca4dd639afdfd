//! The conformance cases that apply to a kind whose way back has no steps: what they judge is done by its door.

use std::collections::BTreeMap;

use backout_conformance::World;
use backout_contract::{Depth, Exactness};

use crate::world::{bench, running};

macro_rules! duties {
    ($world:ty: $($case:ident)*) => {
        $(#[test]
        fn $case() {
            backout_conformance::run::<$world>(stringify!($case), module_path!());
        })*
    };
}

mod stopping {
    type Subject = crate::world::ServiceWorld<false>;
    duties! { Subject:
        capture_twice_is_equal
        a_reader_can_look
        unknown_keys_are_refused
        states_survive_json
        a_sound_estate_is_ready
        restarts_happen_once
        markers_are_kept
    }
}

mod setting {
    type Subject = crate::world::ServiceWorld<true>;
    duties! { Subject:
        capture_twice_is_equal
        a_reader_can_look
        a_sound_estate_is_ready
        doors_shut_and_open
        restarts_happen_once
        markers_are_kept
    }
}

#[tokio::test]
async fn looks_leave_no_trace() {
    let bench = bench().await;
    bench.world.set_up().await;
    for is_stopped in [false, true] {
        if is_stopped {
            bench.world.migrate().await;
        }
        let before: BTreeMap<_, _> = bench.world.traces().await;
        let session = bench.session().await.unwrap();
        session.capture(&bench.context(), Depth::Keep).await.unwrap();
        session.ready(&bench.context(), Some(&running()), &[]).await.unwrap();
        session.examine(&bench.context(), Exactness::Shape).await.unwrap();
        session.door(&bench.context()).await.unwrap();
        session.read_marker(&bench.context()).await.unwrap();
        assert_eq!(bench.world.traces().await, before);
    }
}
