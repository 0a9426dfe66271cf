//! Bad input: one clear line, the right exit status, not one byte changed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::harness::postclone;
use crate::tree;

const FSTAB: &str = "/dev/mapper/a--b-root / ext4 defaults 0 1\n";

/// A small tree with group `a-b`.
fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("etc")).unwrap();
    fs::create_dir_all(dir.path().join("boot/grub")).unwrap();
    fs::write(dir.path().join("etc/fstab"), FSTAB).unwrap();
    dir
}

/// Runs on the tree and demands a refusal that says `words` and changes nothing.
#[track_caller]
fn refused(root: &Path, status: i32, args: &[&str], words: &[&str]) {
    let before = tree::read(root);
    let mut all = vec!["rename"];
    all.extend(args);
    let run = postclone(root, &all).demand(status);
    for word in words {
        assert!(run.stderr.contains(word), "`{word}` is missing in: {}", run.stderr);
    }
    assert_eq!(before, tree::read(root));
}

const HERE: &[&str] = &["a-b", "c-d", "--yes", "--files-only", "--root", "."];

fn report(root: &Path, groups: &[(&str, &str, &[&str])]) {
    let groups: Vec<String> = groups
        .iter()
        .map(|(name, uuid, volumes)| {
            let volumes: Vec<String> =
                volumes.iter().map(|lv| format!("{{\"lv_name\":\"{lv}\"}}")).collect();
            format!(
                "{{\"vg\":[{{\"vg_name\":\"{name}\",\"vg_uuid\":\"{uuid}\"}}],\"lv\":[{}]}}",
                volumes.join(",")
            )
        })
        .collect();
    fs::write(root.join("lvm.json"), format!("{{\"report\":[{}]}}", groups.join(","))).unwrap();
}

#[test]
fn names_that_lvm_would_not_take() {
    let dir = tree();
    for (new, words) in [
        ("a/b", "the character '/' is not allowed"),
        ("", "the name is empty"),
        ("..", "the names `.` and `..`"),
        ("x y", "the character ' ' is not allowed"),
        (&"x".repeat(122), "122 characters; at most 121"),
    ] {
        refused(dir.path(), 2, &["a-b", new, "--files-only", "--root", "."], &[words]);
    }
    refused(
        dir.path(),
        2,
        &["--files-only", "--root", ".", "--", "a-b", "-x"],
        &["starts with a hyphen"],
    );
    refused(
        dir.path(),
        2,
        &["a-b", "a-b", "--files-only", "--root", "."],
        &["OLD and NEW are both `a-b`"],
    );
}

