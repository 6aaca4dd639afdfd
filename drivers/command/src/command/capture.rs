//! Looking, with the person's own program.

use backout_contract::{Context, DriverError, ErrorKind};

use super::run::Programs;
use super::state::State;

/// The exit code by which `capture` says that nothing is there.
const ABSENT: i32 = 3;

impl Programs {
    /// What is there, without the lines for people.
    ///
    /// # Errors
    /// Unreadable, when the program fails or prints something that cannot be kept.
    pub(super) async fn read(&self, context: &Context) -> Result<Option<State>, DriverError> {
        let looked = self.run(context, &self.config.capture, &[], None).await.map_err(|mut error| {
            // A program that is gone says nothing about the thing, and must not keep anybody from going back.
            if matches!(error.kind, ErrorKind::Config | ErrorKind::Other) {
                error.kind = ErrorKind::Unreadable;
            }
            error
        })?;
        match looked.code {
            0 => {
                let content = looked.content()?;
                Ok(Some(State { content, shown: None, secret: self.config.secret, data: self.config.data }))
            }
            ABSENT => Ok(None),
            _ => Err(looked
                .failed(ErrorKind::Unreadable)
                .hint(format!("`capture` exits with 0 when it is there and with {ABSENT} when it is not"))),
        }
    }

    /// What is there, with the lines for people.
    ///
    /// # Errors
    /// As [`read`](Self::read), and when `diff` fails.
    pub(super) async fn read_to_show(&self, context: &Context) -> Result<Option<State>, DriverError> {
        let Some(mut state) = self.read(context).await? else { return Ok(None) };
        if let Some(diff) = &self.config.diff {
            let shown = self.run(context, diff, &[], Some(state.content.written())).await?;
            if shown.code != 0 {
                return Err(shown.failed(ErrorKind::Unreadable));
            }
            state.shown = Some(shown.content()?);
        }
        Ok(Some(state))
    }
}
