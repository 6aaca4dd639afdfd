//! When a look is, in the server's own terms.

use tokio_postgres::types::Oid;

use crate::server::{Fault, Link};
use crate::state::Taken;

/// Of the snapshot that the connection's transaction sees. On a standby the position is what it has replayed, and the
/// timeline that of its last checkpoint.
pub(crate) async fn taken(link: &Link) -> Result<Taken, Fault> {
    let may = "SELECT has_function_privilege('pg_control_system()', 'EXECUTE'), \
                      has_function_privilege('pg_control_checkpoint()', 'EXECUTE'), pg_is_in_recovery()";
    let row = link.query_one(may, &[]).await?;
    // A server looks at the right to call a function also where it is never called.
    let system =
        if row.get(0) { "(SELECT system_identifier::text FROM pg_control_system())" } else { "'unknown'" };
    let (position, timeline) = match (row.get(2), row.get(1)) {
        (false, _) => {
            ("pg_current_wal_lsn()", "('x' || left(pg_walfile_name(log.position), 8))::bit(32)::int4")
        }
        (true, true) => ("pg_last_wal_replay_lsn()", "(SELECT timeline_id FROM pg_control_checkpoint())"),
        (true, false) => ("pg_last_wal_replay_lsn()", "0"),
    };
    let statement = format!(
        "SELECT {system}, d.oid, pg_current_snapshot()::text, pg_wal_lsn_diff(log.position, '0/0')::text, {timeline} \
         FROM pg_database d, (SELECT {position} AS position OFFSET 0) log WHERE d.datname = current_database()"
    );
    let row = link.query_one(&statement, &[]).await?;
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
