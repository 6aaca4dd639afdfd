//! What tells a database from another with the same address.

/// The cluster's number and the name of the database, as its component names it. Not its object number: a swap by
/// rename puts another number under the same name, and it is no foreign thing. A cloned data directory has the same
/// number of the cluster and the same names; what catches it is the marker, for the clone has the one of the moment when
/// it was cloned, and ours went on.
pub(crate) fn identity(system: &str, database: &str) -> String {
    format!("postgres:{system}/{database}")
}
