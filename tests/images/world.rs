//! Programs in a world of their own: what they see there, and that nothing of it is left outside.
//!
//! This machine need not have device-mapper: its records in sysfs are files of a stage.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, chdir, chroot};

use postclone::change::Changes;
use postclone::group::{Kept, Rename};
use postclone::guest::root::Root;
use postclone::names::VgName;
use postclone::run::{Cmd, Program};
use postclone::world::World;

use crate::harness::{Run, needs_root, run};
use crate::stage::{KERNELS, Stage, UUID};

/// Tells what it sees, and then does as the stage's does.
const WITNESS: &str = r#"#!/bin/sh
{
	echo "cmdline $(cat /proc/cmdline)"
	echo "name $(cat /sys/block/dm-0/dm/name) $(cat /sys/block/dm-1/dm/name)"
	echo "mapper" $(busybox ls /dev/mapper)
	echo "group" $(busybox ls /dev/c-d 2>&1)
	echo "old" $(busybox ls /dev/a-b 2>&1)
	echo "udev" $(cat /run/udev/data/b1023:0)
	echo "null $(busybox stat -c %t:%T /dev/null)"
	echo "run" $(busybox ls /run)
	echo "root $(sed -n 's/^[^ ]* [^ ]* [^ ]* [^ ]* \/ .* - //p' /proc/self/mountinfo)"
	[ "$(sed -n 's/ \/ .*//p' /proc/1/mountinfo)" = "$(sed -n 's/ \/ .*//p' /proc/self/mountinfo)" ] && echo no chroot
} >/stub/seen
echo $$ >/stub/pid
exec /usr/sbin/packing "$@"
"#;

fn bind(from: &Path, to: &Path) {
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
}

/// A stage with the devices of group `a-b`: its root volume, and a mapping that is not of LVM.
fn machine() -> Stage {
    let stage = Stage::new();
    for (kernel, uuid, name) in [
        ("dm-0", format!("LVM-{}root", UUID.replace('-', "")), "a--b-root"),
        ("dm-1", "CRYPT-LUKS2-1".to_owned(), "a--b-root_crypt"),
    ] {
        let dir = format!("sys/devices/virtual/block/{kernel}");
        fs::create_dir_all(stage.path(&format!("{dir}/dm"))).unwrap();
        stage.write(&format!("{dir}/dm/uuid"), &format!("{uuid}\n"));
        stage.write(&format!("{dir}/dm/name"), &format!("{name}\n"));
        stage.write(&format!("{dir}/dev"), &format!("1023:{}\n", &kernel[3..]));
    }
    symlink("devices/virtual/block", stage.path("sys/block")).unwrap();
    for dir in ["dev/mapper", "dev/a-b", "proc", "run/udev/data", "guest"] {
        fs::create_dir_all(stage.path(dir)).unwrap();
    }
    for (target, link) in [
        ("../dm-0", "dev/mapper/a--b-root"),
        ("../dm-1", "dev/mapper/a--b-root_crypt"),
        ("../dm-0", "dev/a-b/root"),
    ] {
        symlink(target, stage.path(link)).unwrap();
    }
    stage.write("dev/mapper/control", "");
    stage.write("run/udev/data/b1023:0", "S:mapper/a--b-root\nE:DM_VG_NAME=a-b\n");
    stage.write("stub/cmdline", "root=/dev/mapper/a--b-root quiet\n");
    witness(&stage);
    stage
}

fn witness(stage: &Stage) {
    fs::rename(stage.path("usr/sbin/update-initramfs"), stage.path("usr/sbin/packing")).unwrap();
    stage.program("usr/sbin/update-initramfs", WITNESS);
}

/// Does `act` on a thread whose mounts are its own: the stage is its root directory, with a /proc, and
/// another stage, if there is one, at /guest.
fn on<T: Send>(stage: &Stage, guest: Option<&Stage>, act: impl FnOnce() -> T + Send) -> T {
    let body = || {
        unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS).unwrap();
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
        bind(&stage.path(""), &stage.path(""));
        let proc = stage.path("proc");
        mount(Some("proc"), &proc, Some("proc"), MsFlags::empty(), None::<&str>).unwrap();
        bind(&stage.path("stub/cmdline"), &proc.join("cmdline"));
        if let Some(guest) = guest {
            bind(&guest.path(""), &stage.path("guest"));
        }
        chroot(&stage.path("")).unwrap();
        chdir("/").unwrap();
        act()
    };
    thread::scope(|scope| scope.spawn(body).join().unwrap())
}

