//! Runs the real binary and says exactly what it did.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Ends the tests where programs are missing that they need, with one message that names them.
///
/// Else each test that uses one would fail by a panic of its own.
pub fn demand_programs() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let list = include_str!("../run").split("tests_need=\"").nth(1).unwrap().split('"').next();
        let missing: Vec<&str> = list
            .unwrap()
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(program, _)| !is_installed(program))
            .map(|(_, package)| package)
            .collect();
        if !missing.is_empty() {
            use std::io::Write as _;
            let packages = missing.join(" ");
            // Written past the test runner, which keeps what a test prints.
            let _ = writeln!(
                std::io::stderr(),
                "\nthe tests need packages that are not installed: {packages}\n\
                 as root: apt-get install {packages}; or `tests/run --quick`, which installs them"
            );
            std::process::exit(101);
        }
    });
}

/// Ends a test that chroots, mounts or uses devices, where it is not root's: first line of such a test.
macro_rules! needs_root {
    () => {
        if $crate::harness::is_skipped() {
            return;
        }
    };
}
pub(crate) use needs_root;

/// Whether the test that asks is not to be run, for it needs root. It is said past the test runner, which
/// keeps what a test prints and calls the test good.
pub fn is_skipped() -> bool {
    use std::io::Write as _;
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("a test").to_owned();
        let _ = writeln!(std::io::stderr(), "skipped: {name} (it needs root)");
    }
    !is_root
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    dirs.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    dirs.iter().any(|dir| dir.join(program).exists())
}

/// What a run left behind.
pub struct Run {
    pub status: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

/// Runs postclone with stdin closed.
pub fn postclone(dir: &Path, args: &[&str]) -> Run {
    postclone_with(dir, args, &[])
}

/// The same, with an environment.
pub fn postclone_with(dir: &Path, args: &[&str], environment: &[(&str, &str)]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_postclone"))
        .args(args)
        .current_dir(dir)
        .env_remove("NO_COLOR")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("postclone starts");
    run(output)
}

/// A process's output; 137 is what a shell says of one that was killed.
pub fn run(output: Output) -> Run {
    Run {
        status: output.status.code().unwrap_or(137),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Run {
    /// Demands an exit status; shows everything where it is another.
    #[track_caller]
    pub fn demand(self, status: i32) -> Self {
        assert_eq!(
            self.status,
            status,
            "stdout:\n{}\nstderr:\n{}",
            String::from_utf8_lossy(&self.stdout),
            self.stderr
        );
        self
    }
}

/// Runs a shell's command on a terminal of script(1)'s making, with these words typed; gives the
/// status and the screen.
pub fn on_terminal(
    dir: &Path,
    command: &str,
    words: &str,
    environment: &[(&str, &str)],
) -> (i32, String) {
    use std::io::Write as _;
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", command, "/dev/null"])
        .current_dir(dir)
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .env_remove("PAGER")
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script(1) of bsdutils is installed");
    child.stdin.take().unwrap().write_all(words.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Applies a patch as README promises that one can.
pub fn patch(tree: &Path, text: &[u8]) {
    use std::io::Write as _;
    let mut child = Command::new("patch")
        .args(["-p1", "--no-backup-if-mismatch", "--fuzz=0", "-s", "-d"])
        .arg(tree)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("patch is installed");
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "patch: {}", String::from_utf8_lossy(&output.stdout));
}

/// The project's root.
pub fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Whether expectations are to be rewritten.
pub fn bless() -> bool {
    std::env::var_os("BLESS").is_some_and(|value| value == "1")
}
