//! The choices that `plan` and `rollback` share.

use backout_core::name::{CheckpointId, ComponentName, PhaseName};
use backout_core::plan::Choices;
use clap::Args;

/// What of the migration goes back.
#[derive(Debug, Args)]
pub struct ChoiceArguments {
    /// Go back to this checkpoint instead of the newest; `before-rollback` is the state before the last run
    #[arg(long, value_name = "ID", value_parser = CheckpointId::new)]
    pub to: Option<CheckpointId>,
    /// Only this component, and what has to go along (may be repeated)
    #[arg(long, value_name = "COMPONENT", value_parser = ComponentName::new)]
    pub only: Vec<ComponentName>,
    /// Only the components of this phase, and what has to go along
    #[arg(long, value_name = "PHASE", value_parser = PhaseName::new, conflicts_with = "only")]
    pub phase: Option<PhaseName>,
    /// Leave this component as it stands, whoever changed it (may be repeated)
    #[arg(long, value_name = "COMPONENT", value_parser = ComponentName::new)]
    pub keep: Vec<ComponentName>,
    /// Put the checkpoint over this component, whoever changed it (may be repeated)
    #[arg(long, value_name = "COMPONENT", value_parser = ComponentName::new)]
    pub overwrite: Vec<ComponentName>,
}

impl ChoiceArguments {
    /// As a plan takes them.
    pub fn choices(&self) -> Choices {
        Choices {
            to: self.to.clone(),
            only: self.only.clone(),
            phase: self.phase.clone(),
            keep: self.keep.iter().cloned().collect(),
            overwrite: self.overwrite.iter().cloned().collect(),
        }
    }
}