#[test]
fn groups_that_are_not_as_the_arguments_say() {
    let dir = tree();
    let with = |args: &[&'static str]| [args, &["--lvm-report", "lvm.json"]].concat();
    report(dir.path(), &[("x", "U1", &["root"])]);
    refused(dir.path(), 1, &with(HERE), &["there is no volume group `a-b`", "LVM reports `x`"]);
    report(dir.path(), &[("a-b", "U1", &["root"]), ("c-d", "U2", &["root"])]);
    refused(
        dir.path(),
        1,
        &with(HERE),
        &["the volume group U2 already has the name `c-d`: choose another name"],
    );
    report(dir.path(), &[("a-b", "U1", &["root"]), ("a-b", "U2", &["root"])]);
    refused(
        dir.path(),
        1,
        &with(HERE),
        &[
            "2 volume groups are named `a-b` (U1; U2): choose one with --vg-uuid, or detach the disks of the other",
        ],
    );
    let volume = ["rename-lv", "a-b/root", "x", "--yes", "--files-only", "--root", "."];
    let run =
        postclone(dir.path(), &[&volume[..], &["--lvm-report", "lvm.json"]].concat()).demand(1);
    let words = "2 volume groups are named `a-b`, and LVM would rename a volume in none of them: detach the disks of \
                 the others";
    assert!(run.stderr.contains(words), "{}", run.stderr);
    refused(
        dir.path(),
        1,
        &with(&["a-b", "c-d", "--files-only", "--root", ".", "--vg-uuid", "U3"]),
        &["there is no volume group with the UUID `U3`"],
    );
    refused(
        dir.path(),
        1,
        &["a-b", "c-d", "--files-only", "--root", ".", "--vg-uuid", "U2"],
        &["--vg-uuid needs a report of LVM: add --lvm-report FILE"],
    );
    refused(
        dir.path(),
        1,
        &with(&["x", "c-d", "--files-only", "--root", ".", "--vg-uuid", "U2"]),
        &["the volume group U2 is named `a-b`, not `x`"],
    );
    let long = "x".repeat(110);
    report(dir.path(), &[("a-b", "U1", &["root", &long])]);
    let args = [
        "a-b",
        "c-d-e-f-g-h-i",
        "--yes",
        "--files-only",
        "--root",
        ".",
        "--lvm-report",
        "lvm.json",
    ];
    refused(
        dir.path(),
        1,
        &args,
        &["the dm name", "130 characters; the kernel accepts at most 127"],
    );
    fs::write(dir.path().join("lvm.json"), "no json").unwrap();
    refused(
        dir.path(),
        1,
        &with(HERE),
        &[
            "reading `lvm.json`",
            "reading LVM's report: it is not JSON; make it with `lvm fullreport -a --reportformat json`: ",
        ],
    );
    fs::write(dir.path().join("lvm.json"), "{}").unwrap();
    let words = "reading LVM's report: it has no `report`; make it with `lvm fullreport -a --reportformat json`";
    refused(dir.path(), 1, &with(HERE), &[words]);
}

#[test]
fn a_report_of_other_disks_renames_nothing() {
    let dir = tree();
    report(dir.path(), &[("a-b", "U1", &["root"])]);
    refused(
        dir.path(),
        1,
        &["a-b", "c-d", "--yes", "--root", ".", "--lvm-report", "lvm.json"],
        &[
            "--lvm-report",
            "--lvm-report describes disks that may be elsewhere: add --files-only or --dry-run",
        ],
    );
}

#[test]
fn roots_that_are_none() {
    let dir = tempfile::tempdir().unwrap();
    let words = "`.` is not a root tree: it has no directory `etc`; give the directory where the system's `/` is mounted";
    refused(dir.path(), 1, HERE, &[words]);
    let missing = ["a-b", "c-d", "--files-only", "--root", "nowhere"];
    refused(dir.path(), 1, &missing, &["opening the root directory `nowhere`"]);
}

#[test]
fn nobody_to_ask() {
    let dir = tree();
    let args = ["a-b", "c-d", "--files-only", "--root", "."];
    refused(dir.path(), 1, &args, &["no terminal to ask on", "--dry-run", "--yes"]);
}

#[test]
fn things_in_place_of_files() {
    let dir = tree();
    let grub_cfg = dir.path().join("boot/grub/grub.cfg");
    nix::unistd::mkfifo(&grub_cfg, nix::sys::stat::Mode::S_IRWXU).unwrap();
    refused(dir.path(), 1, HERE, &["boot/grub/grub.cfg` is a FIFO, not a regular file"]);
    fs::remove_file(&grub_cfg).unwrap();
    fs::create_dir(&grub_cfg).unwrap();
    refused(dir.path(), 1, HERE, &["boot/grub/grub.cfg` is a directory, not a regular file"]);
    fs::remove_dir(&grub_cfg).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(&grub_cfg).unwrap();
    refused(dir.path(), 1, HERE, &["boot/grub/grub.cfg` is a socket, not a regular file"]);
    fs::remove_file(&grub_cfg).unwrap();
    fs::File::create(&grub_cfg).unwrap().set_len(257 << 20).unwrap();
    refused_sparse(dir.path(), &["boot/grub/grub.cfg` has 257 MiB", "at most 256 MiB"]);
}

/// As [`refused`], for a tree with a file too large to hold twice.
#[track_caller]
fn refused_sparse(root: &Path, words: &[&str]) {
    let mut all = vec!["rename"];
    all.extend(HERE);
    let run = postclone(root, &all).demand(1);
    for word in words {
        assert!(run.stderr.contains(word), "`{word}` is missing in: {}", run.stderr);
    }
    assert_eq!(fs::read_to_string(root.join("etc/fstab")).unwrap(), FSTAB);
}

#[test]
fn links_that_lead_out_or_nowhere() {
    let dir = tree();
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), FSTAB).unwrap();
    let link = dir.path().join("etc/crypttab");
    let mut up = "../".repeat(20);
    up.push_str(outside.path().strip_prefix("/").unwrap().to_str().unwrap());
    symlink(&up, &link).unwrap();
    // `..` stops at the root, and nothing is there inside of it.
    refused(
        dir.path(),
        1,
        HERE,
        &["`/etc/crypttab` is a symbolic link to", "`, which does not exist inside the root"],
    );
    fs::remove_file(&link).unwrap();
    symlink(outside.path(), &link).unwrap();
    refused(
        dir.path(),
        1,
        HERE,
        &["`/etc/crypttab` is a symbolic link to", "`, which does not exist inside the root"],
    );
    fs::remove_file(&link).unwrap();
    symlink("crypttab", &link).unwrap();
    refused(dir.path(), 1, HERE, &["`/etc/crypttab` goes through more than 40 symbolic links"]);
    assert_eq!(fs::read_to_string(outside.path()).unwrap(), FSTAB);
}

