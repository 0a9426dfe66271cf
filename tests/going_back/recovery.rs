//! What a person does after a run that was cut, on a stage.

use std::fs;

use postclone::guest::root::Root;
use postclone::transaction::journal::Journal;
use postclone::transaction::record::Direction;

use crate::harness::{needs_root, postclone, project};
use crate::stage::Stage;
use crate::tree;

const RENAME: &[&str] = &["rename", "a-b", "c-d", "--yes"];

/// A guest whose run was cut while its first image was built.
pub fn cut() -> Stage {
    let guest = Stage::new();
    guest.program("usr/sbin/update-initramfs", "#!/bin/sh\nkill -9 $PPID\n");
    guest.run(RENAME).demand(137);
    guest.install_update_initramfs();
    assert_eq!(guest.read("stub/vg").trim(), "c-d");
    guest
}

/// The limit is an hour, and some seconds in a build with failpoints.
#[cfg(feature = "failpoints")]
#[test]
fn an_image_tool_that_hangs_is_killed_at_its_limit() {
    let stage = Stage::new();
    let before = stage.system();
    stage.set("initramfs", "hang");
    let run = stage.run(RENAME).demand(3);
    assert!(
        run.stderr.contains("it had not ended after 8 s, and was killed")
            && run.stderr.contains("everything was restored"),
        "{}",
        run.stderr
    );
    assert_eq!(before, stage.system());
}

/// A disk that runs full in the middle must not keep the old bytes from coming back.
#[test]
fn a_run_is_taken_back_on_a_full_disk() {
    needs_root!();
    for dir in ["boot", "etc", "var/lib"] {
        let stage = Stage::new();
        stage.program(
            "usr/sbin/update-initramfs",
            &format!(
                "#!/bin/sh\nwhile cat /usr/bin/busybox >> /{dir}/filler; do :; done\n\
                 echo full >&2\nexit 1\n"
            ),
        );
        // In a mount namespace of its own; what is in the directory is put onto a small file system.
        let script = "cp -a \"$1/$2\" \"$1/tmp/kept\" &&
            mount -t tmpfs -o size=8m tmpfs \"$1/$2\" && cp -a \"$1/tmp/kept/.\" \"$1/$2\" || exit 98
            chroot \"$1\" /usr/sbin/postclone rename a-b c-d --yes
            status=$?
            rm \"$1/$2/filler\" && diff -r --exclude postclone \"$1/tmp/kept\" \"$1/$2\" >&2 || exit 99
            exit $status";
        let output = std::process::Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"])
            .args([stage.path("").to_str().unwrap(), dir])
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let run = crate::harness::run(output).demand(3);
        assert!(run.stderr.contains("everything was restored"), "{dir}: {}", run.stderr);
        assert_eq!(stage.read("stub/vg").trim(), "a-b", "{dir}");
    }
}

/// Seen in a guest: /boot had write errors, and its check removed what was half written.
#[test]
fn an_image_that_is_gone_comes_back_from_the_journal() {
    needs_root!();
    let guest = cut();
    let image = guest.path("boot/initrd.img-6.1.0-1-amd64");
    let before = std::fs::read(&image).unwrap();
    std::fs::remove_file(&image).unwrap();
    guest.run(&["undo", "--yes"]).demand(0);
    assert_eq!(before, std::fs::read(&image).unwrap());
    assert_eq!(guest.read("stub/vg").trim(), "a-b");
}

/// As the manual's RECOVERY has it; the bridge of the way back must not stay.
#[test]
fn after_the_work_by_hand_undo_closes_the_run() {
    needs_root!();
    let guest = cut();
    let script = "cd \"$1\" && sh var/lib/postclone/0*/paths-back &&
        cd \"$1\"/var/lib/postclone/0*/before &&
        find . -type f -exec cp -a --no-target-directory {} \"$1\"/{} \\; &&
        cp -a ../images/init* \"$1\"/boot";
    let mut by_hand = std::process::Command::new("sh");
    let done = by_hand.args(["-c", script, "sh"]).arg(guest.path("")).status().unwrap();
    assert!(done.success());
    guest.set("vg", "a-b");
    let mut before = guest.system();
    // What the cut run had staged goes with the undo.
    before.retain(|thing| !thing.path.to_string_lossy().contains("/.postclone-"));
    assert!(guest.read("etc/fstab").starts_with("/dev/mapper/a--b-root / "));
    guest.run(&["undo", "--yes"]).demand(0);
    assert!(before == guest.system());
    let status = guest.run(&["status"]).demand(0);
    assert!(String::from_utf8(status.stdout).unwrap().contains("a-b to c-d, undone"));
}

