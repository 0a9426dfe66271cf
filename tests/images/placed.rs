//! Runs on a stage that boots with systemd-boot: what kernel-install has placed follows the images.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::sys::signal::Signal;
use postclone::image::Unified;

use crate::harness::{Run, needs_root};
use crate::stage::{KERNELS, Stage};

const RENAME: &[&str] = &["rename", "a-b", "c-d", "--yes"];
const UNDO: &[&str] = &["undo", "--yes"];
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// The unified kernel images of [`unified`]: of one tries are counted.
pub const UNIFIED: [&str; 2] = [
    "boot/efi/EFI/Linux/0123456789abcdef0123456789abcdef-6.1.0-1-amd64.efi",
    "boot/efi/EFI/Linux/0123456789abcdef0123456789abcdef-6.1.0-2-amd64+2-1.efi",
];

/// As the real one does to files (systemd 257): settings and `$BOOT` of the environment before those
/// of /etc/kernel, the layouts `bls` and `uki`, what stands is written over, a count of tries begins
/// anew, and what it reads of /proc/cmdline has the name of the last boot.
const KERNEL_INSTALL: &str = r#"#!/bin/sh
[ "$KERNEL_INSTALL_BYPASS" != 1 ] || exit 0
echo "kernel-install $*" >> /stub/log
conf=${KERNEL_INSTALL_CONF_ROOT:-/etc/kernel}
boot=${BOOT_ROOT:-/boot/efi}
token=$(cat $conf/entry-token)
line="root=/dev/mapper/a--b-root of the last boot"
[ ! -e $conf/cmdline ] || line=$(cat $conf/cmdline)
byte() { printf "\\$(($1 >> 6 & 3))$(($1 >> 3 & 7))$(($1 & 7))"; }
le() { byte $1; byte $(($1 >> 8)); byte $(($1 >> 16)); byte $(($1 >> 24)); }
zeros() { head -c $1 /stub/zeros; }
row() { # NAME PADDING SIZE OFFSET
	printf "$1"; zeros $2; le $3; le 0; le $(($3 + (512 - $3 % 512) % 512)); le $4; zeros 16
}
padded() { cat "$1"; zeros $(((512 - $(wc -c <"$1") % 512) % 512)); }
how=$(cat /stub/kernel-install)
case $how in
hang) sleep 60 ;;
fail) echo "ukify: no space" >&2; exit 1 ;;
idle) exit 0 ;;
other) line="root=/dev/sda1" ;;
esac
linux=.linux
[ $how != bare ] || linux=.linuy
case $(sed -n s/^layout=//p $conf/install.conf) in
bls)
	mkdir -p $boot/$token/$2
	cp $3 $boot/$token/$2/linux
	cp $4 $boot/$token/$2/
	printf 'title Linux\nversion %s\noptions %s\nlinux /%s/%s/linux\ninitrd /%s/%s/%s\n' "$2" "$line" $token "$2" $token "$2" "$(basename $4)" >$boot/loader/entries/$token-$2.conf
	;;
uki)
	work=/run/uki; mkdir -p $work $boot/EFI/Linux
	printf '%s' "$line" >$work/cmdline
	[ $how != named ] || echo "wait for /dev/mapper/a--b-root" >$work/named
	c=$(wc -c <$work/cmdline); l=$(wc -c <$3); i=$(wc -c <$4)
	at=$((512 + c + (512 - c % 512) % 512)); then=$((at + l + (512 - l % 512) % 512))
	{
		printf 'MZ'; zeros 58; le 128; zeros 64
		printf 'PE\0\0'; zeros 2; printf '\003\0'; zeros 16
		row .cmdline 0 $c 512; row $linux 2 $l $at; row .initrd 1 $i $then
		zeros $((512 - 152 - 120))
		padded $work/cmdline; padded $3; padded $4
	} >$work/uki
	[ $how != cut ] || { head -c $((then + 200)) $work/uki >$work/part; mv $work/part $work/uki; }
	cp $work/uki $boot/EFI/Linux/$token-$2.efi
	;;
esac
"#;

/// /etc/initramfs/post-update.d/systemd-boot of Debian.
const HOOK: &str = "/usr/bin/kernel-install add $3 /boot/vmlinuz-$3 $image\n";

