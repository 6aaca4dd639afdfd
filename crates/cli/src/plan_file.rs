//! A plan on disk, to be reviewed and handed on. It is bound by two digests: the plan's shape, which a run compares
//! with the world, and the digest of all that stands in the file, so that an edit is refused.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use backout_core::diagnostic::Diagnostic;
use backout_core::digest::Digest;
use backout_core::plan::Plan;
use backout_kit::atomic_put::{Attributes, put};
use backout_kit::path_text;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::codes;
use crate::failure::{Failure, chain};

/// The format this version writes. Newer ones are refused.
const FORMAT: u16 = 1;
/// What stands in the field that tells a plan file from other JSON.
const MARK: &str = "backout plan";
/// No plan file is longer, in bytes.
const LONGEST: u64 = 256 * 1024 * 1024;

#[derive(Serialize)]
struct Body<'a> {
    file: &'static str,
    format: u16,
    shape: Digest,
    plan: &'a Plan,
}

#[derive(Deserialize)]
struct Envelope {
    file: String,
    format: u16,
    shape: Digest,
    digest: Digest,
}

/// Writes a plan. A file that is there is replaced only if it is a plan file too.
///
/// # Errors
/// It cannot be written, or something else is in its place.
pub fn write(path: &Path, plan: &Plan) -> Result<(), Failure> {
    let named = path_text::encode(path.as_os_str());
    if fs::symlink_metadata(path).is_ok() && read_value(path, &named).is_err() {
        return Err(Diagnostic::error(codes::FILE_THERE, format!("write the plan to {named}"))
            .because("something is there already that is no plan file")
            .hint("name another file, or remove it first")
            .into());
    }
    let failed = |error: &dyn std::error::Error| {
        Failure::from(
            Diagnostic::error(codes::MACHINE, format!("write the plan to {named}")).because(chain(error)),
        )
    };
    let body = Body { file: MARK, format: FORMAT, shape: plan.shape(), plan };
    let mut value = serde_json::to_value(&body).map_err(|error| failed(&error))?;
    let digest = digest_of(&value);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("digest".to_owned(), Value::from(digest.to_string()));
    }
    let mut text = serde_json::to_vec_pretty(&value).map_err(|error| failed(&error))?;
    text.push(b'\n');
    put(path, &text, Attributes::default()).map_err(|error| failed(&error))
}

/// Reads a plan.
///
/// # Errors
/// It is not there, is no plan file, is of a newer format, or was changed after it was written.
pub fn read(path: &Path) -> Result<Plan, Failure> {
    let named = path_text::encode(path.as_os_str());
    let (mut value, envelope) = read_value(path, &named)?;
    let plan_text = value.as_object_mut().and_then(|fields| {
        fields.remove("digest");
        fields.get("plan").cloned()
    });
    let plan = plan_text.and_then(|plan| serde_json::from_value::<Plan>(plan).ok());
    match plan {
        Some(plan) if digest_of(&value) == envelope.digest && plan.shape() == envelope.shape => Ok(plan),
        _ => Err(Diagnostic::error(
            codes::PLAN_EDITED,
            format!("the plan in {named} is not the one that was written"),
        )
        .because("its content does not agree with its digest")
        .hint("make it again: backout plan --out FILE")
        .hint("what a plan does is chosen with --only, --phase, --keep and --overwrite, not by editing it")
        .into()),
    }
}

fn read_value(path: &Path, named: &str) -> Result<(Value, Envelope), Failure> {
    let unusable = |cause: String| {
        Failure::from(
            Diagnostic::error(codes::PLAN_FILE, format!("read the plan in {named}"))
                .because(cause)
                .hint("write one: backout plan --out FILE"),
        )
    };
    let length = fs::metadata(path).map_err(|error| {
        let absent = error.kind() == ErrorKind::NotFound;
        unusable(if absent { "it is not there".to_owned() } else { error.to_string() })
    })?;
    if !length.is_file() || length.len() > LONGEST {
        return Err(unusable("it is no plan file".to_owned()));
    }
    let bytes = fs::read(path).map_err(|error| unusable(error.to_string()))?;
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|_| unusable("it is no plan file, or it was cut off".to_owned()))?;
    let format = value.get("format").and_then(Value::as_u64).unwrap_or(0);
    if value.get("file").and_then(Value::as_str) == Some(MARK) && format > u64::from(FORMAT) {
        return Err(unusable(format!("its format is {format}, and this version knows up to {FORMAT}")));
    }
    let envelope: Envelope =
        Envelope::deserialize(&value).map_err(|_| unusable("it is no plan file".to_owned()))?;
    if envelope.file != MARK || envelope.format == 0 {
        return Err(unusable("it is no plan file".to_owned()));
    }
    Ok((value, envelope))
}

/// The digest of everything in the file but the digest itself.
fn digest_of(value: &Value) -> Digest {
    Digest::of_value("backout/plan-file", value)
}
