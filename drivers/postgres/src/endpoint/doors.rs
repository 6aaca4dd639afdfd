//! The doors of both sides, shut and opened as one.

use backout_contract::{Context, Door, DriverError, Effect, ErrorKind};

use super::config::EndpointConfig;
use super::site::{Bears, Site, granted};
use super::state::{EndpointState, Which};
use crate::door::{self, Shut, entry};
use crate::server::{Fault, Pace, identifier};

/// Open while writers come in on either side.
pub(super) async fn whereabouts(config: &EndpointConfig, context: &Context) -> Result<Door, DriverError> {
    for which in [Which::Old, Which::New] {
        if Site::connect(config, which, context).await?.is_open(config).await? {
            return Ok(Door::Open);
        }
    }
    Ok(Door::Shut)
}

/// Shuts both, the new one first: where writers are now.
pub(super) async fn quiesce(config: &EndpointConfig, context: &Context) -> Result<Effect, DriverError> {
    let pace = Pace::of(context);
    let mut told = Vec::new();
    for which in [Which::New, Which::Old] {
        let mut site = Site::connect(config, which, context).await?;
        let found = site.entry().await?;
        if !found.lets_in && found.note.shut.is_none() {
            adopt(&mut site).await?;
            told.push(format!("the {} side was shut already", which.word()));
            continue;
        }
        let name = site.name().to_owned();
        if let Effect::Applied { evidence } =
            door::shut(&mut site.outside, &name, &config.closing(), &pace).await?
        {
            told.push(format!("{} side: {evidence}", which.word()));
        }
        backout_kit::failpoint!("postgres-endpoint-half-shut");
    }
    if told.is_empty() { Ok(Effect::AlreadyThere) } else { Ok(Effect::Applied { evidence: told.join("; ") }) }
}

/// A side that somebody else shut for everybody becomes one that we shut, so that we get in, and that stays shut when
/// ours is lifted.
async fn adopt(site: &mut Site) -> Result<(), DriverError> {
    let name = site.name().to_owned();
    site.outside
        .annotate(&name, |note| {
            note.shut = Some(Shut::default());
            let bears = Bears { keeps_out: true, ..Bears::of(note) };
            bears.put(note);
        })
        .await?;
    Ok(())
}

/// Lifts our doors: from the side with the writers, and from the other where its own rights keep writers out. The other
/// one stays shut otherwise, for nobody may write on both.
///
/// `live` is a look from outside at this moment.
pub(super) async fn reopen(
    config: &EndpointConfig,
    context: &Context,
    live: &EndpointState,
) -> Result<Effect, DriverError> {
    let writers = live.writers();
    let other = if writers == Which::Old { Which::New } else { Which::Old };
    let mut told = Vec::new();
    // First the one that must not let anybody in, so that no moment has two open sides.
    for which in [other, writers] {
        let mut site = Site::connect(config, which, context).await?;
        let admits = live.side(which).door.admits();
        let found = site.entry().await?;
        if which == other && admits {
            let shut = Site::connect(config, writers, context).await?.entry().await?.note.shut;
            if found.lets_in && shut.is_some() {
                return Err(split(&site));
            }
            continue;
        }
        if found.note.shut.is_none() {
            continue;
        }
        let name = site.name().to_owned();
        if Bears::of(&found.note).keeps_out {
            lift_and_keep_out(&mut site).await?;
            told.push(format!("the {} side stays shut, as it was found", which.word()));
        } else if let Effect::Applied { evidence } = door::reopen(&mut site.outside, &name).await? {
            let who = if which == writers { evidence } else { "its own rights keep writers out".to_owned() };
            told.push(format!("{} side: {who}", which.word()));
        }
        backout_kit::failpoint!("postgres-endpoint-half-open");
    }
    if told.is_empty() { Ok(Effect::AlreadyThere) } else { Ok(Effect::Applied { evidence: told.join("; ") }) }
}

fn split(site: &Site) -> DriverError {
    DriverError::new(ErrorKind::Other, "let writers in on one side only")
        .caused_by(format!("{} lets them in, and somebody opened it", site.shown()))
        .hint("shut it yourself, or take CONNECT from the roles of the applications, and try again")
        .nothing_happened()
}

