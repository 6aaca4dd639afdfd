//! Opens the two sides: components of the migration, or addresses. An address is never repeated in a message, for it may
//! hold a password.
//!
//! | what was typed | it is |
//! |---|---|
//! | `env:NAME`, `file:PATH` | the address that stands there |
//! | with `://` or `=`, or `sqlite:` first | an address |
//! | `NAME` or `NAME@SIDE`, and the migration has such a component | a side of that component |
//! | else, and something is there under this path | an address |
//! | else | refused |

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use backout_contract::compare::{Limits, Side, Which};
use backout_contract::{Context as Call, DriverError, ErrorKind, Progress, Stop};
use backout_core::diagnostic::Diagnostic;
use backout_core::migration::Reference;
use backout_core::name::ComponentName;
use backout_core::secret::Secret;
use backout_engine::Part;
use backout_engine::compare::{Data, component_side};
use backout_engine::manifest_of;

use super::{Arguments, Sides};
use crate::app::Context;
use crate::codes;
use crate::commands::require::{no_checkpoint, with_hint};
use crate::exit::Exit;
use crate::failure::{Changed, Failure};
use crate::hints;
use crate::reading::Reading;
use crate::wiring::{FromWorld, Migration, NoVault, registry};

const USUAL_STATEMENT: Duration = Duration::from_secs(600);
const USUAL_LOCK: Duration = Duration::from_secs(5);

/// What a person named.
enum Named {
    Address(Reference),
    Component(Arc<Part>, Option<Of>),
}

/// Which data of a component.
#[derive(Debug, Clone, Copy)]
enum Of {
    /// What stands somewhere by itself.
    Standing(Which),
    /// What the checkpoint saved.
    Saved,
}

/// Opens both.
///
/// # Errors
/// One of them is not known, cannot be reached or cannot be read.
pub async fn sides(
    arguments: &Arguments,
    context: &Context,
    stop: &Stop,
    scratch: &Path,
) -> Result<Sides, Failure> {
    let migration = migration(context, arguments)?;
    let opening = Opening {
        root: root(context)?,
        migration: migration.as_ref(),
        limits: limits(arguments),
        stop,
        scratch,
    };
    let left = opening.named(&arguments.left, "left")?;
    if let Some(right) = &arguments.right {
        let right = opening.named(right, "right")?;
        let (left, right) = tokio::try_join!(opening.open(&left, "left"), opening.open(&right, "right"))?;
        return Ok(Sides { left, right });
    }
    let Named::Component(part, None) = left else {
        return Err(Diagnostic::error(codes::ONE_SIDE, "there is nothing to compare the left side with")
            .hint("name the right side too: backout compare LEFT RIGHT")
            .hint("a component alone is compared with its own other side: backout compare COMPONENT")
            .into());
    };
    opening.both_of(&part).await
}

/// How far the sides may be burdened.
pub fn limits(arguments: &Arguments) -> Limits {
    Limits {
        connections: arguments.connections.map_or(1, std::num::NonZero::get),
        statement: arguments.statement_timeout.map_or(USUAL_STATEMENT, |time| time.0),
        lock: arguments.lock_timeout.map_or(USUAL_LOCK, |time| time.0),
    }
}

/// The migration of this folder, where there is one. One that cannot be worked with is in the way only of those who name
/// a component.
fn migration(context: &Context, arguments: &Arguments) -> Result<Option<Migration>, Failure> {
    let is_asked_for = context.globals.file.is_some();
    let wants_it = |typed: &String| !is_address(typed);
    if !is_asked_for && !std::iter::once(&arguments.left).chain(&arguments.right).any(wants_it) {
        return Ok(None);
    }
    let place = context.place()?;
    if !is_asked_for && !place.path.exists() {
        return Ok(None);
    }
    context.load().map(Some)
}

fn root(context: &Context) -> Result<PathBuf, Failure> {
    Ok(context.place()?.root)
}

