//! Files, directories and links that are named after the group, on a stage: renamed, and taken back.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Run, needs_root};
use crate::journals::of_format_3;
use crate::stage::{DROP_INS, MASK, SWAP, Stage, WANT};

const RENAME: &[&str] = &["rename", "a-b", "c-d", "--yes"];
const UNDO: &[&str] = &["undo", "--yes"];
const FORCE: &[&str] = &["undo", "--yes", "--force"];

/// A path of the stage under the new name.
fn new(path: &str) -> String {
    path.replace(r"a\x2d\x2db", r"c\x2d\x2dd").replace(r"a\x2db", r"c\x2dd")
}

fn link(stage: &Stage, path: &str) -> PathBuf {
    fs::read_link(stage.path(path)).unwrap()
}

fn is_there(stage: &Stage, path: &str) -> bool {
    stage.path(path).symlink_metadata().is_ok()
}

/// A file of the latest run's journal.
fn kept(stage: &Stage, tail: &str) -> PathBuf {
    let runs = fs::read_dir(stage.path("var/lib/postclone")).unwrap();
    let path = runs.flatten().map(|run| run.path().join(tail));
    path.filter(|path| path.symlink_metadata().is_ok()).last().expect("it is kept")
}

#[track_caller]
fn refused(stage: &Stage, args: &[&str], words: &str) -> Run {
    let before = stage.system();
    let run = stage.run(args).demand(1);
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert_eq!(before, stage.system());
    run
}

#[test]
fn paths_keep_all_but_their_names() {
    needs_root!();
    let stage = Stage::new();
    let look = |path: &str| {
        let metadata = stage.path(path).symlink_metadata().unwrap();
        let owner = (metadata.uid(), metadata.gid());
        (metadata.ino(), metadata.mode(), owner, metadata.mtime_nsec())
    };
    let same = [MASK, &format!("{DROP_INS}/other.conf")].map(|path| (path.to_owned(), look(path)));
    let directory = look(DROP_INS).0;
    let want = look(WANT);
    let run = stage.run(RENAME).demand(0);
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(out.contains(", 4 paths.\n") && out.contains("#  - 4 paths renamed\n"), "{out}");
    for (path, before) in same {
        assert_eq!(look(&new(&path)), before, "{path}");
    }
    assert_eq!(look(&new(DROP_INS)).0, directory);
    for path in [SWAP, WANT, MASK, DROP_INS] {
        assert!(!is_there(&stage, path), "{path}");
    }
    assert_eq!(stage.read(&new(SWAP)), "[Swap]\nWhat=/dev/mapper/c--d-swap_1\n");
    assert_eq!(look(&new(SWAP)).1 & 0o7777, 0o640);
    assert_eq!(stage.read(&format!("{}/timeout.conf", new(DROP_INS))), "# /dev/c-d/root is slow\n");
    assert_eq!(link(&stage, &new(MASK)), Path::new("/dev/null"));
    // A link that is turned is a new one, with the old one's owner and attributes.
    let name = SWAP.rsplit('/').next().unwrap();
    assert_eq!(link(&stage, &new(WANT)), Path::new(&format!("../{}", new(name))));
    assert_eq!(look(&new(WANT)).2, want.2);
    let origin = xattr::get(stage.path(&new(WANT)), "trusted.origin").unwrap();
    assert_eq!(origin.as_deref(), Some(&b"template"[..]));
}

#[test]
fn undo_carries_back_what_was_put_into_a_renamed_directory() {
    needs_root!();
    let stage = Stage::new();
    stage.run(RENAME).demand(0);
    stage.write(&format!("{}/other.conf", new(DROP_INS)), "mine\n");
    stage.write(&format!("{}/more.conf", new(DROP_INS)), "more\n");
    stage.run(UNDO).demand(0);
    assert_eq!(stage.read(&format!("{DROP_INS}/other.conf")), "mine\n");
    assert_eq!(stage.read(&format!("{DROP_INS}/more.conf")), "more\n");
    assert_eq!(stage.read(&format!("{DROP_INS}/timeout.conf")), "# /dev/a-b/root is slow\n");
    assert!(!is_there(&stage, &new(DROP_INS)));
}

