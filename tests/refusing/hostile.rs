//! A hostile tree, under the whole of postclone, with every call watched that could open a
//! file for writing, change a directory or start a program.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use crate::harness::{Run, needs_root, on_terminal, postclone, project, run};
use crate::tree;

const OLD: &str = "svlmon2-vg";
const NEW: &str = "svlinuxtest-vg";

/// Calls by which a file is written, a directory changed, or a program started.
const CALLS: &str = "open,openat,openat2,creat,execve,execveat,rename,renameat,renameat2,unlink,unlinkat,\
mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat,mknod,mknodat,truncate,chmod,fchmodat,chown,lchown,\
fchownat,utimensat,setxattr,lsetxattr,removexattr,lremovexattr,mount";

struct Hostile {
    dir: tempfile::TempDir,
    _socket: UnixListener,
}

impl Hostile {
    fn new() -> Self {
        assert!(nix::unistd::geteuid().is_root(), "this test needs root: it makes device nodes");
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        tree::copy(&project().join("fixtures/debian-12-guided/root"), dir.path());
        for sub in ["etc/cron.d", "etc/udev/rules.d", "etc/systemd/system", "home/u", "srv"] {
            fs::create_dir_all(at(sub)).unwrap();
        }
        let bytes = |name: &[u8]| OsStr::from_bytes(name).to_owned();
        let units = at("etc/systemd/system");
        let unit = "[Service]\nExecStart=/bin/x /dev/svlmon2-vg/root \x1b[2J\n";
        fs::write(units.join("esc\x1b]0;owned\x07\n.service"), unit).unwrap();
        fs::write(units.join(bytes(b"b\xffad.service")), unit).unwrap();
        fs::write(
            at("etc/udev/rules.d/nul.rules"),
            b"ENV{DM_VG_NAME}==\"svlmon2-vg\"\0, RUN+=\"/x\"\n\xff\xfe\n",
        )
        .unwrap();
        let jobs = at("etc/cron.d");
        symlink("a", jobs.join("b")).unwrap();
        symlink("b", jobs.join("a")).unwrap();
        symlink("/etc/passwd", jobs.join("absolute")).unwrap();
        symlink("../".repeat(30) + "etc/shadow", jobs.join("relative")).unwrap();
        nix::unistd::mkfifo(&jobs.join("fifo"), Mode::S_IRWXU).unwrap();
        mknod(&jobs.join("zero"), SFlag::S_IFCHR, Mode::S_IRWXU, makedev(1, 5)).unwrap();
        fs::create_dir(jobs.join("directory")).unwrap();
        let socket = UnixListener::bind(jobs.join("socket")).unwrap();
        one_line(&jobs.join("huge"), 300 << 20);
        one_line(&at("home/u/huge"), 1 << 30);
        fs::write(jobs.join("job"), "* * * * * root lvs /dev/svlmon2-vg/root\n").unwrap();
        fs::write(at("home/u/run-me"), "#!/bin/sh\ntouch /tmp/svlmon2-vg\n").unwrap();
        fs::set_permissions(
            at("home/u/run-me"),
            std::os::unix::fs::PermissionsExt::from_mode(0o4755),
        )
        .unwrap();
        fs::hard_link(at("home/u/run-me"), at("srv/run-me")).unwrap();
        symlink(".", at("srv/here")).unwrap();
        symlink("/", at("srv/out")).unwrap();
        Self { dir, _socket: socket }
    }

    fn root(&self) -> &Path {
        self.dir.path()
    }

    /// Runs postclone on it; gives the calls by which it changed something, as `CALL PATH`, with paths
    /// below the tree.
    fn watched(&self, args: &[&str]) -> (Run, BTreeSet<String>) {
        let log = self.root().with_extension("calls");
        let child = Command::new("strace")
            .args(["--follow-forks", "--string-limit=4096", "--quiet=all", "--signal=none"])
            .args(["--trace", CALLS, "--decode-fds=path", "--output"])
            .arg(&log)
            .arg(env!("CARGO_BIN_EXE_postclone"))
            .args(args)
            .args(["--root"])
            .arg(self.root())
            .stdin(Stdio::null())
            .output()
            .expect("strace(1) is installed");
        let calls = fs::read(&log).unwrap();
        fs::remove_file(log).unwrap();
        let calls = String::from_utf8_lossy(&calls).into_owned();
        assert!(calls.contains("execve("), "strace saw nothing: {calls}");
        let base = format!("{}/", self.root().display());
        let changes = calls.lines().filter(|line| changes(line));
        (run(child), changes.map(|line| line.replace(&base, "")).collect())
    }
}

