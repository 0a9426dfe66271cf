//! What a replaced file keeps, and file systems that are not like the others.
//!
//! These need root: owners, mounts and FAT are not for users.

use crate::harness::needs_root;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

const FSTAB: &str = "/dev/mapper/a--b-root / ext4 defaults 0 1\n";
const RENAMED: &str = "/dev/mapper/c--d-root / ext4 defaults 0 1\n";

fn tree() -> tempfile::TempDir {
    assert!(nix::unistd::geteuid().is_root(), "this test needs root");
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("etc")).unwrap();
    fs::create_dir_all(dir.path().join("boot/loader/entries")).unwrap();
    fs::write(dir.path().join("etc/fstab"), FSTAB).unwrap();
    dir
}

fn command(root: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postclone"));
    command.args(["rename", "a-b", "c-d", "--files-only", "--yes", "--root"]).arg(root);
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn owner_mode_and_extended_attributes_stay() {
    needs_root!();
    let dir = tree();
    let fstab = dir.path().join("etc/fstab");
    chown(&fstab, Some(1234), Some(5678)).unwrap();
    fs::set_permissions(&fstab, fs::Permissions::from_mode(0o4640)).unwrap();
    xattr::set(&fstab, "user.note", b"\x00\xff").unwrap();
    // An access list: user 99 may read (acl(5), as the kernel stores it).
    let acl: Vec<u8> = [
        &[2, 0, 0, 0][..],
        &[1, 0, 6, 0, 255, 255, 255, 255],
        &[2, 0, 4, 0, 99, 0, 0, 0],
        &[4, 0, 4, 0, 255, 255, 255, 255],
        &[16, 0, 4, 0, 255, 255, 255, 255],
        &[32, 0, 0, 0, 255, 255, 255, 255],
    ]
    .concat();
    xattr::set(&fstab, "system.posix_acl_access", &acl).unwrap();
    assert!(command(dir.path()).status().unwrap().success());
    let metadata = fs::metadata(&fstab).unwrap();
    assert_eq!(fs::read_to_string(&fstab).unwrap(), RENAMED);
    assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o7777), (1234, 5678, 0o4640));
    assert_eq!(xattr::get(&fstab, "user.note").unwrap().as_deref(), Some(&b"\x00\xff"[..]));
    assert_eq!(xattr::get(&fstab, "system.posix_acl_access").unwrap(), Some(acl));
}

#[test]
#[ignore = "needs a kernel with vfat; tests/run asks for it where there is one"]
fn a_fat_partition_has_no_owners_and_does_well() {
    let dir = tree();
    let image = dir.path().join("fat.img");
    fs::File::create(&image).unwrap().set_len(8 << 20).unwrap();
    let made = Command::new("mkfs.vfat").arg(&image).output().expect("dosfstools is installed");
    assert!(made.status.success(), "{}", stderr(&made));
    // In a mount namespace of its own, so that nothing is left mounted.
    let entry = "options root=/dev/mapper/a--b-root rd.lvm.lv=a-b/root\n";
    let script = "mount -o loop \"$1/fat.img\" \"$1/boot\" && mkdir -p \"$1/boot/loader/entries\" && \
                  printf '%s' \"$3\" > \"$1/boot/loader/entries/x.conf\" && \
                  \"$2\" rename a-b c-d --files-only --yes --root \"$1\" && cat \"$1/boot/loader/entries/x.conf\" && \
                  umount \"$1/boot\"";
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"])
        .args([dir.path().to_str().unwrap(), env!("CARGO_BIN_EXE_postclone"), entry])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(out.ends_with("options root=/dev/mapper/c--d-root rd.lvm.lv=c-d/root\n"), "{out}");
}

#[test]
fn a_read_only_file_system_is_found_before_the_first_change() {
    needs_root!();
    let dir = tree();
    fs::write(
        dir.path().join("boot/loader/entries/x.conf"),
        "options root=/dev/mapper/a--b-root\n",
    )
    .unwrap();
    let script = "mount --bind \"$1/boot\" \"$1/boot\" && mount -o remount,bind,ro \"$1/boot\" && exec \"$2\" \
                  rename a-b c-d --files-only --yes --root \"$1\"";
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"])
        .args([dir.path().to_str().unwrap(), env!("CARGO_BIN_EXE_postclone")])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let words = "x.conf` cannot be replaced: its file system is read-only: mount it read-write";
    assert!(stderr(&output).contains(words), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(dir.path().join("etc/fstab")).unwrap(), FSTAB);
    assert!(!dir.path().join("var").exists());
}

