//! Systems that would bring the old name back are refused by name, and a dry run warns.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::harness::postclone;
use crate::tree;

type Prepare = fn(&Path);

const KINDS: &[(&str, &str, Prepare)] = &[
    ("NixOS", "`nixos-rebuild boot`", |root| fs::write(root.join("etc/NIXOS"), "").unwrap()),
    ("NixOS", "hardware-configuration.nix", |root| {
        fs::write(root.join("etc/os-release"), "NAME=NixOS\nID=nixos\n").unwrap();
    }),
    ("NixOS", "nixos-rebuild", |root| {
        symlink("/nix/store/x-etc/etc", root.join("etc/static")).unwrap();
    }),
    ("Guix System", "`guix system reconfigure`", |root| {
        fs::create_dir_all(root.join("var/guix/profiles")).unwrap();
        symlink("system-1-link", root.join("var/guix/profiles/system")).unwrap();
    }),
    ("an ostree or bootc system", "`rpm-ostree kargs --replace`", |root| {
        symlink("sysroot/ostree", root.join("ostree")).unwrap();
    }),
    ("an ostree or bootc system", "ostree admin", |root| {
        fs::create_dir_all(root.join("ostree/repo")).unwrap();
    }),
    ("a system of transactional-update", "`transactional-update shell`", |root| {
        fs::create_dir_all(root.join("usr/sbin")).unwrap();
        fs::write(root.join("usr/sbin/transactional-update"), "").unwrap();
        fs::write(root.join("etc/fstab"), "/dev/a-b/root / btrfs ro 0 0\n").unwrap();
    }),
];

fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("etc")).unwrap();
    fs::write(root.path().join("etc/fstab"), "/dev/a-b/root / ext4 defaults 0 1\n").unwrap();
    root
}

#[test]
fn each_is_refused_by_name_with_where_the_name_belongs() {
    let args = ["rename", "a-b", "c-d", "--files-only", "--root", "."];
    for (name, told, prepare) in KINDS {
        let root = root();
        prepare(root.path());
        let before = tree::read(root.path());
        let run = postclone(root.path(), &[&args[..], &["--yes"]].concat()).demand(1);
        let line = format!("postclone: error: postclone changes nothing here, this is {name}: ");
        assert!(run.stderr.starts_with(&line) && run.stderr.contains(told), "{}", run.stderr);
        assert_eq!(before, tree::read(root.path()));
        let run = postclone(root.path(), &[&args[..], &["--dry-run"]].concat()).demand(0);
        let out = String::from_utf8(run.stdout).unwrap();
        assert!(out.contains(&format!("# Warning: this is {name}: ")), "{out}");
        postclone(root.path(), &["status", "--root", "."]).demand(0);
    }
}

#[test]
fn what_only_looks_like_one_is_renamed() {
    let root = root();
    let path = |path: &str| root.path().join(path);
    // A package manager on another system, Flatpak's repository, the program with a root to write to.
    for dir in ["nix/store", "gnu/store", "var/lib/flatpak/repo", "usr/sbin"] {
        fs::create_dir_all(path(dir)).unwrap();
    }
    fs::write(path("usr/sbin/transactional-update"), "").unwrap();
    fs::write(path("etc/os-release"), "ID=debian\n").unwrap();
    postclone(root.path(), &["rename", "a-b", "c-d", "--files-only", "--root", ".", "--yes"])
        .demand(0);
    assert!(fs::read_to_string(path("etc/fstab")).unwrap().starts_with("/dev/c-d/root"));
}