/// Gives the rights back, and lets nobody in.
async fn lift_and_keep_out(site: &mut Site) -> Result<(), DriverError> {
    let (name, attempted) = (site.name().to_owned(), format!("open {}", site.shown()));
    let work = async {
        let transaction = site.outside.begin().await?;
        let Some(mut found) = entry(&transaction, &name).await? else { return Ok(()) };
        let Some(shut) = found.note.shut.take() else { return Ok(()) };
        let mut sql = String::new();
        for role in shut.revoked {
            sql.push_str(&format!("GRANT CONNECT ON DATABASE {} TO {}; ", identifier(&name), grantee(&role)));
        }
        Bears { keeps_out: false, ..Bears::of(&found.note) }.put(&mut found.note);
        sql.push_str(&found.comment_sql(&name));
        transaction.batch_execute(&sql).await?;
        transaction.commit().await?;
        Ok(())
    };
    work.await.map_err(|fault: Fault| fault.while_doing(attempted))
}

/// Makes the door of a side, which is shut by us, one that stands as `then` when ours is lifted; in one transaction, which
/// also sets the mark of the cutover where that is asked for. `accepts` judges the door as it stands: it is there already,
/// it may be set, or something else was found.
pub(super) async fn set(
    config: &EndpointConfig,
    site: &mut Site,
    then: &super::state::DoorState,
    marked: Option<bool>,
    accepts: impl FnOnce(&super::state::DoorState, bool) -> Result<bool, String> + Send,
) -> Result<Effect, DriverError> {
    let (name, attempted, shown) =
        (site.name().to_owned(), format!("set the door of {}", site.shown()), site.shown());
    let (which, admits) = (site.which, then.admits());
    let work = async {
        let transaction = site.outside.begin().await?;
        let Some(mut found) = entry(&transaction, &name).await? else {
            return Ok(Effect::Blocked { found: format!("{shown} is not there") });
        };
        let now = super::site::as_lifted(&transaction, config, &found).await?;
        let mut bears = Bears::of(&found.note);
        match accepts(&now, bears.marked) {
            Ok(true) => return Ok(Effect::AlreadyThere),
            Ok(false) => {}
            Err(found) => return Ok(Effect::Blocked { found }),
        }
        let database = identifier(&name);
        let mut sql = String::new();
        if now.connect != then.connect || now.lets_in != then.lets_in {
            let Some(shut) = &mut found.note.shut else {
                return Err(DriverError::new(ErrorKind::Locked, format!("set the door of {shown}"))
                    .caused_by("its door stands open; it is set behind a shut one")
                    .nothing_happened()
                    .into());
            };
            let held: std::collections::BTreeSet<String> =
                granted(&transaction, found.oid).await?.into_iter().collect();
            for role in held.iter().filter(|role| config.concerns(role) && !then.connect.contains(*role)) {
                sql.push_str(&format!("REVOKE CONNECT ON DATABASE {database} FROM {}; ", grantee(role)));
            }
            shut.revoked.retain(|role| !config.concerns(role));
            shut.revoked.extend(then.connect.difference(&held).cloned());
        }
        let behind = found.note.shut.as_mut().and_then(|shut| shut.read_only.as_mut());
        if let Some(behind) = behind {
            // Given back when the door is opened.
            behind.was = then.read_only.clone();
        } else if now.read_only != then.read_only {
            sql.push_str(&match &then.read_only {
                Some(set) => format!(
                    "ALTER DATABASE {database} SET default_transaction_read_only = {}; ",
                    crate::server::literal(set)
                ),
                None => format!("ALTER DATABASE {database} RESET default_transaction_read_only; "),
            });
        }
        bears.keeps_out = found.note.shut.is_some() && !then.lets_in;
        bears.marked = marked.unwrap_or(bears.marked);
        bears.put(&mut found.note);
        sql.push_str(&found.comment_sql(&name));
        transaction.batch_execute(&sql).await?;
        backout_kit::failpoint!("postgres-endpoint-half-set");
        transaction.commit().await?;
        let evidence = match (which, admits) {
            (_, true) => format!("{shown} lets writers in once its door is open"),
            (_, false) => format!("{shown} keeps writers out by its own rights"),
        };
        Ok(Effect::Applied { evidence })
    };
    work.await.map_err(|fault: Fault| fault.while_doing(attempted))
}

fn grantee(role: &str) -> String {
    if role.is_empty() { "PUBLIC".to_owned() } else { identifier(role) }
}
