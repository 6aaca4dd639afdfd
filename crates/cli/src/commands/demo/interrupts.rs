//! `^C` and SIGTERM while the demo runs: what it started is stopped, at a safe border.

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::exit::Exit;

/// How often the demo was asked to end, and how it ends then.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    times: usize,
    exit: Option<Exit>,
}

/// Listens to those who want the demo to end.
#[derive(Debug, Clone)]
pub struct Interrupts(watch::Receiver<Asked>);

impl Interrupts {
    /// From now on the signals no longer end this process.
    ///
    /// # Errors
    /// The system does not let us listen.
    pub fn listen() -> Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt()).context("listen for SIGINT")?;
        let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
        let (sender, receiver) = watch::channel(Asked::default());
        tokio::spawn(async move {
            loop {
                let exit = tokio::select! {
                    _ = interrupt.recv() => Exit::Interrupted,
                    _ = terminate.recv() => Exit::Terminated,
                };
                sender.send_modify(|asked| *asked = Asked { times: asked.times + 1, exit: Some(exit) });
            }
        });
        Ok(Self(receiver))
    }

    /// How the demo is to end, if somebody asked.
    pub fn asked(&self) -> Option<Exit> {
        self.0.borrow().exit
    }

    /// Waits until somebody asks once more.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
