//! `postclone audit`: what is found, what is not, and hostile trees.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use serde_json::Value;

use crate::golden::cases;
use crate::harness::{Run, needs_root, on_terminal, postclone, run};
use crate::images::{archive, pe, pipe};

/// A tree with files at these paths.
fn tree(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("etc")).unwrap();
    for (path, bytes) in files {
        write(dir.path(), path, bytes);
    }
    dir
}

fn write(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn audit(root: &Path, args: &[&str]) -> Run {
    postclone(root, &[&["audit", "--root", "."], args].concat())
}

/// Every finding as `SEVERITY WHERE FORM`, with a report of group `a-b` and these volumes.
fn findings(root: &Path, name: &str, volumes: &[&str]) -> Vec<String> {
    let report = tempfile::NamedTempFile::new().unwrap();
    let volumes: Vec<String> = volumes.iter().map(|v| format!("{{\"lv_name\":\"{v}\"}}")).collect();
    let text = format!(
        "{{\"report\":[{{\"vg\":[{{\"vg_name\":\"{name}\"}}],\"lv\":[{}]}}]}}",
        volumes.join(",")
    );
    fs::write(report.path(), text).unwrap();
    let report = report.path().to_str().unwrap();
    let args = [name, "--lvm-report", report, "--severity", "history", "--format", "json", "-q"];
    let run = audit(root, &args);
    assert_eq!(run.stderr, "");
    let json: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(run.status == 1, !json["findings"].as_array().unwrap().is_empty());
    list(&json)
}

fn list(json: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let each = |finding: &Value| {
        let inside = finding["inside"].as_str().map(|i| format!("({i})")).unwrap_or_default();
        let place = match text(&finding["part"]).as_str() {
            "content" if finding["line"].is_u64() => {
                format!(":{}:{}", finding["line"], finding["column"])
            }
            "content" => format!(":byte {}", finding["offset"]),
            part => format!(" {part}"),
        };
        format!(
            "{} {}{inside}{place} {}",
            text(&finding["severity"]),
            text(&finding["path"]),
            text(&finding["form"])
        )
    };
    json["findings"].as_array().unwrap().iter().map(each).collect()
}

#[test]
fn nothing_that_costs_anything_is_left_after_a_rename() {
    for case in cases() {
        let copy = case.copy();
        let root = copy.path();
        let report = case.dir.join("lvm.json");
        let mut with = vec![];
        if report.exists() {
            with.extend(["--lvm-report", report.to_str().unwrap()]);
        }
        let name = case.name();
        let before = audit(root, &[&[&*case.old, "--severity", "error"], &*with].concat());
        assert_eq!(before.status, 1, "{name}: {}", before.stderr);
        let rename = ["rename", &*case.old, &*case.new, "--yes", "--files-only", "--root", "."];
        let rename = [&rename[..], &["--accept-stale", "--format", "json"], &*with].concat();
        let told: Value =
            serde_json::from_slice(&postclone(root, &rename).demand(0).stdout).unwrap();
        let warnings = told["warnings"].as_array().unwrap();
        let announced: Vec<&str> =
            warnings.iter().filter_map(|warning| warning["path"].as_str()).collect();
        let args = [&case.old, "--severity", "error", "--format", "json"];
        let after = audit(root, &[&args, &*with].concat());
        let json: Value = serde_json::from_slice(&after.stdout).unwrap();
        let mut left: Vec<&str> = json["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|finding| finding["path"].as_str())
            .collect();
        left.retain(|path| !announced.contains(path) && !NO_PLACES.contains(path));
        assert!(left.is_empty(), "{name}: {left:#?}");
    }
}

/// Files of the fixtures outside of all places, and a link to one.
const NO_PLACES: &[&str] = &[
    "/etc/fstab.deb-vg",
    "/usr/local/sbin/snap",
    "/usr/local/bin/grow",
    "/root/.ssh/authorized_keys",
    "/usr/lib/systemd/system/site.service",
    r"/opt/units/check@dev-tmpl\x2dvg-root.service",
    r"/etc/systemd/system/check@dev-web\x2d01-root.service",
];

#[test]
fn a_place_and_a_form_make_the_severity() {
    let unit = br"[Unit]
After=dev-mapper-a\x2d\x2db\x2droot.device
[Service]
ExecStart=/usr/bin/x systemd-fsck@dev-a\\x2db-root.service
";
    let dir = tree(&[
        ("etc/fstab", b"# /dev/a-b/root was here\n/dev/mapper/a--b-root / ext4 defaults 0 1\n"),
        ("etc/default/grub", b"GRUB_CMDLINE_LINUX=\"rd.lvm.lv=a-b/root\"\n# title of a-b\n"),
        ("etc/systemd/system/x.service", unit),
        ("etc/systemd/system/x.service.bak", unit),
        (r"etc/systemd/system/dev-mapper-a\x2d\x2db\x2dswap.swap.d/x.conf", b""),
        ("etc/nagios/disks", b"check a--b-root a--b-home_crypt\n"),
        ("etc/pve/storage.cfg", b"lvmthin: x\n\tvgname a-b\n"),
        ("etc/cinder.conf", b"volume_group = a-b\n;volume_group = a-b\n"),
        ("etc/udev/rules.d/9.rules", b"ENV{DM_VG_NAME}==\"a-b\"\n"),
        ("etc/sudoers.d/x", b"x ALL=/sbin/lvs /dev/mapper/a--b-*, /sbin/lvextend a-b/root\n"),
        ("etc/hosts", b"127.0.1.1 a-b my-a-b a-b-2 xa-b.\n"),
        ("etc/url", br"x-volume:/dev/mapper/a\055\055b-root;"),
        ("etc/lvm/backup/a-b", b"a-b {\n"),
        ("opt/x/run", b"mount /dev/a-b/root /mnt\n"),
        ("home/me/notes", b"mount /dev/a-b/root /mnt\n"),
        ("home/me/.bash_history", b"mount /dev/a-b/root /mnt\n"),
        ("home/me/run", b"mount /dev/a-b/root /mnt\n"),
        ("var/lib/postclone/1/before/etc/fstab", b"/dev/a-b/root / ext4 defaults 0 1\n"),
        ("boot/grub/i386-pc/core.img", b"\0\0(lvm/a--b-root)/boot/grub\0"),
        ("usr/share/doc/x", b"/dev/a-b/root\n"),
    ]);
    fs::set_permissions(dir.path().join("home/me/run"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("/dev/mapper/a--b-root", dir.path().join("srv")).unwrap();
    symlink("/dev/mapper/a--b-root", dir.path().join("opt/disk")).unwrap();
    let found = findings(dir.path(), "a-b", &["root", "swap"]);
    let expected = r"boot /boot/grub/i386-pc/core.img:byte 7 grub-disk
boot /etc/default/grub:1:31 vg-lv
boot /etc/fstab:2:1 mapper-path
error /etc/cinder.conf:1:16 vg-name
error /etc/nagios/disks:1:7 dm-name
error /etc/pve/storage.cfg:2:9 vg-name
error /etc/sudoers.d/x:1:17 mapper-path
error /etc/sudoers.d/x:1:52 vg-lv
error /etc/systemd/system/dev-mapper-a\x2d\x2db\x2dswap.swap.d file-name unit-name
error /etc/systemd/system/x.service:2:7 unit-name
error /etc/systemd/system/x.service:4:35 unit-name
error /etc/udev/rules.d/9.rules:1:19 vg-name
error /etc/url:1:10 mapper-path
error /home/me/run:1:7 device-path
error /opt/disk link-target mapper-path
error /opt/x/run:1:7 device-path
cosmetic /etc/cinder.conf:2:17 vg-name
cosmetic /etc/default/grub:2:12 name
cosmetic /etc/fstab:1:3 device-path
cosmetic /etc/hosts:1:11 name
cosmetic /etc/nagios/disks:1:17 unknown-volume
cosmetic /home/me/notes:1:7 device-path
history /etc/lvm/backup/a-b file-name name
history /etc/lvm/backup/a-b:1:1 name
history /etc/systemd/system/x.service.bak:2:7 unit-name
history /etc/systemd/system/x.service.bak:4:35 unit-name
history /home/me/.bash_history:1:7 device-path";
    assert_eq!(found.join("\n"), expected);
}

#[test]
fn a_name_that_is_a_word_counts_only_where_lvm_is_spoken_of() {
    let dir = tree(&[
        ("etc/a", b"data in /data, user=data \"data\"\n"),
        ("etc/b", b"lvs data\n/dev/data/home\nbackup/data/home data/home\n"),
        ("etc/data", b"data-set data.old metadata\n"),
    ]);
    let expected =
        ["error /etc/b:1:5 vg-name", "error /etc/b:2:1 device-path", "error /etc/b:3:18 vg-lv"];
    assert_eq!(findings(dir.path(), "data", &["home"]), expected);
}

#[test]
fn images_are_looked_into() {
    let files: &[(&str, &[u8])] = &[
        ("init", b"x"),
        ("conf/conf.d/resume", b"RESUME=/dev/mapper/a--b-swap\n"),
        ("etc/lvm/lvm.conf", b"activation {\n volume_list = [ \"a-b\" ]\n}\n"),
        ("etc/lvm/archive/x.vg", b"# /dev/a-b/root\n/dev/a-b/root\n"),
        (r"wants/dev-a\x2db-root.device", b""),
    ];
    let packed = pipe(&["zstd", "-q", "-c"], &archive(files));
    let mut image = archive(&[("kernel/x86/microcode/x.bin", b"x")]);
    image.resize(image.len().next_multiple_of(512), 0);
    image.extend(&packed);
    let uki = pe(&[(".cmdline", b"root=/dev/mapper/a--b-root ro"), (".initrd", &packed)]);
    let wide: Vec<u8> =
        "x /dev/mapper/a--b-root".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let dir = tree(&[
        ("boot/initrd.img-6.1", &image),
        ("boot/efi/EFI/Linux/a.efi", &uki),
        ("boot/efi/shell.nsh", &wide),
        ("boot/initrd.img-6.1.bak", &image),
    ]);
    let found = findings(dir.path(), "a-b", &["root", "swap"]);
    let expected = r"boot /boot/efi/EFI/Linux/a.efi(.cmdline):1:6 mapper-path
boot /boot/efi/EFI/Linux/a.efi(conf/conf.d/resume):1:8 mapper-path
boot /boot/efi/EFI/Linux/a.efi(etc/lvm/lvm.conf):2:19 vg-name
boot /boot/efi/EFI/Linux/a.efi(wants/dev-a\x2db-root.device) file-name unit-name
boot /boot/efi/shell.nsh:byte 4 mapper-path
boot /boot/initrd.img-6.1(conf/conf.d/resume):1:8 mapper-path
boot /boot/initrd.img-6.1(etc/lvm/lvm.conf):2:19 vg-name
boot /boot/initrd.img-6.1(wants/dev-a\x2db-root.device) file-name unit-name";
    let boot: Vec<String> = found.iter().filter(|f| f.starts_with("boot")).cloned().collect();
    assert_eq!(boot.join("\n"), expected);
    assert!(found[boot.len()..].iter().all(|f| f.starts_with("history")), "{found:#?}");
    // What to do is said, and an image that is cut is told of.
    write(dir.path(), "boot/initrd.img-6.2", &image[..image.len() - 20]);
    let run = audit(dir.path(), &["a-b"]).demand(1);
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(out.contains("    run `update-initramfs -u -k 6.1`\n"), "{out}");
    assert!(
        run.stderr
            .contains("`/boot/initrd.img-6.2`: unpacking its zstd segment: it is cut off; run"),
        "{}",
        run.stderr
    );
}

#[test]
fn hostile_trees() {
    let secret = tree(&[("etc/x", b"/dev/a-b/root\n")]);
    let long = [b"\x1b[2J\x07 /dev/a-b/root ".repeat(3), b"x".repeat(9000)].concat();
    let dir = tree(&[
        ("home/u/escapes\x1b[2J\n.txt", &long),
        ("home/u/nul", b"a\0/dev/a-b/root\0\xff"),
        ("home/u/other/etc/fstab", b"/dev/a-b/root / x\n"),
        ("home/u/other/usr/x", b""),
        ("home/u/other/var/x", b""),
        ("var/lib/docker/x", b"/dev/a-b/root\n"),
        ("home/u/many", &b"a-b /dev/a-b/root\n".repeat(100_000)),
    ]);
    let at = |path: &str| dir.path().join("home/u").join(path);
    symlink(".", at("loop")).unwrap();
    symlink("loop2", at("loop2")).unwrap();
    symlink(secret.path(), at("out")).unwrap();
    symlink(secret.path().join("etc/x"), at("out-file")).unwrap();
    nix::unistd::mkfifo(&at("fifo"), Mode::S_IRWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    if nix::unistd::geteuid().is_root() {
        mknod(&at("zero"), SFlag::S_IFCHR, Mode::S_IRWXU, makedev(1, 5)).unwrap();
    }
    fs::write(at("").join(std::ffi::OsStr::from_bytes(b"b\xffad")), b"/dev/a-b/root\n").unwrap();
    fs::hard_link(at("nul"), at("nul2")).unwrap();
    let sparse = fs::File::create(at("sparse")).unwrap();
    sparse.set_len(1 << 30).unwrap();
    std::os::unix::fs::FileExt::write_at(&sparse, b"/dev/a-b/root ", (1 << 30) - 14).unwrap();
    let mut deep = at("deep");
    for _ in 0..300 {
        deep.push("d");
    }
    fs::create_dir_all(deep).unwrap();

    let run = audit(dir.path(), &["a-b"]).demand(1);
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(!out.contains('\x1b') && !out.contains('\x07') && !run.stderr.contains('\x1b'));
    assert!(
        out.contains(r"/home/u/escapes\x1b[2J\x0a.txt:1:7: device-path: \x1b[2J\x07 /dev/a-b/root"),
        "{out}"
    );
    assert!(out.contains(r"/home/u/b\xffad:1:1: device-path"), "{out}");
    assert_eq!(out.matches("/home/u/nul").count(), 1, "{out}");
    assert!(out.contains("/home/u/sparse:byte 1073741810: device-path"), "{out}");
    assert!(out.contains("and 99980 more like it") && out.contains("and 99997 more"), "{out}");
    assert!(!out.contains("/out") && !out.contains("other") && !out.contains("docker"), "{out}");
    for words in [
        "passed over /home/u/other: another system's root",
        "passed over /var/lib/docker",
        "it is more than 200 directories deep",
    ] {
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    }
}

#[test]
fn a_directory_that_turns_into_a_link_leads_nowhere() {
    let secret = tree(&[("etc/d/secret", b"/dev/a-b/root\n")]);
    let dir = tree(&[("home/u/d/e/mine", b"nothing\n"), ("home/u/d/e/d/secret", b"nothing\n")]);
    let (real, aside) = (dir.path().join("home/u/d/e"), dir.path().join("home/u/aside"));
    symlink(secret.path().join("etc"), &aside).unwrap();
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                let flags = nix::fcntl::RenameFlags::RENAME_EXCHANGE;
                let here = nix::fcntl::AT_FDCWD;
                nix::fcntl::renameat2(here, &real, here, &aside, flags).unwrap();
            }
        });
        for _ in 0..60 {
            let run = audit(dir.path(), &["a-b", "-q"]);
            assert_eq!(run.status, 0, "{}", String::from_utf8_lossy(&run.stdout));
        }
        ended.store(true, Ordering::Relaxed);
    });
}

