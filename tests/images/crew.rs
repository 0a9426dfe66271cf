//! Images of several kernels at a time, on a stage whose image tool can tell whether it has company.

use crate::harness::needs_root;
use std::thread::available_parallelism;

use crate::stage::{KERNELS, Stage, Thing};
use crate::tree::Content;

const RENAME: &[&str] = &["rename", "a-b", "c-d", "--yes"];

/// Waits for another one that is at work, and says whether it came; then does what the test wants.
const TOOL: &str = r#"#!/bin/sh
echo "update-initramfs $*" >> /stub/log
echo > /stub/at-work-$3
for other in /lib/modules/*; do
	other=${other##*/}
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ ! -e /stub/at-work-$other ] || break
		sleep 0.2
	done
	[ -e /stub/at-work-$other ] || echo "alone" >> /stub/log
done
how=$(cat /stub/initramfs)
if [ $how = second ] && [ $3 = 6.1.0-2-amd64 ]; then
	echo "mkinitramfs failure" >&2
	exit 2
fi
mkdir /stub/tree-$3
cp -r /stub/image/. /stub/tree-$3
cp /etc/fstab /stub/tree-$3/fstab
if [ $how = killed ]; then
	echo half > /boot/initrd.img-$3.new
	if [ $3 != 6.1.0-1-amd64 ] || [ ! -e /stub/at-work-6.1.0-2-amd64 ]; then
		kill -9 $PPID
		exit 1
	fi
	# This one goes on, whatever became of postclone.
	while [ ! -e /stub/go-on ]; do sleep 0.1; done
fi
pack /stub/tree-$3 /boot/initrd.img-$3
rm -r /stub/tree-$3
"#;

const PLENTY: &str = "MemTotal: 2000000 kB\nMemAvailable:    1500000 kB\n";

/// A stage with memory for several builds, and a place for their trees.
fn roomy() -> Stage {
    let stage = Stage::new();
    for dir in ["proc", "var/tmp"] {
        std::fs::create_dir_all(stage.path(dir)).unwrap();
    }
    stage.write("proc/meminfo", PLENTY);
    std::os::unix::fs::symlink("/usr/bin/busybox", stage.path("usr/bin/rm")).unwrap();
    stage.program("usr/sbin/update-initramfs", TOOL);
    stage
}

/// Whether every image was built in company, by as many as this machine has processors for.
fn in_company(stage: &Stage) -> bool {
    let asked = stage.asked();
    let built = asked.iter().filter(|line| line.starts_with("update-initramfs")).count();
    assert_eq!(built, KERNELS.len(), "{asked:?}");
    !asked.iter().any(|line| line == "alone")
}

/// What is in /boot and /etc, as text.
fn told(things: &[Thing]) -> Vec<String> {
    let of_system = things
        .iter()
        .filter(|thing| thing.path.starts_with("boot") || thing.path.starts_with("etc"));
    let text = |thing: &Thing| match &thing.content {
        Content::File(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    };
    of_system.map(|thing| format!("{}: {}", thing.path.display(), text(thing))).collect()
}

fn processors() -> usize {
    available_parallelism().unwrap().get()
}

#[test]
fn images_are_built_side_by_side_and_are_what_they_are_one_by_one() {
    needs_root!();
    let together = roomy();
    together.run(RENAME).demand(0);
    assert_eq!(in_company(&together), processors() > 1);
    let apart = roomy();
    apart.write("proc/meminfo", "MemTotal: 2000000 kB\nMemAvailable: 400000 kB\n");
    apart.run(RENAME).demand(0);
    assert!(!in_company(&apart), "there was memory for one alone");
    let (together, apart) = (together.system(), apart.system());
    assert_eq!(told(&together), told(&apart));
    let images = together.iter().filter(|thing| thing.path.starts_with("boot"));
    let named = images.filter(|thing| match &thing.content {
        Content::File(bytes) => String::from_utf8_lossy(bytes).contains("/dev/mapper/c--d-root"),
        _ => false,
    });
    assert!(named.count() > KERNELS.len(), "grub.cfg and every image");
}

#[test]
fn a_hook_that_may_expect_to_be_alone_is_left_alone() {
    needs_root!();
    for dir in ["etc/initramfs/post-update.d", "etc/initramfs-tools/hooks"] {
        let stage = roomy();
        std::fs::create_dir_all(stage.path(dir)).unwrap();
        stage.program(&format!("{dir}/local"), "#!/bin/sh\n");
        stage.run(RENAME).demand(0);
        assert!(!in_company(&stage), "{dir}");
    }
    let stage = roomy();
    std::fs::create_dir_all(stage.path("etc/initramfs/post-update.d")).unwrap();
    stage.program("etc/initramfs/post-update.d/systemd-boot", "#!/bin/sh\n");
    stage.run(RENAME).demand(0);
    assert_eq!(in_company(&stage), processors() > 1, "it is kept from doing anything");
}

#[test]
fn one_of_them_that_fails_takes_all_of_them_back() {
    needs_root!();
    let stage = roomy();
    let before = stage.system();
    stage.set("initramfs", "second");
    let run = stage.run(RENAME).demand(3);
    for words in ["`update-initramfs -u -k 6.1.0-2-amd64` ended with exit status 2", "restored"] {
        assert!(run.stderr.contains(words), "{}", run.stderr);
    }
    assert_eq!(told(&before), told(&stage.system()));
}

#[test]
fn a_cut_while_several_are_built_is_finished_or_taken_back_once_the_last_tool_has_ended() {
    needs_root!();
    for way in [&["rename", "--resume", "--yes"][..], &["undo", "--yes"]] {
        let stage = roomy();
        let before = stage.system();
        stage.set("initramfs", "killed");
        stage.run(RENAME).demand(137);
        if processors() > 1 {
            let run = stage.run(way).demand(1);
            assert!(run.stderr.contains("or an image tool that it left behind"), "{}", run.stderr);
        }
        stage.write("stub/go-on", "");
        let lock = std::fs::File::open(stage.path("var/lib/postclone/lock")).unwrap();
        drop(nix::fcntl::Flock::lock(lock, nix::fcntl::FlockArg::LockExclusive).unwrap());
        stage.install_update_initramfs();
        stage.set("initramfs", "ok");
        stage.run(way).demand(0);
        let after = stage.system();
        if way[0] == "undo" {
            assert_eq!(told(&before), told(&after));
        } else {
            assert_eq!(stage.read("stub/vg").trim(), "c-d");
            for kernel in KERNELS {
                let image = stage.read(&format!("boot/initrd.img-{kernel}"));
                assert!(image.contains("/dev/mapper/c--d-root"), "{image}");
            }
        }
    }
}

#[test]
fn the_estimate_counts_what_is_built_at_a_time() {
    needs_root!();
    let stage = roomy();
    std::fs::create_dir_all(stage.path("var/log")).unwrap();
    stage.write(
        "var/log/dpkg.log",
        "2026-01-10 10:00:00 trigproc initramfs-tools:all 0.142 <none>\n\
         2026-01-10 10:00:30 status installed initramfs-tools:all 0.142\n",
    );
    let run = stage.run(RENAME).demand(0);
    let all = if processors() > 1 { "40 s" } else { "70 s" };
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &run.stderr;
    assert!(said.contains(&format!("It takes about {all} to build 2 images")), "{said}");
}