/// What both layouts have.
fn prepared(layout: &str) -> Stage {
    let stage = Stage::new();
    for dir in ["boot/efi/loader/entries", "boot/efi/EFI/Linux", "etc/kernel"] {
        fs::create_dir_all(stage.path(dir)).unwrap();
    }
    fs::create_dir_all(stage.path("etc/initramfs/post-update.d")).unwrap();
    stage.write("etc/initramfs/post-update.d/hook", HOOK);
    stage.write("etc/kernel/install.conf", &format!("layout={layout}\n"));
    stage.write("etc/kernel/entry-token", &format!("{TOKEN}\n"));
    stage.set("kernel-install", "ok");
    fs::write(stage.path("stub/zeros"), [0; 512]).unwrap();
    stage.program("usr/bin/kernel-install", KERNEL_INSTALL);
    stage.program("usr/bin/ukify", "#!/bin/sh\n");
    for kernel in KERNELS {
        stage.write(&format!("boot/vmlinuz-{kernel}"), "kernel\n");
    }
    stage
}

fn entry(kernel: &str, more: &str) -> String {
    format!(
        "title Linux\nversion {kernel}\noptions root=/dev/mapper/a--b-root ro{more}\n\
         linux /{TOKEN}/{kernel}/linux\ninitrd /{TOKEN}/{kernel}/initrd.img-{kernel}\n"
    )
}

/// Entries of the layout `bls`: one was edited by hand, of the other tries are counted.
fn entries() -> Stage {
    let stage = prepared("bls");
    for (kernel, tries, more) in [(KERNELS[0], "", " mine=1"), (KERNELS[1], "+3-1", "")] {
        let dir = format!("boot/efi/{TOKEN}/{kernel}");
        fs::create_dir_all(stage.path(&dir)).unwrap();
        stage.write(&format!("{dir}/linux"), "kernel\n");
        let image = format!("initrd.img-{kernel}");
        fs::copy(stage.path(&format!("boot/{image}")), stage.path(&format!("{dir}/{image}")))
            .unwrap();
        let path = format!("boot/efi/loader/entries/{TOKEN}-{kernel}{tries}.conf");
        stage.write(&path, &entry(kernel, more));
    }
    stage
}

fn copy_of(kernel: &str) -> String {
    format!("boot/efi/{TOKEN}/{kernel}/initrd.img-{kernel}")
}

/// Unified kernel images of the layout `uki`, built by the stub itself. No /etc/kernel/cmdline: they
/// have the command line of a boot.
pub fn unified() -> Stage {
    unified_of("root=/dev/mapper/a--b-root ro mine=1")
}

/// The same with this command line.
fn unified_of(line: &str) -> Stage {
    let stage = prepared("uki");
    stage.write("etc/kernel/cmdline", &format!("{line}\n"));
    for (kernel, path) in KERNELS.iter().zip(UNIFIED) {
        let (linux, initrd) =
            (format!("/boot/vmlinuz-{kernel}"), format!("/boot/initrd.img-{kernel}"));
        let done = std::process::Command::new("chroot")
            .arg(stage.path(""))
            .args(["/usr/bin/kernel-install", "add", kernel, &linux, &initrd])
            .status()
            .unwrap();
        assert!(done.success());
        let made = stage.path(&format!("boot/efi/EFI/Linux/{TOKEN}-{kernel}.efi"));
        if made != stage.path(path) {
            fs::rename(made, stage.path(path)).unwrap();
        }
        fs::set_permissions(stage.path(path), fs::Permissions::from_mode(0o700)).unwrap();
    }
    fs::remove_file(stage.path("etc/kernel/cmdline")).unwrap();
    fs::remove_file(stage.path("stub/log")).unwrap();
    stage
}

fn cmdline(path: &Path) -> String {
    let image = Unified::read(path).unwrap();
    assert!([".linux", ".initrd"].iter().all(|name| image.sections.contains(*name)));
    image.cmdlines.concat()
}

fn steps(run: &Run) -> Vec<serde_json::Value> {
    let plan: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    plan["steps"].as_array().unwrap().clone()
}

#[test]
fn copies_follow_and_entries_keep_what_is_theirs() {
    needs_root!();
    let stage = entries();
    let before = stage.system();
    let run = stage.run(&["rename", "a-b", "c-d", "--dry-run", "--format", "json"]).demand(0);
    let steps = steps(&run);
    let kernel = KERNELS[0];
    let step = serde_json::json!({
        "step": "place", "kernel": kernel, "made": "copy",
        "of": format!("/boot/initrd.img-{kernel}"), "path": format!("/{}", copy_of(kernel)),
    });
    assert!(steps.contains(&step), "{steps:?}");
    assert_eq!(before, stage.system());
    stage.run(RENAME).demand(0);
    for (kernel, tries, more) in [(KERNELS[0], "", " mine=1"), (KERNELS[1], "+3-1", "")] {
        let copy = stage.read(&copy_of(kernel));
        assert_eq!(copy, stage.read(&format!("boot/initrd.img-{kernel}")));
        assert!(copy.contains("RESUME=/dev/mapper/c--d-swap_1"), "{copy}");
        let path = format!("boot/efi/loader/entries/{TOKEN}-{kernel}{tries}.conf");
        assert_eq!(stage.read(&path), entry(kernel, more).replace("a--b", "c--d"));
    }
    assert_eq!(fs::read_dir(stage.path("boot/efi/loader/entries")).unwrap().count(), 2);
    // The hook was there, and kept from writing.
    assert!(stage.asked().iter().all(|line| !line.starts_with("kernel-install")));
    let run = stage.run(RENAME).demand(0);
    assert!(String::from_utf8(run.stdout).unwrap().contains("# Nothing to do"));
    stage.run(UNDO).demand(0);
    assert_eq!(before, stage.system());
}

