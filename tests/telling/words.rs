//! The exact words of errors: what, where, what to do next. `every_error_has_a_test` finds those that
//! no test has.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use crate::harness::{Run, needs_root, postclone, project, run};
use crate::images::{archive, pe};
use crate::stage::{MASK, SWAP, Stage};

const RENAME: &[&str] = &["rename", "a-b", "c-d", "--yes"];
const UNDO: &[&str] = &["undo", "--yes"];
const NEW_SWAP: &str = r"etc/systemd/system/dev-mapper-c\x2d\x2dd\x2dswap_1.swap";

/// Demands this status and, as the last line of stderr, this error.
#[track_caller]
pub fn ends(run: Run, status: i32, line: &str) {
    let run = run.demand(status);
    let said = run.stderr.trim_end();
    let last = said.rsplit("postclone: error: ").next().unwrap();
    assert_eq!(last, line, "{said}");
}

/// A stage that was prepared.
fn stage(prepare: impl Fn(&Stage)) -> Stage {
    let stage = Stage::new();
    prepare(&stage);
    stage
}

/// Lets something happen while LVM renames the group.
fn meanwhile(stage: &Stage, what: &str) {
    fs::rename(stage.path("usr/sbin/lvm"), stage.path("usr/sbin/lvm-stub")).unwrap();
    let text =
        format!("#!/bin/sh\ncase $1 in vgrename) {what} ;; esac\nexec /usr/sbin/lvm-stub \"$@\"\n");
    stage.program("usr/sbin/lvm", &text);
}

/// Lets something happen while the first image is built.
pub fn while_building(stage: &Stage, what: &str) {
    let real = stage.path("usr/sbin/update-initramfs");
    fs::rename(real, stage.path("usr/sbin/real")).unwrap();
    let text = format!("#!/bin/sh\ncase $3 in *-1-*) {what} ;; esac\nexec /usr/sbin/real \"$@\"\n");
    stage.program("usr/sbin/update-initramfs", &text);
}

#[test]
fn what_lvm_reports_is_refused_in_one_line() {
    needs_root!();
    for (what, how, line) in [
        (
            "attr",
            "rz--n-",
            "the volume group `a-b` is read-only, and vgrename would refuse to rename it: see `vgs -o \
             +vg_permissions a-b`",
        ),
        (
            "attr",
            "wzx-n-",
            "the volume group `a-b` is exported: import it with `vgimport a-b` first",
        ),
        (
            "attr",
            "wz-pn-",
            "physical volumes of `a-b` are missing: see `pvs`, and attach the disks or use `vgreduce --removemissing`",
        ),
        (
            "attr",
            "wz--ns",
            "the volume group `a-b` is shared between hosts: rename it where its lock manager runs, see lvmlockd(8)",
        ),
        (
            "owner",
            "tpl",
            "the volume group `a-b` belongs to the host `tpl`, and this one has no system ID: take it over first, see lvmsystemid(7)",
        ),
        (
            "lvattr",
            "pwI-aom---",
            "the volume `root` is being moved by pvmove: wait until it has ended, or use `pvmove --abort`",
        ),
        (
            "lvattr",
            "Owi-aos---",
            "the volume `root` has a snapshot that is being merged: wait until `lvs` shows no merge",
        ),
        (
            "blkid",
            "DEVNAME=/dev/mapper/a--b-swap_1\nTYPE=swsuspend",
            "the volume `swap_1` holds a hibernation image: boot the system that it belongs to, and shut it down \
             completely",
        ),
    ] {
        let stage = stage(|stage| stage.set(what, how));
        ends(stage.run(RENAME), 1, line);
        assert!(stage.asked().is_empty());
    }
    let stage = stage(|stage| {
        let report = r#"{"report":[{"vg":[{"vg_name":"a-b","vg_attr":"wz--n-"}],"lv":[{"lv_name":"root","vg_name":"a-b"}]}]}"#;
        stage.program(
            "usr/sbin/lvm",
            &format!(
                "#!/bin/sh\ncase $1 in fullreport) echo '{report}' ;; pvs) cat /stub/pvs ;; esac\n"
            ),
        );
    });
    ends(stage.run(RENAME), 1, "LVM's report has no UUID of `a-b`: see `vgs -o +vg_uuid a-b`");
}