/// Seen in a guest: the group had its old name back, and grub.cfg, which found no room, the new one.
#[test]
fn files_do_not_go_back_where_the_group_does_not() {
    needs_root!();
    let stage = Stage::new();
    stage.set("vgrename", "once");
    stage.set("initramfs", "fail");
    let run = stage.run(RENAME).demand(4);
    assert!(run.stderr.contains("the files were left as they are"), "{}", run.stderr);
    assert_eq!(stage.read("stub/vg").trim(), "c-d");
    // On the bridge: bootable under any name.
    assert!(stage.read("etc/fstab").starts_with("UUID=R-1 / "), "{}", stage.read("etc/fstab"));
    assert!(stage.read("boot/grub/grub.cfg").contains("root=UUID=R-1"));
}

#[test]
fn the_group_does_not_go_back_where_the_files_do_not() {
    needs_root!();
    let stage = Stage::new();
    // Somebody works on a file meanwhile: what it holds is not postclone's to replace.
    stage.program(
        "usr/sbin/update-initramfs",
        "#!/bin/sh\necho '# mine' >> /boot/grub/grub.cfg\necho 'no image' >&2\nexit 1\n",
    );
    let run = stage.run(RENAME).demand(4);
    assert!(run.stderr.contains("`/boot/grub/grub.cfg` was changed"), "{}", run.stderr);
    assert!(run.stderr.contains("the files were left as they are"), "{}", run.stderr);
    assert_eq!(stage.read("stub/vg").trim(), "c-d");
    assert!(stage.read("etc/fstab").starts_with("/dev/mapper/c--d-root"));
    let run = stage.run(&["undo", "--yes"]).demand(1);
    let said = "1 file changed since postclone wrote it: `/boot/grub/grub.cfg`";
    assert!(run.stderr.contains(said), "{}", run.stderr);
    let next = "/before`, then use --force to replace what changed";
    assert!(run.stderr.contains("; look at the old bytes in `"), "{}", run.stderr);
    assert!(run.stderr.contains(next), "{}", run.stderr);
    stage.run(&["undo", "--yes", "--force"]).demand(0);
    assert_eq!(stage.read("stub/vg").trim(), "a-b");
    assert!(stage.read("etc/fstab").starts_with("/dev/mapper/a--b-root"));
}

/// Found by fuzzing: the newline that ends a torn line made a record of one that lacked nothing else.
#[test]
fn a_journal_that_was_cut_at_any_byte_says_the_same_when_it_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    tree::copy(&project().join("fixtures/debian-12-guided/root"), dir.path());
    let rename = ["rename", "--files-only", "--yes", "svlmon2-vg", "svlinuxtest-vg", "--root", "."];
    postclone(dir.path(), &rename).demand(0);
    postclone(dir.path(), &["undo", "--yes", "--root", "."]).demand(0);
    let root = Root::open(dir.path()).unwrap();
    let path = Journal::latest(&root).unwrap().unwrap().dir().join("journal");
    let whole = fs::read(&path).unwrap();
    let told = |length: usize| {
        let journal =
            Journal::latest(&root).unwrap_or_else(|error| panic!("{length}: {error:#}"))?;
        let steps = 0..journal.saved.steps.len();
        let of_step = |step| {
            [Direction::Forward, Direction::Backward]
                .map(|way| (journal.was_begun(way, step), journal.is_done(way, step)))
        };
        Some((journal.state(), steps.map(of_step).collect::<Vec<_>>()))
    };
    let mut states = Vec::new();
    for length in 0..=whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let first = told(length);
        assert_eq!(told(length), first, "cut at byte {length} of {}", whole.len());
        states.push(first.map(|(state, _)| state));
    }
    states.dedup();
    assert!(states.len() > 4, "cut, done, cut on the way back, undone: {states:?}");
}
