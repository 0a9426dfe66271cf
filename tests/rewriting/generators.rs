//! The image tools of systems that cannot be booted here, on a stage: Arch, Alpine, openSUSE, Fedora.
//! Their stubs take the arguments of the real ones and write real archives.

use std::fs;
use std::os::unix::fs::symlink;

use crate::harness::{Run, needs_root, project};
use crate::images::archive;
use crate::stage::Stage;
use crate::tree;

/// The stub of a tool that writes the image behind `-g`, `-o`, or as its last argument but one or last.
const TOOL: &str = r#"#!/bin/sh
echo "$(basename $0) $*" >> /stub/log
image=
for word; do case $word in /boot/init*|/boot/boost*) image=$word ;; esac; done
for file in /etc/crypttab.initramfs; do [ ! -e $file ] || cp $file /stub/image/crypttab; done
case $(cat /stub/initramfs) in
ok) pack /stub/image "$image" ;;
cut) pack /stub/image "$image"; head -c 400 "$image" > "$image.x"; mv "$image.x" "$image" ;;
fail) echo "==> ERROR: Initcpio image generation FAILED: 'zstd' reported an error" >&2; exit 1 ;;
complain) pack /stub/image "$image"
	echo "==> WARNING: errors were encountered during the build. The image may not be complete." >&2 ;;
depmod) pack /stub/image "$image"; echo "depmod: ERROR: could not open directory" >&2 ;;
idle) ;;
killed) echo half > "$image.tmp"; kill -9 $PPID ;;
esac
"#;

const OLD_IMAGE: &[(&str, &[u8])] = &[("init", b"#!/bin/sh\n"), ("sbin/lvm", b"lvm")];