/// What is not there is no reason to stop, where the directory is that would have it.
#[test]
fn links_of_trees_that_are_what_they_should_be() {
    let dir = tree();
    fs::create_dir_all(dir.path().join("etc/sysconfig")).unwrap();
    fs::create_dir_all(dir.path().join("etc/default")).unwrap();
    fs::create_dir_all(dir.path().join("etc/udev/rules.d")).unwrap();
    symlink("../default/grub", dir.path().join("etc/sysconfig/grub")).unwrap();
    symlink("/dev/null", dir.path().join("etc/crypttab")).unwrap();
    symlink("/dev/null", dir.path().join("etc/udev/rules.d/80-masked.rules")).unwrap();
    fs::rename(dir.path().join("etc/fstab"), dir.path().join("etc/real")).unwrap();
    symlink("../../../../etc/real", dir.path().join("etc/fstab")).unwrap();
    let run = postclone(dir.path(), &[&["rename"], HERE].concat()).demand(0);
    let said = String::from_utf8(run.stdout).unwrap();
    let warned: Vec<&str> = said.lines().filter(|line| line.contains("symbolic link")).collect();
    assert!(warned.len() == 1 && warned[0].contains("/etc/sysconfig/grub"), "{warned:?}");
    let after = fs::read_to_string(dir.path().join("etc/real")).unwrap();
    assert_eq!(after, "/dev/mapper/c--d-root / ext4 defaults 0 1\n");
}

#[test]
fn a_masked_file_is_passed_over_and_a_link_inside_is_followed() {
    let dir = tree();
    symlink("/dev/null", dir.path().join("etc/crypttab")).unwrap();
    fs::create_dir(dir.path().join("dev")).unwrap();
    fs::write(dir.path().join("dev/null"), "").unwrap();
    fs::create_dir(dir.path().join("etc/real")).unwrap();
    fs::rename(dir.path().join("etc/fstab"), dir.path().join("etc/real/fstab")).unwrap();
    symlink("/etc/real/fstab", dir.path().join("etc/fstab")).unwrap();
    let mut all = vec!["rename"];
    all.extend(HERE);
    postclone(dir.path(), &all).demand(0);
    assert!(dir.path().join("etc/fstab").is_symlink());
    let after = fs::read_to_string(dir.path().join("etc/real/fstab")).unwrap();
    assert_eq!(after, "/dev/mapper/c--d-root / ext4 defaults 0 1\n");
}

#[test]
fn a_hard_linked_file_is_not_parted_from_its_twin() {
    let dir = tree();
    fs::hard_link(dir.path().join("etc/fstab"), dir.path().join("etc/twin")).unwrap();
    refused(dir.path(), 1, HERE, &["etc/fstab` has 2 hard links"]);
}