#[test]
fn without_a_name_it_is_the_one_that_the_last_run_took_away() {
    let dir = tree(&[("etc/fstab", b"/dev/a-b/root / ext4 defaults 0 1\n")]);
    write(dir.path(), "opt/run", b"mount /dev/a-b/home /home\nmount /dev/c-d/x /y\n");
    let run = audit(dir.path(), &[]).demand(2);
    let words = "there is no run of postclone with an old name to search for: give NAME";
    assert!(run.stderr.contains(words), "{}", run.stderr);
    let rename = ["rename", "a-b", "c-d", "--yes", "--files-only", "--root", "."];
    let run = postclone(dir.path(), &rename).demand(0);
    let out = String::from_utf8(run.stdout).unwrap();
    // The rename itself ends with it.
    assert!(out.contains("# Still names a-b: error: /opt/run:1:7: edit it"), "{out}");
    let run = audit(dir.path(), &[]).demand(1);
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(out.contains("error: /opt/run:1:7: device-path: mount /dev/a-b/home /home\n"), "{out}");
    assert!(out.contains("a-b: 0 boot, 1 error, 0 cosmetic, 0 history; "), "{out}");
    postclone(dir.path(), &["undo", "--yes", "--root", "."]).demand(0);
    let out = String::from_utf8(audit(dir.path(), &[]).demand(1).stdout).unwrap();
    assert!(out.contains("c-d: 0 boot, 1 error") && out.contains("opt/run:2:7"), "{out}");
    audit(dir.path(), &["--severity", "boot"]).demand(0);
    assert_eq!(postclone(dir.path(), &["audit", "a-b", "--root", "nowhere"]).status, 2);
}

