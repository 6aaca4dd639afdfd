//! What tells a database from another one.

use crate::server::Address;

/// The cluster's number, which a clone of the data directory has too; where it is, which tells a clone that was started
/// elsewhere; and the name of the database, as its component names it. Not its object number: a swap by rename puts
/// another number under the same name, and it is no foreign thing. Not the timeline either: a standby that was promoted
/// under the same address is the same thing. What takes the same address after having been cloned before it was claimed
/// lacks the marker.
pub(crate) fn identity(system: &str, address: &Address) -> String {
    let name = backout_kit::path_text::encode(std::ffi::OsStr::new(&address.database));
    format!("{name} of the database system {system} at {}", address.place())
}
