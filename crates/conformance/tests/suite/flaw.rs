//! What can be wrong with a driver. A flaw is a number, so that it can be a parameter of a type.

macro_rules! flaws {
    ($($name:ident)*) => { flaws!(@ 0u8; $($name)*); };
    (@ $number:expr; $name:ident $($rest:ident)*) => {
        pub const $name: u8 = $number;
        flaws!(@ $number + 1; $($rest)*);
    };
    (@ $number:expr;) => {};
}

flaws! {
    NONE
    LOOKING_TOUCHES
    RANDOM_STATE
    WANTS_TO_WRITE
    TAKES_ANY_KEY
    CHANGES_IN_JSON
    DIFF_OF_EQUALS
    SHAPE_MOVES_WITH_DATA
    BLIND_TO_SHAPE
    TITLE_COUNTS
    LACKS_NOTHING_AND_SAYS_SO
    DOES_NOTHING
    FORGETS_DATA
    DOES_IT_AGAIN
    IGNORES_DRIFT
    IGNORES_DAMAGE
    GONE_IS_AN_ERROR
    UNREADABLE_BLOCKS
    NEVER_PUTS_AWAY
    DONE_BY_HALVES
    DONE_BY_HALVES_OVER_NOTHING
    PUT_AWAY_BY_HALVES
    STOPPED_BY_HALVES
    TIDIES_ONLY_WHEN_ASKED_AGAIN
    DENIES_ITS_STEPS
    LOSES_THE_DISPLACED
    FORGETS_WHO_DISPLACED
    RELEASES_TOO_MUCH
    RELEASES_NOTHING
    DOOR_LIES
    RESTARTS_EVERY_TIME
    MARKER_IS_PART
    ARMING_WRITES
    ARMS_AFRESH
    COUNTS_THE_MIGRATION
    COUNTING_TOUCHES
    BLIND_TO_LOST_RECORDERS
    FORGETS_THE_INTERRUPTION
    RECORDERS_ARE_IN_THE_WAY
    DISARMS_BY_HALVES
    TAKES_OVER_TWICE
    TAKES_THE_MIGRATION_OVER
    REVIEW_APPLIES
    LEAKS
    SPEAKS_RAW
}
