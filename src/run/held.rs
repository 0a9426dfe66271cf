//! A program that holds something while it runs, for as long as this process wants it.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::program::DIRECTORIES;
use super::{Cmd, end_group};

/// How long the program may take to get hold of it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs until it is dropped. Only this process has the other end of the program's stdin, so the program ends when
/// this process does, however that happens.
#[derive(Debug)]
pub struct Held {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Cmd {
    /// Starts a program, and waits until it holds what it should hold. The program shows this by writing back what it
    /// reads.
    ///
    /// # Errors
    /// A program that is not installed, cannot be started, or does not get hold of it within five seconds.
    pub fn hold(&self) -> Result<Held> {
        let Some(path) = self.program.find() else {
            bail!("`{}` is not installed: {}", self.program.name(), self.program.advice());
        };
        log::debug!("running {self}");
        let mut child = Command::new(path)
            .args(&self.arguments)
            .env_clear()
            .env("PATH", DIRECTORIES.join(":"))
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {self}"))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let mut held = Held { child, stdin };
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let mut echo = [0];
            let is_there = stdout.is_some_and(|mut pipe| pipe.read_exact(&mut echo).is_ok());
            // If it took too long, nobody waits for the answer any more.
            let _ = tell.send(is_there);
        });
        let asked = held.stdin.as_mut().is_some_and(|pipe| pipe.write_all(b"\n").is_ok());
        if asked && told.recv_timeout(PATIENCE) == Ok(true) {
            return Ok(held);
        }
        bail!("{self} did not hold it")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.stdin.take());
        for _ in 0..20 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        end_group(&mut self.child);
    }
}