#[test]
fn what_the_machine_has_is_refused_in_one_line() {
    type Prepare = fn(&Stage);
    needs_root!();
    let cases: &[(Prepare, &[&str], &str)] = &[
        (
            |stage| stage.write("dev/c-d", ""),
            RENAME,
            "`/dev/c-d` already exists: choose another name, or check what it is",
        ),
        (
            |_| (),
            &["rename", "a-b", "null", "--yes"],
            "`/dev/null` is a device of Linux itself: choose another name",
        ),
        (
            |_| (),
            &["rename", "nosuch", "c-d", "--yes"],
            "there is no volume group `nosuch`: LVM reports `a-b`",
        ),
        (
            |stage| stage.write("etc/fstab", "UUID=1 / ext4 defaults 0 1\n"),
            &["rename", "--yes"],
            "no volume group can be seen that holds `/`: give OLD and NEW",
        ),
        (
            |stage| {
                stage.write("etc/fstab", "UUID=1 /boot ext2 defaults 0 2\n");
                fs::create_dir_all(stage.path("proc/thread-self")).unwrap();
                stage.write(
                    "proc/thread-self/mountinfo",
                    "9 1 8:1 / /boot ro - ext2 /dev/sda1 ro\n",
                );
            },
            RENAME,
            "`/boot` is mounted read-only: run `mount -o remount,rw /boot`",
        ),
        (
            |stage| stage.write("etc/fstab", "UUID=1 /boot ext2 defaults 0 2\n"),
            RENAME,
            "`/boot` is in /etc/fstab and not mounted: run `mount /boot`",
        ),
        (
            |stage| {
                stage.write("etc/initramfs-tools/update-initramfs.conf", "update_initramfs=no\n");
            },
            RENAME,
            "update_initramfs=no in /etc/initramfs-tools/update-initramfs.conf prevents update-initramfs from \
             building: set it to yes during the rename, or use --no-initramfs",
        ),
        (
            |stage| fs::remove_file(stage.path("usr/sbin/lvm")).unwrap(),
            RENAME,
            "asking LVM for its groups: `lvm` is not installed: install the package lvm2, or work on files only \
             with --files-only",
        ),
        (
            |stage| fs::hard_link(stage.path("etc/fstab"), stage.path("etc/twin")).unwrap(),
            RENAME,
            "`/etc/fstab` has 2 hard links: a new file would separate it from the others; remove the others, or \
             make them symbolic links",
        ),
        (
            |stage| {
                stage.set("attr", "wzx-n-");
                stage.write("dev/c-d", "");
            },
            RENAME,
            "2 problems prevent the run:\n  the volume group `a-b` is exported: import it with `vgimport a-b` first\n  \
             `/dev/c-d` already exists: choose another name, or check what it is",
        ),
        (|_| (), UNDO, "there is no run of postclone to undo"),
        (
            |_| (),
            &["status", "--boot"],
            "the next boot cannot be proved: it is not known which group it needs, or a run was interrupted; run \
             the command as root",
        ),
        (
            |_| (),
            &["rename", "a-b", "c-d", "--vg-uuid", "U"],
            "there is no volume group with the UUID `U`: see `vgs -o +vg_uuid`",
        ),
        (
            |_| (),
            &["rename", "x", "c-d", "--vg-uuid", crate::stage::UUID],
            "the volume group aaaaaa-bbbb-cccc-dddd-eeee-ffff-gggggg is named `a-b`, not `x`: give that name, or \
             leave out OLD",
        ),
    ];
    for (prepare, args, line) in cases {
        let stage = stage(prepare);
        ends(stage.run(args), 1, line);
        assert!(stage.asked().is_empty(), "{line}");
    }
}

#[test]
fn a_second_postclone_waits_for_the_first() {
    needs_root!();
    let stage = Stage::new();
    fs::create_dir(stage.path("var/lib/postclone")).unwrap();
    let file = fs::File::create(stage.path("var/lib/postclone/lock")).unwrap();
    let _held = Flock::lock(file, FlockArg::LockExclusiveNonblock).unwrap();
    ends(
        stage.run(RENAME),
        1,
        "another postclone, or an image tool that it left behind, holds `/var/lib/postclone/lock`: wait until \
         it has ended; `fuser -v /var/lib/postclone/lock` shows it",
    );
}