/// So many bytes in one line, nearly all of it a hole, with the name in its middle and at its end.
fn one_line(path: &Path, bytes: u64) {
    let file = File::create(path).unwrap();
    file.set_len(bytes).unwrap();
    for at in [1 << 20, bytes - 30] {
        file.write_at(b" /dev/svlmon2-vg/root ", at).unwrap();
    }
}

/// Whether a line of strace's tells of more than reading.
fn changes(line: &str) -> bool {
    // Two threads at a time: the rest of a call, whose beginning was told of before.
    if line.contains("<... ") {
        return false;
    }
    let Some((call, _)) = line.split_once('(') else { return false };
    let call = call.rsplit(' ').next().unwrap_or_default();
    !call.starts_with("open")
        || ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].iter().any(|flag| line.contains(flag))
}

/// What is not the program's own start, its state, or the null device.
fn elsewhere<'a>(calls: &'a BTreeSet<String>, allowed: &[&str]) -> Vec<&'a String> {
    let own = env!("CARGO_BIN_EXE_postclone");
    // The system's own checkers are looked for in its directories of programs alone.
    let programs = ["/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"];
    let fine = |call: &&String| {
        call.contains(&format!("execve(\"{own}\""))
            || programs.iter().any(|dir| call.contains(&format!("execve(\"{dir}")))
            || call.contains("\"/dev/null\"")
            || allowed.iter().any(|path| call.contains(path))
    };
    calls.iter().filter(|call| !fine(call)).collect()
}

#[test]
fn looking_writes_and_starts_nothing() {
    needs_root!();
    let hostile = Hostile::new();
    let before = tree::read(hostile.root());
    for args in [
        &["audit", OLD][..],
        &["audit", OLD, "--format", "json"],
        &["rename", OLD, NEW, "--files-only", "--dry-run"],
        &["rename", OLD, NEW, "--files-only", "--dry-run", "--format", "json"],
        &["status"],
    ] {
        let (run, calls) = hostile.watched(args);
        assert!([0, 1].contains(&run.status), "{args:?}: {}", run.stderr);
        assert_eq!(elsewhere(&calls, &[]), Vec::<&String>::new(), "{args:?}");
        // A patch is one to the byte.
        let is_patch = args[0] == "rename" && !args.contains(&"json");
        let printed = String::from_utf8_lossy(&run.stdout) + run.stderr.as_str();
        assert_eq!(printed.contains(['\x1b', '\x07']), is_patch, "{args:?}");
    }
    let command = format!(
        "{} rename {OLD} {NEW} --files-only --dry-run --root {}",
        env!("CARGO_BIN_EXE_postclone"),
        hostile.root().display()
    );
    let environment = [("PAGER", "cat"), ("NO_COLOR", "1")];
    let (_, screen) = on_terminal(hostile.root(), &command, "", &environment);
    assert!(
        screen.contains("/dev/svlinuxtest-vg/root") && !screen.contains(['\x1b', '\x07']),
        "{screen}"
    );
    let after = tree::read(hostile.root());
    assert!(before == after, "something was changed");
}

#[test]
fn a_rename_writes_what_its_plan_has_and_nothing_else() {
    needs_root!();
    let hostile = Hostile::new();
    let dry = &["rename", OLD, NEW, "--files-only", "--dry-run", "--format", "json"];
    let (planned, _) = hostile.watched(dry);
    let plan: serde_json::Value = serde_json::from_slice(&planned.demand(0).stdout).unwrap();
    let files = plan["files"].as_array().unwrap().iter();
    let files: Vec<String> = files
        .map(|file| file["path"].as_str().unwrap().trim_start_matches('/').to_owned())
        .collect();
    assert!(files.len() >= 6, "{files:?}");
    assert!(files.iter().any(|path| path == "etc/cron.d/job"), "{files:?}");
    let before = tree::read(hostile.root());
    let (renamed, calls) = hostile.watched(&["rename", OLD, NEW, "--files-only", "--yes"]);
    let renamed = renamed.demand(0);
    for words in ["fifo", "huge", "zero", "socket", "relative"] {
        assert!(
            String::from_utf8_lossy(&renamed.stdout).contains(&format!("/etc/cron.d/{words}")),
            "no word of {words}"
        );
    }
    // A path that strace writes in octal is one with an escape in it: the unit's.
    let names = files.iter().map(|path| path.split('\x1b').next().unwrap());
    let mut allowed: Vec<&str> = names.collect();
    let dirs: Vec<String> = files
        .iter()
        .map(|path| format!("\"{}\", O_RDWR|O_CLOEXEC|O_TMPFILE", path.rsplit_once('/').unwrap().0))
        .collect();
    allowed.extend(dirs.iter().map(String::as_str));
    allowed.extend(["var/lib/postclone", ".postclone", "run/postclone"]);
    allowed.extend(["mkdir(\"var\"", "mkdir(\"var/lib\""]);
    assert_eq!(elsewhere(&calls, &allowed), Vec::<&String>::new());
    // Of what was there, the plan's files alone have other bytes.
    let after = tree::read(hostile.root());
    for (path, entry) in &before {
        let text = path.to_string_lossy();
        let is_planned = files.iter().any(|file| *file == text);
        let same = after.get(path).is_some_and(|now| now.content == entry.content);
        assert_eq!(same, !is_planned || entry.content == tree::Content::Directory, "{text}");
    }
    let (undone, _) = hostile.watched(&["undo", "--yes"]);
    undone.demand(0);
    let restored = tree::read(hostile.root());
    for (path, entry) in &before {
        assert!(restored.get(path).is_some_and(|now| now.content == entry.content), "{path:?}");
    }
}

