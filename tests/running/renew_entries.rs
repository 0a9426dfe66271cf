//! `postclone renew` where kernel-install knows no entry token: what is named after the machine ID gets another
//! name with it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fixup::stage as clone;
use crate::harness::{needs_root, patch, postclone, project};
use crate::rename_host::on;
use crate::stage::Stage;
use crate::tree;

/// Of the fixture `rhel-8`.
const ID: &str = "3f1e0c7a9b9d4c4e8d7c52a8e6f00b14";
const RENEW: &[&str] = &["renew", "machine-id", "--yes", "-q"];

/// How kernel-install named entries before systemd 250, and GRUB's plug-in: by the machine ID alone.
const KERNEL_INSTALL: &str = "#!/bin/bash\nread MACHINE_ID < /etc/machine-id\n";
const PLUG_IN: &str = "#!/bin/bash\nBLS=/boot/loader/entries/$MACHINE_ID-$KERNEL_VERSION.conf\n";

fn put(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path.replace("ID", ID));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// RHEL 8: GRUB, entries on `/boot`, the environment block on the ESP.
fn rhel(root: &Path) {
    let boot = project().join("fixtures/rhel-8/root/boot");
    tree::copy(&boot, &root.join("boot"));
    put(root, "etc/machine-id", format!("{ID}\n").as_bytes());
    for version in ["4.18.0-513.5.1.el8_9.x86_64", "4.18.0-553.el8_10.x86_64", "0-rescue-ID"] {
        put(root, &format!("boot/vmlinuz-{version}"), format!("kernel {version}").as_bytes());
        put(root, &format!("boot/initramfs-{version}.img"), version.as_bytes());
    }
    put(
        root,
        "boot/.vmlinuz-0-rescue-ID.hmac",
        b"12ab  vmlinuz-0-rescue-3f1e0c7a9b9d4c4e8d7c52a8e6f00b14\n",
    );
    put(
        root,
        "boot/loader/entries/custom.conf",
        b"title mine\nlinux /vmlinuz-4.18.0-553.el8_10.x86_64\n",
    );
    // It stays where it is in the order, whatever the ID.
    fs::rename(
        root.join("boot/loader/entries/custom.conf"),
        root.join("boot/loader/entries/~custom.conf.off"),
    )
    .unwrap();
    for dir in ["usr/bin", "usr/lib/kernel/install.d"] {
        fs::create_dir_all(root.join(dir)).unwrap();
    }
    put(root, "usr/bin/kernel-install", KERNEL_INSTALL.as_bytes());
    put(root, "usr/lib/kernel/install.d/20-grub.install", PLUG_IN.as_bytes());
}

/// Debian 11 with systemd-boot, as kernel-install of systemd 247 makes it.
fn bullseye(root: &Path) {
    put(root, "etc/machine-id", format!("{ID}\n").as_bytes());
    for version in ["5.10.0-9-amd64", "5.10.0-28-amd64"] {
        put(root, &format!("boot/efi/ID/{version}/linux"), format!("kernel {version}").as_bytes());
        put(root, &format!("boot/efi/ID/{version}/initrd.img-{version}"), version.as_bytes());
        let entry = format!(
            "title      Debian GNU/Linux 11 (bullseye)\nversion    {version}\nmachine-id {ID}\n\
             options    root=UUID=R-1 ro quiet\nlinux      /{ID}/{version}/linux\n\
             initrd     /{ID}/{version}/initrd.img-{version}\n"
        );
        put(root, &format!("boot/efi/loader/entries/ID-{version}.conf"), entry.as_bytes());
    }
    put(root, "boot/efi/EFI/Linux/ID-4.19.0-1.efi", b"MZ unified");
    put(root, "boot/efi/EFI/Linux/other.efi", b"MZ other");
    let loader = format!("#timeout 3\n#default {ID}-*\ndefault {ID}-5.10.0-28*\n");
    put(root, "boot/efi/loader/loader.conf", loader.as_bytes());
    fs::create_dir_all(root.join("usr/bin")).unwrap();
    put(root, "usr/bin/kernel-install", KERNEL_INSTALL.as_bytes());
}

