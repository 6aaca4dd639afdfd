//! The suite that every driver passes.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

mod hard;
mod worlds;

mod database_with_a_slot {
    backout_conformance::conformance!(crate::worlds::database::Slot);
}

mod database_with_triggers {
    backout_conformance::conformance!(crate::worlds::database::Triggers);
}

mod replication_of_a_publisher {
    backout_conformance::conformance!(crate::worlds::replication::Publisher);
}

mod replication_of_a_subscriber {
    backout_conformance::conformance!(crate::worlds::replication::Subscriber);
}

mod endpoint_of_a_shop {
    backout_conformance::conformance!(crate::worlds::endpoint::Shop<false>);
}

mod tables_of_a_shared_database {
    backout_conformance::conformance!(crate::worlds::tables::SharedDatabase);
}
