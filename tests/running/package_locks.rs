//! Package managers are kept out of a run, and a run out of theirs.

use crate::harness::needs_root;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::stage::Stage;

const RENAME: &[&str] = &["rename", "a-b", "c-d", "--yes"];

/// A process that holds a lock, ended when this is dropped.
struct Holder(Child);

impl Holder {
    /// Locks a file as Python's `fcntl` module does by this function, and waits until it is held.
    fn of(path: &Path, function: &str) -> Self {
        let script = format!(
            "import fcntl, sys, time\n\
             file = open(sys.argv[1], 'r+')\n\
             fcntl.{function}(file, fcntl.LOCK_EX)\n\
             print('held', flush=True)\n\
             time.sleep(60)\n"
        );
        let mut child = Command::new("python3")
            .args(["-c", &script])
            .arg(path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = [0; 4];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut told).unwrap();
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn put(stage: &Stage, path: &str, text: &str) {
    fs::create_dir_all(stage.path(path).parent().unwrap()).unwrap();
    stage.write(path, text);
}

#[test]
fn whoever_holds_a_package_managers_lock_is_waited_out_and_named() {
    needs_root!();
    let stage = Stage::new();
    for (lock, function, who) in [
        ("var/lib/dpkg/lock-frontend", "lockf", "dpkg or apt"),
        ("var/lib/dpkg/lock", "lockf", "dpkg or apt"),
        ("var/lib/rpm/.rpm.lock", "lockf", "rpm, dnf or zypper"),
        ("usr/lib/sysimage/rpm/.rpm.lock", "lockf", "rpm, dnf or zypper"),
        ("lib/apk/db/lock", "flock", "apk"),
        ("run/apk/db.lock", "flock", "apk"),
    ] {
        put(&stage, lock, "");
        let holder = Holder::of(&stage.path(lock), function);
        let run = stage.run(RENAME).demand(1);
        // Of flock(2) only /proc/locks tells, which the stage has not.
        let process = match function {
            "flock" => "a process".to_owned(),
            _ => format!("process {}", holder.0.id()),
        };
        let words = format!("{process} holds `/{lock}`: wait until {who} has ended");
        assert!(run.stderr.contains(&words), "{lock}: {}", run.stderr);
        assert_eq!(stage.asked(), [""; 0], "{lock}");
    }
    // All of them are at rest now.
    stage.run(RENAME).demand(0);
}

#[test]
fn a_lock_that_is_a_process_is_waited_out_while_that_lives() {
    needs_root!();
    for lock in ["run/zypp.pid", "run/yum.pid", "var/lib/dnf/rpmdb_lock.pid"] {
        let stage = Stage::new();
        put(&stage, lock, &format!("{}\n", std::process::id()));
        let run = stage.run(RENAME).demand(1);
        let words = format!("process {} holds `/{lock}`: wait", std::process::id());
        assert!(run.stderr.contains(&words), "{lock}: {}", run.stderr);
        let mut dead = Command::new("true").spawn().unwrap();
        dead.wait().unwrap();
        put(&stage, lock, &format!("{}\n", dead.id()));
        stage.run(RENAME).demand(0);
    }
}

#[test]
fn pacmans_lock_is_told_from_one_that_was_left_behind() {
    needs_root!();
    let stage = Stage::new();
    put(&stage, "var/lib/pacman/db.lck", "");
    let run = stage.run(RENAME).demand(1);
    let words = "`/var/lib/pacman/db.lck` exists, so pacman is running: wait until it has ended; if `pgrep -l \
                 pacman` and `fuser -v /var/lib/pacman/db.lck` show nothing, it was interrupted: remove the lock \
                 with `rm /var/lib/pacman/db.lck`";
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert!(stage.path("var/lib/pacman/db.lck").exists());
    // One that a postclone left that was killed is its own again.
    stage.write("var/lib/pacman/db.lck", "postclone 1\n");
    stage.run(RENAME).demand(0);
    assert!(!stage.path("var/lib/pacman/db.lck").exists());
}

#[test]
fn a_lock_that_is_no_file_is_not_followed() {
    needs_root!();
    let stage = Stage::new();
    let victim = stage.path("etc/victim");
    fs::remove_file(stage.path("var/lib/dpkg/lock")).unwrap();
    std::os::unix::fs::symlink("/etc/victim", stage.path("var/lib/dpkg/lock")).unwrap();
    let run = stage.run(RENAME).demand(1);
    let said = "`/var/lib/dpkg/lock` is a symbolic link, but should be a file: move it away";
    assert!(run.stderr.contains(said), "{}", run.stderr);
    assert!(!victim.exists());
}

/// The image tool of the stage tries every lock while a run is at work, as a package manager would.
#[test]
fn locks_are_held_from_the_first_step_to_the_last() {
    needs_root!();
    let stage = Stage::new();
    for dir in ["var/lib/rpm", "var/lib/pacman", "lib/apk/db"] {
        fs::create_dir_all(stage.path(dir)).unwrap();
    }
    // dpkg itself touches its locks when it looks at them.
    for lock in ["lock-frontend", "lock"] {
        fs::remove_file(stage.path(&format!("var/lib/dpkg/{lock}"))).unwrap();
    }
    let before = stage.system();
    stage.set("initramfs", "hang");
    let child = Command::new("chroot")
        .arg(stage.path(""))
        .args(["/usr/sbin/postclone"])
        .args(RENAME)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !stage.asked().iter().any(|line| line.starts_with("update-initramfs")) {
        assert!(started.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(20));
    }
    // A process of its own for each, that this one does not close a file of these.
    let try_lock = "import fcntl, sys\n\
                    file = open(sys.argv[2], 'r+')\n\
                    getattr(fcntl, sys.argv[1])(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n";
    for (lock, function) in [
        ("var/lib/dpkg/lock-frontend", "lockf"),
        ("var/lib/dpkg/lock", "lockf"),
        ("var/lib/rpm/.rpm.lock", "lockf"),
        ("lib/apk/db/lock", "flock"),
    ] {
        let tried = Command::new("python3")
            .args(["-c", try_lock, function])
            .arg(stage.path(lock))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&tried.stderr).into_owned();
        assert!(said.contains("BlockingIOError"), "{lock}: {said}");
    }
    assert_eq!(
        stage.read("var/lib/pacman/db.lck"),
        format!("postclone {}\n", child.id()),
        "chroot(1) becomes postclone"
    );
    dpkg_is_refused(&stage, child.id());
    let mut child = child;
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap()),
        nix::sys::signal::Signal::SIGTERM,
    )
    .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    // Nothing of it stays.
    assert!(before == stage.system());
}