/// A stage with either, without the group's own menu, which is no BLS.
fn stage(plant: fn(&Path)) -> Stage {
    let stage = Stage::new();
    fs::remove_dir_all(stage.path("boot/grub")).unwrap();
    fs::create_dir_all(stage.path("proc/sys/kernel/random")).unwrap();
    plant(&stage.path(""));
    if stage.path("boot/efi/loader").exists() {
        let kernel = stage.path(&format!("boot/efi/{ID}/5.10.0-9-amd64/linux"));
        fs::set_permissions(kernel, fs::Permissions::from_mode(0o700)).unwrap();
    }
    stage
}

/// Demands that whatever the next boot takes is there: every file of every entry, and the entry that is chosen.
fn boots(root: &Path) -> Result<(), String> {
    let mut ids = Vec::new();
    for partition in ["boot", "boot/efi"].map(|partition| root.join(partition)) {
        let Ok(entries) = fs::read_dir(partition.join("loader/entries")) else { continue };
        for entry in entries.map(|entry| entry.unwrap().path()) {
            let Some(id) = entry.file_name().unwrap().to_str().unwrap().strip_suffix(".conf")
            else {
                continue;
            };
            ids.push(id.to_owned());
            for line in fs::read_to_string(&entry).unwrap().lines() {
                let mut words = line.split_whitespace();
                if !matches!(words.next(), Some("linux" | "initrd")) {
                    continue;
                }
                for file in words.filter(|word| word.starts_with('/')) {
                    if !partition.join(&file[1..]).is_file() {
                        return Err(format!("`{}` names {file}", entry.display()));
                    }
                }
            }
        }
    }
    let has = |id: &str| ids.iter().any(|known| known.starts_with(id));
    let block = root.join("boot/efi/EFI/redhat/grubenv");
    if let Ok(text) = fs::read(&block) {
        let text = String::from_utf8(text).unwrap();
        let saved = text.lines().find_map(|line| line.strip_prefix("saved_entry=")).unwrap();
        if text.len() != 1024 || !text.starts_with("# GRUB Environment Block\n") || !has(saved) {
            return Err(format!("saved_entry={saved}, {} bytes, of {ids:?}", text.len()));
        }
    }
    if let Ok(text) = fs::read_to_string(root.join("boot/efi/loader/loader.conf")) {
        let default = text.lines().find_map(|line| line.strip_prefix("default ")).unwrap();
        if !has(default.trim_end_matches('*')) {
            return Err(format!("default {default} of {ids:?}"));
        }
    }
    Ok(())
}

/// Paths of a tree in which a text stands, or which bear it.
fn with(root: &Path, word: &str) -> Vec<PathBuf> {
    let holds = |bytes: &[u8]| bytes.windows(word.len()).any(|part| part == word.as_bytes());
    let mut found = Vec::new();
    for (path, entry) in tree::read(root) {
        let named = path.to_string_lossy().contains(word);
        if named || matches!(&entry.content, tree::Content::File(bytes) if holds(bytes)) {
            found.push(path);
        }
    }
    found
}

fn only_boot(root: &Path) -> Vec<PathBuf> {
    with(root, ID).into_iter().filter(|path| path.starts_with("boot")).collect()
}

