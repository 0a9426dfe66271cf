//! The process that thaws a file system, whatever happens to the process that froze it.
//!
//! It is this program itself, started under another name before anything is frozen. It waits for the end of a pipe.
//! The pipe ends when the process that holds its other side does.

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

/// The name by which the program knows that it must thaw. The directory is its only argument.
pub const NAME: &str = "postclone-thaw";

/// How long a file system may be frozen, for the case that the process that froze it hangs.
const LIMIT: Duration = Duration::from_secs(10);

/// A waiting thawer.
#[derive(Debug)]
pub struct Thawer {
    child: Child,
}

impl Thawer {
    /// Starts a thawer for the file system of a directory.
    ///
    /// # Errors
    /// /proc is not mounted, or no process can be started.
    pub fn start(dir: &Path) -> Result<Self> {
        let child = Command::new("/proc/self/exe")
            .arg0(NAME)
            .arg(dir)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Signals to the terminal's processes, or to this process's group, do not reach it.
            .process_group(0)
            .spawn()
            .context("starting the process that thaws, from `/proc/self/exe`")?;
        Ok(Self { child })
    }

    /// Makes it thaw the file system, and waits until it has.
    ///
    /// # Errors
    /// It did not. The file system may still be frozen.
    pub fn thaw(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait().context("waiting for the process that thaws")?;
        if !status.success() {
            bail!("the process that thaws {}", ending(status));
        }
        Ok(())
    }

    /// Ends it without a thaw, because nothing was frozen.
    pub fn call_off(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The main function of the process that thaws.
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

/// Thaws the file system of a directory (fsfreeze(8)).
pub fn thaw(dir: &Path) -> Result<()> {
    Cmd::new(Program::Fsfreeze).arg("--unfreeze").arg(dir).checked().map(drop)
}