/// The real dpkg and apt on the stage's database: what changes it is refused, what an image tool asks is
/// answered.
fn dpkg_is_refused(stage: &Stage, holder: u32) {
    for dir in ["updates", "info", "triggers", "parts"] {
        let _ = fs::create_dir_all(stage.path("var/lib/dpkg").join(dir));
    }
    let status = "Package: linux-image\nStatus: install ok installed\nMaintainer: m\nVersion: 1\n\
                  Architecture: all\nDescription: d\n";
    File::create(stage.path("var/lib/dpkg/status")).unwrap().write_all(status.as_bytes()).unwrap();
    stage.write("var/lib/dpkg/available", "");
    let admin = format!("--admindir={}", stage.path("var/lib/dpkg").display());
    let ask = |program: &str, args: &[&str]| {
        let output = Command::new(program).arg(&admin).args(args).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (done, said) = ask("dpkg", &["--configure", "-a"]);
    let words = format!("was locked by another process with pid {holder}");
    assert!(!done && said.contains(&words), "{said}");
    for (program, args) in [
        ("dpkg", &["--print-architecture"] as &[&str]),
        ("dpkg-query", &["-W"]),
        ("dpkg-divert", &["--list"]),
        ("dpkg-trigger", &["--by-package=linux-image", "--no-await", "update-initramfs"]),
    ] {
        let (done, said) = ask(program, args);
        assert!(done, "{program}: {said}");
    }
    let output = Command::new("apt-get")
        .args(["--yes", "--allow-unauthenticated", "--option"])
        .arg(format!("Dir::State::status={}", stage.path("var/lib/dpkg/status").display()))
        .args(["remove", "linux-image"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let words = format!("It is held by process {holder} (postclone)");
    assert!(!output.status.success() && said.contains(&words), "{said}");
    for name in ["status", "available", "updates", "info", "triggers", "parts"] {
        let path = stage.path("var/lib/dpkg").join(name);
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
}

#[test]
fn undo_and_resume_keep_package_managers_out_as_well() {
    needs_root!();
    let stage = Stage::new();
    stage.run(RENAME).demand(0);
    put(&stage, "var/lib/rpm/.rpm.lock", "");
    {
        let _holder = Holder::of(&stage.path("var/lib/rpm/.rpm.lock"), "lockf");
        let run = stage.run(&["undo", "--yes"]).demand(1);
        assert!(run.stderr.contains("holds `/var/lib/rpm/.rpm.lock`"), "{}", run.stderr);
    }
    stage.run(&["undo", "--yes"]).demand(0);
    // A run that is cut while it builds an image.
    let stage = Stage::new();
    let tool = "#!/bin/sh\necho \"update-initramfs $*\" >> /stub/log\nsleep 5\n";
    stage.program("usr/sbin/update-initramfs", tool);
    put(&stage, "var/lib/rpm/.rpm.lock", "");
    stage.run_signalled(RENAME, nix::sys::signal::Signal::SIGKILL).demand(137);
    {
        let _holder = Holder::of(&stage.path("var/lib/rpm/.rpm.lock"), "lockf");
        // The image tool that outlived it holds postclone's own lock for a while.
        let run = loop {
            let run = stage.run(&["rename", "--resume"]).demand(1);
            if !run.stderr.contains("/var/lib/postclone/lock") {
                break run;
            }
        };
        assert!(run.stderr.contains("holds `/var/lib/rpm/.rpm.lock`"), "{}", run.stderr);
    }
}
