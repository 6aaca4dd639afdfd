//! The three streams of a child. Both outputs are served at once, so that neither can block the other.

use std::fs::File;
use std::io::{self, ErrorKind, Seek, Write};
use std::os::fd::OwnedFd;
use std::process::Stdio;

use rustix::fs::{MemfdFlags, memfd_create};
use tokio::net::unix::pipe::Receiver;
use tokio::task::coop::consume_budget;

use crate::bounded_output::BoundedOutput;

/// Size of one read; a pipe holds four such by default.
const CHUNK: usize = 16 * 1024;

/// Our ends of the streams.
pub(super) struct Pipes {
    pub(super) output: Output,
    pub(super) errors: Output,
}

/// The ends that the child gets: input, output, errors.
pub(super) type ChildEnds = [Stdio; 3];

impl Pipes {
    /// Made before the child, so that what can fail fails while nothing runs.
    pub(super) fn new(input: Option<&[u8]>, keep_bytes: usize) -> io::Result<(Self, ChildEnds)> {
        let child_input = input_of(input)?;
        let (output, child_output) = Output::new(keep_bytes)?;
        let (errors, child_errors) = Output::new(keep_bytes)?;
        Ok((Self { output, errors }, [child_input, child_output, child_errors]))
    }

    /// Moves bytes until all streams are closed. May be dropped at any time and called again: nothing is lost.
    pub(super) async fn pump(&mut self) {
        tokio::join!(self.output.pump(), self.errors.pump());
    }
}

/// What the child reads, in a file in memory: all of it is there before the child is. From a pipe it would read an
/// early end when we are killed, and take a part for the whole. The file can also be opened as `/dev/stdin`.
fn input_of(bytes: Option<&[u8]>) -> io::Result<Stdio> {
    let Some(bytes) = bytes else { return Ok(File::open("/dev/null")?.into()) };
    let mut file = File::from(memfd_create("input", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into())
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