fn after(root: &Root) -> World {
    let [old, new] = ["a-b", "c-d"].map(|name| VgName::new(name).unwrap());
    let kept = Kept { old, new, uuid: Some(UUID.to_owned()), volumes: None };
    World::after(root, &Changes(vec![Box::new(Rename::from(kept))])).unwrap()
}

fn seen(stage: &Stage) -> Vec<String> {
    stage.read("stub/seen").lines().map(str::to_owned).collect()
}

fn mountinfo() -> String {
    fs::read_to_string("/proc/thread-self/mountinfo").unwrap()
}

#[test]
fn the_running_system_shows_its_new_names() {
    needs_root!();
    let stage = machine();
    on(&stage, None, || {
        let before = mountinfo();
        let world = after(&Root::open(Path::new("/")).unwrap());
        Cmd::new(Program::UpdateInitramfs)
            .args(["-u", "-k", KERNELS[0]])
            .within(&world)
            .checked()
            .unwrap();
        assert_eq!(before, mountinfo());
        assert_eq!(fs::read_to_string("/sys/block/dm-0/dm/name").unwrap(), "a--b-root\n");
        assert!(Path::new("/dev/mapper/a--b-root").is_symlink() && !Path::new("/dev/c-d").exists());
        assert_eq!(fs::read_dir("/run/postclone/world").unwrap().count(), 0);
    });
    let seen = seen(&stage);
    assert_eq!(
        seen[..7],
        [
            "cmdline root=/dev/mapper/c--d-root quiet",
            "name c--d-root a--b-root_crypt",
            "mapper a--b-root_crypt c--d-root control",
            "group root",
            "old ls: /dev/a-b: No such file or directory",
            "udev S:mapper/c--d-root E:DM_VG_NAME=c-d",
            "null 1:3",
        ]
    );
    assert_eq!(seen[7], "run postclone systemd udev");
    assert_eq!(seen[9], "no chroot");
}

/// Says who it is and waits, at most a minute, to be looked at.
const WAITING: &str = r"#!/bin/sh
echo $$ >/stub/pid.new
busybox mv /stub/pid.new /stub/pid
tries=0
while [ ! -e /stub/looked ] && [ $tries -lt 600 ]; do
	busybox sleep 0.1
	tries=$((tries + 1))
done
";

/// Without SELinux a label is an extended attribute as others are, which root may set.
#[test]
fn what_covers_a_file_has_its_label() {
    const LABEL: &str = "security.selinux";
    needs_root!();
    // In the machine, and where it is in the world.
    let labelled = [
        ("dev", "dev"),
        ("dev/null", "dev/null"),
        ("dev/mapper", "dev/mapper"),
        ("dev/mapper/control", "dev/mapper/control"),
        ("dev/mapper/a--b-root", "dev/mapper/c--d-root"),
        ("dev/a-b", "dev/c-d"),
        ("dev/a-b/root", "dev/c-d/root"),
        ("stub/cmdline", "proc/cmdline"),
        ("sys/devices/virtual/block/dm-0/dm/name", "sys/block/dm-0/dm/name"),
        ("run/udev/data/b1023:0", "run/udev/data/b1023:0"),
    ];
    let label = |of: &str| format!("u:r:{}:s0\0", of.replace('/', "_")).into_bytes();
    let stage = machine();
    stage.program("usr/sbin/update-initramfs", WAITING);
    for (path, _) in labelled {
        if let Err(error) = xattr::set(stage.path(path), LABEL, &label(path)) {
            eprintln!("SKIPPED: this kernel takes no label from a test: {path}: {error}");
            return;
        }
    }
    let seen = on(&stage, None, || {
        let world = after(&Root::open(Path::new("/")).unwrap());
        thread::scope(|scope| {
            let build = scope.spawn(|| Cmd::new(Program::UpdateInitramfs).within(&world).checked());
            while !Path::new("/stub/pid").exists() && !build.is_finished() {
                thread::sleep(Duration::from_millis(20));
            }
            let pid = fs::read_to_string("/stub/pid").unwrap();
            let look = |path: &str| {
                let path = format!("/proc/{}/root/{path}", pid.trim());
                xattr::get(&path, LABEL).map_err(|error| format!("{path}: {error}"))
            };
            let seen = labelled.map(|(_, path)| look(path));
            let unlabelled = look("dev/mapper/a--b-root_crypt");
            fs::write("/stub/looked", "").unwrap();
            build.join().unwrap().unwrap();
            assert_eq!(unlabelled, Ok(None));
            seen
        })
    });
    for ((before, path), seen) in labelled.iter().zip(seen) {
        assert_eq!(seen, Ok(Some(label(before))), "{path}");
    }
}

