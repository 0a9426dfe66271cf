//! Journals that somebody else has written, damaged, copied, or put where they cannot be written.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::stat::Mode;
use postclone::guest::root::Root;
use postclone::transaction::journal::Journal;
use postclone::transaction::record::{Direction, State};
use serde_json::{Value, json};

use crate::harness::{Run, needs_root, postclone, project, run};
use crate::tree;

const OLD: &str = "svlmon2-vg";
const NEW: &str = "svlinuxtest-vg";

/// A root tree after a rename, and beside it what is no business of its.
pub struct Disk {
    dir: tempfile::TempDir,
}

impl Disk {
    fn new() -> Self {
        let disk = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir_all(disk.outside().join("images")).unwrap();
        for path in ["passwd", "fstab", "images/initrd"] {
            fs::write(disk.outside().join(path), "host\n").unwrap();
        }
        tree::copy(&project().join("fixtures/debian-12-guided/root"), &disk.root());
        disk.rename().demand(0);
        disk
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    fn outside(&self) -> PathBuf {
        self.dir.path().join("outside")
    }

    fn state(&self) -> PathBuf {
        self.root().join("var/lib/postclone")
    }

    fn run_dir(&self) -> PathBuf {
        self.state().join("000001")
    }

    fn command(&self, args: &[&str]) -> Run {
        let root = self.root();
        postclone(self.dir.path(), &[args, &["--root", root.to_str().unwrap()]].concat())
    }

    fn rename(&self) -> Run {
        self.command(&["rename", "--files-only", "--yes", OLD, NEW])
    }

    fn undo(&self) -> Run {
        self.command(&["undo", "--yes", "--force"])
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.run_dir().join("journal")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn write(&self, lines: &[String]) {
        fs::write(self.run_dir().join("journal"), lines.join("\n") + "\n").unwrap();
    }

    /// Rewrites the plan, as somebody may who knows how checksums are made.
    fn edit(&self, edit: impl FnOnce(&mut Value)) {
        let mut lines = self.lines();
        let mut plan = serde_json::from_str(&lines[0]).unwrap();
        edit(&mut plan);
        lines[0] = signed(plan);
        self.write(&lines);
    }

    /// Adds a file to the plan, with its copies.
    fn add_file(&self, path: &str) {
        self.edit(|plan| plan["files"].as_array_mut().unwrap().push(json!(path)));
        for side in ["before", "after"] {
            let copy = self.run_dir().join(side).join(path.trim_start_matches('/'));
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::write(copy, "planted\n").unwrap();
        }
    }

    fn add_step(&self, step: Value) {
        self.edit(|plan| plan["steps"].as_array_mut().unwrap().insert(0, step));
    }

    /// The run, as if it had been cut before its last record.
    fn cut(&self) {
        let lines = self.lines();
        self.write(&lines[..lines.len() - 1]);
    }

    fn latest(&self) -> anyhow::Result<Option<Journal>> {
        Journal::latest(&Root::open(&self.root()).unwrap())
    }
}

/// A record's line.
fn signed(mut record: Value) -> String {
    record.as_object_mut().unwrap().remove("crc");
    let text = record.to_string();
    let text = text.strip_suffix('}').unwrap();
    format!("{text},\"crc\":\"{:08x}\"}}", crc32fast::hash(text.as_bytes()))
}

/// A change of the second kind.
fn volume(group_uuid: Option<&str>) -> Value {
    json!({
        "kind": "volume", "group": "a", "group_uuid": group_uuid, "old": "b", "new": "c", "uuid": "v",
        "volumes": null,
    })
}

#[track_caller]
fn error(result: anyhow::Result<Option<Journal>>) -> String {
    format!("{:#}", result.expect_err("it is refused"))
}

type Planting = (&'static str, fn(&Disk), &'static str);

/// Each ends a run of undo before its first change, with `--force` as well.
const PLANTED: &[Planting] = &[
    (
        "a directory that is a link out of the root",
        |disk| {
            symlink("../outside", disk.root().join("x")).unwrap();
            disk.add_file("/x/passwd");
        },
        "/x` is a symbolic link where the journal has a directory: put the directory back",
    ),
    (
        "a directory that is a link to nothing",
        |disk| {
            symlink(disk.dir.path().join("new"), disk.root().join("x")).unwrap();
            disk.add_file("/x/y/passwd");
        },
        "/x` is a symbolic link where the journal has a directory: put the directory back",
    ),
    (
        "a path that climbs",
        |disk| disk.add_file("/etc/../../outside/passwd"),
        "is not an absolute path without `.` and `..`",
    ),
    (
        "a path with a dot",
        |disk| disk.add_file("/./etc/new"),
        "is not an absolute path without `.` and `..`",
    ),
    (
        "a file that is a link now",
        |disk| {
            fs::remove_file(disk.root().join("etc/fstab")).unwrap();
            symlink("../../outside/fstab", disk.root().join("etc/fstab")).unwrap();
        },
        "/etc/fstab` is a symbolic link where the journal has a file: put the file back",
    ),
    (
        "a file that is a FIFO now",
        |disk| {
            fs::remove_file(disk.root().join("etc/fstab")).unwrap();
            nix::unistd::mkfifo(&disk.root().join("etc/fstab"), Mode::S_IRWXU).unwrap();
        },
        "/etc/fstab` is not a regular file: move it away",
    ),
    (
        "copies that are a link",
        |disk| {
            fs::remove_dir_all(disk.run_dir().join("before")).unwrap();
            symlink(disk.outside(), disk.run_dir().join("before")).unwrap();
        },
        "/before` is a symbolic link where the journal has a directory: put the directory back",
    ),
    (
        "a copy that is a link",
        |disk| {
            let copy = disk.run_dir().join("before/etc/fstab");
            fs::remove_file(&copy).unwrap();
            symlink(disk.outside().join("fstab"), copy).unwrap();
        },
        "` is not a regular file, and postclone creates only regular files in a journal: find out who created \
         it, and move it away",
    ),
    (
        "a copy that is a FIFO",
        |disk| {
            let fifo = disk.run_dir().join("after/fifo");
            nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).unwrap();
        },
        "` is not a regular file, and postclone creates only regular files in a journal: find out who created \
         it, and move it away",
    ),
    (
        "a place for changed files that is a link",
        |disk| {
            symlink(disk.outside(), disk.run_dir().join("changed")).unwrap();
            fs::write(disk.root().join("etc/fstab"), "mine\n").unwrap();
        },
        "/changed` is a symbolic link where the journal has a directory: put the directory back",
    ),
    (
        "an image behind a link out of the root",
        |disk| {
            symlink("../../outside", disk.root().join("boot/x")).unwrap();
            let path = "/boot/x/images/initrd";
            disk.add_step(json!({"step": "rebuild-image", "generator": "dracut", "kernel": "6", "path": path}));
        },
        "looking for `/boot/x/images/initrd`",
    ),
    (
        "an image in a directory that is not there",
        |disk| {
            let path = "/boot/none/initrd";
            disk.add_step(json!({"step": "rebuild-image", "generator": "dracut", "kernel": "6", "path": path}));
        },
        "looking for `/boot/none/initrd`: its directory does not exist inside the root: mount it, or put it back",
    ),
    (
        "an image that is a link to nothing",
        |disk| {
            symlink(disk.dir.path().join("new"), disk.root().join("boot/x")).unwrap();
            disk.add_step(json!({"step": "rebuild-image", "generator": "dracut", "kernel": "6", "path": "/boot/x"}));
        },
        "/boot/x` is a symbolic link where the journal has a file: put the file back",
    ),
    (
        "a kept image that is a link",
        |disk| {
            fs::create_dir(disk.run_dir().join("images")).unwrap();
            symlink(disk.outside().join("passwd"), disk.run_dir().join("images/initrd")).unwrap();
        },
        "` is not a regular file, and postclone creates only regular files in a journal: find out who created \
         it, and move it away",
    ),
    (
        "a rename into another directory",
        |disk| {
            let change =
                json!({"from": "/etc/fstab", "to": "/boot/fstab", "kind": "file", "link": null});
            disk.edit(|plan| plan["paths"] = json!([change]));
        },
        "would be moved to `/boot/fstab`, which is in another directory",
    ),
    (
        "a rename behind a link",
        |disk| {
            symlink("../outside", disk.root().join("x")).unwrap();
            let change =
                json!({"from": "/x/passwd", "to": "/x/shadow", "kind": "file", "link": null});
            disk.edit(|plan| plan["paths"] = json!([change]));
        },
        "/x` is a symbolic link where the journal has a directory: put the directory back",
    ),
    (
        "a rename that is there twice",
        |disk| {
            let change = json!({"from": "/etc/a", "to": "/etc/b", "kind": "file", "link": null});
            disk.edit(|plan| plan["paths"] = json!([change, change]));
        },
        "`/etc/a` or `/etc/b` is there twice",
    ),
    (
        "a kernel's version that is a path",
        |disk| {
            disk.add_step(json!({"step": "rebuild-image", "generator": "dracut", "kernel": "../x", "path": "/boot/x"}));
        },
        "`../x` is neither a kernel version nor an entry token",
    ),
    (
        "a UUID that is an option",
        |disk| disk.edit(|plan| plan["changes"][0]["uuid"] = json!("--all")),
        "`--all` is not a UUID of LVM",
    ),
    (
        "a step about another group",
        |disk| disk.add_step(json!({"step": "rename-group", "uuid": "x", "old": OLD, "new": NEW})),
        "step 1: it renames a different group than the plan",
    ),
    (
        "a step that no kind of change knows",
        |disk| disk.add_step(json!({"step": "format-the-disk"})),
        "step 1: reading the step `format-the-disk`",
    ),
    (
        "a step of a change that is not there",
        |disk| disk.add_step(json!({"step": "await-reboot", "change": 7})),
        "step 1: the step `await-reboot` belongs to a change that is not in the plan",
    ),
    (
        "a secret of no file",
        |disk| {
            disk.edit(|plan| plan["secrets"] = json!({"files": ["/etc/shadow"], "boot": "x"}));
        },
        "`/etc/shadow` is a secret that belongs to no file of the run",
    ),
    (
        "a change of an unknown kind",
        |disk| disk.edit(|plan| plan["changes"][0]["kind"] = json!("weather")),
        "it concerns a change of the kind `weather`",
    ),
    (
        "a group without a name",
        |disk| disk.edit(|plan| plan["changes"][0]["old"] = json!("")),
        "reading the rename of a group",
    ),
    (
        "a volume of a group without a UUID",
        |disk| disk.edit(|plan| plan["changes"].as_array_mut().unwrap().push(volume(None))),
        "it renames a volume of a group without a UUID",
    ),
    (
        "a step about another volume",
        |disk| {
            disk.edit(|plan| {
                plan["changes"].as_array_mut().unwrap().push(volume(Some("g")));
                let step = json!({
                    "step": "rename-volume", "change": 1, "group": "a", "group_uuid": "g",
                    "uuid": "other", "old": "b", "new": "c",
                });
                plan["steps"].as_array_mut().unwrap().insert(0, step);
            });
        },
        "step 1: it renames a different volume than the plan",
    ),
    (
        "a step about files that are not listed",
        |disk| disk.add_step(json!({"step": "replace-files", "files": 1000})),
        "it concerns 1000 files, but the plan lists",
    ),
    (
        "a record of a step that is not there",
        |disk| {
            let record = json!({"record": "done", "direction": "forward", "step": 99});
            disk.write(&[disk.lines(), vec![signed(record)]].concat());
        },
        "a record concerns step 100, of ",
    ),
    (
        "a second plan",
        |disk| disk.write(&[disk.lines(), vec![disk.lines()[0].clone()]].concat()),
        "it has a second plan",
    ),
    (
        "a run that is a link",
        |disk| {
            fs::rename(disk.run_dir(), disk.outside().join("run")).unwrap();
            symlink(disk.outside().join("run"), disk.run_dir()).unwrap();
        },
        "` is not a directory of a run: move it away",
    ),
    (
        "a journal that is a link",
        |disk| {
            fs::rename(disk.run_dir().join("journal"), disk.outside().join("journal")).unwrap();
            symlink(disk.outside().join("journal"), disk.run_dir().join("journal")).unwrap();
        },
        "/journal` is a symbolic link where the journal has a file: put the file back",
    ),
    (
        "a journal without end",
        |disk| {
            let file = File::options().write(true).open(disk.run_dir().join("journal")).unwrap();
            file.set_len(300 << 20).unwrap();
        },
        "is not a journal: it has more than 256 MiB",
    ),
    (
        "a lock that is a link",
        |disk| {
            fs::remove_file(disk.state().join("lock")).unwrap();
            symlink(disk.dir.path().join("new"), disk.state().join("lock")).unwrap();
        },
        "/lock` is a symbolic link where the journal has a file: put the file back",
    ),
];

#[test]
fn undo_never_leaves_its_root() {
    for (what, plant, words) in PLANTED {
        let disk = Disk::new();
        plant(&disk);
        let all = || (tree::read(&disk.root()), tree::read(&disk.outside()));
        let before = all();
        let undo = disk.undo().demand(1);
        assert!(undo.stderr.contains(words), "{what}: {}", undo.stderr);
        assert_eq!(undo.stderr.lines().count(), 1, "{what}: {}", undo.stderr);
        assert!(before == all(), "{what}: something was changed");
        assert!(!disk.dir.path().join("new").exists(), "{what}");
    }
}

#[test]
fn a_rename_makes_its_state_inside_the_root() {
    let disk = Disk::new();
    disk.undo().demand(0);
    let var = disk.root().join("var");
    fs::remove_dir_all(&var).unwrap();
    symlink(disk.dir.path().join("new"), &var).unwrap();
    let run = disk.rename().demand(1);
    assert!(
        run.stderr.contains("/var` is a symbolic link to nothing: remove it, or create its target"),
        "{}",
        run.stderr
    );
    assert!(!disk.dir.path().join("new").exists());
    // Inside the root it may lead where it likes.
    fs::remove_file(&var).unwrap();
    fs::create_dir(disk.root().join("data")).unwrap();
    symlink("/data", &var).unwrap();
    disk.rename().demand(0);
    assert!(disk.root().join("data/lib/postclone/000001/journal").is_file());
    disk.undo().demand(0);
}

#[test]
fn what_somebody_else_may_have_written_is_refused() {
    type Give = fn(&Path);
    needs_root!();
    let gives: [(Give, &str); 2] = [
        (|path| chown(path, Some(65534), None).unwrap(), "belongs to user 65534, so anybody"),
        (
            |path| fs::set_permissions(path, fs::Permissions::from_mode(0o1777)).unwrap(),
            "has mode 1777, so others may write to it",
        ),
    ];
    for (give, words) in gives {
        for path in ["", "000001", "000001/journal"] {
            let disk = Disk::new();
            let before = tree::read(&disk.root());
            let at = disk.state().join(path);
            let at = at.components().collect::<PathBuf>();
            give(&at);
            for run in [disk.undo(), disk.rename()] {
                let stderr = run.demand(1).stderr;
                assert!(stderr.contains(words), "{path}: {stderr}");
                let command = format!(
                    ", so anybody may have made the journal: check it, and if it is postclone's own, run `chown root: \
                     {0}; chmod ",
                    at.display()
                );
                assert!(stderr.contains(&command), "{path}: {stderr}");
            }
            assert!(before == tree::read(&disk.root()));
            let status = disk.command(&["status"]);
            assert!(status.stderr.contains(words), "{}", status.stderr);
        }
    }
}

#[test]
fn a_damaged_line_is_told_from_a_torn_one() {
    let disk = Disk::new();
    let path = disk.run_dir().join("journal");
    let whole = fs::read(&path).unwrap();
    let ends: Vec<usize> =
        (0..whole.len()).filter(|at| whole[*at] == b'\n').map(|at| at + 1).collect();
    assert!(ends.len() > 4);
    let mut start = 0;
    for (number, end) in ends.iter().enumerate() {
        for at in (start..*end).step_by(if number == 0 { 97 } else { 7 }) {
            let mut text = whole.clone();
            text[at] ^= 0x04;
            fs::write(&path, &text).unwrap();
            if number + 1 == ends.len() {
                let journal = disk.latest().unwrap().unwrap();
                assert_eq!(journal.state(), State::Open(Direction::Forward), "byte {at}");
                continue;
            }
            let told = error(disk.latest());
            // A plan whose format says something else may be any version's.
            let is_format = told.contains("this postclone reads up to");
            let words = format!("line {} of `{}` is damaged", number + 1, path.display());
            assert!(told.contains(&words) || number == 0 && is_format, "byte {at}: {told}");
        }
        start = *end;
    }
}

/// A read-only root, in emergency mode: it is then that one asks.
#[test]
fn an_open_run_is_shown_where_nothing_can_be_written() {
    needs_root!();
    let disk = Disk::new();
    disk.cut();
    let mut torn = File::options().append(true).open(disk.run_dir().join("journal")).unwrap();
    torn.write_all(b"{\"record\":\"don").unwrap();
    let script = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" &&
        ! touch \"$1/etc/new\" 2>/dev/null && exec \"$2\" status --root \"$1\"";
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"])
        .arg(disk.root())
        .arg(env!("CARGO_BIN_EXE_postclone"))
        .output()
        .unwrap();
    let told = run(output).demand(0);
    let out = String::from_utf8(told.stdout).unwrap();
    let words = format!("last run:            {OLD} to {NEW}, interrupted\n");
    assert!(out.contains(&words), "{out}{}", told.stderr);
    disk.undo().demand(0);
}

fn copy_of(disk: &Disk, name: &str) -> PathBuf {
    let to = disk.state().join(name);
    let copied = Command::new("cp").arg("-a").arg(disk.run_dir()).arg(&to).status().unwrap();
    assert!(copied.success());
    to
}

#[test]
fn a_copy_of_a_run_is_no_run() {
    let disk = Disk::new();
    // Open when the copies were made, and finished since.
    let whole = disk.lines();
    disk.cut();
    for name in ["000001.bak", "000001~", "000001.orig", "000001 (copy)", "999", "000007", "000002"]
    {
        copy_of(&disk, name);
    }
    disk.write(&whole);
    let journal = disk.latest().unwrap().unwrap();
    assert_eq!((journal.dir(), journal.state()), (disk.run_dir().as_path(), State::Done));
    let undo = disk.undo().demand(0);
    assert!(
        undo.stderr.contains("000007` is ignored: according to its journal, it is a copy of"),
        "{}",
        undo.stderr
    );
    assert!(disk.state().join("999").is_dir() && disk.state().join("000001~").is_dir());
    // The next number is one that no directory has.
    disk.rename().demand(0);
    assert!(disk.state().join("000008/journal").is_file());
}

#[test]
fn an_open_run_is_not_hidden_by_a_later_one() {
    let disk = Disk::new();
    disk.undo().demand(0);
    disk.rename().demand(0);
    // The clock of an older postclone was ahead.
    let old = disk.state().join("009999999999.000000");
    fs::rename(disk.run_dir(), &old).unwrap();
    let text = fs::read_to_string(old.join("journal")).unwrap();
    fs::write(old.join("journal"), of_format_3(&text)).unwrap();
    assert_eq!(disk.latest().unwrap().unwrap().dir(), disk.state().join("000002"));
    // It was cut all the same.
    let lines: Vec<&str> = text.lines().take(3).collect();
    fs::write(old.join("journal"), of_format_3(&(lines.join("\n") + "\n"))).unwrap();
    let journal = disk.latest().unwrap().unwrap();
    assert_eq!((journal.dir(), journal.state()), (old.as_path(), State::Open(Direction::Forward)));
    // Two cannot be open.
    let later = disk.state().join("000002/journal");
    let lines: Vec<String> =
        fs::read_to_string(&later).unwrap().lines().take(3).map(str::to_owned).collect();
    fs::write(&later, lines.join("\n") + "\n").unwrap();
    let told = error(disk.latest());
    assert!(
        told.contains("two runs are open, in `")
            && told.contains("009999999999.000000` and `")
            && told.contains("000002`, but only one can be: find out which of them matches this system, and move \
                              the other directory away"),
        "{told}"
    );
}

/// The same journal as it was written before there were checksums.
pub fn of_format_3(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        let fields = record.as_object_mut().unwrap();
        fields.remove("crc").expect("it has one");
        if fields.remove("run").is_some() {
            fields.insert("format".to_owned(), json!(3));
            // There was one kind of change, and what it keeps stood beside the rest.
            let changes = fields.remove("changes").unwrap();
            let mut of = changes[0].as_object().unwrap().clone();
            of.remove("kind");
            fields.extend(of);
        }
        record.to_string() + "\n"
    });
    lines.collect()
}