/// Runs postclone in a stage as a user without rights.
fn as_nobody(stage: &Stage, args: &[&str]) -> Run {
    let output = std::process::Command::new("chroot")
        .args(["--userspec", "65534:65534"])
        .arg(stage.path(""))
        .arg("postclone")
        .args(args)
        .output();
    run(output.unwrap())
}

#[test]
fn without_root_it_says_what_needs_it() {
    needs_root!();
    let stage = Stage::new();
    for (args, line) in [
        (
            RENAME,
            "asking LVM for its groups needs root: use sudo, or work on files only with --files-only",
        ),
        (&["seal"][..], "postclone seal needs root: run it with sudo"),
        (
            &["identity"][..],
            "postclone identity needs root (only root can read keys and what tells machines apart): run it with sudo",
        ),
    ] {
        ends(as_nobody(&stage, args), 1, line);
    }
}

#[test]
fn without_root_renew_names_what_it_could_not_read() {
    needs_root!();
    for (item, file, what) in [
        ("ssh-host-keys", "etc/ssh/sshd_config", "looking for SSH host keys: "),
        ("dhcp", "etc/dhcp/dhclient.conf", "looking for DHCP identifiers: "),
        ("network-macs", "etc/netplan/a.yaml", "looking for MAC addresses: "),
    ] {
        let stage = Stage::new();
        fs::create_dir_all(stage.path(file).parent().unwrap()).unwrap();
        stage.write(file, "x\n");
        let mut open = std::process::Command::new("chmod");
        open.args(["-R", "a+rX"]).args(["etc", "boot"].map(|dir| stage.path(dir)));
        assert!(open.status().unwrap().success());
        fs::set_permissions(stage.path(file), fs::Permissions::from_mode(0o600)).unwrap();
        let run = as_nobody(&stage, &["renew", item, "--dry-run"]);
        let said = run.stderr.trim_end().rsplit("postclone: error: ").next().unwrap();
        assert!(said.starts_with(what) && said.contains(file), "{item}: {} {said}", run.status);
        assert!(said.ends_with(": run it as root"), "{item}: {said}");
    }
}

#[test]
fn what_happens_meanwhile_undoes_the_run() {
    needs_root!();
    for (what, line) in [
        (format!("mv '/{MASK}' /stub/mask"), format!("`/{MASK}` is gone: put it back")),
        (
            format!("echo x > '/{NEW_SWAP}'"),
            format!(
                "`/{SWAP}` was to become `/{NEW_SWAP}`, which exists by now: move one of the two away"
            ),
        ),
    ] {
        let stage = stage(|stage| meanwhile(stage, &what));
        let run = stage.run(RENAME);
        assert!([3, 4].contains(&run.status), "{}", run.stderr);
        assert!(run.stderr.contains(&format!("postclone: error: {line}\n")), "{}", run.stderr);
    }
}

#[test]
fn a_file_that_changes_meanwhile_stops_the_run() {
    needs_root!();
    let stage = stage(|stage| meanwhile(stage, "echo '# mine' >> /etc/default/grub"));
    let run = stage.run(RENAME).demand(3);
    let line = "postclone: error: `/etc/default/grub` was changed while postclone ran: run the command again\n";
    assert!(run.stderr.contains(line), "{}", run.stderr);
    assert!(stage.read("etc/default/grub").ends_with("# mine\n"));
}

#[test]
fn images_that_will_not_do_are_named() {
    needs_root!();
    let gone = "`/boot/initrd.img-6.1.0-2-amd64` is gone: put it or another image there";
    let stage_ = stage(|stage| while_building(stage, "rm /boot/initrd.img-6.1.0-2-amd64"));
    ends(stage_.run(RENAME), 3, &format!("failed, and everything was restored: {gone}"));
    for (how, line) in [
        (
            "idle",
            "update-initramfs succeeded but left the old `/boot/initrd.img-6.1.0-1-amd64` in place: check its \
             configuration (update_initramfs= in /etc/initramfs-tools/update-initramfs.conf), or use --no-initramfs",
        ),
        ("empty", "`/boot/initrd.img-6.1.0-1-amd64` is empty"),
        (
            "bare",
            "the new image `/boot/initrd.img-6.1.0-1-amd64` lacks `cryptsetup` and `lvm` and the mapping `vda_crypt` in its crypttab, which the old one had",
        ),
    ] {
        let stage = stage(|stage| stage.set("initramfs", how));
        ends(stage.run(RENAME), 3, &format!("failed, and everything was restored: {line}"));
    }
}

