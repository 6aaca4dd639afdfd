//! What a server is, and how much it has to bear.

use std::time::{Duration, Instant};

use backout_contract::compare::Burden;
use backout_core::compare::About;

use crate::server::{Fault, Link};

/// What it is. Its dialect is what its hash functions make of known values: it tells the order of bytes, the version of the
/// functions and the encoding by itself.
pub(super) async fn about(link: &Link) -> Result<About, Fault> {
    let row = link.query_one(DIALECT, &[]).await?;
    let numbers: Vec<i64> = row.get(0);
    let numbers: Vec<String> = numbers.iter().map(|number| format!("{:x}", number.cast_unsigned())).collect();
    let encoding: String = row.get(1);
    Ok(About {
        system: format!("PostgreSQL {}", link.version),
        dialect: Some(format!("postgres/{encoding}/{}", numbers.join("-"))),
    })
}

const DIALECT: &str = "\
    SELECT ARRAY[hashint4extended(1, 5000000000), hashint4extended(-7, -1), \
                 hashtextextended('a text of more than twelve bytes' COLLATE \"C\", 7), \
                 hash_array_extended(ARRAY['\\x0102030405060708090a0b0c0d'::bytea], 9), \
                 hash_array_extended(ARRAY[timestamptz_send('2024-02-29 01:02:03.000004+00')], 9), \
                 uuid_hash_extended('00112233-4455-6677-8899-aabbccddeeff', 11), \
                 hash_numeric_extended(123456789.0123, 13), hashfloat8extended(-1.5e300, 15), \
                 hashfloat4extended(1.5, 15)], \
           getdatabaseencoding()::text";

/// How much it has to bear. Whoever may not see replicas is told of none.
pub(super) async fn burden(link: &Link) -> Result<Burden, Fault> {
    let began = Instant::now();
    link.query_typed("SELECT 1", &[]).await?;
    let answer = began.elapsed();
    let lag = "SELECT extract(epoch FROM max(replay_lag))::float8 FROM pg_stat_replication";
    let seconds: Option<f64> = link.query_one(lag, &[]).await?.get(0);
    let lag = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok());
    Ok(Burden { lag, answer })
}