#[test]
fn entries_of_grub_and_the_block_get_the_new_name_together() {
    needs_root!();
    let stage = stage(rhel);
    let before = stage.system();
    assert_eq!(boots(&stage.path("")), Ok(()));
    let run = stage.run(&["renew", "machine-id", "--yes"]).demand(0);
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    let id = stage.read("etc/machine-id").trim().to_owned();
    assert_ne!(id, ID);
    assert_eq!(only_boot(&stage.path("")), Vec::<PathBuf>::new(), "{said}");
    assert!(!stage.path("etc/kernel/entry-token").exists());
    assert_eq!(boots(&stage.path("")), Ok(()));
    let entry = stage.read(&format!("boot/loader/entries/{id}-0-rescue.conf"));
    assert!(entry.contains(&format!("linux /vmlinuz-0-rescue-{id}\n")), "{entry}");
    let sum = stage.read(&format!("boot/.vmlinuz-0-rescue-{id}.hmac"));
    assert_eq!(sum, format!("12ab  vmlinuz-0-rescue-{id}\n"));
    assert!(stage.path("boot/grub2/grubenv").is_symlink());
    assert!(said.contains("does not read /etc/kernel/entry-token"), "{said}");
    assert!(said.contains(&format!("boot entries and what they name are called {id}")), "{said}");
    let said =
        String::from_utf8_lossy(&stage.run(&["undo", "--yes"]).demand(0).stdout).into_owned();
    assert!(said.contains(&format!("called {ID}, no longer {id}")), "{said}");
    assert_eq!(before, stage.system());
}

#[test]
fn places_of_systemd_boot_get_the_new_name() {
    needs_root!();
    let stage = stage(bullseye);
    let before = stage.system();
    assert_eq!(boots(&stage.path("")), Ok(()));
    stage.run(RENEW).demand(0);
    let id = stage.read("etc/machine-id").trim().to_owned();
    // A comment is nobody's choice.
    let left = only_boot(&stage.path(""));
    assert_eq!(left, [Path::new("boot/efi/loader/loader.conf")]);
    let loader = stage.read("boot/efi/loader/loader.conf");
    assert_eq!(loader, format!("#timeout 3\n#default {ID}-*\ndefault {id}-5.10.0-28*\n"));
    assert_eq!(boots(&stage.path("")), Ok(()));
    assert_eq!(stage.read(&format!("boot/efi/EFI/Linux/{id}-4.19.0-1.efi")), "MZ unified");
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(before, stage.system());
}

/// A kernel that comes between, and one that goes.
#[test]
fn undo_takes_along_what_came_since() {
    needs_root!();
    let stage = stage(bullseye);
    stage.run(RENEW).demand(0);
    let id = stage.read("etc/machine-id").trim().to_owned();
    let at = stage.path("");
    put(&at, &format!("boot/efi/{id}/5.10.0-30-amd64/linux"), b"newest");
    let entry = format!("title x\nmachine-id {id}\nlinux /{id}/5.10.0-30-amd64/linux\n");
    put(&at, &format!("boot/efi/loader/entries/{id}-5.10.0-30-amd64.conf"), entry.as_bytes());
    fs::remove_file(at.join(format!("boot/efi/loader/entries/{id}-5.10.0-9-amd64.conf"))).unwrap();
    fs::remove_dir_all(at.join(format!("boot/efi/{id}/5.10.0-9-amd64"))).unwrap();
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(with(&at, &id), Vec::<PathBuf>::new());
    assert_eq!(stage.read(&format!("boot/efi/{ID}/5.10.0-30-amd64/linux")), "newest");
    assert_eq!(stage.read("etc/machine-id").trim(), ID);
    assert!(!stage.path(&format!("boot/efi/{ID}/5.10.0-9-amd64")).exists());
    assert_eq!(boots(&at), Ok(()));
}