#[test]
fn a_group_that_another_renames_is_noticed() {
    needs_root!();
    let stage = stage(|stage| while_building(stage, "echo other > /stub/vg"));
    let run = stage.run(RENAME);
    let line = "postclone: error: LVM calls the group aaaaaa-bbbb-cccc-dddd-eeee-ffff-gggggg `other`, not `c-d`: \
                check with `vgs -o +vg_uuid`\n";
    assert!(run.stderr.contains(line), "{}", run.stderr);
}

#[test]
fn a_name_that_comes_back_meanwhile_takes_the_run_back() {
    needs_root!();
    for (what, line) in [
        (
            format!("busybox ln -s /dev/null '/{MASK}'"),
            format!("`/{MASK}` still has the name a-b, or leads to it, after the rename"),
        ),
        (
            "echo 'GRUB_CMDLINE_LINUX=root=/dev/a-b/root' >> /etc/default/grub".to_owned(),
            "`/etc/default/grub` still names a-b after the rename".to_owned(),
        ),
    ] {
        let stage = stage(|stage| while_building(stage, &what));
        let run = stage.run(RENAME);
        assert!(run.stderr.contains(&format!("postclone: error: {line}\n")), "{}", run.stderr);
        assert!([3, 4].contains(&run.status), "{}", run.stderr);
    }
}

#[test]
fn what_somebody_put_where_the_link_for_grub_goes_is_left() {
    let dir = tree();
    let there = dir.path().join("there");
    fs::write(&there, "mine").unwrap();
    let error = postclone::transaction::runtime::link(Path::new("/run/x"), &there).unwrap_err();
    let line = format!("`{}` exists and is not a symbolic link: move it away", there.display());
    assert_eq!(format!("{error:#}"), line);
    assert_eq!(fs::read(&there).unwrap(), b"mine");
}

/// dm nodes as sysfs and /dev show them.
fn nodes(stage: &Stage) {
    fs::create_dir_all(stage.path("sys/block/dm-0/dm")).unwrap();
    stage.write("sys/block/dm-0/dm/name", "a--b-root\n");
    fs::create_dir_all(stage.path("dev/mapper")).unwrap();
    for (name, minor) in [("a--b-root", 1), ("c--d-root", 2)] {
        let path = stage.path("dev/mapper").join(name);
        mknod(&path, SFlag::S_IFBLK, Mode::S_IRUSR, makedev(240, minor)).unwrap();
    }
}

#[test]
fn a_link_that_leads_elsewhere_is_noticed() {
    needs_root!();
    let stage = stage(nodes);
    let run = stage.run(RENAME).demand(4);
    let line = "postclone: error: `/dev/mapper/c--d-root` is another device than `/dev/mapper/a--b-root`: \
                see `udevadm info /dev/mapper/c--d-root`\n";
    assert!(run.stderr.contains(line), "{}", run.stderr);
}

