//! The three streams of a child. All are served at once, whichever is ready, so that none can block another.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::process::Stdio;

use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::task::coop::consume_budget;

use crate::bounded_output::BoundedOutput;

/// Size of one read; a pipe holds four such by default.
const CHUNK: usize = 16 * 1024;

/// Our ends of the streams.
pub(super) struct Pipes {
    input: Input,
    pub(super) output: Output,
    pub(super) errors: Output,
}

/// The ends that the child gets: input, output, errors.
pub(super) type ChildEnds = [Stdio; 3];

impl Pipes {
    /// Made before the child, so that what can fail fails while nothing runs.
    pub(super) fn new(input: Option<Vec<u8>>, keep_bytes: usize) -> io::Result<(Self, ChildEnds)> {
        let (input, child_input) = Input::new(input)?;
        let (output, child_output) = Output::new(keep_bytes)?;
        let (errors, child_errors) = Output::new(keep_bytes)?;
        Ok((Self { input, output, errors }, [child_input, child_output, child_errors]))
    }

    /// Moves bytes until all streams are closed. May be dropped at any time and called again: nothing is lost.
    pub(super) async fn pump(&mut self) {
        tokio::join!(self.input.pump(), self.output.pump(), self.errors.pump());
    }
}

struct Input {
    /// Dropped to let the child see the end.
    sender: Option<Sender>,
    bytes: Vec<u8>,
    sent: usize,
}

impl Input {
    fn new(bytes: Option<Vec<u8>>) -> io::Result<(Self, Stdio)> {
        let Some(bytes) = bytes else {
            return Ok((Self { sender: None, bytes: Vec::new(), sent: 0 }, File::open("/dev/null")?.into()));
        };
        let (reader, writer) = io::pipe()?;
        let sender = Sender::from_owned_fd(OwnedFd::from(writer))?;
        Ok((Self { sender: Some(sender), bytes, sent: 0 }, reader.into()))
    }

    async fn pump(&mut self) {
        while let Some(sender) = &self.sender {
            let Some(rest) = self.bytes.get(self.sent..).filter(|rest| !rest.is_empty()) else { break };
            consume_budget().await;
            if sender.writable().await.is_err() {
                break;
            }
            match sender.try_write(rest) {
                Ok(count) => self.sent += count,
                Err(error) if is_passing(&error) => {}
                // The child does not want the rest; its exit status says whether that is fine.
                Err(_) => break,
            }
        }
        self.sender = None;
    }
}

/// One output of the child.
pub(super) struct Output {
    /// Dropped at the end of the stream.
    receiver: Option<Receiver>,
    pub(super) kept: BoundedOutput,
}

impl Output {
    fn new(keep_bytes: usize) -> io::Result<(Self, Stdio)> {
        let (reader, writer) = io::pipe()?;
        let receiver = Receiver::from_owned_fd(OwnedFd::from(reader))?;
        Ok((Self { receiver: Some(receiver), kept: BoundedOutput::keeping(keep_bytes) }, writer.into()))
    }

    /// Whether somebody still holds the other end.
    pub(super) fn is_open(&self) -> bool {
        self.receiver.is_some()
    }

    async fn pump(&mut self) {
        while let Some(receiver) = &self.receiver {
            // Without this a child that never stops printing would keep us from seeing its deadline.
            consume_budget().await;
            if receiver.readable().await.is_err() {
                break;
            }
            let mut chunk = [0; CHUNK];
            match receiver.try_read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => self.kept.push(chunk.get(..count).unwrap_or_default()),
                Err(error) if is_passing(&error) => {}
                Err(_) => break,
            }
        }
        self.receiver = None;
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
