//! What killed runs left running.

use std::time::Duration;

use async_trait::async_trait;
use backout_engine::Leftovers;
use backout_kit::processes;

/// Between asking a helper to end and killing it.
const GRACE: Duration = Duration::from_secs(5);

/// The helper processes that carry a token.
#[derive(Debug)]
pub struct ChildrenOf {
    token: String,
}

impl ChildrenOf {
    /// Those that carry this one.
    pub fn new(token: String) -> Self {
        Self { token }
    }
}

#[async_trait]
impl Leftovers for ChildrenOf {
    async fn end_all(&self) -> Vec<String> {
        match processes::end_all_children_of(&self.token, GRACE).await {
            Ok(ended) => ended
                .iter()
                .map(|process| format!("ended process {}, left by an earlier run", process.pid))
                .collect(),
            Err(error) => vec![crate::failure::chain(&error)],
        }
    }
}