/// Whether it can be nothing but an address.
fn is_address(typed: &str) -> bool {
    typed.contains("://")
        || typed.contains('=')
        || ["env:", "file:", "sqlite:"].iter().any(|start| typed.starts_with(start))
}

struct Opening<'a> {
    root: PathBuf,
    migration: Option<&'a Migration>,
    limits: Limits,
    stop: &'a Stop,
    scratch: &'a Path,
}

impl Opening<'_> {
    fn named(&self, typed: &str, side: &str) -> Result<Named, Failure> {
        if let Some((scheme @ ("env" | "file"), rest)) = typed.split_once(':')
            && !rest.starts_with("//")
        {
            let reference = Reference::parse(&format!("${{{scheme}:{rest}}}"));
            return reference.map(Named::Address).map_err(|error| {
                Diagnostic::error(codes::ADDRESS, format!("the {side} side is not named"))
                    .because(error.to_string())
                    .into()
            });
        }
        if is_address(typed) {
            return Ok(Named::Address(Reference::literal(typed)));
        }
        let (name, which) = match typed.rsplit_once('@') {
            None => (typed, None),
            Some((name, "live" | "new")) => (name, Some(Of::Standing(Which::Live))),
            Some((name, "old")) => (name, Some(Of::Standing(Which::Old))),
            Some((name, "displaced")) => (name, Some(Of::Standing(Which::Displaced))),
            Some((name, "saved")) => (name, Some(Of::Saved)),
            Some(_) => (typed, None),
        };
        let parts = self.migration.map(|migration| migration.assembled.parts.as_slice()).unwrap_or_default();
        if let Some(part) = parts.iter().find(|part| part.name.as_str() == name) {
            return Ok(Named::Component(Arc::clone(part), which));
        }
        if self.root.join(typed).exists() {
            return Ok(Named::Address(Reference::literal(typed)));
        }
        let found = Diagnostic::error(
            codes::UNKNOWN_NAME,
            format!("the {side} side is neither a component nor an address"),
        )
        .because(match self.migration {
            Some(_) => {
                format!("the migration has no component `{name}`, and no file is there under this path")
            }
            None => "there is no migration file here, and no file under this path".to_owned(),
        })
        .hint(format!("addresses are {}; `env:NAME` and `file:PATH` say where one stands", known()));
        let names = parts.iter().map(|part| part.name.as_str());
        Err(with_hint(found, hints::for_unknown(name, names)).into())
    }

    async fn open(&self, named: &Named, side: &str) -> Result<Arc<dyn Side>, Failure> {
        match named {
            Named::Address(reference) => self.at(reference, side).await,
            Named::Component(part, which) => {
                let which = which.unwrap_or(Of::Standing(Which::Live));
                let found = self.of(part, which).await?;
                found.ok_or_else(|| no_side(part.name.as_str(), which))
            }
        }
    }

    /// The two sides of a component.
    ///
    /// | its old side lives on | a run displaced something | left | right |
    /// |---|---|---|---|
    /// | yes | | old | live |
    /// | no | yes | live | displaced |
    /// | no | no | refused | |
    async fn both_of(&self, part: &Part) -> Result<Sides, Failure> {
        let live = Of::Standing(Which::Live);
        let live = self.of(part, live).await?.ok_or_else(|| no_side(part.name.as_str(), live))?;
        if let Some(old) = self.of(part, Of::Standing(Which::Old)).await? {
            return Ok(Sides { left: old, right: live });
        }
        match self.of(part, Of::Standing(Which::Displaced)).await? {
            Some(displaced) => Ok(Sides { left: live, right: displaced }),
            None => Err(Diagnostic::error(
                codes::ONE_SIDE,
                format!("`{}` has no second side to be compared with", part.name),
            )
            .because("no old side lives on beside it, and no run displaced anything")
            .hint(format!("name the other one: backout compare {} ADDRESS", part.name))
            .into()),
        }
    }

    async fn of(&self, part: &Part, of: Of) -> Result<Option<Arc<dyn Side>>, Failure> {
        let Some(migration) = self.migration else { return Ok(None) };
        let life = Reading::of(&migration.layout).life;
        let tools = migration.look(&life)?;
        let manifest;
        let data = match of {
            Of::Standing(which) => Data::Standing(which),
            Of::Saved => {
                let Some((id, ..)) = life.checkpoint() else { return Err(no_checkpoint()) };
                manifest = manifest_of(&life, id)?;
                Data::Saved(&manifest)
            }
        };
        component_side(part, data, &self.limits, &tools, self.stop).await.map_err(not_compared)
    }

    async fn at(&self, reference: &Reference, side: &str) -> Result<Arc<dyn Side>, Failure> {
        let call = self.call()?;
        let address: Secret = call.resolver.resolve(reference).map_err(not_compared)?;
        let registry = registry();
        let Some(sides) = registry.sides().find(|sides| sides.knows(&address, &call)) else {
            return Err(Diagnostic::error(
                codes::ADDRESS,
                format!("nothing here knows the address of the {side} side"),
            )
            .hint(format!("addresses are {}", known()))
            .into());
        };
        sides.open(&address, &self.limits, &call).await.map_err(not_compared)
    }

    fn call(&self) -> Result<Call, Failure> {
        let component = ComponentName::new("compare").map_err(|error| {
            Diagnostic::error(codes::MACHINE, "name what is compared").because(error.to_string())
        })?;
        Ok(Call {
            component,
            root: self.root.clone(),
            scratch: self.scratch.to_owned(),
            run: None,
            key: "compare".to_owned(),
            deadline: Duration::MAX,
            stop: self.stop.clone(),
            vault: Arc::new(NoVault),
            resolver: Arc::new(FromWorld::new(&self.root)),
            progress: Progress::default(),
            child_token: format!("compare-{}", std::process::id()),
        })
    }
}