#[test]
fn a_dry_run_lists_it_and_is_a_patch_of_the_run() {
    needs_root!();
    for plant in [rhel, bullseye] {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("etc")).unwrap();
        plant(&root);
        let copy = dir.path().join("copy");
        tree::copy(&root, &copy);
        let at = root.to_str().unwrap();
        let before = tree::contents(&root);
        let run = postclone(dir.path(), &["renew", "machine-id", "-n", "--root", at]).demand(0);
        assert_eq!(before, tree::contents(&root));
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        for path in only_boot(&root).iter().filter(|path| path.to_string_lossy().contains(ID)) {
            if root.join(path).is_file() {
                assert!(said.contains(&format!("rename from {}\n", path.display())), "{said}");
            }
        }
        patch(&copy, &run.stdout);
        let id = fs::read_to_string(copy.join("etc/machine-id")).unwrap().trim().to_owned();
        assert_ne!(id, ID);
        assert_eq!(boots(&copy), Ok(()));
        postclone(dir.path(), &["renew", "machine-id", "--yes", "-q", "--root", at]).demand(0);
        let drawn = fs::read_to_string(root.join("etc/machine-id")).unwrap().trim().to_owned();
        let again = tree::contents(&root);
        let shown: Vec<_> = tree::contents(&copy)
            .into_iter()
            .filter(|(_, content)| *content != tree::Content::Directory)
            .map(|(path, content)| {
                let path = PathBuf::from(path.to_str().unwrap().replace(&id, &drawn));
                let content = match content {
                    tree::Content::File(bytes) => tree::Content::File(
                        String::from_utf8_lossy(&bytes).replace(&id, &drawn).into_bytes(),
                    ),
                    other => other,
                };
                (path, content)
            })
            .collect();
        for (path, content) in &shown {
            assert_eq!(again.get(path), Some(content), "{}", path.display());
        }
        let files = again.iter().filter(|(path, content)| {
            **content != tree::Content::Directory && !path.starts_with("var/lib/postclone")
        });
        assert_eq!(files.count(), shown.len());
    }
}

#[test]
fn json_has_the_paths() {
    needs_root!();
    let stage = stage(bullseye);
    let run = stage.run(&["renew", "machine-id", "-n", "--format", "json"]).demand(0);
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    let steps = report["steps"].as_array().unwrap();
    for step in ["copy-entries", "drop-entries"] {
        let found = steps.iter().find(|found| found["step"] == step).unwrap();
        let paths = found["paths"].as_array().unwrap();
        assert!(paths.contains(&format!("/boot/efi/{ID}/5.10.0-9-amd64/linux").into()), "{found}");
    }
}

/// Puts something on a stage that is in the way.
type Hinder = fn(&Stage);

#[test]
fn what_cannot_be_renamed_safely_is_refused() {
    needs_root!();
    let hinders: [(Hinder, &str); 5] = [
        (
            |stage| put(&stage.path(""), "etc/zipl.conf", b"[defaultboot]\n"),
            "boot entries are named after the machine ID, and zipl has a copy of them in its boot map: update \
             systemd to 250 or later, where /etc/kernel/entry-token keeps their name, ",
        ),
        (
            |stage| put(&stage.path(""), "etc/machine-info", b"KERNEL_INSTALL_MACHINE_ID=x\n"),
            "` may not read that: it is not known which name the next kernel gets; remove the line, or leave out \
             the machine ID, as in",
        ),
        (
            |stage| symlink("linux", stage.path(&format!("boot/efi/{ID}/link"))).unwrap(),
            "is a symbolic link: replace it with its target",
        ),
        (
            |stage| {
                let dir = stage.path("boot/efi/loader/entries");
                fs::rename(&dir, stage.path("boot/efi/elsewhere")).unwrap();
                symlink("../elsewhere", dir).unwrap();
            },
            "is a symbolic link: replace it with its target",
        ),
        (
            |stage| {
                let fifo = stage.path(&format!("boot/efi/{ID}/fifo"));
                nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
            },
            "` is not a plain file: check what it is for, and move it away",
        ),
    ];
    let variable = |entry: &str| {
        let units = entry.encode_utf16().chain([0]).flat_map(u16::to_le_bytes);
        [7, 0, 0, 0].into_iter().chain(units).collect::<Vec<u8>>()
    };
    let chosen = stage(bullseye);
    let path = "sys/firmware/efi/efivars/LoaderEntryDefault-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
    put(&chosen.path(""), path, &variable(&format!("{ID}-5.10.0-9-amd64.conf")));
    let run = chosen.run(RENEW).demand(1);
    let words = format!(
        "the firmware's variable LoaderEntryDefault chooses the entry {ID}-5.10.0-9-amd64.conf, which gets another \
         name: cancel the choice with `bootctl set-default \"\"`, and make it again afterwards"
    );
    assert!(run.stderr.contains(&words), "{}", run.stderr);
    put(&chosen.path(""), path, &variable(""));
    chosen.run(RENEW).demand(0);
    for (hinder, words) in hinders {
        let stage = stage(bullseye);
        hinder(&stage);
        let before = stage.system();
        let run = stage.run(RENEW).demand(1);
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
        assert_eq!(before, stage.system(), "{words}");
        // The token of somebody keeps all names.
        put(&stage.path(""), "etc/kernel/entry-token", b"mine\n");
        stage.run(RENEW).demand(0);
    }
}

