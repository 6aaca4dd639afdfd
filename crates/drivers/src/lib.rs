//! Every driver and probe of this program: the only place that names them all.
//!
//! Written by `cargo xtask sync` from what `drivers/` and `probes/` hold; do not edit.

use backout_contract::Registry;

/// All kinds and probes.
#[rustfmt::skip] // One a line, however few they are.
pub fn registry() -> Registry {
    Registry::default()
        .with_driver::<backout_driver_command::Command>()
        .with_driver::<backout_driver_config::ConfigValues>()
        .with_driver::<backout_driver_file::FileLink>()
        .with_driver::<backout_driver_file::FileTree>()
        .with_driver::<backout_driver_postgres::Database>()
        .with_driver::<backout_driver_postgres::Endpoint>()
        .with_driver::<backout_driver_postgres::Replication>()
        .with_driver::<backout_driver_postgres::Tables>()
        .with_sides::<backout_driver_postgres::PostgresSides>()
        .with_driver::<backout_driver_process::Process>()
        .with_driver::<backout_driver_sqlite::Database>()
        .with_sides::<backout_driver_sqlite::Files>()
        .with_probe::<backout_probe_command::Command>()
        .with_probe::<backout_probe_http::Http>()
        .with_probe::<backout_probe_sqlite::Sqlite>()
        .with_probe::<backout_probe_tcp::Tcp>()
}
