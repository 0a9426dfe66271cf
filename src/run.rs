//! The closed list of programs that postclone starts, and the one way to start them.
//!
//! Programs are looked up in fixed directories, never in `$PATH`, and get an environment of their
//! own; there is no shell.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::guest::root::Root;
use crate::interrupt;
use crate::transaction::failpoint;
use crate::world::World;

/// Every program that postclone may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// lvm(8)
    Lvm,
    /// udevadm(8)
    Udevadm,
    /// systemctl(1)
    Systemctl,
    /// update-initramfs(8)
    UpdateInitramfs,
    /// dracut(8)
    Dracut,
    /// mkinitcpio(8)
    Mkinitcpio,
    /// booster(1)
    Booster,
    /// mkinitfs(1)
    Mkinitfs,
    /// grub-script-check(1)
    GrubScriptCheck,
    /// visudo(8)
    Visudo,
    /// findmnt(8)
    Findmnt,
    /// systemd-analyze(1)
    SystemdAnalyze,
    /// blkid(8)
    Blkid,
}

/// Where the system's programs are, in the order of search.
const DIRECTORIES: &[&str] = &["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Lines of a program's stderr that an error quotes.
const QUOTED_LINES: usize = 6;

impl Program {
    fn name(self) -> &'static str {
        match self {
            Self::Lvm => "lvm",
            Self::Udevadm => "udevadm",
            Self::Systemctl => "systemctl",
            Self::UpdateInitramfs => "update-initramfs",
            Self::Dracut => "dracut",
            Self::Mkinitcpio => "mkinitcpio",
            Self::Booster => "booster",
            Self::Mkinitfs => "mkinitfs",
            Self::GrubScriptCheck => "grub-script-check",
            Self::Visudo => "visudo",
            Self::Findmnt => "findmnt",
            Self::SystemdAnalyze => "systemd-analyze",
            Self::Blkid => "blkid",
        }
    }

    /// Where the program is installed; `None` where it is not.
    pub fn find(self) -> Option<PathBuf> {
        DIRECTORIES.iter().map(|dir| Path::new(dir).join(self.name())).find(|path| path.is_file())
    }

    /// Whether a root has the program.
    pub fn is_in(self, root: &Root) -> bool {
        DIRECTORIES.iter().any(|dir| root.exists(Path::new(dir).join(self.name())))
    }

    /// What to do where the program is missing.
    fn advice(self) -> &'static str {
        match self {
            Self::Lvm => "install the package lvm2, or work on files alone with --files-only",
            Self::UpdateInitramfs
            | Self::Dracut
            | Self::Mkinitcpio
            | Self::Booster
            | Self::Mkinitfs => "install it, or leave the images alone with --no-initramfs",
            _ => "install it",
        }
    }
}

/// A program with its arguments, as data.
#[derive(Debug, Clone)]
pub struct Cmd {
    program: Program,
    arguments: Vec<OsString>,
    limit: Duration,
    interruptible: bool,
    world: Option<World>,
}

/// What a program left behind.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// All it wrote to stdout.
    pub stdout: Vec<u8>,
    /// All it wrote to stderr.
    pub stderr: Vec<u8>,
}

impl Cmd {
    /// A command with a time limit of a minute.
    pub fn new(program: Program) -> Self {
        Self {
            program,
            arguments: Vec::new(),
            limit: Duration::from_secs(60),
            interruptible: false,
            world: None,
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

    /// Sets how long the program may take.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Lets a signal to postclone end the program: only where it may be ended at any instant.
    #[must_use]
    pub fn interruptible(mut self) -> Self {
        self.interruptible = true;
        self
    }

    /// Runs the program in a world, where it must be installed.
    #[must_use]
    pub fn within(mut self, world: &World) -> Self {
        self.world = Some(world.clone());
        self
    }

    /// Runs the program to its end and hands back what it wrote, whatever its exit status.
    ///
    /// # Errors
    /// A world that cannot be made; a program that is not installed, cannot be started, or exceeds its
    /// time: it is then ended with everything that it started.
    pub fn output(&self) -> Result<Output> {
        let here = || self.output_here();
        self.world.as_ref().map_or_else(here, |world| world.inside(here))
    }

    fn output_here(&self) -> Result<Output> {
        let Some(path) = self.program.find() else {
            bail!("`{}` is not installed: {}", self.program.name(), self.program.advice());
        };
        failpoint::hit("run")?;
        log::debug!("running {self}");
        let mut child = Command::new(path)
            .args(&self.arguments)
            .env_clear()
            .env("PATH", DIRECTORIES.join(":"))
            .env("HOME", "/root")
            .env("LC_ALL", "C")
            // lvm2 warns of every descriptor that a test runner or a service leaves open.
            .env("LVM_SUPPRESS_FD_WARNINGS", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {self}"))?;
        let stdout = drain(child.stdout.take());
        let stderr = drain(child.stderr.take());
        let status = self.wait(&mut child).with_context(|| format!("waiting for {self}"))?;
        let output = Output {
            status,
            stdout: stdout.join().unwrap_or_default(),
            stderr: stderr.join().unwrap_or_default(),
        };
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
    fn wait(&self, child: &mut Child) -> Result<ExitStatus> {
        let start = Instant::now();
        let mut pause = Duration::from_millis(1);
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
                bail!("it had not ended after {} s and was killed", self.limit.as_secs());
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(100));
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

/// Exit status and signal in words of their own.
pub fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit status {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}

/// The last lines of what a program wrote to stderr, behind a colon.
pub fn quoted(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(QUOTED_LINES)..];
    if last.is_empty() { String::new() } else { format!(": {}", last.join(" | ")) }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read until an error is still worth quoting.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// Ends the program and all it started: politely, then not.
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
