//! `postclone` alone; what stands before the question, the pager, and what is said while it works.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};

use crate::harness::{Run, needs_root, on_terminal, run};
use crate::stage::{Stage, UUID};

/// Makes the stage's root file system a volume of the group, as sysfs shows it.
fn root_on_group(stage: &Stage, group: &str) {
    let device = fs::metadata(stage.path("")).unwrap().dev();
    let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
    let dm = format!("sys/dev/block/{major}:{minor}/dm");
    fs::create_dir_all(stage.path(&dm)).unwrap();
    stage.write(&format!("{dm}/uuid"), &format!("LVM-{}root\n", UUID.replace('-', "")));
    stage.write(&format!("{dm}/name"), &format!("{}-root\n", group.replace('-', "--")));
    stage.set("vg", group);
}

/// A clone: a group named after the template on a host called `c`, by the kernel as well.
fn clone() -> Stage {
    let stage = Stage::new();
    root_on_group(&stage, "tpl-vg");
    stage.write("etc/fstab", "/dev/tpl-vg/root / ext4 defaults 0 1\n");
    for path in ["boot/grub/grub.cfg", "etc/default/grub", "etc/initramfs-tools/conf.d/resume"] {
        stage.write(path, "");
    }
    fs::create_dir_all(stage.path("sys/class/dmi/id")).unwrap();
    stage.write("sys/class/dmi/id/product_name", "KVM\n");
    stage
}

fn alone(stage: &Stage, user: &str) -> Run {
    let output = Command::new("unshare")
        .args(["--uts", "sh", "-c", "hostname c && exec chroot --userspec \"$1\" \"$2\" postclone"])
        .args(["sh", user])
        .arg(stage.path(""))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    run(output)
}

/// Demands what it says between head and foot, in lines that fit a terminal.
#[track_caller]
fn says(run: Run, expected: &str) {
    let run = run.demand(0);
    assert_eq!(run.stderr, "");
    let text = String::from_utf8(run.stdout).unwrap();
    assert!(text.lines().all(|line| line.chars().count() < 80), "{text}");
    let body = text.strip_prefix("postclone 0.1.0 changed nothing. It sees:\n\n");
    let body = body.and_then(|body| body.strip_suffix("See `postclone --help` for the rest.\n"));
    assert_eq!(body.unwrap_or(&text), expected);
}

#[test]
fn alone_it_says_what_it_sees_and_the_next_command() {
    needs_root!();
    let stage = clone();
    let before = stage.system();
    says(
        alone(&stage, "0:0"),
        "\
host name           c (/etc/hostname)
volume group of /   tpl-vg
names match         no
runs on             KVM
last run            none
waits for a reboot  no
the next boot       1 row holds
the template's      nothing known: no earlier machine is on record

If this machine is a clone, `postclone fixup` gives it its own names, IDs and
keys. `postclone rename tpl-vg c-vg` renames only the volume group.
",
    );
    assert_eq!(before, stage.system());
    stage.run(&["rename", "tpl-vg", "c-vg", "--yes"]).demand(0);
    fs::create_dir_all(stage.path("run/postclone")).unwrap();
    stage.write("run/postclone/pending", "tpl-vg\nc-vg\n");
    says(
        alone(&stage, "0:0"),
        "\
host name           c (/etc/hostname)
volume group of /   c-vg
names match         yes
runs on             KVM
last run            tpl-vg to c-vg, done
waits for a reboot  yes
the next boot       1 row holds
the template's      nothing known: no earlier machine is on record

Reboot: the running system still has the old name beside the new one.
",
    );
    fs::remove_file(stage.path("run/postclone/pending")).unwrap();
    let text = String::from_utf8(alone(&stage, "0:0").stdout).unwrap();
    assert!(text.contains("\n\nNothing to do.\nSee"), "{text}");
}

/// As a script does at each boot of each clone.
#[test]
fn the_same_again_finds_nothing_to_do() {
    needs_root!();
    let stage = clone();
    let again = |args: &[&str]| {
        let run = stage.run(&[&["rename", "--yes"], args].concat()).demand(0);
        assert_eq!(
            String::from_utf8(run.stdout).unwrap(),
            "# Nothing to do: no known place names tpl-vg.\n"
        );
    };
    stage.run(&["rename", "--yes"]).demand(0);
    assert_eq!(stage.read("stub/vg").trim(), "c-vg");
    again(&[]);
    again(&["--to-hostname", "c"]);
    // Another host name is another wish.
    stage.write("etc/hostname", "d\n");
    stage.run(&["rename", "--yes"]).demand(0);
    assert_eq!(stage.read("stub/vg").trim(), "d-vg");
    // Taken back, it is no longer done.
    stage.run(&["undo", "--yes"]).demand(0);
    stage.run(&["rename", "--yes"]).demand(0);
    assert_eq!(stage.read("stub/vg").trim(), "d-vg");
}

