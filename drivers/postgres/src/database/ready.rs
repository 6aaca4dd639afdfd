//! Whether a database could be put back now: rights, programs, room for names.

use backout_contract::{DriverError, ErrorKind};
use backout_core::checkpoint::DataPart;
use backout_kit::path_text;

use super::site::Site;
use super::template;
use crate::door::Outside;
use crate::dump;
use crate::server::of_postgres;
use crate::state::State;
use crate::swap::Properties;

/// One sentence for each thing that is missing. Changes nothing.
pub(super) async fn ready(
    site: &Site<'_>,
    saved: Option<&State>,
    data: &[DataPart],
) -> Result<Vec<String>, DriverError> {
    let shown = site.address.shown();
    let outside = match site.outside().await {
        Ok(outside) => outside,
        Err(error) if matches!(error.kind, ErrorKind::Denied | ErrorKind::Config) => {
            return Ok(vec![error.hints.iter().fold(error.chain(), |text, hint| format!("{text}; {hint}"))]);
        }
        Err(error) => return Err(error),
    };
    if outside.is_standby().await? {
        return Ok(vec![format!("the server of {shown} is a standby, where nothing can be changed")]);
    }
    let mut missing = Vec::new();
    if let Some(saved) = saved {
        missing.extend(template::ready(site, &outside, data).await?);
        if !template::stands_alone(data) {
            let taken = template::as_dumped(site.context, &saved.taken, data).await?;
            missing.extend(dump::ready(site.context, &site.address, &outside.link, &taken, data).await?);
        }
    }
    missing.extend(rights(&outside, site.live(), saved).await.map_err(|error| {
        of_postgres(format!("look what rights we have to {shown}"), error).nothing_happened()
    })?);
    Ok(missing)
}

async fn rights(
    outside: &Outside,
    live: &str,
    saved: Option<&State>,
) -> Result<Vec<String>, tokio_postgres::Error> {
    let link = &outside.link;
    let mut missing = Vec::new();
    let me = link
        .query_one(
            "SELECT rolname::text, rolsuper, rolcreatedb OR rolsuper,
                    pg_catalog.pg_has_role(oid, 'pg_signal_backend', 'USAGE')
             FROM pg_catalog.pg_roles WHERE rolname = current_user",
            &[],
        )
        .await?;
    let (role, is_super, may_create, may_end): (String, bool, bool, bool) =
        (safe(me.get(0)), me.get(1), me.get(2), me.get(3));
    if !may_create {
        missing.push(format!("the role {role} may not make databases: ALTER ROLE … CREATEDB"));
    }
    let owner = "SELECT pg_catalog.pg_get_userbyid(datdba)::text, pg_catalog.pg_has_role(current_user, datdba, 'USAGE')
                 FROM pg_catalog.pg_database WHERE datname = $1";
    if let Some(row) = link.query_opt(owner, &[&live]).await?
        && !row.get::<_, bool>(1)
    {
        missing.push(format!("the database belongs to {}, which {role} is no member of", safe(row.get(0))));
    }
    if !is_super {
        // Those who are inside now are a sample of those who will be.
        let inside = link
            .query(
                "SELECT DISTINCT r.rolname::text FROM pg_catalog.pg_stat_activity a
                 JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
                 WHERE a.datname = $1 AND (r.rolsuper OR NOT ($2 OR pg_catalog.pg_has_role(current_user, r.oid, 'USAGE')))
                 ORDER BY 1",
                &[&live, &may_end],
            )
            .await?;
        for row in inside {
            missing.push(format!(
                "sessions of {} are inside, and {role} may not end them: grant pg_signal_backend (those of superusers \
                 can be ended by superusers only)",
                safe(row.get(0))
            ));
        }
    }
    let Some(object) = saved.and_then(|saved| saved.schema.objects.get(Properties::OBJECT)) else {
        return Ok(missing);
    };
    let like = Properties::of_object(object);
    let owner = "SELECT pg_catalog.pg_has_role(current_user, oid, 'MEMBER') FROM pg_catalog.pg_roles WHERE rolname = $1";
    match link.query_opt(owner, &[&like.owner]).await? {
        None => missing
            .push(format!("the role {}, to whom the saved database belongs, is gone", safe(&like.owner))),
        Some(row) if !row.get::<_, bool>(0) => missing.push(format!(
            "the saved database belongs to {}, which {role} is no member of",
            safe(&like.owner)
        )),
        Some(_) => {}
    }
    for name in like.grants.keys().filter(|name| !name.is_empty()) {
        if link.query_opt("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1", &[name]).await?.is_none() {
            missing.push(format!("the role {}, which had rights to the saved database, is gone", safe(name)));
        }
    }
    let tablespace = "SELECT pg_catalog.has_tablespace_privilege(oid, 'CREATE') OR spcname = 'pg_default'
                      FROM pg_catalog.pg_tablespace WHERE spcname = $1";
    if !link.query_opt(tablespace, &[&like.tablespace]).await?.is_some_and(|row| row.get(0)) {
        missing.push(format!("the tablespace {} is gone, or {role} may not use it", safe(&like.tablespace)));
    }
    for ((setting, _), _) in like.settings.iter().filter(|_| !is_super) {
        if let Some(why) = reserved_setting(outside, setting).await? {
            missing.push(format!("the saved database sets {}, which {why}", safe(setting)));
        }
    }
    Ok(missing)
}

/// Why a role that is no superuser may not set something for a database; none where it may.
async fn reserved_setting(outside: &Outside, name: &str) -> Result<Option<String>, tokio_postgres::Error> {
    let link = &outside.link;
    let known = "SELECT context FROM pg_catalog.pg_settings WHERE lower(name) = lower($1)";
    let context: Option<String> = link.query_opt(known, &[&name]).await?.map(|row| row.get(0));
    if context.as_deref() == Some("user") {
        return Ok(None);
    }
    if link.version.major() >= 15 {
        let query = "SELECT pg_catalog.has_parameter_privilege(current_user, $1, 'SET')";
        if link.query_one(query, &[&name]).await?.get(0) {
            return Ok(None);
        }
        return Ok(Some("PostgreSQL leaves to superusers: GRANT SET ON PARAMETER to our role".to_owned()));
    }
    Ok(Some("PostgreSQL leaves to superusers".to_owned()))
}

fn safe(name: &str) -> String {
    path_text::encode(std::ffi::OsStr::new(name))
}