#[test]
fn a_journal_that_was_written_to_meanwhile_is_not() {
    let disk = Disk::new();
    let mut journal = disk.latest().unwrap().unwrap();
    let mut other = disk.latest().unwrap().unwrap();
    other.intend(Direction::Backward, 0).unwrap();
    let told = format!("{:#}", journal.intend(Direction::Backward, 1).unwrap_err());
    assert!(told.contains("was changed after it was read: run the command again"), "{told}");
}

/// A small file system, unmounted when it is dropped.
struct Memory<'a>(&'a Path);

impl Drop for Memory<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_record_that_found_no_room_is_not_glued_to_the_next() {
    needs_root!();
    let disk = Disk::new();
    let run = disk.run_dir();
    let kept = disk.dir.path().join("kept");
    fs::rename(&run, &kept).unwrap();
    let state = disk.state();
    let mut mount = Command::new("mount");
    let mounted =
        mount.args(["-t", "tmpfs", "-o", "size=512k,mode=700", "tmpfs"]).arg(&state).status();
    assert!(mounted.unwrap().success());
    let _memory = Memory(&state);
    assert!(Command::new("cp").arg("-a").arg(&kept).arg(&run).status().unwrap().success());
    let mut journal = disk.latest().unwrap().unwrap();
    journal.intend(Direction::Backward, 0).unwrap();
    let filler = state.join("filler");
    // Fills the file system to its last byte.
    let fill = || {
        let mut file = File::options().create(true).append(true).open(&filler).unwrap();
        while file.write_all(&[0; 512]).is_ok() {}
    };
    fill();
    let mut written = 1;
    while journal.did(Direction::Backward, 0).is_ok() {
        written += 1;
        assert!(written < 10_000, "it never got full");
    }
    let failed = format!("{:#}", journal.did(Direction::Backward, 0).unwrap_err());
    assert!(failed.contains("No space left on device"), "{failed}");
    fs::remove_file(&filler).unwrap();
    journal.intend(Direction::Backward, 1).unwrap();
    let text = fs::read_to_string(run.join("journal")).unwrap();
    let records: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("each line is whole")).collect();
    let last = records.last().unwrap();
    assert_eq!((&last["record"], &last["step"]), (&json!("intent"), &json!(1)));
    assert!(disk.latest().unwrap().unwrap().was_begun(Direction::Backward, 1));
}

/// A machine that stopped while it wrote a record: the next process takes it off.
#[test]
fn a_torn_record_is_replaced_by_the_next() {
    let disk = Disk::new();
    let path = disk.run_dir().join("journal");
    let whole = fs::read(&path).unwrap();
    let last = disk.lines().last().unwrap().len() + 1;
    for length in whole.len() - last..=whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        disk.latest().unwrap().unwrap().intend(Direction::Backward, 0).unwrap();
        let journal = disk.latest().unwrap().unwrap();
        assert!(journal.was_begun(Direction::Backward, 0), "{length}");
        assert_eq!(journal.state(), State::Open(Direction::Backward), "{length}");
    }
}