/// A run does only what its plan lists.
#[test]
fn nothing_is_placed_where_nothing_was() {
    needs_root!();
    let stage = prepared("bls");
    stage.run(RENAME).demand(0);
    assert!(stage.asked().iter().all(|line| !line.starts_with("kernel-install")));
    assert!(!stage.path("boot/efi").join(TOKEN).exists());
}

#[test]
fn an_older_copy_follows_and_a_strange_image_stays() {
    needs_root!();
    let stage = entries();
    stage.write(&copy_of(KERNELS[0]), "an older image that a full disk left\n");
    let strange = format!("boot/efi/{TOKEN}/strange.img");
    stage.write(&strange, "of another system\n");
    let path = "boot/efi/loader/entries/strange.conf";
    stage.write(path, &format!("title x\nlinux /vmlinuz\ninitrd /{TOKEN}/strange.img\n"));
    stage.run(RENAME).demand(0);
    assert_eq!(
        stage.read(&copy_of(KERNELS[0])),
        stage.read(&format!("boot/initrd.img-{}", KERNELS[0]))
    );
    assert_eq!(stage.read(&strange), "of another system\n");
}

#[test]
fn with_luks_on_a_volume_copies_are_bridged_as_well() {
    needs_root!();
    let stage = entries();
    stage.write("etc/crypttab", "root_crypt /dev/mapper/a--b-root none luks\n");
    stage.write(
        "etc/fstab",
        "/dev/mapper/root_crypt / ext4 defaults 0 1\n/dev/a-b/swap_1 none swap sw 0 0\n",
    );
    at_the_rename(&stage, &copy_of(KERNELS[1]));
    let before = stage.system();
    stage.run(RENAME).demand(0);
    let bridged = stage.read("stub/bridged");
    assert!(bridged.contains("root_crypt UUID=R-1 none luks\n"), "{bridged}");
    let last = stage.read(&copy_of(KERNELS[1]));
    assert!(last.contains("root_crypt /dev/mapper/c--d-root none luks\n"), "{last}");
    stage.run(UNDO).demand(0);
    fs::remove_file(stage.path("stub/bridged")).unwrap();
    assert!(before == stage.system());
}

/// As its plugin for kernel-install does it: no image in /boot.
#[test]
fn an_image_that_dracut_made_for_an_entry_is_built_there() {
    needs_root!();
    let stage = entries();
    fs::remove_file(stage.path("usr/sbin/mkinitramfs")).unwrap();
    stage.program(
        "usr/bin/dracut",
        "#!/bin/sh\necho \"dracut $*\" >> /stub/log\ncp /etc/fstab /stub/image\n/usr/bin/pack /stub/image $2\n",
    );
    for (kernel, tries) in [(KERNELS[0], ""), (KERNELS[1], "+3-1")] {
        fs::remove_file(stage.path(&format!("boot/initrd.img-{kernel}"))).unwrap();
        let dir = format!("boot/efi/{TOKEN}/{kernel}");
        fs::rename(stage.path(&copy_of(kernel)), stage.path(&format!("{dir}/initrd"))).unwrap();
        let path = format!("boot/efi/loader/entries/{TOKEN}-{kernel}{tries}.conf");
        let text = stage.read(&path);
        stage.write(&path, &text.replace(&format!("/initrd.img-{kernel}"), "/initrd"));
    }
    let before = stage.system();
    stage.run(RENAME).demand(0);
    let built = format!("dracut --force /boot/efi/{TOKEN}/{0}/initrd {0}", KERNELS[0]);
    assert!(stage.asked().contains(&built), "{:?}", stage.asked());
    for kernel in KERNELS {
        let image = stage.read(&format!("boot/efi/{TOKEN}/{kernel}/initrd"));
        assert!(image.contains("/dev/mapper/c--d-root / ext4"), "{image}");
    }
    // Each is kept by its path: the names are the same.
    stage.run(UNDO).demand(0);
    assert_eq!(before, stage.system());
}

