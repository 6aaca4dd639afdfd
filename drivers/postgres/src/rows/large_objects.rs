//! Large objects: how many there are, and a digest of their numbers, contents, owners and grants.

use tokio_postgres::Client;

use super::Rows;
use super::read::unreadable;
use crate::server::Fault;

/// All large objects of a database; none where there are none. They are read through the functions for them, in pieces:
/// the table below them is the superuser's alone, and it has holes where others have zeros.
///
/// # Errors
/// When the server does not answer. The transaction that this is called in goes on in any case.
pub(crate) async fn large_objects(client: &Client) -> Result<Option<Rows>, Fault> {
    let counted = client.query_typed("SELECT count(*) FROM pg_largeobject_metadata", &[]).await?;
    let count = counted.first().map_or(0, |row| row.get::<_, i64>(0));
    if count == 0 {
        return Ok(None);
    }
    let statement = format!(
        "WITH RECURSIVE piece(object, part, hash, length) AS ( \
             SELECT m.oid, 0::int8, {HASH}, octet_length(read.data) \
             FROM pg_largeobject_metadata m, LATERAL (SELECT lo_get(m.oid, 0, {PIECE}) AS data OFFSET 0) read \
             UNION ALL \
             SELECT p.object, p.part + 1, {HASH}, octet_length(read.data) \
             FROM piece p, LATERAL (SELECT lo_get(p.object, (p.part + 1) * {PIECE}, {PIECE}) AS data OFFSET 0) read \
             WHERE p.length = {PIECE}) \
         SELECT (SELECT sum(hashint4extended(0, hash # hashint4extended(1, part) # hashint4extended(2, object::int8))) \
                 FROM piece WHERE length > 0)::text, \
                (SELECT sum(hashint4extended(3, hashint4extended(4, m.oid::int8) \
                            # hashtextextended(pg_get_userbyid(m.lomowner)::text COLLATE \"C\", 5) \
                            # hashtextextended((SELECT string_agg(item::text, ',' ORDER BY item::text COLLATE \"C\") \
                                  FROM unnest(coalesce(m.lomacl, acldefault('L', m.lomowner))) AS item) \
                                  COLLATE \"C\", 6))) \
                 FROM pg_largeobject_metadata m)::text"
    );
    client.batch_execute("SAVEPOINT large_objects").await?;
    match client.query_typed(&statement, &[]).await {
        Ok(answer) => {
            let part = |at: usize| {
                answer
                    .first()
                    .and_then(|row| row.get::<_, Option<String>>(at))
                    .unwrap_or_else(|| "0".to_owned())
            };
            let digest = format!("{}/{}", part(0), part(1));
            Ok(Some(Rows { count: u64::try_from(count).unwrap_or_default(), digest }))
        }
        Err(error) => {
            let Some(why) = unreadable(&error) else { return Err(error.into()) };
            client.batch_execute("ROLLBACK TO SAVEPOINT large_objects").await?;
            Ok(Some(Rows::unreadable(&why)))
        }
    }
}

/// Bytes that are read at a time.
const PIECE: u32 = 1 << 20;

const HASH: &str = "hash_array_extended(ARRAY[read.data], 7)";