#[test]
fn a_token_that_is_a_link_to_nothing_is_told_of() {
    needs_root!();
    let stage = stage(bullseye);
    fs::create_dir_all(stage.path("etc/kernel")).unwrap();
    symlink("nowhere", stage.path("etc/kernel/entry-token")).unwrap();
    let run = stage.run(RENEW).demand(1);
    let words = "`/etc/kernel/entry-token` is a link to nothing: remove it, or create its target";
    assert!(run.stderr.contains(words), "{}", run.stderr);
}

#[test]
fn an_entry_that_gets_another_name_and_other_bytes_is_refused() {
    needs_root!();
    let stage = clone();
    bullseye(&stage.path(""));
    let entry = format!("boot/efi/loader/entries/{ID}-5.10.0-28-amd64.conf");
    stage.write(&entry, &stage.read(&entry).replace("UUID=R-1", "/dev/mapper/a--b-root"));
    let before = stage.system();
    let fixup = ["fixup", "--name", "web01", "--only", "group-name,machine-id", "--yes"];
    let run = on(&stage, &fixup).demand(1);
    let words = format!(
        "`/{entry}` gets another name because of the machine ID, and other bytes because of another part of this \
         run: use `--except machine-id`, and `postclone renew machine-id` after the reboot"
    );
    assert!(run.stderr.contains(&words), "{}", run.stderr);
    assert_eq!(before, stage.system());
    on(&stage, &["fixup", "--name", "web01", "--except", "machine-id", "--yes"]).demand(0);
    assert!(stage.read(&entry).contains("root=/dev/mapper/web01-root"));
    on(&stage, RENEW).demand(0);
    let id = stage.read("etc/machine-id").trim().to_owned();
    let entry = stage.read(&entry.replace(ID, &id));
    assert!(entry.contains("root=/dev/mapper/web01-root"), "{entry}");
}

/// As Fedora had it with systemd-boot: dracut writes its image where the entry is.
#[test]
fn an_image_that_would_be_built_under_the_old_name_is_refused() {
    needs_root!();
    let stage = stage(bullseye);
    for program in ["usr/sbin/mkinitramfs", "usr/sbin/update-initramfs"] {
        fs::remove_file(stage.path(program)).unwrap();
    }
    stage.program("usr/bin/dracut", "#!/bin/sh\nexit 0\n");
    let version = "5.10.0-9-amd64";
    fs::create_dir_all(stage.path(&format!("lib/modules/{version}"))).unwrap();
    let dir = stage.path(&format!("boot/efi/{ID}/{version}"));
    let image = crate::images::archive(&[("init", b"#!/bin/sh\n")]);
    fs::write(dir.join("initrd"), image).unwrap();
    let entry = format!("boot/efi/loader/entries/{ID}-{version}.conf");
    stage.write(&entry, &stage.read(&entry).replace(&format!("initrd.img-{version}"), "initrd"));
    let before = stage.system();
    let run = stage.run(RENEW).demand(1);
    let words = "gets another name because of the machine ID, and may contain the old ID: use --no-initramfs, \
                 and rebuild the image after the reboot";
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert_eq!(before, stage.system());
    stage.run(&[RENEW, &["--no-initramfs"]].concat()).demand(0);
    assert_eq!(boots(&stage.path("")), Ok(()));
}

