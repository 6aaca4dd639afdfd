//! How the process ends, for programs. `docs/exit-codes.md` promises these numbers; they are never renumbered.

use backout_core::diagnostic::Code;
use backout_core::journal::Outcome;
use backout_engine::Ending;

/// An exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, and looked.
    Done = 0,
    /// The operation could not be carried out.
    Failed = 1,
    /// The input cannot be used.
    Invalid = 2,
    /// With `--exit-code`: there is something to do, or something differs.
    Differs = 3,
    /// Refused; trying again will not help.
    Refused = 4,
    /// A step needs a person.
    Stuck = 5,
    /// The run ended, and not everything is known to be restored.
    NotVerified = 6,
    /// Another holder has the migration.
    Busy = 7,
    /// An answer is outstanding, or the run is at rest until somebody resumes it.
    Waiting = 8,
    /// Stopped by SIGINT.
    Interrupted = 130,
    /// Stopped by SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// As the system takes it.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What a message with this code means for the process. Most messages refuse; these do not.
    pub fn of(code: Code) -> Self {
        match code.0 {
            // A component that could not be saved, a full disk, a service that did not answer: it may work later.
            "BK0201" | "BK0501" | "BK0502" | "BK0506" | "BK0507" | "BK0508" | "BK0603" | "BK0604"
            | "BK0711" | "BK0712" | "BK0713" | "BK0714" => Self::Failed,
            "BK0304" | "BK0305" | "BK0601" | "BK0602" | "BK0701" | "BK0703" | "BK0704" | "BK0705"
            | "BK0710" | "BK0715" | "BK0716" | "BK0717" | "BK0718" | "BK0720" | "BK0721" | "BK0722"
            | "BK0723" | "BK0724" => Self::Invalid,
            "BK0505" => Self::Busy,
            code if code.starts_with("BK01") => Self::Invalid,
            _ => Self::Refused,
        }
    }

    /// How a run that came to this ending ends its process.
    pub fn after(ending: &Ending) -> Self {
        match ending {
            Ending::NothingToDo | Ending::Closed { outcome: Outcome::Restored | Outcome::Abandoned, .. } => {
                Self::Done
            }
            Ending::Closed { outcome: Outcome::NotVerified, .. } => Self::NotVerified,
            Ending::Stuck { .. } => Self::Stuck,
            Ending::AtRest { .. } | Ending::Waiting { .. } => Self::Waiting,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    const ALL: [Exit; 11] = [
        Exit::Done,
        Exit::Failed,
        Exit::Invalid,
        Exit::Differs,
        Exit::Refused,
        Exit::Stuck,
        Exit::NotVerified,
        Exit::Busy,
        Exit::Waiting,
        Exit::Interrupted,
        Exit::Terminated,
    ];

    #[test]
    fn the_page_promises_exactly_these_numbers() {
        let page = include_str!("../../../docs/exit-codes.md");
        let promised: Vec<(u8, String)> = page
            .lines()
            .filter_map(|line| {
                let mut cells = line.split('|').map(str::trim).skip(1);
                let number = cells.next()?.trim_matches('`').parse().ok()?;
                Some((number, cells.next()?.trim_matches('`').to_owned()))
            })
            .collect();
        let ours: Vec<(u8, String)> = ALL.iter().map(|exit| (exit.code(), format!("{exit:?}"))).collect();
        let spelled: Vec<(u8, String)> =
            promised.into_iter().map(|(number, word)| (number, word.replace(' ', ""))).collect();
        let lower = |list: Vec<(u8, String)>| -> Vec<(u8, String)> {
            list.into_iter().map(|(number, word)| (number, word.to_lowercase())).collect()
        };
        assert_eq!(lower(spelled), lower(ours));
    }
}