fn known() -> String {
    registry().sides().map(|sides| sides.addresses()).collect::<Vec<_>>().join("; ")
}

fn no_side(component: &str, of: Of) -> Failure {
    let (what, hint) = match of {
        Of::Standing(Which::Live) => (
            format!("`{component}` cannot be compared row by row"),
            "only kinds that hold tables can: `backout explain KIND` says so",
        ),
        Of::Standing(Which::Old) => (
            format!("`{component}` has no old side that lives on"),
            "only switched kinds have one; what was saved is `COMPONENT@saved`",
        ),
        Of::Standing(Which::Displaced) => (
            format!("nothing of `{component}` was displaced, or it is gone"),
            "a rollback displaces what it found, and `commit` or `close` lets it go",
        ),
        Of::Saved => (
            format!("what was saved of `{component}` cannot be compared row by row"),
            "only kinds that put their data into a scratch copy can: `backout explain KIND` says so",
        ),
    };
    Diagnostic::error(codes::ONE_SIDE, what).hint(hint).into()
}

/// A side could not be reached or read. Nothing was changed, whatever the error thinks.
pub fn not_compared(error: DriverError) -> Failure {
    let mut found = Diagnostic::error(codes::NOT_COMPARED, format!("could not {}", error.attempted));
    let chain = error.chain();
    let cause = chain.strip_prefix(&error.attempted).unwrap_or(&chain).trim_start_matches(": ");
    found.cause = (!cause.is_empty()).then(|| cause.to_owned());
    let exit = if error.kind == ErrorKind::Config { Exit::Invalid } else { Exit::Failed };
    found.hints = error.hints;
    Failure { exit, changed: Changed::Nothing, ..Failure::from(found) }
}

/// There is no room for what does not fit into memory.
pub fn no_scratch(error: std::io::Error) -> Failure {
    Diagnostic::error(codes::MACHINE, "make a folder for what does not fit into memory")
        .because(error.to_string())
        .into()
}
