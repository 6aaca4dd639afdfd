//! What a session of ours, and of the programs that we run, settles for itself. A server, a database and a role have
//! defaults of their own, and none of them may decide how values are printed and read, what a statement means, or when we
//! are sent away.

use super::Version;

/// A setting, its value, and the first major version that knows it.
type Setting = (&'static str, &'static str, u32);

const SETTINGS: &[Setting] = &[
    // How values are printed, and read.
    ("DateStyle", "ISO", 13),
    ("IntervalStyle", "postgres", 13),
    ("TimeZone", "UTC", 13),
    ("extra_float_digits", "3", 13),
    ("bytea_output", "hex", 13),
    ("lc_monetary", "C", 13),
    ("xmloption", "content", 13),
    // What a statement means, and how definitions are printed.
    ("standard_conforming_strings", "on", 13),
    ("transform_null_equals", "off", 13),
    ("array_nulls", "on", 13),
    ("quote_all_identifiers", "off", 13),
    // Where and how tables are made.
    ("default_tablespace", "", 13),
    ("default_table_access_method", "heap", 13),
    // Transactions of ours say themselves what else they are.
    ("default_transaction_isolation", "read committed", 13),
    ("default_transaction_read_only", "off", 13),
    ("default_transaction_deferrable", "off", 13),
    // A lock is never waited for without end; work may take as long as it takes.
    ("lock_timeout", "10s", 13),
    ("statement_timeout", "0", 13),
    ("idle_in_transaction_session_timeout", "0", 13),
    ("idle_session_timeout", "0", 14),
    ("transaction_timeout", "0", 17),
    ("client_min_messages", "warning", 13),
];

/// As options with which a session begins (`PGOPTIONS`), where the server's version is known.
pub(crate) fn options(major: u32) -> String {
    let known = SETTINGS.iter().filter(|(_, _, since)| *since <= major);
    let each: Vec<String> =
        known.map(|(name, value, _)| format!("-c {name}={}", value.replace(' ', "\\ "))).collect();
    each.join(" ")
}

/// The same, for any server that we know: an option that one does not know would keep us out.
pub(super) fn options_of_all() -> String {
    options(Version::OLDEST)
}

/// As statements, what [`options_of_all`] has left out. Names are always written with their schema; the search path is no
/// option, for what people wrote is evaluated with the one that `SET search_path TO DEFAULT` gives back.
pub(super) fn statements(major: u32) -> String {
    let newer = SETTINGS.iter().filter(|(_, _, since)| (Version::OLDEST + 1..=major).contains(since));
    let newer: String = newer.map(|(name, value, _)| format!("; SET {name} = '{value}'")).collect();
    format!("SET search_path = ''{newer}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_what_it_knows() {
        assert_eq!(statements(13), "SET search_path = ''");
        assert_eq!(statements(14), "SET search_path = ''; SET idle_session_timeout = '0'");
        assert!(statements(18).contains("SET transaction_timeout = '0'"));
        assert!(!options(16).contains("transaction_timeout=0"), "{}", options(16));
        assert!(options(17).contains("-c transaction_timeout=0"));
        assert!(options_of_all().contains("-c default_transaction_isolation=read\\ committed -c"));
        assert!(options_of_all().starts_with("-c DateStyle=ISO -c IntervalStyle=postgres "));
    }
}