#[test]
fn where_all_names_are_right_no_world_is_made() {
    needs_root!();
    let stage = machine();
    stage.write("sys/block/dm-0/dm/name", "c--d-root\n");
    stage.write("stub/cmdline", "quiet\n");
    on(&stage, None, || {
        let world = after(&Root::open(Path::new("/")).unwrap());
        Cmd::new(Program::UpdateInitramfs)
            .args(["-u", "-k", "1"])
            .within(&world)
            .checked()
            .unwrap();
        assert!(!Path::new("/run/postclone").exists());
    });
}

/// A file system of a volume is seen to be mounted from the new name.
#[test]
fn the_mount_table_has_the_new_name() {
    needs_root!();
    let stage = machine();
    let disk = tempfile::NamedTempFile::new().unwrap();
    disk.as_file().set_len(32 << 20).unwrap();
    let ask = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).arg(disk.path()).output().unwrap();
        assert!(output.status.success(), "{program}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    ask("mkfs.ext4", &["-q", "-F"]);
    let device = ask("losetup", &["--find", "--show"]);
    fs::remove_file(stage.path("dev/mapper/a--b-root")).unwrap();
    let copied = Command::new("cp")
        .args(["-a", &device])
        .arg(stage.path("dev/mapper/a--b-root"))
        .status()
        .unwrap();
    assert!(copied.success());
    let number = device.trim_start_matches("/dev/loop");
    stage.write("sys/block/dm-0/dev", &format!("7:{number}\n"));
    let seen = on(&stage, None, || {
        mount(
            Some("/dev/mapper/a--b-root"),
            "/guest",
            Some("ext4"),
            MsFlags::MS_NOATIME,
            None::<&str>,
        )
        .unwrap();
        for dir in ["bin", "usr/bin", "usr/sbin", "etc", "stub", "proc", "sys", "dev", "run"] {
            fs::create_dir_all(Path::new("/guest").join(dir)).unwrap();
        }
        for file in ["usr/bin/busybox", "usr/sbin/update-initramfs"] {
            fs::copy(Path::new("/").join(file), Path::new("/guest").join(file)).unwrap();
        }
        for applet in ["bin/sh", "usr/bin/cat", "usr/bin/sed", "usr/sbin/packing"] {
            symlink("/usr/bin/busybox", Path::new("/guest").join(applet)).unwrap();
        }
        let world = after(&Root::open(Path::new("/guest")).unwrap());
        let output = Cmd::new(Program::UpdateInitramfs).within(&world).output().unwrap();
        let seen = fs::read_to_string("/guest/stub/seen");
        seen.unwrap_or_else(|error| panic!("{error}: {output:?}"))
    });
    let detached = Command::new("losetup").args(["-d", &device]).status().unwrap();
    assert!(detached.success());
    let root = seen.lines().find(|line| line.starts_with("root ")).unwrap();
    assert!(root.starts_with("root ext4 /dev/mapper/c--d-root rw"), "{seen}");
}

/// Runs postclone on a stage with a guest's tree at /guest.
fn rename_guest(stage: &Stage, guest: &Stage, wrapped: &[&str]) -> Run {
    let words: Vec<&str> = wrapped.iter().copied().chain(RENAME).collect();
    let output: Output = on(stage, Some(guest), || {
        let before = mountinfo();
        let output =
            Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).output().unwrap();
        assert_eq!(before, mountinfo());
        output
    });
    run(output)
}

const RENAME: [&str; 7] =
    ["/usr/sbin/postclone", "rename", "a-b", "c-d", "--yes", "--root", "/guest"];

fn guest() -> Stage {
    let guest = Stage::new();
    for dir in ["proc", "sys"] {
        fs::create_dir_all(guest.path(dir)).unwrap();
    }
    guest.write("boot/grub/grub.cfg", GRUB);
    witness(&guest);
    guest
}

const GRUB: &str = "menuentry x {\n linux /vmlinuz root=/dev/mapper/a--b-root ro\n}\n";

