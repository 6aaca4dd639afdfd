//! Each bad driver is caught by the cases meant for it and by no other. A case that only stumbles over the flaw says
//! that it had no ground to stand on.

use backout_conformance::{Failure, Ran, World, run, survey};

use crate::flaw;
use crate::memory_world::MemoryWorld;
use crate::text_file::FileWorld;

/// The cases that say that their duty is broken.
fn broken<W: World>() -> Vec<&'static str> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcomes = runtime.block_on(survey::<W>());
    for (case, outcome) in &outcomes {
        if let Err(failure) = outcome {
            eprintln!("{case}: {failure}");
        }
    }
    let is_broken = |outcome: &Result<Ran, Failure>| matches!(outcome, Err(Failure::Broken(_)));
    outcomes.into_iter().filter(|(_, outcome)| is_broken(outcome)).map(|(case, _)| case).collect()
}

macro_rules! caught {
    ($($name:ident: $flaw:ident by $($case:literal)+;)*) => {
        $(#[test]
        fn $name() {
            assert_eq!(broken::<MemoryWorld<{ flaw::$flaw }, true>>(), [$($case),+]);
        })*
    };
}

caught! {
    a_look_that_touches: LOOKING_TOUCHES by "capture_changes_nothing";
    a_state_that_is_random: RANDOM_STATE by "capture_twice_is_equal";
    a_look_that_wants_to_write: WANTS_TO_WRITE by "a_reader_can_look";
    any_key_is_taken: TAKES_ANY_KEY by "unknown_keys_are_refused";
    a_state_that_changes_in_json: CHANGES_IN_JSON by "states_survive_json";
    a_diff_of_equals: DIFF_OF_EQUALS by "diff_tells_what_differs";
    a_shape_that_moves_with_data: SHAPE_MOVES_WITH_DATA by "shape_and_position_are_told_apart";
    a_title_that_counts: TITLE_COUNTS by "steps_read_well";
    a_ready_estate_that_is_not: LACKS_NOTHING_AND_SAYS_SO by "a_sound_estate_is_ready";
    nothing_is_done: DOES_NOTHING by "steps_lead_to_saved";
    data_is_forgotten: FORGETS_DATA by "steps_lead_to_saved";
    it_is_done_again: DOES_IT_AGAIN by "twice_is_once";
    drift_is_ignored: IGNORES_DRIFT by "drift_is_refused";
    a_look_that_is_blind: BLIND_TO_SHAPE by "shape_and_position_are_told_apart" "a_lie_is_found_out";
    damage_is_ignored: IGNORES_DAMAGE by "damaged_data_changes_nothing";
    what_is_gone_is_an_error: GONE_IS_AN_ERROR by "what_is_gone_comes_back";
    what_is_unreadable_blocks: UNREADABLE_BLOCKS by "what_is_unreadable_comes_back";
    what_was_absent_stays: NEVER_PUTS_AWAY by "what_was_absent_is_put_away";
    it_is_done_by_halves: DONE_BY_HALVES by "killed_anywhere_is_resumable";
    it_is_done_by_halves_over_nothing: DONE_BY_HALVES_OVER_NOTHING by "killed_over_nothing_is_resumable";
    it_is_put_away_by_halves: PUT_AWAY_BY_HALVES by "killed_while_putting_away_is_resumable";
    it_is_stopped_by_halves: STOPPED_BY_HALVES by "stopped_is_resumable";
    what_is_left_to_a_second_attempt: TIDIES_ONLY_WHEN_ASKED_AGAIN by "killed_anywhere_is_resumable";
    steps_that_are_denied: DENIES_ITS_STEPS by "steps_lead_to_saved";
    what_is_displaced_is_lost: LOSES_THE_DISPLACED by "what_is_displaced_is_kept";
    nobody_knows_who_displaced: FORGETS_WHO_DISPLACED by "what_is_displaced_can_be_captured";
    too_much_is_released: RELEASES_TOO_MUCH by "release_removes_it_and_only_it";
    nothing_is_released: RELEASES_NOTHING by "release_removes_it_and_only_it";
    what_is_staged_is_written_over_it: STAGES_OVER_IT by "staging_changes_nothing_live";
    something_else_is_staged: STAGES_SOMETHING_ELSE by "staging_changes_nothing_live";
    a_rehearsal_that_reads_nothing: REHEARSES_BLINDLY by "a_rehearsal_tells_whether_it_can_be_put_back";
    a_rehearsal_that_stays: LEAVES_ITS_REHEARSAL by "a_rehearsal_tells_whether_it_can_be_put_back";
    the_door_lies: DOOR_LIES by "doors_shut_and_open";
    a_marker_is_part_of_the_thing: MARKER_IS_PART by "markers_are_kept";
    arming_that_writes: ARMING_WRITES by "arming_changes_nothing_that_counts";
    arming_that_forgets: ARMS_AFRESH by "arming_twice_is_once";
    the_migrations_writes_taken_for_users: COUNTS_THE_MIGRATION by "users_writes_are_counted";
    counting_that_touches: COUNTING_TOUCHES by "counting_only_reads";
    a_lost_recorder_unseen: BLIND_TO_LOST_RECORDERS by "a_lost_recorder_is_named";
    an_interruption_forgotten: FORGETS_THE_INTERRUPTION by "a_lost_recorder_is_named";
    recorders_in_the_way: RECORDERS_ARE_IN_THE_WAY by "recorders_do_not_stand_in_the_way";
    recorders_that_stay: DISARMS_BY_HALVES by "disarming_leaves_nothing";
    writes_are_taken_over_twice: TAKES_OVER_TWICE by "writes_are_taken_over_once";
    the_migrations_writes_are_taken_over: TAKES_THE_MIGRATION_OVER by "the_migrations_writes_are_not_taken_over";
    a_review_that_applies: REVIEW_APPLIES by "a_review_takes_nothing_over";
    a_secret_leaks: LEAKS by "secrets_appear_nowhere";
    a_name_is_spoken_raw: SPEAKS_RAW by "hostile_names_are_inert";
}

#[test]
fn a_restart_every_time() {
    assert_eq!(broken::<MemoryWorld<{ flaw::RESTARTS_EVERY_TIME }, false>>(), ["restarts_happen_once"]);
}

/// The child processes of this case are the test itself, started again by the name of the case.
mod written_in_place {
    use super::*;

    #[test]
    #[should_panic(expected = "nobody can tell *before* from *after*")]
    fn killed_anywhere_is_resumable() {
        run::<FileWorld<true>>("killed_anywhere_is_resumable", module_path!());
    }

    #[test]
    fn steps_lead_to_saved() {
        run::<FileWorld<true>>("steps_lead_to_saved", module_path!());
    }
}

#[test]
fn a_good_driver_breaks_nothing() {
    assert!(broken::<MemoryWorld<{ flaw::NONE }, true>>().is_empty());
}