/// An image that takes seconds to unpack.
fn slow(root: &Path) {
    write(root, "boot/initrd.img-1", b"");
    let command = "head -c 300M /dev/zero | gzip -1 > boot/initrd.img-1";
    let made = std::process::Command::new("sh").args(["-c", command]).current_dir(root).status();
    assert!(made.unwrap().success());
}

#[test]
fn on_a_terminal_a_live_line_shows_how_far_it_is() {
    let dir = tree(&[("etc/fstab", b"/dev/a-b/root / ext4 defaults 0 1\n")]);
    slow(dir.path());
    let command = format!("'{}' audit --root . a-b", env!("CARGO_BIN_EXE_postclone"));
    let (status, screen) = on_terminal(dir.path(), &command, "", &[("NO_COLOR", "1")]);
    assert_eq!(status, 1, "{screen}");
    assert!(screen.contains("\r\x1b[Ksearching: 1 file: "), "{screen}");
    let (_, after) = screen.rsplit_once("\r\x1b[K").unwrap();
    assert!(after.contains("could not read `/boot/initrd.img-1`"), "{screen}");
    assert!(after.contains("boot: /etc/fstab:1:1: device-path"), "{screen}");
    let (_, screen) = on_terminal(dir.path(), &command, "", &[("TERM", "dumb")]);
    assert!(!screen.contains('\x1b'), "{screen}");
    let quiet = command + " -q";
    let (_, screen) = on_terminal(dir.path(), &quiet, "", &[("NO_COLOR", "1")]);
    assert!(!screen.contains('\x1b') && !screen.contains("searching"), "{screen}");
}