#[test]
fn another_root_is_renamed_with_its_images() {
    needs_root!();
    let (stage, guest) = (machine(), guest());
    let run = rename_guest(&stage, &guest, &[]).demand(0);
    let told = String::from_utf8(run.stdout).unwrap();
    assert!(told.contains("rebuilt"), "{told}");
    let asked = KERNELS.map(|kernel| format!("update-initramfs -u -k {kernel}"));
    assert_eq!(guest.asked(), asked);
    assert!(!stage.asked().iter().any(|line| line.starts_with("update-initramfs")));
    let image = guest.read(&format!("boot/initrd.img-{}", KERNELS[0]));
    assert!(image.contains("RESUME=/dev/mapper/c--d-swap_1"), "{image}");
    let seen = seen(&guest);
    assert_eq!(
        seen[..8],
        [
            "cmdline root=/dev/mapper/c--d-root ro",
            "name c--d-root a--b-root_crypt",
            "mapper a--b-root_crypt c--d-root control",
            "group root",
            "old ls: /dev/a-b: No such file or directory",
            "udev S:mapper/c--d-root E:DM_VG_NAME=c-d",
            "null 1:3",
            "run udev",
        ]
    );
    assert!(!seen.contains(&"no chroot".to_owned()));
    // Neither system's /run has anything of it.
    assert!(!guest.path("run/postclone").exists());
    assert_eq!(guest.read("run/udev/control"), "");
}

#[test]
fn another_root_without_its_boot_is_refused() {
    needs_root!();
    let (stage, guest) = (machine(), guest());
    let fstab = guest.read("etc/fstab") + "UUID=1-2 /boot ext2 defaults 0 2\n";
    guest.write("etc/fstab", &fstab);
    let run = rename_guest(&stage, &guest, &[]).demand(1);
    let line =
        "`/guest/boot` is in /guest/etc/fstab and not mounted: run `mount UUID=1-2 /guest/boot`";
    assert!(run.stderr.contains(line), "{}", run.stderr);
    assert_eq!(guest.read("etc/fstab"), fstab);
}

#[test]
fn a_world_that_cannot_be_made_is_a_refusal() {
    needs_root!();
    let (stage, guest) = (machine(), guest());
    let before = guest.system();
    let program = Path::new("/usr/bin/setpriv");
    let copied = Command::new("cp").arg(program).arg(stage.path("usr/bin/setpriv")).status();
    assert!(copied.unwrap().success(), "setpriv of util-linux is not there");
    let libraries = Command::new("ldd").arg(program).output().unwrap().stdout;
    for library in String::from_utf8(libraries).unwrap().split_whitespace() {
        // What is there already is a hard link that all stages share.
        match library.strip_prefix('/') {
            Some(inner) if !stage.path(inner).exists() => {
                fs::create_dir_all(stage.path(inner).parent().unwrap()).unwrap();
                fs::copy(library, stage.path(inner)).unwrap();
            }
            _ => {}
        }
    }
    let without = ["/usr/bin/setpriv", "--bounding-set=-sys_admin"];
    let run = rename_guest(&stage, &guest, &without).demand(1);
    assert!(run.stderr.contains("making a mount namespace"), "{}", run.stderr);
    assert!(run.stderr.contains("--no-initramfs"), "{}", run.stderr);
    assert_eq!(before, guest.system());
    assert_eq!(stage.read("stub/vg"), "a-b\n");
}

#[test]
fn nothing_stays_mounted_when_the_run_is_killed() {
    needs_root!();
    let (stage, guest) = (machine(), guest());
    guest.set("initramfs", "hang");
    let builder = on(&stage, Some(&guest), || {
        let before = mountinfo();
        let mut child = Command::new(RENAME[0])
            .args(&RENAME[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while !guest_is_building() {
            assert!(child.try_wait().unwrap().is_none(), "it ended before an image was built");
            thread::sleep(Duration::from_millis(20));
        }
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGKILL).unwrap();
        child.wait().unwrap();
        assert_eq!(before, mountinfo());
        fs::read_to_string("/guest/stub/pid").unwrap()
    });
    killpg(Pid::from_raw(builder.trim().parse().unwrap()), Signal::SIGKILL).unwrap();
    // And what was cut is finished, images and all.
    guest.set("initramfs", "ok");
    let resumed = on(&stage, Some(&guest), || {
        let words = ["rename", "--resume", "--yes", "--root", "/guest"];
        Command::new(RENAME[0]).args(words).stdin(Stdio::null()).output().unwrap()
    });
    let resumed = run(resumed).demand(0);
    let told = String::from_utf8(resumed.stdout).unwrap();
    assert!(told.contains("# Finished: volume group a-b is now c-d."), "{told}");
    let image = guest.read(&format!("boot/initrd.img-{}", KERNELS[1]));
    assert!(image.contains("RESUME=/dev/mapper/c--d-swap_1"), "{image}");
}

fn guest_is_building() -> bool {
    fs::read_to_string("/guest/stub/log").is_ok_and(|log| log.contains("update-initramfs"))
}