#[test]
fn undo_refuses_a_path_that_is_gone() {
    needs_root!();
    let stage = Stage::new();
    let before = stage.system();
    stage.run(RENAME).demand(0);
    fs::remove_file(stage.path(&new(WANT))).unwrap();
    let run = refused(
        &stage,
        UNDO,
        &format!(
            ", `/{}` is gone: correct that, or use --force to undo what can be undone",
            new(WANT)
        ),
    );
    assert!(run.stderr.contains("since postclone renamed "), "{}", run.stderr);
    // The link is made anew; nobody knows its attributes any more.
    stage.run(FORCE).demand(0);
    let named = |stage: &Stage| -> Vec<_> {
        stage.system().into_iter().map(|thing| (thing.path, thing.content)).collect()
    };
    let before: Vec<_> = before.into_iter().map(|thing| (thing.path, thing.content)).collect();
    assert_eq!(before, named(&stage));

    let stage = Stage::new();
    stage.run(RENAME).demand(0);
    fs::remove_dir_all(stage.path(&new(DROP_INS))).unwrap();
    refused(&stage, UNDO, "is gone");
    // One of its files had its text changed: that one is made anew; nobody has the other any more.
    let run = stage.run(FORCE).demand(0);
    assert!(run.stderr.contains("timeout.conf` was gone and is created again"), "{}", run.stderr);
    assert!(stage.path(SWAP).exists() && is_there(&stage, MASK));
    assert_eq!(stage.read(&format!("{DROP_INS}/timeout.conf")), "# /dev/a-b/root is slow\n");
}

#[test]
fn undo_refuses_an_old_name_that_is_taken_again() {
    needs_root!();
    let stage = Stage::new();
    let before = stage.system();
    stage.run(RENAME).demand(0);
    stage.write(SWAP, "[Swap]\n# mine\n");
    fs::remove_file(stage.path(&new(MASK))).unwrap();
    symlink("../mine", stage.path(&new(MASK))).unwrap();
    let run = refused(&stage, UNDO, &format!("`/{SWAP}` exists again, beside `/{}`", new(SWAP)));
    assert!(
        run.stderr.contains(&format!("`/{}` does not lead to `/dev/null` any more", new(MASK))),
        "{}",
        run.stderr
    );
    stage.run(FORCE).demand(0);
    let names = |things: &[crate::stage::Thing]| -> Vec<_> {
        things.iter().map(|thing| (thing.path.clone(), thing.content.clone())).collect()
    };
    assert_eq!(names(&before), names(&stage.system()));
    let changed = kept(&stage, &format!("changed/{SWAP}"));
    assert_eq!(fs::read_to_string(changed).unwrap(), "[Swap]\n# mine\n");
    let turned = kept(&stage, &format!("changed/{MASK}"));
    assert_eq!(fs::read_link(turned).unwrap(), Path::new("../mine"));
}

#[test]
fn what_would_not_be_renamed_is_found_before_the_first_change() {
    needs_root!();
    let stage = Stage::new();
    symlink("nowhere", stage.path(&new(SWAP))).unwrap();
    refused(
        &stage,
        RENAME,
        &format!(
            "`/{SWAP}` is to become `/{}`, which already exists: compare the two and remove one",
            new(SWAP)
        ),
    );
    fs::remove_file(stage.path(&new(SWAP))).unwrap();

    let long = format!("c{}", "-".repeat(30));
    refused(&stage, &["rename", "a-b", &long, "--yes"], "a file name has at most 255");

    let twice = SWAP.replace("mapper-a", r"mapper-\x61");
    symlink("/dev/null", stage.path(&twice)).unwrap();
    let run = refused(&stage, RENAME, " would both become ");
    assert!(run.stderr.contains(": remove one of them"), "{}", run.stderr);
    fs::remove_file(stage.path(&twice)).unwrap();
    stage.run(RENAME).demand(0);
}

#[test]
fn an_immutable_directory_is_found_before_the_first_change() {
    needs_root!();
    for (flag, at) in [("i", "etc/systemd/system"), ("a", "etc/systemd/system"), ("a", DROP_INS)] {
        let stage = Stage::new();
        let set = |how: String| {
            Command::new("chattr").arg(how).arg(stage.path(at)).status().unwrap().success()
        };
        assert!(set(format!("+{flag}")), "this file system has no attributes to test with");
        let before = stage.system();
        let run = stage.run(RENAME).demand(1);
        assert_eq!(before, stage.system());
        assert!(set(format!("-{flag}")));
        let words = match (flag, at) {
            ("i", _) => ": its directory is immutable: see `lsattr -d`, `chattr -i`",
            (_, DROP_INS) => ": it is immutable or append-only: see `lsattr -d`, `chattr -i -a`",
            _ => ": its directory is immutable or append-only: see `lsattr -d`, `chattr -i -a`",
        };
        assert!(run.stderr.contains(words), "{flag} {at}: {}", run.stderr);
    }
}

