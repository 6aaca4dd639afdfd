//! `^C` and SIGTERM. Once stops a run at a safe border; twice leaves at once, and the run is resumable all the same.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use backout_core::diagnostic::Diagnostic;
use backout_engine::{Interrupt, Leftovers};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::codes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::view::{Output, notice};

/// Listens for the signals that ask a process to end.
struct Ends {
    interrupt: Signal,
    terminate: Signal,
}

impl Ends {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Failure::from(
                    Diagnostic::error(codes::MACHINE, "listen for signals").because(error.to_string()),
                )
            })
        };
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }
}

/// Does work that may be left at any moment; programs that it started are ended first.
///
/// # Errors
/// The signals cannot be listened for.
pub async fn or_leave<T>(
    work: impl Future<Output = T>,
    leftovers: &dyn Leftovers,
    output: Output,
) -> Result<T, Failure> {
    let mut ends = Ends::listen()?;
    tokio::select! {
        done = work => Ok(done),
        exit = ends.next() => {
            leftovers.end_all().await;
            notice::left(output);
            std::process::exit(i32::from(exit.code()));
        }
    }
}

/// Waits for a person's answer, which may be refused by leaving.
///
/// # Errors
/// The signals cannot be listened for.
pub async fn or_exit<T>(answer: impl Future<Output = T>, output: Output) -> Result<T, Failure> {
    let mut ends = Ends::listen()?;
    tokio::select! {
        done = answer => Ok(done),
        exit = ends.next() => {
            notice::left(output);
            std::process::exit(i32::from(exit.code()));
        }
    }
}

/// Waits for work that takes signals itself (a program at the same terminal), so that they do not end this process.
///
/// # Errors
/// The signals cannot be listened for.
pub async fn or_ignore<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let mut ends = Ends::listen()?;
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            _ = ends.next() => {}
        }
    }
}

/// Which signal asked a run to stop, if one did.
#[derive(Debug, Clone, Default)]
pub struct Asked(Arc<AtomicU8>);

impl Asked {
    /// The exit code that goes with it.
    pub fn exit(&self) -> Option<Exit> {
        [Exit::Interrupted, Exit::Terminated]
            .into_iter()
            .find(|exit| exit.code() == self.0.load(Ordering::SeqCst))
    }
}

/// Hands the first signal to a run as a request to stop, and leaves at once at the second.
///
/// # Errors
/// The signals cannot be listened for.
pub fn hand_to_run(output: Output) -> Result<(mpsc::Receiver<Interrupt>, Asked), Failure> {
    hand_over(output, notice::left_run)
}

/// The same for work that only reads and has nothing to resume.
///
/// # Errors
/// The signals cannot be listened for.
pub fn hand_to_look(output: Output) -> Result<(mpsc::Receiver<Interrupt>, Asked), Failure> {
    hand_over(output, notice::left)
}

fn hand_over(output: Output, left: fn(Output)) -> Result<(mpsc::Receiver<Interrupt>, Asked), Failure> {
    let mut ends = Ends::listen()?;
    let (sender, receiver) = mpsc::channel(1);
    let asked = Asked::default();
    let noted = asked.clone();
    tokio::spawn(async move {
        let first = ends.next().await;
        noted.0.store(first.code(), Ordering::SeqCst);
        notice::stopping(output);
        // The run may just have ended.
        let _ = sender.send(Interrupt::Finish).await;
        let second = ends.next().await;
        left(output);
        std::process::exit(i32::from(second.code()));
    });
    Ok((receiver, asked))
}
