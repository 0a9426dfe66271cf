//! The closed list of programs that postclone starts, and the one way to start them.
//!
//! Programs are looked up in fixed directories, never in `$PATH`, and get an environment of their own. No shell is
//! used.

#![allow(clippy::disallowed_methods, reason = "the one room that starts programs")]

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::failpoint;
use crate::interrupt;

pub mod held;
pub mod pager;
mod pipes;
mod program;
pub mod thawer;
pub mod vmware;

use pipes::Pipes;
use program::DIRECTORIES;
pub use program::Program;

/// How many lines of a program's stderr an error quotes.
const QUOTED_LINES: usize = 6;

/// How often a running program is checked: for its time limit, and for a signal to end it.
const POLL: Duration = Duration::from_millis(100);

/// How long to wait for the rest of the output after a program has ended. A child that it left behind may keep its
/// pipes open forever.
const GRACE: Duration = Duration::from_secs(2);

/// A program with its arguments, as data.
#[derive(Debug, Clone)]
pub struct Cmd {
    program: Program,
    arguments: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
    limit: Duration,
    interruptible: bool,
    shares: Option<Share>,
    place: Option<Arc<dyn Place>>,
}

/// Returns one more descriptor of an open file. `None` if there is no such file.
pub type Share = fn() -> io::Result<Option<File>>;

/// Where programs run: another root directory, other names of devices.
pub trait Place: fmt::Debug + Send + Sync {
    /// Starts a program there.
    ///
    /// # Errors
    /// An error of the program, or a place that cannot be set up.
    fn run(&self, start: &(dyn Fn() -> Result<Output> + Sync)) -> Result<Output>;
}

/// What a program returned.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Everything it wrote to stdout.
    pub stdout: Vec<u8>,
    /// Everything it wrote to stderr.
    pub stderr: Vec<u8>,
}

impl Cmd {
    /// A command with a time limit of a minute.
    pub fn new(program: Program) -> Self {
        Self {
            program,
            arguments: Vec::new(),
            environment: Vec::new(),
            limit: Duration::from_secs(60),
            interruptible: false,
            shares: None,
            place: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.arguments.extend(arguments.into_iter().map(OsString::from));
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name, value.as_ref().to_owned()));
        self
    }

    /// Sets how long the program may take.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Allows a signal to postclone to end the program. Only for programs that may be ended at any instant.
    #[must_use]
    pub fn interruptible(mut self) -> Self {
        self.interruptible = true;
        self
    }

    /// Makes the program, and everything that it starts, hold an open file while any of them lives.
    #[must_use]
    pub fn sharing(mut self, file: Share) -> Self {
        self.shares = Some(file);
        self
    }

    /// Runs the program in a place. It must be installed there.
    #[must_use]
    pub fn within(mut self, place: &(impl Place + Clone + 'static)) -> Self {
        self.place = Some(Arc::new(place.clone()));
        self
    }

    /// Runs the program to its end and returns what it wrote, whatever its exit status.
    ///
    /// # Errors
    /// A program that is not installed, cannot be started, or exceeds its time limit. In the last case, the program
    /// and everything that it started are killed. A place that cannot be set up.
    pub fn output(&self) -> Result<Output> {
        match &self.place {
            Some(place) => place.run(&|| self.output_here()),
            None => self.output_here(),
        }
    }

    fn output_here(&self) -> Result<Output> {
        let Some(path) = self.program.find() else {
            bail!("`{}` is not installed: {}", self.program.name(), self.program.advice());
        };
        failpoint::hit("run")?;
        let held = self.shares.map_or(Ok(None), |share| share());
        let stdin = held.with_context(|| format!("starting {self}"))?;
        let (mut pipes, stdout, stderr) =
            Pipes::make().with_context(|| format!("starting {self}"))?;
        log::debug!("running {self}");
        let mut child = Command::new(path)
            .args(&self.arguments)
            .env_clear()
            .env("PATH", DIRECTORIES.join(":"))
            .env("HOME", "/root")
            .env("LC_ALL", "C")
            // lvm2 warns about every descriptor that a test runner or a service left open.
            .env("LVM_SUPPRESS_FD_WARNINGS", "1")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(stdin.map_or_else(Stdio::null, Stdio::from))
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {self}"))?;
        let status =
            self.wait(&mut child, &mut pipes).with_context(|| format!("waiting for {self}"))?;
        self.wait_for_the_rest(&mut pipes);
        let (stdout, stderr) = pipes.take();
        let output = Output { status, stdout, stderr };
        for line in String::from_utf8_lossy(&output.stderr).lines() {
            log::debug!("{}: {line}", self.program.name());
        }
        Ok(output)
    }

    /// Runs the program and demands success.
    pub fn checked(&self) -> Result<Output> {
        let output = self.output()?;
        if output.status.success() {
            return Ok(output);
        }
        Err(anyhow!("{self} {}{}", ending(output.status), quoted(&output.stderr)))
    }
}

impl Cmd {
    /// Waits for the program's end. The end of its output shows that without delay.
    fn wait(&self, child: &mut Child, pipes: &mut Pipes) -> Result<ExitStatus> {
        let start = Instant::now();
        let mut pause = Duration::from_micros(100);
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if let Some(signal) = interrupt::caught().filter(|_| self.interruptible) {
                end_group(child);
                bail!("stopped by signal {signal}");
            }
            if start.elapsed() > self.limit {
                end_group(child);
                bail!("it had not ended after {} s, and was killed", self.limit.as_secs());
            }
            if pipes.end_within(POLL) {
                thread::sleep(pause);
                pause = (pause * 2).min(POLL);
            }
        }
    }

    /// Waits a moment for the last output of a program that has ended.
    fn wait_for_the_rest(&self, pipes: &mut Pipes) {
        let start = Instant::now();
        while !pipes.end_within(POLL) {
            if start.elapsed() > GRACE || interrupt::caught().is_some_and(|_| self.interruptible) {
                log::debug!(
                    "{self} has ended, but something that it started still has its output open"
                );
                return;
            }
        }
    }
}

impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}", self.program.name())?;
        for argument in &self.arguments {
            write!(f, " {}", argument.to_string_lossy())?;
        }
        f.write_str("`")
    }
}

/// Exit status or signal in words.
pub fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit status {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}

/// The last lines that a program wrote to stderr, after a colon.
pub fn quoted(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(QUOTED_LINES)..];
    if last.is_empty() { String::new() } else { format!(": {}", last.join(" | ")) }
}

/// Ends the program and everything that it started, first with SIGTERM, then with SIGKILL.
fn end_group(child: &mut Child) {
    use nix::sys::signal::{Signal, killpg};
    let Ok(id) = i32::try_from(child.id()) else { return };
    let group = nix::unistd::Pid::from_raw(id);
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let _ = killpg(group, signal);
        for _ in 0..20 {
            if matches!(child.try_wait(), Ok(Some(_))) {
                break;
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
    let _ = child.wait();
}
