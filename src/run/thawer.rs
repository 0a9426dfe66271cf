//! The process that thaws a file system, whatever becomes of the one that froze it.
//!
//! It is this program once more, under another name: started before anything is frozen, it waits for the
//! end of a pipe, which comes with the end of the process that holds the other side.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{Cmd, Program, ending};
use crate::interrupt;

/// The name by which the program knows that it is to thaw; the directory is its one argument.
pub const NAME: &str = "postclone-thaw";

/// How long a file system may be frozen: with a process that hangs, and yet lives.
const LIMIT: Duration = Duration::from_secs(10);

/// A thawer that waits.
#[derive(Debug)]
pub struct Thawer {
    child: Child,
}

impl Thawer {
    /// Starts one for the file system on which a directory is.
    ///
    /// # Errors
    /// /proc is not mounted, no process can be started.
    pub fn start(dir: &Path) -> Result<Self> {
        let child = Command::new("/proc/self/exe")
            .arg0(NAME)
            .arg(dir)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A signal to the terminal's processes, and to this one's group, does not reach it.
            .process_group(0)
            .spawn()
            .context("starting the process that thaws, from `/proc/self/exe`")?;
        Ok(Self { child })
    }

    /// Has it thaw, and waits until it has.
    ///
    /// # Errors
    /// It did not: the file system may be frozen still.
    pub fn thaw(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait().context("waiting for the process that thaws")?;
        if !status.success() {
            bail!("the process that thaws {}", ending(status));
        }
        Ok(())
    }

    /// Ends it without a thaw: nothing was frozen.
    pub fn call_off(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the process does that thaws.
pub fn run(dir: &Path) -> ExitCode {
    if interrupt::watch().is_ok() {
        interrupt::ignore();
    }
    let (ended, end) = mpsc::channel::<()>();
    thread::spawn(move || {
        let _ended = ended;
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
    });
    let _ = end.recv_timeout(LIMIT);
    match thaw(dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Thaws the file system on which a directory is (fsfreeze(8)).
pub fn thaw(dir: &Path) -> Result<()> {
    Cmd::new(Program::Fsfreeze).arg("--unfreeze").arg(dir).checked().map(drop)
}