/// A stage with the tree of a fixture instead of Debian's, its group and volumes, and image files.
fn of_fixture(name: &str, old: &str, volumes: &[&str], images: &[&str]) -> Stage {
    let stage = bare();
    for file in ["etc/fstab", "etc/hostname"] {
        fs::remove_file(stage.path(file)).unwrap();
    }
    tree::copy(&project().join("fixtures").join(name).join("root"), &stage.path(""));
    // Nothing is mounted on a stage.
    let fstab = stage.read("etc/fstab");
    let unmounted =
        fstab.lines().filter(|line| !line.contains("/boot")).map(|line| format!("{line}\n"));
    stage.write("etc/fstab", &unmounted.collect::<String>());
    let lvm = stage.read("usr/sbin/lvm");
    let known =
        r#"{"lv_name":"%s","lv_uuid":"r","lv_attr":"%s"},{"lv_name":"swap_1","lv_uuid":"s"}"#;
    assert!(lvm.contains(known));
    let listed: Vec<String> = volumes
        .iter()
        .map(|volume| format!(r#"{{"lv_name":"{volume}","lv_uuid":"{volume}"}}"#))
        .collect();
    let lvm = lvm
        .replace(known, &listed.join(","))
        .replace(r#" "$(cat /stub/lv)" "$(cat /stub/lvattr)""#, "");
    stage.program("usr/sbin/lvm", &lvm.replace("/boot/grub/grub.cfg", ""));
    stage.set("vg", old);
    let blkid: Vec<String> = volumes
        .iter()
        .map(|volume| {
            format!("DEVNAME=/dev/mapper/{}-{volume}\nUUID=U-{volume}\n", old.replace('-', "--"))
        })
        .collect();
    stage.set("blkid", &blkid.join("\n"));
    for image in images {
        fs::write(stage.path(image), archive(OLD_IMAGE)).unwrap();
    }
    stage
}

/// A stage without Debian's image tool, kernels and images.
fn bare() -> Stage {
    let stage = Stage::new();
    for file in ["usr/sbin/update-initramfs", "usr/sbin/mkinitramfs"] {
        fs::remove_file(stage.path(file)).unwrap();
    }
    for dir in ["boot", "lib/modules", "etc/initramfs-tools", "etc/default"] {
        fs::remove_dir_all(stage.path(dir)).unwrap();
    }
    for dir in ["boot/grub", "lib/modules", "etc/default"] {
        fs::create_dir_all(stage.path(dir)).unwrap();
    }
    stage.write("boot/grub/grub.cfg", "linux /vmlinuz root=/dev/mapper/a--b-root ro\n");
    stage
}

fn arch() -> Stage {
    let images = ["initramfs-linux.img", "initramfs-linux-fallback.img", "initramfs-linux-lts.img"];
    let stage = of_fixture(
        "arch",
        "MyVolGroup",
        &["root", "home", "swap"],
        &images.map(|name| format!("boot/{name}")).each_ref().map(String::as_str),
    );
    fs::remove_dir_all(stage.path("boot/grub")).unwrap();
    for kernel in ["boot/vmlinuz-linux", "boot/vmlinuz-linux-lts"] {
        stage.write(kernel, "kernel");
    }
    stage.program("usr/bin/mkinitcpio", TOOL);
    // A dracut that is there as well made none of these images.
    stage.program("usr/bin/dracut", TOOL);
    stage
}

const ARCH: &[&str] = &["rename", "MyVolGroup", "web-01", "--yes"];

fn asked_of(stage: &Stage, tool: &str) -> Vec<String> {
    stage.asked().into_iter().filter(|line| line.starts_with(tool)).collect()
}

fn said(run: &Run) -> String {
    String::from_utf8_lossy(&run.stdout).into_owned()
}

#[test]
fn each_image_of_each_preset_of_mkinitcpio() {
    needs_root!();
    let stage = arch();
    let before = stage.system();
    let run = stage.run(ARCH).demand(0);
    let once = [
        "mkinitcpio -k 6.12.58-1-lts -c /etc/mkinitcpio-lts.conf -g /boot/initramfs-linux-lts.img",
        "mkinitcpio -k /boot/vmlinuz-linux -g /boot/initramfs-linux.img",
        "mkinitcpio -k /boot/vmlinuz-linux -g /boot/initramfs-linux-fallback.img -S autodetect",
    ];
    // Once on the bridge, for the image's crypttab, and once to stay.
    assert_eq!(asked_of(&stage, "mkinitcpio"), [once, once].concat());
    assert!(asked_of(&stage, "dracut").is_empty());
    let out = said(&run);
    assert!(
        out.contains("build /boot/initramfs-linux.img for kernel 6.17.8-arch1-1 with mkinitcpio"),
        "{out}"
    );
    assert!(!out.contains("power cut") && !out.contains("left as it is: "), "{out}");
    let image = stage.read("boot/initramfs-linux-fallback.img");
    assert!(image.contains("MyVolGroup-safe /dev/web-01/home "), "{image}");
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(before, stage.system());
}

#[test]
fn mkinitcpio_fails_and_lies() {
    needs_root!();
    for (how, words) in [
        ("fail", "ended with exit status 1: ==> ERROR: Initcpio image generation FAILED"),
        ("complain", "mkinitcpio says: ==> WARNING: errors were encountered during the build."),
        ("cut", "reading the image `/boot/initramfs-linux-lts.img`: "),
        (
            "idle",
            "left the old `/boot/initramfs-linux-lts.img` in place: check its configuration (/etc/mkinitcpio.conf",
        ),
    ] {
        let stage = arch();
        stage.set("initramfs", how);
        let before = stage.system();
        let run = stage.run(ARCH).demand(3);
        assert!(run.stderr.contains(words), "{how}: {}", run.stderr);
        assert!(run.stderr.contains("everything was restored"), "{how}: {}", run.stderr);
        assert_eq!(before, stage.system(), "{how}");
    }
    // Killed, it leaves half an image beside the old one.
    let stage = arch();
    stage.set("initramfs", "killed");
    let before: Vec<_> =
        stage.system().into_iter().map(|thing| (thing.path, thing.content)).collect();
    stage.run(ARCH).demand(137);
    assert!(stage.path("boot/initramfs-linux-lts.img.tmp").exists());
    stage.set("initramfs", "ok");
    stage.run(&["undo", "--yes"]).demand(0);
    let after: Vec<_> =
        stage.system().into_iter().map(|thing| (thing.path, thing.content)).collect();
    assert_eq!(before, after);
}

#[test]
fn a_preset_that_only_a_shell_can_read_makes_an_unknown_image() {
    needs_root!();
    let stage = arch();
    let preset = stage.read("etc/mkinitcpio.d/linux.preset");
    stage.write(
        "etc/mkinitcpio.d/linux.preset",
        &preset.replace("initramfs-linux.img", "initramfs-${x}.img"),
    );
    let out = said(&stage.run(ARCH).demand(0));
    let words = "/boot/initramfs-linux.img: `/boot/loader/entries/arch.conf:3` loads it, and none of \
                 update-initramfs, dracut, mkinitcpio, booster and mkinitfs can build it here; it \
                 does not name MyVolGroup and stays as it is";
    assert!(out.contains(words), "{out}");
    assert_eq!(asked_of(&stage, "mkinitcpio").len(), 4);
}

#[test]
fn booster_builds_what_is_named_after_its_kernel_package() {
    needs_root!();
    let stage = arch();
    for name in ["mkinitcpio", "dracut"] {
        fs::remove_file(stage.path(&format!("usr/bin/{name}"))).unwrap();
    }
    for name in ["", "-fallback", "-lts"] {
        fs::remove_file(stage.path(&format!("boot/initramfs-linux{name}.img"))).unwrap();
    }
    for entry in ["arch", "arch-fallback", "arch-lts"] {
        let path = format!("boot/loader/entries/{entry}.conf");
        let text = stage.read(&path).replace("-fallback", "").replace("/initramfs-", "/booster-");
        stage.write(&path, &text);
    }
    for name in ["linux", "linux-lts", "removed"] {
        fs::write(stage.path(&format!("boot/booster-{name}.img")), archive(OLD_IMAGE)).unwrap();
    }
    stage.program("usr/bin/booster", TOOL);
    let before = stage.system();
    stage.run(ARCH).demand(0);
    let once = [
        "booster build --force --kernel-version 6.12.58-1-lts /boot/booster-linux-lts.img",
        "booster build --force --kernel-version 6.17.8-arch1-1 /boot/booster-linux.img",
    ];
    assert_eq!(asked_of(&stage, "booster"), [once, once].concat());
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(before, stage.system());
}

fn alpine() -> Stage {
    let stage = of_fixture("alpine", "vg0", &["lv_root", "lv_swap"], &["boot/initramfs-lts"]);
    fs::remove_dir_all(stage.path("boot/grub")).unwrap();
    // OpenRC, and mdev instead of udev.
    fs::remove_dir_all(stage.path("run/systemd")).unwrap();
    fs::remove_file(stage.path("run/udev/control")).unwrap();
    stage.write("boot/vmlinuz-lts", "kernel");
    stage.program("usr/sbin/mkinitfs", TOOL);
    stage
}

const ALPINE: &[&str] = &["rename", "vg0", "vg-web01", "--yes"];

#[test]
fn the_image_of_each_flavour_of_alpine() {
    needs_root!();
    for release in [true, false] {
        let stage = alpine();
        if !release {
            fs::remove_dir_all(stage.path("usr/share/kernel")).unwrap();
        }
        let before = stage.system();
        stage.run(ALPINE).demand(0);
        assert_eq!(asked_of(&stage, "mkinitfs"), ["mkinitfs -o /boot/initramfs-lts 6.6.58-0-lts"]);
        assert!(
            stage.read("boot/extlinux.conf").contains("APPEND root=/dev/vg-web01/lv_root modules=")
        );
        stage.run(&["undo", "--yes"]).demand(0);
        assert_eq!(before, stage.system());
    }
    let stage = alpine();
    stage.set("initramfs", "depmod");
    let before = stage.system();
    let run = stage.run(ALPINE).demand(3);
    assert!(run.stderr.contains("mkinitfs says: depmod: ERROR: could not open"), "{}", run.stderr);
    assert_eq!(before, stage.system());
    // Of a flavour that is not installed any more, nothing builds it.
    let stage = alpine();
    fs::remove_dir_all(stage.path("usr/share/kernel")).unwrap();
    fs::remove_dir_all(stage.path("lib/modules")).unwrap();
    let out = said(&stage.run(ALPINE).demand(0));
    assert!(out.contains("/boot/initramfs-lts: `/boot/extlinux.conf:12` loads it"), "{out}");
}

/// A stage with dracut, and images under the given names, all of one installed kernel.
fn with_dracut(version: &str, names: &[&str]) -> Stage {
    let stage = bare();
    fs::create_dir_all(stage.path(&format!("lib/modules/{version}"))).unwrap();
    for name in names {
        fs::write(stage.path(&format!("boot/{name}")), archive(OLD_IMAGE)).unwrap();
    }
    stage.program("usr/bin/dracut", TOOL);
    stage
}

const RENAME: &[&str] = &["rename", "a-b", "c-d", "--yes"];

#[test]
fn dracut_under_the_names_of_opensuse_fedora_and_arch() {
    needs_root!();
    let version = "6.4.0-150600.23.25-default";
    let stage =
        with_dracut(version, &[&format!("initrd-{version}"), &format!("initrd-{version}-kdump")]);
    symlink(format!("initrd-{version}"), stage.path("boot/initrd")).unwrap();
    let out = said(&stage.run(RENAME).demand(0));
    let asked = asked_of(&stage, "dracut");
    assert_eq!(asked, [format!("dracut --force /boot/initrd-{version} {version}")]);
    let kdump = format!(
        "/boot/initrd-{version}-kdump: it is kdump's image for the capture kernel, and it stays as it is"
    );
    assert!(out.contains(&kdump) && out.contains("`kdumpctl rebuild`"), "{out}");
    assert!(stage.path("boot/initrd").is_symlink());

    let version = "6.11.4-301.fc41.x86_64";
    let rescue = "initramfs-0-rescue-0a1b2c3d4e5f60718293a4b5c6d7e8f9.img";
    let stage = with_dracut(
        version,
        &[&format!("initramfs-{version}.img"), &format!("initramfs-{version}kdump.img"), rescue],
    );
    let out = said(&stage.run(RENAME).demand(0));
    assert_eq!(
        asked_of(&stage, "dracut"),
        [format!("dracut --force /boot/initramfs-{version}.img {version}")]
    );
    assert!(
        out.contains(&format!(
            "/boot/{rescue}: it is the rescue image, which is built once and for any host"
        )),
        "{out}"
    );
    assert!(out.contains(&format!("/boot/initramfs-{version}kdump.img: it is kdump's")), "{out}");

    let version = "6.17.8-arch1-1";
    let stage = with_dracut(version, &["initramfs-linux.img"]);
    stage.write(&format!("lib/modules/{version}/pkgbase"), "linux\n");
    stage.run(RENAME).demand(0);
    assert_eq!(
        asked_of(&stage, "dracut"),
        [format!("dracut --force /boot/initramfs-linux.img {version}")]
    );
}

/// With a menu entry that loads `image`, which holds `content`.
fn with_unknown(stage: &Stage, image: &str, content: &[u8]) {
    let inner = image.trim_start_matches('/');
    fs::create_dir_all(stage.path(inner).parent().unwrap()).unwrap();
    fs::write(stage.path(inner), content).unwrap();
    stage.write("boot/vmlinuz", "kernel");
    stage.write("boot/intel-ucode.img", "microcode");
    stage.write(
        "boot/grub/grub.cfg",
        &format!(
            "menuentry 'Own' {{\n\tlinux /vmlinuz root=/dev/mapper/a--b-root ro\n\
             \tinitrd /intel-ucode.img {image}\n}}\n"
        ),
    );
}

#[test]
fn an_image_of_an_unknown_tool_is_never_passed_over_in_silence() {
    needs_root!();
    let clean = archive(OLD_IMAGE);
    let naming =
        archive(&[("init", b"#!/bin/sh\nlvm lvchange -ay a-b/root\nmount /dev/a-b/root /new\n")]);
    let unknown = "loads it, and none of update-initramfs, dracut, mkinitcpio, booster and mkinitfs can build it here";
    for image in ["/custom.img", "/srv/images/own.cpio"] {
        for stage in [Stage::new(), bare()] {
            let place =
                if image.starts_with("/srv") { image.to_owned() } else { format!("/boot{image}") };
            let inner = place.clone();
            with_unknown(&stage, &inner, &clean);
            let menu = stage.read("boot/grub/grub.cfg").replace(&inner, image);
            stage.write("boot/grub/grub.cfg", &menu);
            let out = said(&stage.run(RENAME).demand(0));
            assert!(
                out.contains(&format!(
                    "{place}: `/boot/grub/grub.cfg:3` {unknown}; it does not name a-b and stays as it is"
                )),
                "{out}"
            );
            assert!(!out.contains("ucode.img: "), "{out}");
            stage.run(&["undo", "--yes"]).demand(0);

            fs::write(stage.path(inner.trim_start_matches('/')), &naming).unwrap();
            let before = stage.system();
            let run = stage.run(RENAME).demand(1);
            let words = format!("`{place}`: `/boot/grub/grub.cfg:3` {unknown}; it names a-b (");
            assert!(run.stderr.contains(&words), "{}", run.stderr);
            assert!(
                run.stderr.contains("use --no-initramfs, and build it with the tool that made it"),
                "{}",
                run.stderr
            );
            assert_eq!(before, stage.system());
            stage.run(&[RENAME, &["--no-initramfs"]].concat()).demand(0);
        }
    }
}

#[test]
fn an_image_that_nobody_can_read_or_build_refuses_where_there_is_no_other() {
    needs_root!();
    let words = "and it cannot be read";
    let stage = bare();
    with_unknown(&stage, "/boot/custom.img", b"a new kind of image");
    let before = stage.system();
    let run = stage.run(RENAME).demand(1);
    assert!(
        run.stderr.contains(words) && run.stderr.contains("/boot/custom.img"),
        "{}",
        run.stderr
    );
    assert_eq!(before, stage.system());
    // Beside images that are built, it is one entry of several.
    let stage = Stage::new();
    with_unknown(&stage, "/boot/custom.img", b"a new kind of image");
    let out = said(&stage.run(RENAME).demand(0));
    assert!(out.contains(words), "{out}");
    // The known names without a tool.
    let stage = bare();
    fs::create_dir_all(stage.path("lib/modules/6.1.0-1-amd64")).unwrap();
    fs::write(stage.path("boot/initrd.img-6.1.0-1-amd64"), archive(OLD_IMAGE)).unwrap();
    let run = stage.run(RENAME).demand(1);
    let words = "`/boot/initrd.img-6.1.0-1-amd64` is an initramfs image, and none of update-initramfs, dracut, \
                 mkinitcpio, booster and mkinitfs is installed to build it: use --no-initramfs, and build it \
                 with the tool that made it";
    assert!(run.stderr.contains(words), "{}", run.stderr);
}

/// Red Hat's layout: entries of `$kernelopts`, which stands in an environment block behind a link.
#[test]
fn a_whole_run_on_the_tree_of_rhel_8() {
    needs_root!();
    let (old, new) = ("rhel_vm37-146", "rhel_clone01");
    let kernels = ["4.18.0-513.5.1.el8_9.x86_64", "4.18.0-553.el8_10.x86_64"];
    let rescue = "0-rescue-3f1e0c7a9b9d4c4e8d7c52a8e6f00b14";
    let images: Vec<String> = kernels
        .iter()
        .chain([&rescue])
        .map(|version| format!("boot/initramfs-{version}.img"))
        .collect();
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    let stage = of_fixture("rhel-8", old, &["root", "swap"], &images);
    fs::remove_dir_all(stage.path("boot/grub")).unwrap();
    for kernel in kernels.iter().chain([&rescue]) {
        stage.write(&format!("boot/vmlinuz-{kernel}"), "kernel");
    }
    for kernel in kernels {
        fs::create_dir_all(stage.path(&format!("lib/modules/{kernel}"))).unwrap();
    }
    stage.program("usr/bin/dracut", TOOL);
    // What the block is while the name changes.
    let lvm = stage
        .read("usr/sbin/lvm")
        .replace("cat /etc/fstab ", "cat /etc/fstab /boot/grub2/grubenv ");
    stage.program("usr/sbin/lvm", &lvm);
    let before = stage.system();
    let run = stage.run(&["rename", old, new, "--yes"]).demand(0);
    let out = said(&run);
    assert_eq!(
        asked_of(&stage, "dracut"),
        kernels.map(|version| format!("dracut --force /boot/initramfs-{version}.img {version}"))
    );
    assert!(
        out.contains(&format!("/boot/initramfs-{rescue}.img: it is the rescue image")),
        "{out}"
    );
    let bridge = stage.read("stub/at-rename");
    assert!(
        bridge.contains(
            "kernelopts=root=UUID=U-root ro crashkernel=auto resume=UUID=U-swap rhgb quiet \n"
        ),
        "{bridge}"
    );
    assert!(!bridge.contains(old) && !bridge.contains("vm37--146"), "{bridge}");
    let block = stage.read("boot/grub2/grubenv");
    assert_eq!(block.len(), 1024);
    let arguments = "kernelopts=root=/dev/mapper/rhel_clone01-root ro crashkernel=auto \
                     resume=/dev/mapper/rhel_clone01-swap rd.lvm.lv=rhel_clone01/root \
                     rd.lvm.lv=rhel_clone01/swap rhgb quiet \n";
    assert!(block.contains(arguments), "{block}");
    assert!(stage.path("boot/grub2/grubenv").is_symlink());
    // Every entry is proved with the arguments that the loader puts in, and the saved one is the default.
    assert!(out.contains("holds     default entry  0 Red Hat Enterprise"), "{out}");
    assert_eq!(out.matches("holds     rd.lvm.lv=     rhel_clone01/root").count(), 4, "{out}");
    assert!(!out.contains("#   as before") && !out.contains("FAILS"), "{out}");
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(before, stage.system());
}