/// Keeps a file as it is when the group has its new name.
fn at_the_rename(stage: &Stage, path: &str) {
    let program =
        format!("#!/bin/sh\n[ \"$2\" = --reload ] && cp '/{path}' /stub/bridged\nexit 0\n");
    stage.program("usr/bin/udevadm", &program);
}

#[test]
fn unified_images_are_built_anew_with_their_own_command_line() {
    needs_root!();
    let stage = unified();
    at_the_rename(&stage, UNIFIED[1]);
    let before = stage.system();
    let run = stage.run(&["rename", "a-b", "c-d", "--dry-run", "--format", "json"]).demand(0);
    let steps = steps(&run);
    let kernel = KERNELS[1];
    for (step, root) in [("bridge-placed", "UUID=R-1"), ("place", "/dev/mapper/c--d-root")] {
        let step = serde_json::json!({
            "step": step, "kernel": kernel, "path": format!("/{}", UNIFIED[1]),
            "made": "unified", "token": TOKEN, "linux": format!("/boot/vmlinuz-{kernel}"),
            "initrd": format!("/boot/initrd.img-{kernel}"),
            "cmdline": format!("root={root} ro mine=1"),
        });
        assert!(steps.contains(&step), "{steps:?}");
    }
    let run = stage.run(RENAME).demand(0);
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(!out.contains("power cut"), "{out}");
    // There is no /etc/kernel/cmdline, and that is all to be told.
    let warned: Vec<&str> = out.lines().filter(|line| line.contains("Warning")).collect();
    assert!(
        warned.len() == 1 && warned[0].contains("/proc/cmdline has the old name"),
        "{warned:?}"
    );
    assert!(out.contains(&format!("{} made again", UNIFIED[1])), "{out}");
    assert_eq!(cmdline(&stage.path("stub/bridged")), "root=UUID=R-1 ro mine=1");
    for path in UNIFIED {
        assert_eq!(cmdline(&stage.path(path)), "root=/dev/mapper/c--d-root ro mine=1");
        let bytes = fs::read(stage.path(path)).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("RESUME=/dev/mapper/c--d-swap_1"), "{path}");
        let mode = stage.path(path).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
    assert_eq!(fs::read_dir(stage.path("boot/efi/EFI/Linux")).unwrap().count(), UNIFIED.len());
    assert!(!stage.path("boot/efi/loader/entries").read_dir().unwrap().any(|_| true));
    let run = stage.run(RENAME).demand(0);
    assert!(String::from_utf8(run.stdout).unwrap().contains("# Nothing to do"));
    stage.run(UNDO).demand(0);
    fs::remove_file(stage.path("stub/bridged")).unwrap();
    assert_eq!(before, stage.system());
}

#[test]
fn a_unified_image_gives_systemd_the_new_machine_id() {
    needs_root!();
    let line = |id: &str| format!("root=/dev/mapper/a--b-root ro systemd.machine_id={id}");
    let stage = unified_of(&line(TOKEN));
    stage.write("etc/machine-id", &format!("{TOKEN}\n"));
    let before = stage.system();
    let renew = ["renew", "machine-id", "--yes"];
    let run = stage.run(&[&renew[..], &["--no-initramfs"]].concat()).demand(1);
    let words = "has systemd.machine_id=0123456789abcdef0123456789abcdef in its command line, so booting it brings that \
                 machine ID back, and this run does not rebuild it: build it without the argument, or leave out the \
                 machine ID, as in `postclone fixup --except machine-id`";
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert_eq!(before, stage.system());
    stage.run(&renew).demand(0);
    let id = stage.read("etc/machine-id").trim().to_owned();
    assert_ne!(id, TOKEN);
    for path in UNIFIED {
        assert_eq!(cmdline(&stage.path(path)), line(&id), "{path}");
    }
    stage.run(UNDO).demand(0);
    assert_eq!(before, stage.system());
    // With a group's renaming, whose bridge keeps the ID.
    stage.write("etc/hostname", "a-b\n");
    stage.run(&["fixup", "--name", "web01", "--only", "group-name,machine-id", "--yes"]).demand(0);
    let id = stage.read("etc/machine-id").trim().to_owned();
    let image = stage.path(UNIFIED[0]);
    assert_eq!(cmdline(&image), line(&id).replace("a--b", "web01"));
}

