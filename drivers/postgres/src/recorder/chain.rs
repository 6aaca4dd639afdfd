//! What recorders told up to earlier runs, from where those sealed it: each knows a stretch of the way only.
//!
//! | a run since the state was saved | its share |
//! |---|---|
//! | sealed what a recorder told | that |
//! | sealed what a recorder told that a later run sealed again, or that records still | none: there it is told as a whole |
//! | sealed nothing, and says why | those gaps |
//! | sealed nothing | a gap |

use backout_contract::DriverError;
use backout_core::writes::{Gap, SealedWrites};

use super::is_sealed_writes;
use super::order::Order;
use super::reading::{fetch, gap};
use super::scribe::{Keep, Scribe, Told};
use super::sealed::{Reader, Record};
use super::snapshot::Since;

/// Messages between two questions whether to go on.
const BETWEEN_CHECKS: u64 = 4096;

/// What was sealed, of each recorder once, oldest first.
pub(super) struct Chain {
    pub(super) files: Vec<Reader>,
    /// What was not recorded on the way.
    pub(super) gaps: Vec<Gap>,
}

/// Fetches it. `live` tells the recorder that records still.
///
/// # Errors
/// When something of it is not there, or not what was put there.
pub(super) async fn fetch_all(
    order: &Order<'_>,
    earlier: &[SealedWrites],
    live: Option<&str>,
) -> Result<Chain, DriverError> {
    let mut chain = Chain { files: Vec::new(), gaps: Vec::new() };
    for share in earlier {
        chain.gaps.extend(share.gaps.iter().cloned());
        match share.data.iter().find(|part| is_sealed_writes(part)) {
            Some(part) => {
                let file = Reader::open(fetch(part, order).await?)?;
                chain.files.retain(|one| one.header.nonce != file.header.nonce);
                chain.files.push(file);
            }
            None if share.gaps.is_empty() => {
                chain.gaps.push(gap(format!("what was written before run {} was not recorded", share.run)));
            }
            None => {}
        }
    }
    chain.files.retain(|file| Some(file.header.nonce.as_str()) != live);
    Ok(chain)
}

/// Counts what a state lacks of a file.
///
/// # Errors
/// When it cannot be read.
pub(super) fn count(file: &mut Reader, since: &Since, order: &Order<'_>) -> Result<Told, DriverError> {
    let mut scribe = Scribe::new(&file.header, since, Keep::Nothing, &order.context.scratch)?;
    let mut count = 0u64;
    while let Some(record) = file.next()? {
        match record {
            Record::Number(number) => scribe.number(number)?,
            Record::Message => scribe.message(&file.buffer)?,
        }
        count += 1;
        if count.is_multiple_of(BETWEEN_CHECKS) {
            order.pace.check("count what earlier runs sealed")?;
        }
    }
    Ok(scribe.counted())
}