#[test]
fn names_that_cannot_be_read_are_told_of_and_left() {
    needs_root!();
    let stage = Stage::new();
    let odd = stage.path("etc/systemd/system").join(std::ffi::OsStr::from_bytes(b"dev-\xff.swap"));
    fs::write(&odd, "").unwrap();
    let run = stage.run(RENAME).demand(0);
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(out.contains("the file name is not UTF-8: it stays as it is"), "{out}");
    assert!(odd.exists());
}

#[test]
fn a_target_that_requires_a_volume_leaves_no_bridge() {
    needs_root!();
    let stage = Stage::new();
    let name = r"dev-mapper-a\x2d\x2db\x2droot.device";
    for (dir, words) in [("backup.service.requires", false), ("local-fs.target.requires", true)] {
        let dir = stage.path("etc/systemd/system").join(dir);
        fs::create_dir(&dir).unwrap();
        symlink(format!("../{name}"), dir.join(name)).unwrap();
        let run = stage.run(&["rename", "a-b", "c-d", "--dry-run"]).demand(0);
        let out = String::from_utf8(run.stdout).unwrap();
        let told = out.contains("requires a volume by its unit's name: a power cut between");
        assert_eq!(told, words, "{out}");
    }
}

#[test]
fn journals_of_the_format_before_are_read() {
    needs_root!();
    let stage = Stage::new();
    // What a run of that time leaves: no unit is named after the group.
    for path in [SWAP, WANT, MASK] {
        fs::remove_file(stage.path(path)).unwrap();
    }
    fs::remove_dir_all(stage.path(DROP_INS)).unwrap();
    let before = stage.system();
    stage.run(RENAME).demand(0);
    let journal = kept(&stage, "journal");
    let text = fs::read_to_string(&journal).unwrap();
    let text = of_format_3(&text);
    let old = text.replace("\"format\":3", "\"format\":1").replace("\"paths\":[],", "");
    assert_eq!(old.len(), text.len() - 11);
    fs::write(&journal, old).unwrap();
    stage.run(UNDO).demand(0);
    assert_eq!(before, stage.system());
}

#[test]
fn a_journal_of_a_later_format_is_refused_whatever_it_holds() {
    needs_root!();
    let stage = Stage::new();
    stage.run(RENAME).demand(0);
    let journal = kept(&stage, "journal");
    let text = fs::read_to_string(&journal).unwrap();
    let later = text.replace("\"format\":5", "\"format\":6").replace("rename-paths", "teleport");
    fs::write(&journal, later).unwrap();
    refused(
        &stage,
        UNDO,
        "has format 6; this postclone reads up to 5: use the version that wrote it,",
    );
}

#[test]
fn targets_are_turned_where_what_they_lead_to_is_renamed() {
    needs_root!();
    let stage = Stage::new();
    let name = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let (swap, dir, mask) = (name(SWAP), name(DROP_INS), name(MASK));
    let turned = [
        ("generated", format!("/run/systemd/generator/{swap}")),
        ("device", "/dev/a-b/root".to_owned()),
        ("winding", format!(".././system//{dir}/../{dir}/timeout.conf")),
        ("through", format!("/lib/systemd/system/{swap}")),
        ("dangling", r"dev-a\x2db-root.device".to_owned()),
    ];
    let kept = [
        ("elsewhere", format!("/opt/{swap}")),
        ("dangling-elsewhere", format!("../../nowhere/{mask}")),
        ("unknown", r"dev-a\x2db-nosuch.device".to_owned()),
        ("other", r"dev-a\x2dbc-root.device".to_owned()),
        ("loop", "loop".to_owned()),
    ];
    // Both names of the directory of units, as where /lib is a link to usr/lib.
    fs::create_dir_all(stage.path("lib/systemd")).unwrap();
    symlink("/etc/systemd/system", stage.path("lib/systemd/system")).unwrap();
    let at = |name: &str| format!("etc/systemd/system/{name}.service");
    for (name, target) in turned.iter().chain(&kept) {
        symlink(target, stage.path(&at(name))).unwrap();
    }
    let before = stage.system();
    stage.run(RENAME).demand(0);
    for (name, target) in turned {
        let wanted = new(&target).replace("/dev/a-b/", "/dev/c-d/");
        assert_ne!(wanted, target, "{name}");
        assert_eq!(link(&stage, &at(name)), Path::new(&wanted), "{name}");
    }
    for (name, target) in kept {
        assert_eq!(link(&stage, &at(name)), Path::new(&target), "{name}");
    }
    stage.run(UNDO).demand(0);
    assert_eq!(before, stage.system());
}