#[test]
fn a_run_that_was_cut_comes_first() {
    needs_root!();
    let stage = clone();
    stage.set("initramfs", "fail");
    stage.run(&["rename", "tpl-vg", "c-vg", "--yes"]).demand(3);
    let journals = stage.path("var/lib/postclone");
    let dir = fs::read_dir(journals).unwrap().flatten().find(|entry| entry.path().is_dir());
    let journal = dir.unwrap().path().join("journal");
    let text = fs::read_to_string(&journal).unwrap();
    // As a power cut would have left it.
    let forward: Vec<&str> = text.lines().take_while(|line| !line.contains("backward")).collect();
    fs::write(&journal, forward.join("\n") + "\n").unwrap();
    let text = String::from_utf8(alone(&stage, "0:0").demand(0).stdout).unwrap();
    assert!(text.contains("\nlast run            tpl-vg to c-vg, interrupted\n"), "{text}");
    assert!(
        text.contains(
            "\nThe last run was interrupted. Finish it with `postclone rename --resume`, or\nundo"
        ),
        "{text}"
    );
}

#[test]
fn without_root_it_says_what_it_cannot_see() {
    needs_root!();
    let stage = clone();
    fs::create_dir_all(stage.path("var/lib/postclone")).unwrap();
    let closed = fs::Permissions::from_mode(0o700);
    fs::set_permissions(stage.path("var/lib/postclone"), closed).unwrap();
    says(
        alone(&stage, "65534:65534"),
        "\
host name           c (/etc/hostname)
volume group of /   tpl-vg
names match         no
runs on             KVM
waits for a reboot  no
not seen            LVM's report, the last run, the next boot, what is the
                    template's: run as root to see them

If this machine is a clone, `sudo postclone fixup` gives it its own names, IDs
and keys. `sudo postclone rename tpl-vg c-vg` renames only the volume group.
",
    );
    assert!(stage.asked().is_empty());
}

#[test]
fn the_templates_host_name_is_spoken_of() {
    needs_root!();
    let stage = clone();
    stage.write("etc/hostname", "tpl\n");
    let text = String::from_utf8(alone(&stage, "0:0").demand(0).stdout).unwrap();
    assert!(text.contains("\nalso called         c (the running kernel's host name)\n"), "{text}");
    assert!(
        text.contains(
            "\nNothing to do, unless tpl is still the template's host name. In that case, the\n\
             running kernel's host name has `c`: `postclone fixup --name c`.\n"
        ),
        "{text}"
    );
    stage.write("etc/hostname", "c\n");
    stage.write("etc/fstab", "/dev/system/root / ext4 defaults 0 1\n");
    stage.set("vg", "system");
    let text = String::from_utf8(alone(&stage, "0:0").demand(0).stdout).unwrap();
    assert!(
        text.contains("To\nrename only the volume group, run `postclone rename system NEW`.\n"),
        "{text}"
    );
}

/// A stage whose plan is longer than a screen, and a stub of less that tells how it was called.
fn long_plan() -> Stage {
    let stage = Stage::new();
    let lines = "/dev/mapper/a--b-root / ext4 defaults 0 1\n".repeat(30);
    stage.write("etc/fstab", &lines);
    stage.program(
        "usr/bin/less",
        "#!/bin/sh
echo \"less $* $LESSSECURE $TERM ${SECRET-none}\" >> /stub/log
[ -e /stub/no-less ] && exit 1
sed 's/^/paged /' | head -n 2
",
    );
    stage
}

#[test]
fn how_long_it_takes_is_told_from_what_it_took() {
    needs_root!();
    let stage = Stage::new();
    fs::create_dir_all(stage.path("var/log")).unwrap();
    stage.write(
        "var/log/dpkg.log",
        "2026-01-11 09:59:50 trigproc initramfs-tools:all 0.142 <none>\n\
         2026-01-11 10:00:18 status installed initramfs-tools:all 0.142\n",
    );
    let said = |args: &[&str]| String::from_utf8(stage.run(args).stdout).unwrap();
    let text = said(&["rename", "a-b", "c-d"]);
    let line = "\n# It takes about 70 s to build 2 images: the last one took 28 s here\n# (/var/log/dpkg.log).\n";
    assert!(text.contains(line), "{text}");
    let text = said(&["rename", "a-b", "c-d", "--no-initramfs"]);
    assert!(text.contains("\n# No image is built, so this takes seconds.\n"), "{text}");
}

/// Runs a rename that is answered with no.
fn asked(stage: &Stage, options: &str, environment: &[(&str, &str)]) -> String {
    let command = format!("chroot . /usr/sbin/postclone rename a-b c-d {options}");
    let (status, screen) = on_terminal(&stage.path(""), &command, "n\n", environment);
    assert!(status == 1 || options.contains("-n"), "{screen}");
    screen
}

fn less(stage: &Stage) -> Vec<String> {
    stage.asked().into_iter().filter(|line| line.starts_with("less")).collect()
}

