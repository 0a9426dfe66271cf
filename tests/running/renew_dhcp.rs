//! `postclone renew dhcp`: what DHCP clients keep of the template.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::{needs_root, patch, postclone};
use crate::stage::Stage;
use crate::tree;

const LEASES: &str = "var/lib/dhcp/dhclient.eth0.leases";
const DUID: &str = "var/lib/dhcpcd/duid";
const LEASE: &str = "var/lib/dhcpcd/eth0.lease";
const SECRET: &str = "var/lib/NetworkManager/secret_key";
const UNIT: &str = "etc/systemd/system/postclone-dhcp.service";
const WANT: &str = "etc/systemd/system/sysinit.target.wants/postclone-dhcp.service";

const RENEW: &[&str] = &["renew", "dhcp", "--yes"];

/// Files as the clients write them, and what is none of a client's.
const FILES: &[(&str, &str, u32)] = &[
    (
        LEASES,
        "default-duid \"\\000\\001;x\";\nlease {\n  interface \"eth0\";\n  fixed-address 192.0.2.5;\n}\n",
        0o644,
    ),
    ("var/lib/dhcp/dhclient6.eth0.leases", "", 0o644),
    ("var/lib/dhcp/dhcpd.leases", "lease 192.0.2.9 {\n}\n", 0o644),
    (DUID, "00:01:00:01:2c:0a:1b:3d:52:54:00:aa:00:01\n", 0o640),
    (LEASE, "\u{1}\u{2} a message", 0o640),
    (SECRET, "nm-v2:AAAAB3NzaC1yc2EAAAADAQABAAABgQC7x1o=", 0o600),
    ("var/lib/NetworkManager/timestamps", "[timestamps]\n", 0o644),
];