/// Root reads everything: this one is run by nobody, on a tree of root's.
#[test]
fn a_directory_that_cannot_be_read_is_told_of() {
    needs_root!();
    let dir = tree(&[
        ("etc/fstab", b"/dev/a-b/root / ext4 defaults 0 1\n"),
        ("etc/closed/x", b"/dev/a-b/root\n"),
        ("etc/secret", b"/dev/a-b/root\n"),
    ]);
    let mode = |path: &str, mode| {
        fs::set_permissions(dir.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(".", 0o755);
    mode("etc/closed", 0o700);
    mode("etc/secret", 0o600);
    // By a process of its own: a child that is forked meanwhile would keep the file open for writing, and no
    // program can be started from such a file.
    let program = env!("CARGO_BIN_EXE_postclone");
    let copied = std::process::Command::new("cp").arg(program).arg(dir.path()).status().unwrap();
    assert!(copied.success());
    let output = std::process::Command::new("setpriv")
        .args(["--reuid", "65534", "--clear-groups", "./postclone", "audit", "--root", ".", "a-b"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    let run = run(output).demand(1);
    for path in ["etc/closed", "etc/secret"] {
        let line = format!(
            "postclone: warning: could not read `/{path}`: Permission denied (os error 13)\n"
        );
        assert!(run.stderr.contains(&line), "{}", run.stderr);
    }
    let found = String::from_utf8(run.stdout).unwrap();
    assert!(found.contains("/etc/fstab:1:1") && !found.contains("/etc/secret:"), "{found}");
}

/// A file system that is not entered, and one that is, each mounted in a namespace of its own.
#[test]
fn mounts_are_entered_by_their_type() {
    needs_root!();
    let script = "mkdir -p srv/other srv/same low && echo /dev/a-b/root > low/x &&
        mount -t overlay overlay -o lowerdir=low:etc srv/other && mount -t tmpfs tmpfs srv/same &&
        echo /dev/a-b/root > srv/same/x || exit 98
        exec \"$0\" audit --root . a-b -v";
    let dir = tree(&[]);
    let output = std::process::Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", script])
        .arg(env!("CARGO_BIN_EXE_postclone"))
        .current_dir(dir.path())
        .output()
        .unwrap();
    let run = run(output).demand(1);
    let found = String::from_utf8(run.stdout).unwrap();
    assert!(found.contains(" /srv/same/x:1:1: ") && !found.contains("/srv/other/x"), "{found}");
    let line = "postclone: passed over /srv/other: overlay is the content of an image\n";
    assert!(run.stderr.contains(line), "{}", run.stderr);
}

/// A network's mounts as mountinfo shows them: one below a directory that is searched, and one that is
/// such a directory. No server is there to hang on.
#[test]
fn network_mounts_are_not_entered() {
    needs_root!();
    let stage = crate::stage::Stage::new();
    for dir in ["srv/net", "srv/disk", "home", "proc/thread-self"] {
        fs::create_dir_all(stage.path(dir)).unwrap();
        stage.write(&format!("{dir}/x"), "/dev/a-b/root\n");
    }
    let mounts = [
        "30 1 0:50 / /srv/net rw - nfs4 server:/export rw",
        "31 1 8:1 / /srv/disk rw - xfs /dev/sda1 rw",
        "32 1 0:51 / /home rw - fuse.sshfs host: rw\n",
    ];
    stage.write("proc/thread-self/mountinfo", &mounts.join("\n"));
    let run = stage.run(&["audit", "a-b"]).demand(1);
    let found = String::from_utf8(run.stdout).unwrap();
    assert!(found.contains(" /srv/disk/x:1:1: "), "{found}");
    assert!(!found.contains("/srv/net/x") && !found.contains("/home/x"), "{found}");
    for line in [
        "postclone: passed over /srv/net: nfs4 is a network file system or a user's file system\n",
        "postclone: passed over /home: fuse.sshfs is a network file system or a user's file system\n",
    ] {
        assert!(run.stderr.contains(line), "{}", run.stderr);
    }
}