#[test]
fn undo_says_what_stands_in_its_way() {
    needs_root!();
    let stage = Stage::new();
    stage.run(RENAME).demand(0);
    fs::create_dir(stage.path(SWAP)).unwrap();
    let run = stage.run(&["undo", "--yes", "--force"]).demand(4);
    assert!(
        run.stderr.contains(&format!("`/{SWAP}` is a directory: move it away")),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("not everything could be undone: ")
            && run.stderr.contains("; the old files are in `")
            && run
                .stderr
                .trim_end()
                .ends_with("`: fix what is named and run `postclone undo` again"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_journal_that_is_none_is_named() {
    needs_root!();
    let stage = Stage::new();
    let dir = stage.path("var/lib/postclone/000000000001.000000");
    fs::create_dir_all(&dir).unwrap();
    let record = r#"{"record":"closed","direction":"forward","format":2,"version":"0.1.0"}"#;
    fs::write(dir.join("journal"), format!("{record}\n")).unwrap();
    let path = "/var/lib/postclone/000000000001.000000/journal";
    ends(
        stage.run(UNDO),
        1,
        &format!("reading `{path}`: its first record is not the plan: move its directory away"),
    );
}

/// A tree with group `a-b`, to work on its files alone.
fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("etc")).unwrap();
    fs::create_dir_all(dir.path().join("boot/grub")).unwrap();
    fs::write(dir.path().join("etc/fstab"), "/dev/a-b/root / ext4 defaults 0 1\n").unwrap();
    dir
}

#[test]
fn files_that_cannot_be_edited_say_what_to_do() {
    type Prepare = fn(&Path);
    let cases: &[(Prepare, &str)] = &[
        (
            |root| {
                fs::File::create(root.join("boot/grub/grub.cfg"))
                    .unwrap()
                    .set_len(257 << 20)
                    .unwrap();
            },
            "`ROOT/boot/grub/grub.cfg` has 257 MiB; postclone edits files of at most 256 MiB: move it away",
        ),
        (
            |root| fs::create_dir(root.join("boot/grub/grub.cfg")).unwrap(),
            "`ROOT/boot/grub/grub.cfg` is a directory, not a regular file: move it away",
        ),
        (
            |root| std::os::unix::fs::symlink("crypttab", root.join("etc/crypttab")).unwrap(),
            "`/etc/crypttab` goes through more than 40 symbolic links: remove the loop",
        ),
        (
            |root| std::os::unix::fs::symlink("no/where", root.join("etc/crypttab")).unwrap(),
            "`/etc/crypttab` is a symbolic link to `no/where`, which does not exist inside the root: mount what \
             it points into, or remove the link",
        ),
        (
            |root| {
                let mut block =
                    b"# GRUB Environment Block\nk=/dev/mapper/a--b-root\nfiller=".to_vec();
                block.resize(1022, b'x');
                block.extend(b"\n#");
                fs::write(root.join("boot/grub/grubenv"), &block).unwrap();
            },
            "rewriting `/boot/grub/grubenv`: the environment block has 1024 bytes, 1 of them free, and the new name \
             needs 8 more: choose a shorter name, or make room with `grub-editenv`",
        ),
        (
            |root| fs::write(root.join("boot/grub/grubenv"), "k=/dev/mapper/a--b-root\n").unwrap(),
            "rewriting `/boot/grub/grubenv`: the file names the group, but its first line is not `# GRUB Environment \
             Block`: it cannot be edited safely",
        ),
    ];
    for (prepare, line) in cases {
        let dir = tree();
        prepare(dir.path());
        let root = fs::canonicalize(dir.path()).unwrap();
        let args = ["rename", "a-b", "longer-name", "--yes", "--files-only", "--root", "."];
        let line = line.replace("ROOT", root.to_str().unwrap());
        ends(postclone(dir.path(), &args), 1, &line);
    }
}

#[test]
fn images_that_cannot_be_read_say_why() {
    let name = "boot/initrd.img-1";
    let good = archive(&[("init", b"x"), ("etc/fstab", b"y")]);
    // The second header: 110 bytes, name and content, each padded to four.
    let second = 116 + 4;
    let with = |at: usize, bytes: &[u8]| {
        let mut image = good.clone();
        image[at..at + bytes.len()].copy_from_slice(bytes);
        image
    };
    for (image, why) in [
        (with(second, b"x"), "the archive has no entry at its byte 120"),
        (with(second + 94, b"00000000"), "the archive's entry at byte 120 has a name of 0 bytes"),
        (with(second + 94, b"0000000z"), "`0000000z` is not a number of a cpio header"),
    ] {
        let dir = tree();
        fs::write(dir.path().join(name), image).unwrap();
        could_not(dir.path(), name, why);
    }
    let name = "boot/linux.efi";
    let whole = pe(&[(".cmdline", b"root=/dev/a-b/root"), (".initrd", &good)]);
    let dir = tree();
    fs::write(dir.path().join(name), &whole[..whole.len() - 600]).unwrap();
    could_not(dir.path(), name, "it is cut off: a section ends after the file's last byte");
    let header = u32::from_le_bytes(whole[0x3c..0x40].try_into().unwrap()) as usize;
    let mut many = whole;
    many[header + 6] = 200;
    fs::write(dir.path().join(name), &many).unwrap();
    could_not(dir.path(), name, "its PE header claims 200 sections");
}

#[track_caller]
fn could_not(root: &Path, name: &str, why: &str) {
    let run = postclone(root, &["audit", "--root", ".", "a-b"]);
    let line = format!("postclone: warning: could not read `/{name}`: {why}");
    assert!(run.stderr.contains(&line), "{}", run.stderr);
}

#[test]
fn a_state_directory_that_cannot_be_entered_is_named() {
    let dir = tree();
    fs::create_dir_all(dir.path().join("var/lib")).unwrap();
    fs::write(dir.path().join("var/lib/postclone"), "").unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let run =
        postclone(dir.path(), &["rename", "a-b", "c-d", "--yes", "--files-only", "--root", "."]);
    assert!(run.stderr.contains("var/lib/postclone`"), "{}", run.stderr);
    assert_eq!(run.status, 1, "{}", run.stderr);
}

/// Words that nothing outside of the program brings about; a change of them is seen here.
const UNPROVOKED: &[&str] = &[
    // A group that LVM does not call by its new name, in the middle of a way back that was held.
    "; the next boot was not proved",
    // A signal ends the search, and the search itself is what is told of.
    "the search was ended",
    // Paths of the plan are absolute and have a last component.
    "has no name",
    "has no directory",
    // A plan with images has their tool: a journal that says else was edited.
    "the tool that builds the images is not known",
    // Between two system calls.
    "` does not contain the bytes that postclone wrote: find out what else writes it",
    "is not what was written there",
    "a thread ended in a panic",
    // Up to 256 bytes come at once (getrandom(2)).
    "generating a machine ID: the kernel gave too few random bytes: try again",
    // A journal says so that was edited.
    "it has no step of the kind",
    // A run that is undone was read from its journal.
    "the run has no journal any more",
    "the process that thaws",
    // The kernel takes any bytes for a name, and hostname(1) does not.
    "the running system's host name is not text: see hostname(1)",
    // Tests' own.
    "failpoint ",
];

/// Every message of `bail!`, `anyhow!` and `usage` in the sources is in a test, whole: every part between the values
/// that are filled in.
#[test]
fn every_error_has_a_test() {
    let literal = regex::Regex::new(
        r#"(?s)(?:bail!|anyhow!|[^a-z_]usage)\([ \n]*(?:format!\([ \n]*)?"((?:[^"\\]|\\.)*)""#,
    )
    .unwrap();
    let joined = regex::Regex::new(r"\\\n *").unwrap();
    let values = regex::Regex::new(r"\{[^}]*\}").unwrap();
    let (mut code, mut tests) = (Vec::new(), UNPROVOKED.join("\n"));
    for path in files("src") {
        let text = joined.replace_all(&fs::read_to_string(&path).unwrap(), "").into_owned();
        let (own, unit) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
        tests.push_str(unit);
        code.push((path, own.to_owned()));
    }
    for path in files("tests") {
        tests.push_str(&joined.replace_all(&fs::read_to_string(path).unwrap(), ""));
    }
    let tests = tests.replace(['`', '\\'], "");
    let mut without = Vec::new();
    let mut found = 0;
    for (path, text) in &code {
        for message in literal.captures_iter(text).map(|captures| captures[1].to_owned()) {
            found += 1;
            let plain = message.replace(['`', '\\'], "");
            let mut parts = values.split(&plain).map(str::trim).filter(|part| part.len() > 3);
            if !parts.all(|part| tests.contains(part)) {
                without.push(format!("{}: {message}", path.display()));
            }
        }
    }
    assert!(found > 100, "{found}");
    assert!(without.is_empty(), "no test has these words whole:\n{}", without.join("\n"));
}

fn files(dir: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![project().join(dir)];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                found.push(path);
            }
        }
    }
    found
}
