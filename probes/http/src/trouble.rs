//! What a request that brought no answer says, in plain words and without its address.

use std::error::Error;
use std::io;

use backout_contract::{DriverError, ErrorKind, ProbeLook};
use backout_core::migration::DurationText;

use crate::shown::short;

/// The longest foreign sentence that is shown, in characters.
const LONGEST: usize = 160;

/// A host that refuses, is silent or shows a bad certificate is not as it should be; of one whose name nobody could
/// resolve nothing was seen.
///
/// # Errors
/// When there was no request, because it cannot be one.
pub fn told(error: reqwest::Error, timeout: DurationText) -> Result<ProbeLook, DriverError> {
    if error.is_builder() {
        let error = error.without_url();
        return Err(DriverError::new(ErrorKind::Config, "make a request of what the probe declares")
            .caused_by(cause(&error).unwrap_or_else(|| error.to_string()))
            .nothing_happened());
    }
    let found = if error.is_timeout() {
        format!("no answer within {timeout}")
    } else if error.is_body() || error.is_decode() {
        "the answer broke off".to_owned()
    } else if error.is_redirect() {
        "redirects without end".to_owned()
    } else if chain(&error).any(|cause| cause.to_string() == "dns error") {
        return Ok(ProbeLook::Unknown { why: "the name of its host cannot be resolved".to_owned() });
    } else if let Some(system) = chain(&error).find_map(|cause| cause.downcast_ref::<io::Error>()) {
        match system.get_ref() {
            // Errors of TLS travel inside of errors of the system.
            Some(inner) if error.is_connect() => {
                format!("no secure connection: {}", short(&inner.to_string(), LONGEST))
            }
            _ => format!("no answer: {}", system.kind()),
        }
    } else {
        "no answer that is HTTP".to_owned()
    };
    Ok(ProbeLook::Bad { found })
}

fn chain<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&'a (dyn Error + 'static)| (*cause).source())
}

fn cause(error: &reqwest::Error) -> Option<String> {
    chain(error).last().map(|cause| short(&cause.to_string(), LONGEST))
}
