//! When a look is, in the server's own terms.

use tokio_postgres::types::Oid;

use crate::server::{Fault, Link};
use crate::state::Taken;

/// Of the snapshot that the connection's transaction sees. On a standby the position is what it has replayed, and the
/// timeline that of its last checkpoint.
pub(super) async fn taken(link: &Link) -> Result<Taken, Fault> {
    let statement = "\
        SELECT CASE WHEN has_function_privilege('pg_control_system()', 'EXECUTE') \
                    THEN (SELECT system_identifier::text FROM pg_control_system()) ELSE 'unknown' END, \
               d.oid, pg_current_snapshot()::text, pg_wal_lsn_diff(log.position, '0/0')::text, \
               CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint()) \
                    ELSE ('x' || left(pg_walfile_name(log.position), 8))::bit(32)::int4 END \
        FROM pg_database d, LATERAL (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() \
                                            ELSE pg_current_wal_lsn() END AS position) log \
        WHERE d.datname = current_database()";
    let row = link.query_one(statement, &[]).await?;
    Ok(Taken {
        version: link.version,
        system: row.get(0),
        database: row.get::<_, Oid>(1),
        snapshot: row.get(2),
        position: row.get::<_, Option<String>>(3).and_then(|text| text.parse().ok()).unwrap_or_default(),
        timeline: row.get::<_, Option<i32>>(4).map(i32::cast_unsigned).unwrap_or_default(),
        restore_point: None,
    })
}
