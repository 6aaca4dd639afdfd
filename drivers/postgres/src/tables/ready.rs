//! Whether a part could be put back now.

use backout_contract::{Context, DriverError};
use backout_core::checkpoint::DataPart;

use super::capture;
use super::part::Part;
use crate::server::Fault;
use crate::state::State;

/// One sentence for each thing that is missing. Changes nothing.
pub(super) async fn ready(
    part: &Part,
    context: &Context,
    saved: Option<&State>,
    data: &[DataPart],
) -> Result<Vec<String>, DriverError> {
    let attempted = format!("look whether {} can be put back", part.shown);
    let mut missing = Vec::new();
    let mut schemas = Vec::new();
    if saved.is_some() {
        match capture::definition(context, data).await {
            Ok(definition) => schemas.extend(definition.tables.into_iter().map(|table| table.name.schema)),
            Err(error) => missing.push(format!("{}: {}", part.shown, error.chain())),
        }
    }
    let link = part.connect().await?;
    let asked = async {
        if link.query_one("SELECT pg_is_in_recovery()", &[]).await?.get(0) {
            missing.push("the server is a standby, where nothing can be changed".to_owned());
        }
        let may_create: bool =
            link.query_one("SELECT has_database_privilege(current_database(), 'CREATE')", &[]).await?.get(0);
        if !may_create {
            missing.push(format!(
                "our role may make no schema in {}, where the saved tables are put beside",
                part.address.shown()
            ));
        }
        let members = part.members(&*link).await?;
        let oids: Vec<u32> = members.iter().map(|member| member.oid).collect();
        let foreign = "
            SELECT format('%I.%I', n.nspname, c.relname), pg_get_userbyid(c.relowner)::text
            FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE c.oid = ANY ($1) AND NOT pg_has_role(c.relowner, 'USAGE') ORDER BY 1";
        let safe = |text: String| backout_kit::path_text::encode(std::ffi::OsStr::new(&text));
        schemas.extend(members.into_iter().map(|member| member.name.schema));
        let closed = "
            SELECT nspname::text FROM pg_namespace WHERE nspname = ANY ($1) AND NOT has_schema_privilege(oid, 'CREATE')
            ORDER BY 1";
        for row in link.query(closed, &[&schemas]).await? {
            missing.push(format!("our role may put no table into the schema {}", safe(row.get(0))));
        }
        for row in link.query(foreign, &[&oids]).await? {
            let (table, owner) = (safe(row.get(0)), safe(row.get(1)));
            missing.push(format!("our role does not own {table}, and is no member of {owner}, who does"));
        }
        let references = "
            SELECT DISTINCT format('%I.%I', n.nspname, c.relname), pg_get_userbyid(c.relowner)::text
            FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE k.contype = 'f' AND k.confrelid = ANY ($1) AND c.oid <> ALL ($1)
                AND NOT pg_has_role(c.relowner, 'USAGE') ORDER BY 1";
        for row in link.query(references, &[&oids]).await? {
            let (table, owner) = (safe(row.get(0)), safe(row.get(1)));
            missing.push(format!(
                "{table} of {owner} refers to the tables, and our role may not say its foreign key again"
            ));
        }
        Ok::<_, Fault>(())
    };
    asked.await.map_err(|fault| fault.while_doing(&attempted).nothing_happened())?;
    Ok(missing)
}