#[test]
fn a_long_plan_is_paged_between_summary_and_question() {
    needs_root!();
    let stage = long_plan();
    let screen = asked(&stage, "", &[("SECRET", "x")]);
    assert_eq!(less(&stage), ["less -F -R -X 1 xterm none"]);
    let at = |text: &str| screen.find(text).unwrap_or_else(|| panic!("{text} is not in {screen}"));
    assert!(at("# 6 files, 35 edits, 4 paths.") < at("paged # Directory"), "{screen}");
    assert!(at("paged ") < at("# Steps:") && at("# Steps:") < at("now? [y/N]"), "{screen}");
    assert_eq!(screen.matches("paged ").count(), 2, "one who has seen enough ends it");
    assert_eq!(screen.matches("+/dev/mapper/c--d-root").count(), 0, "{screen}");
    let time = "# How long 2 images take to build is not known here";
    assert!(at(time) < at("paged "), "{screen}");
    let images = "# Rebuilt: /boot/initrd.img-6.1.0-1-amd64, /boot/initrd.img-6.1.0-2-amd64.";
    assert!(at(images) < at(time), "{screen}");
}

#[test]
fn a_plan_is_printed_where_there_is_no_pager() {
    needs_root!();
    let printed = |stage: &Stage, options: &str, environment: &[(&str, &str)]| {
        let screen = asked(stage, options, environment);
        assert_eq!(screen.matches("+/dev/mapper/c--d-root").count(), 30, "{screen}");
        less(stage).len()
    };
    let stage = long_plan();
    assert_eq!(printed(&stage, "--no-pager", &[]), 0);
    assert_eq!(printed(&stage, "", &[("PAGER", "cat")]), 0);
    assert_eq!(printed(&stage, "", &[("PAGER", "")]), 0);
    assert_eq!(printed(&stage, "", &[("TERM", "dumb")]), 0);
    assert_eq!(printed(&stage, "-n", &[("PAGER", "cat")]), 0);
    stage.set("no-less", "");
    assert_eq!(printed(&stage, "", &[("PAGER", "sh -c id")]), 1);
    fs::remove_file(stage.path("usr/bin/less")).unwrap();
    assert_eq!(printed(&stage, "", &[]), 1);
    // No terminal, as over `ssh host sudo postclone`.
    let stage = long_plan();
    let run = stage.run(&["rename", "a-b", "c-d"]).demand(1);
    assert_eq!(String::from_utf8_lossy(&run.stdout).matches("\n+/dev/mapper/c--d").count(), 30);
    assert_eq!(
        run.stderr,
        "postclone: error: there is no terminal to ask on: use --yes, or `ssh -t`; --dry-run shows the plan\n"
    );
    assert!(less(&stage).is_empty());
}

/// The stub of update-initramfs takes its time for the first kernel.
fn slow(stage: &Stage, seconds: u32) {
    let real = stage.path("usr/sbin/update-initramfs");
    fs::rename(&real, stage.path("usr/sbin/real")).unwrap();
    let text = format!(
        "#!/bin/sh\ncase $3 in *-1-*) sleep {seconds} ;; esac\nexec /usr/sbin/real \"$@\"\n"
    );
    stage.program("usr/sbin/update-initramfs", &text);
}

#[test]
fn without_a_terminal_a_line_now_and_then_says_that_it_goes_on() {
    needs_root!();
    let stage = Stage::new();
    slow(&stage, 6);
    let line = "build /boot/initrd.img-6.1.0-1-amd64 for kernel 6.1.0-1-amd64 with upda...: 5 s\n";
    let run = stage.run(&["rename", "a-b", "c-d", "--yes"]).demand(0);
    assert_eq!(run.stderr.matches(&format!("\npostclone: {line}")).count(), 1, "{}", run.stderr);
    assert!(!run.stderr.contains('\x1b') && !run.stderr.contains('\r'), "{}", run.stderr);
    let run = stage.run(&["undo", "--yes", "-q"]).demand(0);
    assert_eq!(run.stderr, "");
}

#[test]
fn on_a_terminal_a_live_line_shows_the_time() {
    needs_root!();
    let stage = Stage::new();
    slow(&stage, 3);
    let command = "chroot . /usr/sbin/postclone rename a-b c-d";
    let (status, screen) = on_terminal(&stage.path(""), command, "y\n", &[]);
    assert_eq!(status, 0, "{screen}");
    let live: Vec<&str> = screen.split("\r\x1b[K").collect();
    assert!(live.iter().any(|line| line.ends_with(" with upda...: 2 s")), "{screen}");
    assert!(live.iter().all(|line| !line.ends_with(": 0 s")), "{screen}");
    // It is taken away before the next line, and at the end.
    assert!(screen.contains("\r\x1b[Kpostclone: build /boot/initrd.img-6.1.0-2-amd64"), "{screen}");
    assert!(screen.trim_end().ends_with("# Next: reboot. Until then both names work."), "{screen}");
    let stage = Stage::new();
    slow(&stage, 3);
    let (_, screen) = on_terminal(&stage.path(""), command, "y\n", &[("TERM", "dumb")]);
    assert!(!screen.contains('\x1b'), "{screen}");
}