/// dracut's plug-in ignores the token, but names rescue entries alone, and only if dracut is told to make them.
#[test]
fn a_plug_in_for_rescue_entries_counts_where_such_entries_are_made() {
    needs_root!();
    let yes = "dracut_rescue_image=\"yes\"\n";
    for (configured, token) in [("", true), (&format!("#{yes}"), true), (yes, false)] {
        let stage = stage(bullseye);
        stage.write("usr/bin/kernel-install", "#!/bin/bash\n: $MACHINE_ID $ENTRY_TOKEN\n");
        let plug_in = "#!/bin/bash\n[[ $dracut_rescue_image == yes ]] || exit 0\n\
                       LOADER_ENTRY=/boot/loader/entries/$MACHINE_ID-0-rescue.conf\n";
        for (path, text) in [
            ("usr/lib/kernel/install.d/51-dracut-rescue.install", plug_in),
            ("etc/dracut.conf.d/02-rescue.conf", configured),
        ] {
            put(&stage.path(""), path, text.as_bytes());
        }
        stage.run(RENEW).demand(0);
        assert_eq!(stage.path("etc/kernel/entry-token").exists(), token, "{configured:?}");
        let entry = format!("boot/efi/loader/entries/{ID}-5.10.0-28-amd64.conf");
        assert_eq!(stage.path(&entry).exists(), token, "{configured:?}");
    }
}

/// Runs a script with the tree, the program and words as `$1`, `$2` and so on, in a mount namespace of its own.
fn mounted(root: &Path, script: &str) -> (i32, String) {
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-ec", script, "sh"])
        .args([root.to_str().unwrap(), env!("CARGO_BIN_EXE_postclone"), ID])
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8_lossy(&said).into_owned())
}

/// There and back on a file system, whose files are what they were.
const THERE_AND_BACK: &str = "cp -a \"$1/boot/efi\" \"$1/kept\"; mount $FS \"$1/boot/efi\"; \
    cp -r \"$1/kept/.\" \"$1/boot/efi\"; cp -r --preserve=timestamps \"$1/boot/efi\" \"$1/before\"; \
    \"$2\" renew machine-id --yes -q --root \"$1\"; new=$(cat \"$1/etc/machine-id\"); \
    test -d \"$1/boot/efi/$new\"; test ! -e \"$1/boot/efi/$3\"; ls \"$1/boot/efi/loader/entries\"; \
    \"$2\" undo --yes -q --root \"$1\"; diff -r \"$1/before\" \"$1/boot/efi\"; umount \"$1/boot/efi\"";

/// Debian 11's tree with a partition in a file beside it.
fn tree_of_bullseye() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("etc")).unwrap();
    bullseye(dir.path());
    dir
}

#[test]
#[ignore = "needs a kernel with vfat; tests/run asks for it where there is one"]
fn a_fat_partition_has_room_for_both_names() {
    let dir = tree_of_bullseye();
    let image = dir.path().join("fat.img");
    fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
    let made = Command::new("mkfs.vfat").arg(&image).output().expect("dosfstools is installed");
    assert!(made.status.success());
    let script = THERE_AND_BACK.replace("$FS", "-o loop \"$1/fat.img\"");
    let (status, said) = mounted(dir.path(), &script);
    assert_eq!(status, 0, "{said}");
}

#[test]
fn a_partition_without_room_for_both_is_refused_before_the_first_change() {
    needs_root!();
    let dir = tree_of_bullseye();
    fs::write(dir.path().join(format!("boot/efi/{ID}/5.10.0-9-amd64/linux")), vec![7; 3 << 20])
        .unwrap();
    let script = THERE_AND_BACK.replace("$FS", "-t tmpfs -o size=5m none");
    let (status, said) = mounted(dir.path(), &script);
    assert_eq!(status, 1, "{said}");
    assert!(
        said.contains(
            "MiB free, and a second copy of what is renamed there needs 5 MiB: make room, for example by removing a \
             kernel that nobody boots"
        ),
        "{said}"
    );
    assert!(
        said.contains("or leave out the machine ID, as in `postclone renew ssh-host-keys`"),
        "{said}"
    );
    assert!(!dir.path().join("var/lib/postclone").exists());
    assert_eq!(fs::read_to_string(dir.path().join("etc/machine-id")).unwrap().trim(), ID);
    let dir = tree_of_bullseye();
    fs::write(dir.path().join(format!("boot/efi/{ID}/5.10.0-9-amd64/linux")), vec![7; 3 << 20])
        .unwrap();
    let script = THERE_AND_BACK.replace("$FS", "-t tmpfs -o size=9m none");
    let (status, said) = mounted(dir.path(), &script);
    assert_eq!(status, 0, "{said}");
}