#[test]
fn an_environment_block_without_room() {
    let dir = tree();
    let mut block =
        b"# GRUB Environment Block\nsaved_entry=gnulinux-/dev/mapper/a--b-root\n".to_vec();
    block.extend(b"filler=");
    block.resize(1022, b'x');
    block.extend(b"\n#");
    fs::write(dir.path().join("boot/grub/grubenv"), &block).unwrap();
    let args = ["a-b", "longer-name", "--yes", "--files-only", "--root", "."];
    refused(
        dir.path(),
        1,
        &args,
        &["rewriting `/boot/grub/grubenv`", "1024 bytes, 1 of them free", "needs 8 more"],
    );
}

#[test]
fn a_file_that_is_no_environment_block() {
    let dir = tree();
    fs::write(dir.path().join("boot/grub/grubenv"), "kernelopts=root=/dev/mapper/a--b-root\n")
        .unwrap();
    refused(
        dir.path(),
        1,
        HERE,
        &["rewriting `/boot/grub/grubenv`", "not `# GRUB Environment Block`"],
    );
}

#[test]
fn a_name_that_is_not_utf_8_is_told_of_and_left() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tree();
    let conf = dir.path().join("etc/initramfs-tools/conf.d");
    fs::create_dir_all(&conf).unwrap();
    let odd = conf.join(std::ffi::OsStr::from_bytes(b"r\xffsume"));
    fs::write(&odd, "RESUME=/dev/a-b/swap\n").unwrap();
    let mut all = vec!["rename", "--accept-stale", "--format", "json"];
    all.extend(HERE);
    let run = postclone(dir.path(), &all).demand(0);
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("the file name is not UTF-8"), "{warnings}");
    assert_eq!(fs::read_to_string(&odd).unwrap(), "RESUME=/dev/a-b/swap\n");
}

#[test]
fn bytes_that_are_not_utf_8_stay_as_they_are() {
    let dir = tree();
    let text = b"# \xff\xfe /dev/a-b/root\n/dev/mapper/a--b-root\t/\xe9 ext4 x\r\n";
    fs::write(dir.path().join("etc/fstab"), text).unwrap();
    let mut all = vec!["rename"];
    all.extend(HERE);
    postclone(dir.path(), &all).demand(0);
    let after = fs::read(dir.path().join("etc/fstab")).unwrap();
    assert_eq!(after, b"# \xff\xfe /dev/c-d/root\n/dev/mapper/c--d-root\t/\xe9 ext4 x\r\n");
}

#[test]
fn a_name_that_fits_the_host_is_no_refusal_and_one_without_a_pattern_is() {
    let dir = tree();
    let args = ["--yes", "--files-only", "--root", "."];
    fs::write(dir.path().join("etc/hostname"), "a\n").unwrap();
    let fstab = FSTAB.replace("a--b", "a--vg");
    fs::write(dir.path().join("etc/fstab"), &fstab).unwrap();
    let before = tree::read(dir.path());
    let run = postclone(dir.path(), &[&["rename"], &args[..]].concat()).demand(0);
    let said = String::from_utf8(run.stdout).unwrap();
    assert_eq!(said, "# Nothing to do: a-vg matches the host name.\n");
    let run =
        postclone(dir.path(), &[&["rename", "--format", "json"], &args[..]].concat()).demand(0);
    let said = String::from_utf8(run.stdout).unwrap();
    assert!(said.contains("\"outcome\": \"nothing-to-do\""), "{said}");
    assert_eq!(before, tree::read(dir.path()));
    fs::write(dir.path().join("etc/fstab"), fstab.replace("a--vg", "system")).unwrap();
    refused(dir.path(), 1, &args, &["`system` has no pattern", "give NEW"]);
}

#[test]
fn a_cut_run_comes_before_nothing_to_do() {
    let dir = tree();
    postclone(dir.path(), &[&["rename"], HERE].concat()).demand(0);
    let state = dir.path().join("var/lib/postclone");
    let journal = fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().path().join("journal"));
    let journal = journal.into_iter().find(|path| path.exists()).unwrap();
    let text = fs::read_to_string(&journal).unwrap();
    let cut = text.trim_end().rfind('\n').unwrap();
    fs::write(&journal, &text[..=cut]).unwrap();
    refused(
        dir.path(),
        1,
        HERE,
        &[
            "the run from a-b to c-d was interrupted: finish it with `postclone rename --resume`, or undo it \
             with `postclone undo`",
            "--resume",
        ],
    );
}