#[test]
fn an_immutable_file_is_found_before_the_first_change() {
    needs_root!();
    let dir = tree();
    let fstab = dir.path().join("etc/fstab");
    let flag =
        |flag: &str| Command::new("chattr").arg(flag).arg(&fstab).status().unwrap().success();
    assert!(flag("+i"), "chattr: the tests' temporary directory has no immutable files");
    let output = command(dir.path()).output().unwrap();
    assert!(flag("-i"));
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("it is immutable or append-only"), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&fstab).unwrap(), FSTAB);
}

#[test]
fn who_is_not_root_is_told_so() {
    needs_root!();
    let dir = tree();
    let everyone = fs::Permissions::from_mode(0o755);
    fs::set_permissions(dir.path(), everyone).unwrap();
    let binary = dir.path().join("postclone");
    let install = Command::new("install")
        .args(["-m", "755", env!("CARGO_BIN_EXE_postclone")])
        .arg(&binary)
        .status();
    assert!(install.unwrap().success());
    fs::set_permissions(dir.path().join("etc/fstab"), fs::Permissions::from_mode(0o600)).unwrap();
    let as_nobody = |args: &[&str]| {
        let output = Command::new(&binary)
            .args(args)
            .uid(65534)
            .gid(65534)
            .current_dir("/")
            .output()
            .unwrap();
        (output.status.code(), stderr(&output))
    };
    let (status, said) = as_nobody(&["rename", "a-b", "c-d", "--yes"]);
    assert_eq!(status, Some(1));
    assert!(said.contains("asking LVM for its groups needs root: use sudo"), "{said}");
    let root = dir.path().to_str().unwrap();
    let (status, said) =
        as_nobody(&["rename", "a-b", "c-d", "--files-only", "--yes", "--root", root]);
    assert_eq!(status, Some(1));
    assert!(said.contains("etc/fstab`: Permission denied"), "{said}");
    assert_eq!(fs::read_to_string(dir.path().join("etc/fstab")).unwrap(), FSTAB);
}

fn undo(root: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postclone"));
    let output = command.args(["undo", "--yes", "--root"]).arg(root).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
}

/// The letters of lsattr(1) that a file system does not set by itself.
fn flags(path: &Path) -> String {
    let output = Command::new("lsattr").arg(path).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let line = String::from_utf8(output.stdout).unwrap();
    line.split_whitespace().next().unwrap().replace(['-', 'e'], "")
}

#[test]
fn inode_flags_stay() {
    needs_root!();
    let dir = tree();
    let fstab = dir.path().join("etc/fstab");
    let set =
        |letters: &str| Command::new("chattr").arg(letters).arg(&fstab).status().unwrap().success();
    assert!(set("+Ad"), "chattr: the tests' temporary directory has no inode flags");
    // Not every file system has this one.
    let _ = set("+S");
    let before = flags(&fstab);
    assert!(before.contains('A') && before.contains('d'), "{before}");
    let output = command(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&fstab).unwrap(), RENAMED);
    assert_eq!(flags(&fstab), before);
    undo(dir.path());
    assert_eq!(fs::read_to_string(&fstab).unwrap(), FSTAB);
    assert_eq!(flags(&fstab), before);
}

#[test]
fn a_signature_of_the_old_bytes_comes_back_with_them_alone() {
    needs_root!();
    let dir = tree();
    let fstab = dir.path().join("etc/fstab");
    // A digest by SHA-256 as the kernel has it: type, algorithm, digest (security/integrity/integrity.h).
    let signature = [&[4, 4][..], &[7; 32]].concat();
    if let Err(error) = xattr::set(&fstab, "security.ima", &signature) {
        eprintln!("SKIPPED: this kernel takes no security.ima from a test: {error}");
        return;
    }
    let output = command(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(xattr::get(&fstab, "security.ima").unwrap(), None);
    let words = "had security.ima, which belongs to its old bytes";
    assert!(stderr(&output).contains(words), "{}", stderr(&output));
    undo(dir.path());
    assert_eq!(fs::read_to_string(&fstab).unwrap(), FSTAB);
    assert_eq!(xattr::get(&fstab, "security.ima").unwrap(), Some(signature));
}