/// Fails, and kills, a run and its undo at each of their points: a boot finds all that it takes.
#[cfg(feature = "failpoints")]
#[test]
fn every_failure_and_kill_leaves_what_boots() {
    needs_root!();
    for plant in [rhel, bullseye] {
        let build = || stage(plant);
        let log: &[(&str, &str)] = &[("POSTCLONE_FAILPOINT_LOG", "/stub/points")];
        let reference = build();
        let old = reference.system();
        reference.run_with(RENEW, log).demand(0);
        let points = reference.read("stub/points").lines().count();
        fs::remove_file(reference.path("stub/points")).unwrap();
        reference.run_with(&["undo", "--yes", "-q"], log).demand(0);
        assert_eq!(old, reference.system());
        let of_undo = reference.read("stub/points").lines().count();
        assert!(points > 60 && of_undo > 40, "{points}, {of_undo}");
        let is_clean = |stage: &Stage, point: &str| {
            let staged = |path: &PathBuf| path.to_string_lossy().contains(".postclone-");
            let left: Vec<PathBuf> =
                tree::read(&stage.path("")).into_keys().filter(staged).collect();
            assert!(left.iter().all(|path| path.starts_with("run")), "{point}: {left:?}");
        };
        for number in (1..=points).filter(|number| crate::faults::is_taken(*number)) {
            let stage = build();
            let before = stage.system();
            let point = format!("{number}:fail");
            let run = stage.run_with(RENEW, &[("POSTCLONE_FAILPOINT", &point)]);
            assert_eq!(boots(&stage.path("")), Ok(()), "{point}");
            match run.status {
                0 => {}
                1 | 3 => assert_eq!(before, stage.system(), "{point}: {}", run.stderr),
                status => panic!("{point}: status {status}: {}", run.stderr),
            }
            is_clean(&stage, &point);
            // One half is finished, the other taken back.
            let resumes = number % 2 == 0;
            let stage = build();
            let before = stage.system();
            let point = format!("{number}:kill");
            let run = stage.run_with(RENEW, &[("POSTCLONE_FAILPOINT", &point)]);
            assert_eq!(run.status, 137, "{point}: {}", run.stderr);
            assert_eq!(boots(&stage.path("")), Ok(()), "{point}");
            if resumes {
                stage.run(&["rename", "--resume", "-q"]).demand(0);
                let id = stage.read("etc/machine-id").trim().to_owned();
                let left: Vec<PathBuf> = only_boot(&stage.path(""));
                assert!(id == ID || left.len() < 2, "{point}: {left:?}");
            } else {
                let undo = stage.run(&["undo", "--yes", "-q"]);
                assert!(
                    undo.status == 0 || undo.stderr.contains("no run of postclone"),
                    "{}",
                    undo.stderr
                );
                assert_eq!(before, stage.system(), "{point}");
            }
            assert_eq!(boots(&stage.path("")), Ok(()), "{point}");
            is_clean(&stage, &point);
        }
        for number in (1..=of_undo).filter(|number| crate::faults::is_taken(*number)) {
            let stage = build();
            let before = stage.system();
            stage.run(RENEW).demand(0);
            let point = format!("{number}:kill");
            stage
                .run_with(&["undo", "--yes", "-q"], &[("POSTCLONE_FAILPOINT", &point)])
                .demand(137);
            assert_eq!(boots(&stage.path("")), Ok(()), "undo {point}");
            stage.run(&["undo", "--yes", "-q"]).demand(0);
            assert_eq!(before, stage.system(), "undo {point}");
            is_clean(&stage, &point);
        }
    }
}
