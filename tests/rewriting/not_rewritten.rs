//! What a plan leaves: it is shown, a boot's share of it has a yes of its own, and `--also` takes the rest.

use std::fs;

use crate::harness::{needs_root, postclone};
use crate::stage::Stage;
use crate::tree;

const RENAME: &[&str] = &["rename", "a-b", "c-d"];

/// A script that nobody's table knows, a document, a copy, and a program for the firmware.
fn stage() -> Stage {
    let stage = Stage::new();
    for dir in ["usr/local/bin", "home/me", "opt/app", "boot/grub/i386-pc"] {
        fs::create_dir_all(stage.path(dir)).unwrap();
    }
    stage.write("usr/local/bin/backup", "#!/bin/sh\nlvcreate -s -n snap /dev/a-b/root\n");
    stage.write("opt/app/settings", "disk=/dev/mapper/a--b-root\n# bare a-b\n");
    stage.write("home/me/notes", "the group is a-b, with /dev/a-b/root\n");
    stage.write("etc/fstab.bak", "/dev/a-b/root / ext4 defaults 0 1\n");
    stage
}

fn text(stage: &Stage, args: &[&str]) -> String {
    String::from_utf8(stage.run(&[RENAME, args].concat()).demand(0).stdout).unwrap()
}

#[test]
fn the_plan_shows_each_place_with_its_line_and_proposes_to_rewrite_it() {
    needs_root!();
    let stage = stage();
    let out = text(&stage, &["--dry-run"]);
    let part = "\
# Not rewritten, and still names a-b after the run:
#  error: /opt/app/settings:1:6: disk=/dev/mapper/a--b-root
#    edit it, and restart what reads it
#  error: /usr/local/bin/backup:2:21: lvcreate -s -n snap /dev/a-b/root
#    edit it
# To rewrite these text files as well: postclone rename --also /opt/app/settings --also \
/usr/local/bin/backup a-b c-d
";
    assert!(out.contains(part), "{out}");
    for silent in ["notes", "fstab.bak"] {
        assert!(!out.contains(silent), "{silent}: {out}");
    }
    let json = text(&stage, &["--dry-run", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&json).unwrap();
    let left = &plan["not_rewritten"];
    assert_eq!((&left["boot"], &left["error"]), (&0.into(), &2.into()), "{left}");
    assert_eq!(left["complete"], true);
    assert_eq!(left["also"], serde_json::json!(["/opt/app/settings", "/usr/local/bin/backup"]));
    assert_eq!(left["findings"][0]["line"], 1);
}

#[test]
fn what_a_boot_may_read_needs_a_yes_of_its_own() {
    needs_root!();
    let stage = stage();
    stage.write("boot/grub/i386-pc/core.img", "\0\0(lvm/a--b-root)/boot/grub\0");
    let before = stage.system();
    let run = stage.run(&[RENAME, &["--yes"]].concat()).demand(1);
    let said = "error: the next boot may read the name a-b in places that are not rewritten: \
                `/boot/grub/i386-pc/core.img:byte 7` (a--b-root): run `grub-install` in the same way as when \
                GRUB was installed; fix them first, or accept them with --accept-stale\n";
    assert!(run.stderr.ends_with(said), "{}", run.stderr);
    assert!(before == stage.system());
    // A dry run shows it and asks nothing.
    assert!(text(&stage, &["--dry-run"]).contains("#  boot: /boot/grub/i386-pc/core.img:byte 7: "));
    text(&stage, &["--yes", "--accept-stale"]);
    // The way back asks for none: it is the plan of the way there.
    stage.run(&["undo", "--yes"]).demand(0);
}

#[test]
fn files_of_the_users_choice_are_rewritten_and_taken_back() {
    needs_root!();
    let stage = stage();
    let before = stage.system();
    let also = ["--also", "/usr/local/bin/backup", "--also", "/opt/app/settings"];
    let out = text(&stage, &[&["--yes"], &also[..]].concat());
    assert_eq!(
        stage.read("usr/local/bin/backup"),
        "#!/bin/sh\nlvcreate -s -n snap /dev/c-d/root\n"
    );
    assert_eq!(stage.read("opt/app/settings"), "disk=/dev/mapper/c--d-root\n# bare a-b\n");
    assert!(!out.contains("Not rewritten"), "{out}");
    stage.run(&["undo", "--yes"]).demand(0);
    assert!(before == stage.system());
    // After an edit the way back is a plan of its own, which knows the file as well.
    text(&stage, &[&["--yes"], &also[..]].concat());
    let edited = stage.read("usr/local/bin/backup") + "# mine\n";
    stage.write("usr/local/bin/backup", &edited);
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(
        stage.read("usr/local/bin/backup"),
        "#!/bin/sh\nlvcreate -s -n snap /dev/a-b/root\n# mine\n"
    );
    assert_eq!(stage.read("opt/app/settings"), "disk=/dev/mapper/a--b-root\n# bare a-b\n");
}

#[test]
fn what_cannot_be_taken_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::create_dir_all(root.join("var/lib/postclone/1")).unwrap();
    for (path, bytes) in [
        ("etc/fstab", &b"/dev/a-b/root / ext4 defaults 0 1\n"[..]),
        ("var/lib/postclone/1/journal", b"/dev/a-b/root\n"),
        ("etc/program", b"\0/dev/a-b/root\n"),
        ("etc/other", b"/dev/x/root\n"),
    ] {
        fs::write(root.join(path), bytes).unwrap();
    }
    let with = |file: &str| {
        let here = ["--files-only", "--root", root.to_str().unwrap(), "--dry-run", "--also", file];
        postclone(root, &[RENAME, &here].concat())
    };
    let before = tree::read(root);
    for (file, words) in [
        ("etc/fstab", "--also `etc/fstab`: give an absolute path inside the root, without `..`\n"),
        (
            "/etc/../fstab",
            "--also `/etc/../fstab`: give an absolute path inside the root, without `..`\n",
        ),
        ("/etc/none", "--also `/etc/none`: there is no such file\n"),
        ("/etc", "is a directory, not a regular file"),
        (
            "/etc/program",
            "--also `/etc/program` is not a text file, because it has NUL bytes: leave it out\n",
        ),
        (
            "/var/lib/postclone/1/journal",
            "--also `/var/lib/postclone/1/journal` is one of postclone's own files: leave it out\n",
        ),
    ] {
        let run = with(file).demand(1);
        assert!(run.stderr.contains(words), "{file}: {}", run.stderr);
    }
    let run = with("/etc/other").demand(0);
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(out.contains("# Warning: /etc/other: does not name a-b (--also)\n"), "{out}");
    // A file of the table is rewritten once.
    let out = String::from_utf8(with("/etc/fstab").demand(0).stdout).unwrap();
    assert!(
        out.starts_with("# Volume group a-b becomes c-d") && out.contains("# 1 file, 1 edit.\n"),
        "{out}"
    );
    assert_eq!(before, tree::read(root));
}
