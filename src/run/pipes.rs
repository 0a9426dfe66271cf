//! Reads what a program writes while it runs.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pipe2;

/// How much is read before the time is looked at again. No pipe holds more, unless root made it larger (pipe(7),
/// `pipe-max-size`).
const AT_ONCE: usize = 1 << 20;

/// The reading end of a pipe, and what came out of it.
#[derive(Debug)]
struct Pipe {
    /// `None` once it has ended.
    open: Option<File>,
    bytes: Vec<u8>,
}

impl Pipe {
    /// The pipe, and its end for the program.
    fn make() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = pipe2(OFlag::O_CLOEXEC)?;
        // This end alone: programs expect to wait when they write.
        fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok((Self { open: Some(ours.into()), bytes: Vec::new() }, theirs))
    }

    /// Reads what is in the pipe. What was read before an error is still worth quoting.
    fn read(&mut self) {
        let Some(pipe) = &mut self.open else { return };
        let read = pipe.take(AT_ONCE as u64).read_to_end(&mut self.bytes);
        let goes_on = match read {
            Ok(length) => length == AT_ONCE,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        };
        if !goes_on {
            self.open = None;
        }
    }
}

/// Both pipes of a program.
#[derive(Debug)]
pub(super) struct Pipes {
    stdout: Pipe,
    stderr: Pipe,
}

impl Pipes {
    /// The pipes, and the program's stdout and stderr.
    ///
    /// # Errors
    /// Too many open files.
    pub(super) fn make() -> io::Result<(Self, Stdio, Stdio)> {
        let (stdout, its_stdout) = Pipe::make()?;
        let (stderr, its_stderr) = Pipe::make()?;
        Ok((Self { stdout, stderr }, its_stdout.into(), its_stderr.into()))
    }

    /// Waits this long for output or for the end of both pipes, and reads all that is there then: when a program has
    /// ended, nothing that it wrote stays behind, even if a child that it left has its pipes open. Returns whether
    /// both have ended.
    pub(super) fn end_within(&mut self, time: Duration) -> bool {
        let open = [&self.stdout, &self.stderr].into_iter().filter_map(|pipe| pipe.open.as_ref());
        let mut awaited: Vec<_> =
            open.map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)).collect();
        if awaited.is_empty() {
            return true;
        }
        // An error is a signal that came meanwhile. The caller looks for it.
        let _ = poll(&mut awaited, PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX));
        self.stdout.read();
        self.stderr.read();
        self.stdout.open.is_none() && self.stderr.open.is_none()
    }

    /// What was read from stdout and stderr so far.
    pub(super) fn take(self) -> (Vec<u8>, Vec<u8>) {
        (self.stdout.bytes, self.stderr.bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn all_that_was_written_is_read_while_the_pipe_is_still_open() {
        let (mut pipe, theirs) = Pipe::make().unwrap();
        let mut theirs = File::from(theirs);
        // As much as a pipe holds (pipe(7)).
        let written = vec![b'x'; 1 << 16];
        theirs.write_all(&written).unwrap();
        pipe.read();
        assert_eq!(pipe.bytes, written);
        assert!(pipe.open.is_some());
        theirs.write_all(b"more").unwrap();
        drop(theirs);
        pipe.read();
        assert_eq!(pipe.bytes.len(), written.len() + 4);
        assert!(pipe.open.is_none());
    }

    #[test]
    fn a_pipe_without_end_gives_the_time_back() {
        let (mut pipe, theirs) = Pipe::make().unwrap();
        let mut theirs = File::from(theirs);
        let bytes = vec![0; 1 << 16];
        let writer = std::thread::spawn(move || while theirs.write_all(&bytes).is_ok() {});
        while pipe.bytes.is_empty() {
            pipe.read();
        }
        let before = pipe.bytes.len();
        pipe.read();
        assert!(pipe.bytes.len() <= before + AT_ONCE);
        drop(pipe);
        writer.join().unwrap();
    }
}
