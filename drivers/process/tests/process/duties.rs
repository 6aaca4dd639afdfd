//! The suite, for a door that is shut by stopping and for one that is a setting.

mod stopping {
    backout_conformance::conformance!(crate::world::ServiceWorld<false>);
}

mod setting {
    backout_conformance::conformance!(crate::world::ServiceWorld<true>);
}