#[test]
fn a_unified_image_that_fails_takes_the_run_back() {
    needs_root!();
    for (how, words) in [
        ("fail", "ended with exit status 1: ukify: no space"),
        ("idle", "No such file or directory"),
        (
            "other",
            "gave the image the command line `root=/dev/sda1`, but it should be `root=UUID=R-1 ro mine=1`",
        ),
        ("cut", "is cut off"),
        ("bare", "the new image for `/NAME` lacks the section `.linux`, which the old one had"),
    ] {
        let words = words.replace("NAME", UNIFIED[0]);
        let stage = unified();
        stage.set("kernel-install", how);
        let before = stage.system();
        let run = stage.run(RENAME).demand(3);
        assert!(run.stderr.contains(&words), "{how}: {}", run.stderr);
        assert!(run.stderr.contains("everything was restored"), "{how}: {}", run.stderr);
        assert_eq!(before, stage.system(), "{how}");
    }
}

/// What names the group and cannot be built anew as it was built.
#[test]
fn a_unified_image_of_somebodys_own_is_refused() {
    needs_root!();
    let own = "boot/efi/EFI/Linux/mine.efi";
    for (prepare, why) in [
        (
            Box::new(|stage: &Stage| {
                fs::rename(stage.path(UNIFIED[0]), stage.path(own)).unwrap();
            }) as Box<dyn Fn(&Stage)>,
            "its name is not one that kernel-install gives to the image of an installed kernel",
        ),
        (
            Box::new(|stage: &Stage| stage.write("etc/kernel/install.conf", "layout=bls\n")),
            "kernel-install has no layout=uki",
        ),
        (
            Box::new(|stage: &Stage| fs::remove_file(stage.path("usr/bin/ukify")).unwrap()),
            "ukify is not installed",
        ),
    ] {
        let stage = unified();
        prepare(&stage);
        let before = stage.system();
        let run = stage.run(RENAME).demand(1);
        assert!(
            run.stderr.contains("the next boot would fail because of what is not rewritten"),
            "{}",
            run.stderr
        );
        let run = stage.run(&["rename", "a-b", "c-d", "--dry-run"]).demand(0);
        let out = String::from_utf8(run.stdout).unwrap();
        assert!(out.contains(&format!("it is not rebuilt: {why}")), "{out}");
        assert_eq!(before, stage.system(), "{why}");
        // Left alone they are refused as well.
        stage.run(&[RENAME, &["--no-initramfs"]].concat()).demand(1);
    }
}

#[test]
fn a_request_to_stop_takes_a_unified_image_back() {
    needs_root!();
    let stage = unified();
    stage.set("kernel-install", "hang");
    let before = stage.system();
    let run = stage.run_signalled(RENAME, Signal::SIGINT).demand(3);
    assert!(run.stderr.contains("stopped by signal 2"), "{}", run.stderr);
    assert_eq!(before, stage.system());
}

/// loader.conf(5) and the variables of bootctl(1) choose by name, among both kinds.
#[test]
fn the_default_entry_is_proved_wherever_it_is_set() {
    needs_root!();
    let stage = unified();
    let variables = "sys/firmware/efi/efivars";
    fs::create_dir_all(stage.path(variables)).unwrap();
    for (name, id) in
        [("OneShot", format!("{TOKEN}-6.1.0-1-amd64.efi")), ("Default", "gone.conf".to_owned())]
    {
        let text = id.encode_utf16().chain([0]).flat_map(u16::to_le_bytes);
        let bytes: Vec<u8> = [7, 0, 0, 0].into_iter().chain(text).collect();
        let path = format!("{variables}/LoaderEntry{name}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f");
        fs::write(stage.path(&path), bytes).unwrap();
    }
    // The count of tries is no part of an entry's name.
    stage.write(
        "boot/efi/loader/loader.conf",
        &format!("timeout 1\ndefault {}-6.1.0-2-AMD64.efi\n", TOKEN.to_uppercase()),
    );
    let run = stage.run(&[RENAME, &["--format", "json"]].concat()).demand(0);
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    // The stage has a grub.cfg as well, without an entry.
    let rows: Vec<(&str, &str, &str)> = report["proof"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |key: &str| row[key].as_str().unwrap();
            (text("item"), text("value"), text("verdict"))
        })
        .filter(|(item, value, _)| item.ends_with(" entry") && *value != "0 no entry")
        .collect();
    let (one, two) = (format!("0 {TOKEN}-6.1.0-1-amd64"), format!("1 {TOKEN}-6.1.0-2-amd64+2-1"));
    assert_eq!(
        rows,
        [
            ("next entry", one.as_str(), "holds"),
            ("default entry", "gone.conf", "unknown"),
            ("default entry", two.as_str(), "holds"),
        ]
    );
}