fn clone() -> Stage {
    let stage = Stage::new();
    fs::create_dir_all(stage.path("proc/sys/kernel/random")).unwrap();
    stage.write("proc/sys/kernel/random/boot_id", "one\n");
    for program in ["usr/bin/truncate", "bin/rm"] {
        std::os::unix::fs::symlink("/usr/bin/busybox", stage.path(program)).unwrap();
    }
    for (path, text, mode) in FILES {
        fs::create_dir_all(stage.path(path).parent().unwrap()).unwrap();
        stage.write(path, text);
        fs::set_permissions(stage.path(path), fs::Permissions::from_mode(*mode)).unwrap();
    }
    stage
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_dry_run_is_a_patch_that_does_what_the_run_does() {
    needs_root!();
    let stage = clone();
    let before = stage.system();
    let run = stage.run(&["renew", "dhcp", "--dry-run", "--show-private"]).demand(0);
    let said = text(&run.stdout);
    assert_eq!(before, stage.system());
    for words in [
        "the address may change at the reboot",
        "stable IPv6 addresses, and everything else",
        "secret_key: not shown: it is a secret",
        "make /etc/systemd/system/postclone-dhcp.service",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("AAAAB3NzaC1yc2E"), "{said}");
    let copy = tempfile::tempdir().unwrap();
    tree::copy(&stage.path("var/lib"), &copy.path().join("var/lib"));
    patch(copy.path(), &run.stdout);
    stage.run(RENEW).demand(0);
    for (path, was, _) in FILES.iter().filter(|(path, ..)| *path != SECRET) {
        // patch(1) may remove a file that it emptied.
        let patched = fs::read_to_string(copy.path().join(path)).unwrap_or_default();
        assert_eq!(patched, stage.read(path), "{path}");
        let is_kept = path.ends_with("dhcpd.leases") || path.ends_with("timestamps");
        assert_eq!(stage.read(path), if is_kept { *was } else { "" }, "{path}");
    }
    let document = stage.run(&["renew", "dhcp", "-n", "--format", "json"]).demand(0);
    assert!(!text(&document.stdout).contains("AAAAB3NzaC1yc2E"));
}

#[test]
fn every_clients_file_is_emptied_and_undo_brings_it_back() {
    needs_root!();
    let stage = clone();
    let before = stage.system();
    let said = text(&stage.run(RENEW).demand(0).stdout);
    for (path, _, mode) in FILES {
        let now = fs::metadata(stage.path(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(now, *mode, "{path}");
    }
    assert_eq!(stage.read(SECRET), "");
    assert!(said.contains("the next boot empties 4 files of DHCP clients once more"), "{said}");
    let target = fs::read_link(stage.path(WANT)).unwrap();
    assert_eq!(target.to_str(), Some("../postclone-dhcp.service"));
    // Twice is the same as once.
    let after = stage.system();
    let again = text(&stage.run(RENEW).demand(0).stdout);
    assert!(again.contains("there is nothing left to change"), "{again}");
    assert_eq!(after, stage.system());
    let said = text(&stage.run(&["undo", "--yes"]).demand(0).stdout);
    assert!(said.contains("every file has its old bytes"), "{said}");
    assert_eq!(before, stage.system());
    assert!(!stage.path(UNIT).exists() && !stage.path(WANT).is_symlink());
}

/// What the unit's commands do, by the programs that they name.
#[test]
fn the_next_boot_empties_what_a_running_client_wrote_again() {
    needs_root!();
    let stage = clone();
    stage.run(RENEW).demand(0);
    // dhclient(8) rewrites its leases at a renewal.
    stage.write(LEASES, FILES[0].1);
    let unit = stage.read(UNIT);
    for line in
        ["Before=network-pre.target sysinit.target shutdown.target", "Wants=network-pre.target"]
    {
        assert!(unit.lines().any(|own| own == line), "{unit}");
    }
    for key in ["ExecStart=", "ExecStopPost="] {
        let command = unit.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        let mut words = command.split(' ');
        // busybox names its options otherwise.
        let words: Vec<&str> = words
            .by_ref()
            .map(|word| match word {
                "--no-create" => "-c",
                "--size=0" => "-s0",
                word => word,
            })
            .collect();
        let status = std::process::Command::new("chroot").arg(stage.path("")).args(words).status();
        assert!(status.unwrap().success(), "{command}");
    }
    assert_eq!(stage.read(LEASES), "");
    assert!(!stage.path(UNIT).exists() && !stage.path(WANT).is_symlink());
    // After the boot a client has a lease of its own: the old one comes back all the same.
    stage.write(LEASES, "lease {\n  fixed-address 192.0.2.77;\n}\n");
    stage.write(SECRET, "nm-v2:new");
    let said = text(&stage.run(&["undo", "--yes"]).demand(0).stdout);
    assert!(said.contains("with a plan of its own"), "{said}");
    for (path, was, _) in FILES {
        assert_eq!(stage.read(path), *was, "{path}");
    }
}

#[test]
fn a_second_run_before_the_reboot_knows_the_unit() {
    needs_root!();
    let stage = clone();
    stage.run(RENEW).demand(0);
    stage.write(LEASES, FILES[0].1);
    let unit = stage.read(UNIT);
    stage.run(RENEW).demand(0);
    assert_eq!((stage.read(LEASES).as_str(), stage.read(UNIT)), ("", unit));
    stage.write("var/lib/dhcp/dhclient.eth1.leases", FILES[0].1);
    let said = text(&stage.run(RENEW).demand(0).stdout);
    assert!(said.contains("of an earlier renewal empties files at the next boot"), "{said}");
    assert_eq!(stage.read("var/lib/dhcp/dhclient.eth1.leases"), "");
}

#[test]
fn secrets_are_dropped_at_the_first_good_boot() {
    needs_root!();
    let stage = clone();
    stage.run(RENEW).demand(0);
    let copy = |path: &str| stage.path(&format!("var/lib/postclone/000001/before/{path}"));
    let mode = fs::metadata(copy(SECRET)).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
    stage.write("proc/sys/kernel/random/boot_id", "two\n");
    stage.run(&["forget-secrets"]).demand(0);
    assert!(!copy(SECRET).exists() && copy(LEASES).exists());
    stage.write(SECRET, "nm-v2:new");
    let said = text(&stage.run(&["undo", "--yes"]).demand(0).stdout);
    assert!(said.contains("dropped after the first good boot: the new ones stay"), "{said}");
    assert_eq!(
        (stage.read(SECRET).as_str(), stage.read(LEASES).as_str()),
        ("nm-v2:new", FILES[0].1)
    );
}

#[test]
fn what_somebody_has_set_is_left_and_told() {
    needs_root!();
    let stage = clone();
    fs::create_dir_all(stage.path("etc/dhcp")).unwrap();
    stage.write("etc/dhcp/dhclient.conf", "send dhcp-client-identifier \"tmpl\";\n");
    stage.write("etc/dhcpcd.conf", "clientid tmpl\n");
    let said = text(&stage.run(RENEW).demand(0).stdout);
    for path in ["/etc/dhcp/dhclient.conf", "/etc/dhcpcd.conf"] {
        assert!(said.contains(&format!("{path}: it sets a DHCP identifier")), "{said}");
        assert!(!stage.read(&path[1..]).is_empty());
    }
    // Alone it is no reason for a run.
    let said = text(&stage.run(RENEW).demand(0).stdout);
    assert!(said.contains("it sets a DHCP identifier"), "{said}");
}

#[test]
fn without_systemd_it_says_what_is_left_to_a_person() {
    needs_root!();
    let stage = clone();
    fs::remove_dir(stage.path("run/systemd/system")).unwrap();
    let said = text(&stage.run(RENEW).demand(0).stdout);
    assert!(said.contains("nothing empties the files once more at the next boot"), "{said}");
    assert!(!stage.path(UNIT).exists());
    assert_eq!(stage.read(DUID), "");
}

#[test]
fn a_mounted_tree_needs_no_unit() {
    needs_root!();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir_all(root.join("etc/systemd/system")).unwrap();
    for (path, text, _) in FILES {
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs::write(root.join(path), text).unwrap();
    }
    let before = tree::contents(&root);
    let at = root.to_str().unwrap();
    let run = postclone(dir.path(), &["renew", "dhcp", "--yes", "--root", at]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(fs::read(root.join(DUID)).unwrap(), b"");
    assert!(!root.join(UNIT).exists());
    let undo = postclone(dir.path(), &["undo", "--yes", "--root", at]);
    assert_eq!(undo.status, 0, "{}", undo.stderr);
    fs::remove_dir_all(root.join("var/lib/postclone")).unwrap();
    let mut after = tree::contents(&root);
    after.retain(|path, _| before.contains_key(path));
    assert_eq!(before, after);
}

/// Fails, and kills, a run at each of its points.
#[cfg(feature = "failpoints")]
#[test]
fn every_failure_and_kill_leaves_the_old_or_the_new() {
    needs_root!();
    crate::faults::each_point_leaves_old_or_new(clone, RENEW, |stage| {
        let is_emptied = stage.read(DUID).is_empty();
        assert_eq!(is_emptied, stage.path(UNIT).exists());
        assert_eq!(is_emptied, stage.path(WANT).is_symlink());
        for path in [LEASES, LEASE, SECRET] {
            assert_eq!(is_emptied, stage.read(path).is_empty(), "{path}");
        }
        is_emptied
    });
}
