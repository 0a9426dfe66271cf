//! Reads what a program writes while it runs, and limits how long to wait for it.

use std::convert::Infallible;
use std::io::Read;
use std::process::Child;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes that one thread adds and another takes.
#[derive(Debug, Default, Clone)]
struct Gathered(Arc<Mutex<Vec<u8>>>);

impl Gathered {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Both pipes of a program. Each is read by a thread of its own. If a child of the program keeps a pipe open, the
/// thread never ends, and is left behind.
#[derive(Debug)]
pub(super) struct Pipes {
    stdout: Gathered,
    stderr: Gathered,
    /// Has no sender any more once both pipes have ended.
    open: Receiver<Infallible>,
}

impl Pipes {
    /// Begins to read what a program writes.
    pub(super) fn of(child: &mut Child) -> Self {
        let (sender, open) = mpsc::channel();
        let pipes = Self { stdout: Gathered::default(), stderr: Gathered::default(), open };
        drain(child.stdout.take(), pipes.stdout.clone(), sender.clone());
        drain(child.stderr.take(), pipes.stderr.clone(), sender);
        pipes
    }

    /// Waits this long for the end of both pipes. Returns false if one is still open.
    pub(super) fn end_within(&self, time: Duration) -> bool {
        self.open.recv_timeout(time) == Err(RecvTimeoutError::Disconnected)
    }

    /// What was read from stdout and stderr so far.
    pub(super) fn take(self) -> (Vec<u8>, Vec<u8>) {
        (std::mem::take(&mut self.stdout.lock()), std::mem::take(&mut self.stderr.lock()))
    }
}

/// Reads a pipe to its end, and drops `open` then. What was read before an error is still worth quoting.
fn drain(pipe: Option<impl Read + Send + 'static>, into: Gathered, open: Sender<Infallible>) {
    thread::spawn(move || {
        let _open = open;
        let Some(mut pipe) = pipe else { return };
        let mut bytes = vec![0; 1 << 16];
        loop {
            match pipe.read(&mut bytes) {
                Ok(0) => return,
                Ok(length) => into.lock().extend_from_slice(&bytes[..length]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    });
}