/// Each thing that may stand where a boot depends on a file, and the words with which it is refused.
#[test]
fn what_is_no_file_where_a_boot_needs_one_is_refused() {
    type Put = fn(&Path);
    needs_root!();
    let cases: &[(&str, Put, &str)] = &[
        (
            "etc/crypttab",
            |path| nix::unistd::mkfifo(path, Mode::S_IRWXU).unwrap(),
            "is a FIFO, not",
        ),
        (
            "etc/kernel/cmdline",
            |path| symlink("cmdline", path).unwrap(),
            "more than 40 symbolic links",
        ),
        (
            "etc/default/grub.d/x.cfg",
            |path| mknod(path, SFlag::S_IFCHR, Mode::S_IRWXU, makedev(1, 5)).unwrap(),
            "is a character device, not",
        ),
        (
            "etc/default/grub.d/s.cfg",
            |path| drop(UnixListener::bind(path).unwrap()),
            "is a socket, not",
        ),
        (
            "etc/lvm/lvm.conf",
            |path| one_line(path, 300 << 20),
            "has 300 MiB; postclone edits files of at most 256 MiB",
        ),
        (
            "home/u/fstab",
            |path| fs::hard_link(path.ancestors().nth(3).unwrap().join("etc/fstab"), path).unwrap(),
            "has 2 hard links",
        ),
    ];
    for (path, put, words) in cases {
        let hostile = Hostile::new();
        let at = hostile.root().join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&at);
        put(&at);
        let before = tree::read(hostile.root());
        let (run, calls) = hostile.watched(&["rename", OLD, NEW, "--files-only", "--yes"]);
        let run = run.demand(1);
        assert!(run.stderr.contains(words), "{path}: {}", run.stderr);
        assert_eq!(run.stderr.lines().filter(|line| line.contains("error:")).count(), 1, "{path}");
        // The check whether a file can be replaced opens it for writing.
        let asked: Vec<&String> = elsewhere(&calls, &[])
            .into_iter()
            .filter(|call| !call.contains("O_WRONLY|O_NONBLOCK"))
            .collect();
        assert_eq!(asked, Vec::<&String>::new(), "{path}");
        assert!(before == tree::read(hostile.root()), "{path}: something was changed");
    }
}

#[test]
fn files_that_change_under_the_audit_do_it_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home/u");
    fs::create_dir_all(&home).unwrap();
    fs::create_dir_all(dir.path().join("etc")).unwrap();
    let (ended, text) = (AtomicBool::new(false), b"/dev/svlmon2-vg/root\n".repeat(20_000));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut turn = 0_usize;
            while !ended.load(Ordering::Relaxed) {
                turn += 1;
                let path = home.join(format!("file{}", turn % 4));
                match turn % 5 {
                    0 => drop(fs::remove_file(&path)),
                    1 => drop(nix::unistd::mkfifo(&path, Mode::S_IRWXU)),
                    2 => drop(fs::remove_file(&path).and_then(|()| symlink("/etc/passwd", &path))),
                    // A write into a FIFO would wait for a reader.
                    _ => {
                        let _ = fs::remove_file(&path);
                        let _ = fs::write(&path, &text);
                        let file = File::options().write(true).open(&path).unwrap();
                        file.set_len((turn % 7) as u64 * 1000).unwrap();
                    }
                }
            }
        });
        for _ in 0..60 {
            let run = postclone(dir.path(), &["audit", OLD, "-q", "--root", "."]);
            assert!([0, 1].contains(&run.status), "{}", run.stderr);
            assert!(!String::from_utf8_lossy(&run.stdout).contains("passwd"));
        }
        ended.store(true, Ordering::Relaxed);
    });
}
