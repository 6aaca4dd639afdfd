//! The cases. Each is named after the duty that it holds a driver to.

pub mod aside;
pub mod doors;
pub mod going_back;
pub mod killed;
pub mod looking;
pub mod marker;
pub mod recovering;
pub mod saying;
pub mod staging;
pub mod stopped;
pub mod telling;
pub mod trouble;
pub mod writes;

use std::pin::Pin;

use crate::bench::Bench;
use crate::outcome::Outcome;
use crate::world::World;

/// What a case does with its bench.
type Check<W> = for<'a> fn(&'a Bench<W>) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// A case, for one world.
pub struct Case<W: World> {
    /// Its name, and that of its test.
    pub name: &'static str,
    check: Check<W>,
}

impl<W: World> Case<W> {
    #[doc(hidden)]
    pub fn new(name: &'static str, check: Check<W>) -> Self {
        Self { name, check }
    }

    /// Runs it in a world of its own.
    pub async fn run(&self, test: &str) -> Outcome {
        let bench = Bench::<W>::new(test).await;
        (self.check)(&bench).await
    }
}

/// The only list of cases; hands it to another macro of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! each_case {
    ($then:ident($world:ty)) => {
        $crate::$then! { [$world]
            looking::capture_changes_nothing
            looking::capture_twice_is_equal
            looking::a_reader_can_look
            telling::unknown_keys_are_refused
            telling::states_survive_json
            telling::diff_tells_what_differs
            telling::shape_and_position_are_told_apart
            telling::steps_read_well
            saying::a_sound_estate_is_ready
            going_back::steps_lead_to_saved
            going_back::twice_is_once
            going_back::drift_is_refused
            going_back::a_lie_is_found_out
            going_back::damaged_data_changes_nothing
            trouble::what_is_gone_comes_back
            trouble::what_is_unreadable_comes_back
            trouble::what_was_absent_is_put_away
            killed::killed_anywhere_is_resumable
            killed::killed_over_nothing_is_resumable
            killed::killed_while_putting_away_is_resumable
            stopped::stopped_is_resumable
            aside::what_is_displaced_is_kept
            aside::what_is_displaced_can_be_captured
            aside::release_removes_it_and_only_it
            staging::staging_changes_nothing_live
            staging::a_rehearsal_tells_whether_it_can_be_put_back
            doors::doors_shut_and_open
            doors::restarts_happen_once
            marker::markers_are_kept
            writes::arming_changes_nothing_that_counts
            writes::arming_twice_is_once
            writes::users_writes_are_counted
            writes::counting_only_reads
            writes::a_lost_recorder_is_named
            writes::recorders_do_not_stand_in_the_way
            writes::disarming_leaves_nothing
            recovering::writes_are_taken_over_once
            recovering::the_migrations_writes_are_not_taken_over
            recovering::a_review_takes_nothing_over
            recovering::killed_while_taking_over_is_resumable
            saying::secrets_appear_nowhere
            saying::hostile_names_are_inert
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! table_of_cases {
    ([$world:ty] $($module:ident :: $case:ident)*) => {
        vec![$($crate::cases::Case::<$world>::new(
            stringify!($case),
            |bench| Box::pin($crate::cases::$module::$case(bench)),
        )),*]
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! test_for_each_case {
    ([$world:ty] $($module:ident :: $case:ident)*) => {
        $(#[test]
        fn $case() {
            $crate::run::<$world>(stringify!($case), module_path!());
        })*
    };
}

/// Every case, for one world.
pub fn all<W: World>() -> Vec<Case<W>> {
    crate::each_case!(table_of_cases(W))
}
