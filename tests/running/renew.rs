//! `postclone renew`: IDs and keys that a clone shares with its template.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::harness::{needs_root, postclone};
use crate::stage::{KERNELS, Stage, Thing};
use crate::tree;

pub const ID: &str = "0123456789abcdef0123456789abcdef";
const KEYS: [&str; 3] = ["rsa", "ecdsa", "ed25519"];
const ENTRY: &str = "boot/loader/entries/0123456789abcdef0123456789abcdef-6.1.0-1-amd64.conf";
const TOKEN: &str = "etc/kernel/entry-token";

fn key(kind: &str) -> String {
    format!("etc/ssh/ssh_host_{kind}_key")
}

/// A clone of a machine that was called `tmpl`.
pub fn clone() -> Stage {
    let stage = Stage::new();
    let output = Command::new("ldd").arg("/usr/bin/ssh-keygen").output().unwrap();
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    let libraries = words.split_whitespace().filter(|word| word.starts_with('/'));
    for path in libraries.chain(["/usr/bin/ssh-keygen"]) {
        let at = stage.path(&path[1..]);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        let install = Command::new("install").args(["-m", "755", path]).arg(at).status();
        assert!(install.unwrap().success(), "{path}");
    }
    for dir in ["etc/ssh", "var/lib/dbus", "proc/sys/kernel/random", "root"] {
        fs::create_dir_all(stage.path(dir)).unwrap();
    }
    // ssh-keygen asks who runs it.
    stage.write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
    stage.write("proc/sys/kernel/random/boot_id", "one\n");
    plant(&stage.path(""));
    stage.set("sshd", "ok");
    stage.program(
        "usr/sbin/sshd",
        "#!/bin/sh\necho \"sshd $*\" >> /stub/log\n[ $1 = -t ] || exit 0\n\
         case $(cat /stub/sshd) in ok) ;; once) echo fail > /stub/sshd ;; *) echo 'no hostkeys available' >&2; exit 1 ;; esac\n",
    );
    stage
}

/// An ID and keys in a tree.
fn plant(root: &Path) {
    fs::write(root.join("etc/machine-id"), format!("{ID}\n")).unwrap();
    fs::write(root.join("var/lib/dbus/machine-id"), format!("{ID}\n")).unwrap();
    for kind in KEYS {
        let bits: &[&str] = if kind == "rsa" { &["-b", "2048"] } else { &[] };
        let path = root.join(key(kind));
        let made = Command::new("ssh-keygen")
            .args(["-q", "-N", "", "-C", "root@tmpl", "-t", kind, "-f"])
            .arg(path)
            .args(bits)
            .status();
        assert!(made.unwrap().success(), "{kind}");
    }
}

/// The texts of the keys, private and public.
fn keys(root: &Path) -> BTreeMap<String, String> {
    let files = KEYS.iter().flat_map(|kind| [key(kind), key(kind) + ".pub"]);
    files.map(|path| (path.clone(), fs::read_to_string(root.join(&path)).unwrap())).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Lines that nobody may see but root, of private halves: what of a public half is in them is left out.
fn secret_lines(root: &Path) -> Vec<String> {
    let (public, private): (Vec<_>, Vec<_>) =
        keys(root).into_iter().partition(|(path, _)| path.ends_with(".pub"));
    let lines = private.iter().flat_map(|(_, text)| text.lines());
    let is_secret = |line: &&str| {
        let is_known = public.iter().any(|(_, text)| text.contains(line));
        !line.starts_with("-----")
            && !line.starts_with("b3BlbnNzaC1rZXkt")
            && line.len() > 20
            && !is_known
    };
    let lines: Vec<String> = lines.filter(is_secret).map(str::to_owned).collect();
    assert!(lines.len() > 10);
    lines
}

#[test]
fn a_dry_run_changes_nothing_and_shows_no_secret() {
    needs_root!();
    let stage = clone();
    let before = stage.system();
    for more in [&[][..], &["--show-private"], &["--format", "json"]] {
        let run = stage.run(&[&["renew", "--dry-run"], more].concat()).demand(0);
        let said = text(&run.stdout) + &run.stderr;
        assert!(said.contains(ID), "{said}");
        assert!(said.contains("DHCP servers that identify clients by it"), "{said}");
        for line in secret_lines(&stage.path("")) {
            assert!(!said.contains(&line), "{said}");
        }
        assert!(!said.contains("PRIVATE KEY"), "{said}");
        assert!(!said.contains("b3BlbnNzaC1rZXktdjE"), "the beginning of a private key: {said}");
    }
    assert_eq!(before, stage.system());
    assert!(!stage.path("var/lib/postclone").exists());
}

#[test]
fn a_clone_gets_an_id_and_keys_of_its_own() {
    needs_root!();
    let stage = clone();
    let before = keys(&stage.path(""));
    let run = stage.run(&["renew", "--yes"]).demand(0);
    let said = text(&run.stdout) + &run.stderr;
    let id = stage.read("etc/machine-id");
    assert!(id.len() == 33 && id.ends_with('\n') && id.trim() != ID, "{id}");
    assert_eq!(&id[12..13], "4");
    assert_eq!(id, stage.read("var/lib/dbus/machine-id"));
    assert!(said.contains(&format!("# Machine ID {ID} becomes {} under /.", id.trim())), "{said}");
    let after = keys(&stage.path(""));
    for (path, text) in &after {
        assert_ne!(text, &before[path], "{path}");
        let mode = fs::metadata(stage.path(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if path.ends_with(".pub") { 0o644 } else { 0o600 }, "{path}");
    }
    for kind in KEYS {
        let public = &after[&(key(kind) + ".pub")];
        assert!(public.trim_end().ends_with(" root@c"), "{public}");
        let old = &before[&(key(kind) + ".pub")];
        assert_eq!(public.split(' ').next(), old.split(' ').next());
        let path = stage.path(&(key(kind) + ".pub"));
        let print = Command::new("ssh-keygen").arg("-lf").arg(path).output().unwrap();
        let print = text(&print.stdout);
        assert!(said.contains(print.split(' ').nth(1).unwrap()), "{print}: {said}");
        if kind == "rsa" {
            assert!(print.starts_with("2048 "), "{print}");
        }
        let path = stage.path(&key(kind));
        let derived = Command::new("ssh-keygen").arg("-yf").arg(path).output().unwrap();
        assert_eq!(text(&derived.stdout).split(' ').nth(1), public.split(' ').nth(1));
    }
    for line in secret_lines(&stage.path("")) {
        assert!(!said.contains(&line), "{said}");
        let journal = stage.read("var/lib/postclone/000001/journal");
        assert!(!journal.contains(&line), "{journal}");
    }
    let asked = stage.asked();
    let check = asked.iter().rposition(|line| line == "sshd -t").unwrap();
    let reload = asked.iter().position(|line| line == "systemctl reload ssh.service").unwrap();
    assert!(check < reload, "{asked:?}");
    assert!(!asked.iter().any(|line| line.starts_with("update-initramfs")), "{asked:?}");
    // The next time is another change.
    stage.run(&["renew", "machine-id", "--yes"]).demand(0);
    assert_ne!(id, stage.read("etc/machine-id"));
    assert_eq!(after, keys(&stage.path("")));
}

#[test]
fn undo_brings_every_byte_back() {
    needs_root!();
    let stage = clone();
    fs::create_dir_all(stage.path("boot/loader/entries")).unwrap();
    stage.write(ENTRY, "title x\n");
    let before = stage.system();
    stage.run(&["renew", "--yes"]).demand(0);
    assert_eq!(stage.read(TOKEN), format!("{ID}\n"));
    assert_ne!(before, stage.system());
    let run = stage.run(&["undo", "--yes"]).demand(0);
    let said = text(&run.stdout);
    assert!(said.contains(&format!("the machine ID is {ID}")), "{said}");
    assert_eq!(before, stage.system());
    let again = stage.run(&["undo", "--yes"]).demand(0);
    assert!(text(&again.stdout).contains("already undone"));
}

#[test]
fn undo_goes_by_a_plan_of_its_own_where_something_came_after() {
    needs_root!();
    let stage = clone();
    fs::create_dir_all(stage.path("boot/loader/entries")).unwrap();
    stage.write(ENTRY, "title x\n");
    let before = keys(&stage.path(""));
    stage.run(&["renew", "--yes"]).demand(0);
    // Somebody makes the copy a file with another ID.
    stage.write("var/lib/dbus/machine-id", "fedcba9876543210fedcba9876543210\n");
    let run = stage.run(&["undo", "--yes"]).demand(0);
    let said = text(&run.stdout);
    assert!(said.contains("with a plan of its own"), "{said}");
    assert_eq!(stage.read("etc/machine-id"), format!("{ID}\n"));
    assert_eq!(before, keys(&stage.path("")));
    assert!(!stage.path(TOKEN).exists());
    assert_eq!(stage.read("var/lib/dbus/machine-id"), "fedcba9876543210fedcba9876543210\n");
}

#[test]
fn a_server_that_refuses_the_keys_takes_all_back() {
    needs_root!();
    let stage = clone();
    fs::create_dir_all(stage.path("boot/loader/entries")).unwrap();
    stage.write(ENTRY, "title x\n");
    // The first look is before the first change, and under the claim there is another.
    stage.program(
        "usr/sbin/sshd",
        "#!/bin/sh\n[ $1 = -t ] || exit 0\n\
         ! busybox grep -q root@c /etc/ssh/ssh_host_rsa_key.pub || { echo 'no hostkeys available' >&2; exit 1; }\n",
    );
    let before = stage.system();
    let run = stage.run(&["renew", "--yes"]).demand(3);
    assert!(run.stderr.contains("no hostkeys available"), "{}", run.stderr);
    assert_eq!(before, stage.system());
    stage.set("sshd", "broken");
    stage.program("usr/sbin/sshd", "#!/bin/sh\n[ $1 = -t ] || exit 0\necho bad >&2\nexit 1\n");
    let run = stage.run(&["renew", "--yes"]).demand(1);
    assert!(run.stderr.contains("fix that first"), "{}", run.stderr);
}

#[test]
fn an_id_that_is_not_there_yet_is_not_renewed() {
    needs_root!();
    for held in ["", "uninitialized\n"] {
        let stage = clone();
        stage.write("etc/machine-id", held);
        let before = stage.system();
        let run = stage.run(&["renew", "machine-id", "--yes"]).demand(0);
        let said = text(&run.stdout);
        assert!(said.contains("nothing to renew"), "{said}");
        assert_eq!(before, stage.system());
        stage.run(&["renew", "machine-id", "--format", "json", "-n"]).demand(0);
    }
}

#[test]
fn a_boot_does_not_take_the_old_id_back_by_its_argument() {
    needs_root!();
    let stage = clone();
    fs::create_dir_all(stage.path("boot/loader/entries")).unwrap();
    fs::create_dir_all(stage.path("etc/kernel")).unwrap();
    let entry = |id: &str| {
        format!(
            "title x\nmachine-id {id}\noptions ro systemd.machine_id={id}\nlinux /{ID}/6.1.0/linux\n"
        )
    };
    stage.write(ENTRY, &entry(ID));
    stage.write("etc/kernel/cmdline", &format!("ro systemd.machine_id={ID}\n"));
    let before = stage.system();
    stage.run(&["renew", "machine-id", "--yes"]).demand(0);
    let id = stage.read("etc/machine-id").trim().to_owned();
    assert_ne!(id, ID);
    assert_eq!(stage.read(ENTRY), entry(&id));
    assert_eq!(stage.read("etc/kernel/cmdline"), format!("ro systemd.machine_id={id}\n"));
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(before, stage.system());
    // Nothing is written into a unified image.
    fs::create_dir_all(stage.path("boot/EFI/Linux")).unwrap();
    stage.write("boot/EFI/Linux/x.efi", &format!("MZ\0 ro systemd.machine_id={ID}\0"));
    let run = stage.run(&["renew", "--yes"]).demand(1);
    assert!(
        run.stderr.contains("`/boot/EFI/Linux/x.efi` has systemd.machine_id="),
        "{}",
        run.stderr
    );
}

#[test]
fn a_token_that_is_there_is_kept() {
    needs_root!();
    let stage = clone();
    fs::create_dir_all(stage.path("boot/loader/entries")).unwrap();
    stage.write(ENTRY, "title x\n");
    stage.program("usr/bin/kernel-install", "#!/bin/sh\nread MACHINE_ID < /etc/machine-id\n");
    fs::create_dir_all(stage.path("etc/kernel")).unwrap();
    stage.write(TOKEN, "mine\n");
    stage.run(&["renew", "machine-id", "--yes"]).demand(0);
    assert_eq!(stage.read(TOKEN), "mine\n");
    assert_eq!(stage.read(ENTRY), "title x\n");
}

#[test]
fn groups_that_lvm_tells_by_the_id_are_refused() {
    needs_root!();
    let stage = clone();
    fs::create_dir_all(stage.path("etc/lvm")).unwrap();
    stage.write("etc/lvm/lvm.conf", "global {\n\tsystem_id_source = \"machineid\"\n}\n");
    let run = stage.run(&["renew", "--yes"]).demand(1);
    let words = "` has system_id_source = \"machineid\": under another ID, LVM treats the volume groups as another \
                 machine's and does not activate them; set it to \"none\" and give the groups no system ID \
                 (`vgchange --systemid \"\" GROUP`), then run the command again";
    assert!(run.stderr.contains(words), "{}", run.stderr);
}

#[test]
fn what_cloud_init_does_by_itself_is_said() {
    needs_root!();
    let stage = clone();
    stage.program("usr/bin/cloud-init", "#!/bin/sh\n");
    let dry: &[&str] = &["renew", "ssh-host-keys", "--dry-run"];
    let words = "cloud-init makes new SSH host keys by itself";
    assert!(text(&stage.run(dry).demand(0).stdout).contains(words));
    fs::create_dir_all(stage.path("etc/cloud")).unwrap();
    stage.write("etc/cloud/cloud.cfg", "ssh_deletekeys: false\n");
    assert!(!text(&stage.run(dry).demand(0).stdout).contains(words));
}

#[test]
fn keys_that_somebody_chose_are_left_and_told() {
    needs_root!();
    let stage = clone();
    let cert = "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQ x\n";
    stage.write("etc/ssh/cert.pub", cert);
    stage.write("etc/ssh/own", &stage.read(&key("ecdsa")));
    let lines: Vec<String> = KEYS.iter().map(|kind| format!("HostKey /{}\n", key(kind))).collect();
    let config = lines.concat() + "HostKey /etc/ssh/own\nHostCertificate /etc/ssh/cert.pub\n";
    stage.write("etc/ssh/sshd_config", &config);
    stage.program("usr/sbin/sshd", "#!/bin/sh\n[ $1 = -t ]\n");
    fs::remove_file(stage.path(&(key("ecdsa") + ".pub"))).unwrap();
    fs::write(stage.path(&(key("ecdsa") + ".pub")), "").unwrap();
    let before = keys(&stage.path(""));
    let said = text(&stage.run(&["renew", "ssh-host-keys", "--yes"]).demand(0).stdout);
    let after = keys(&stage.path(""));
    let changed: Vec<&String> = after.keys().filter(|path| before[*path] != after[*path]).collect();
    assert_eq!(changed, [&key("rsa"), &(key("rsa") + ".pub")], "{said}");
    for words in
        ["/etc/ssh/own: `HostKey` names it", "`HostCertificate` names", "are no longer made"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn old_keys_are_dropped_at_the_first_good_boot() {
    needs_root!();
    let stage = clone();
    let old = secret_lines(&stage.path(""));
    stage.run(&["renew", "--yes"]).demand(0);
    let copy = format!("var/lib/postclone/000001/before/{}", key("rsa"));
    let mode = fs::metadata(stage.path(&copy)).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
    assert!(stage.path("var/lib/postclone/secrets").exists());
    stage.run(&["forget-secrets"]).demand(0);
    assert!(stage.path(&copy).exists(), "no boot since");
    stage.write("proc/sys/kernel/random/boot_id", "two\n");
    stage.set("sshd", "broken");
    let run = stage.run(&["forget-secrets"]).demand(0);
    assert!(run.stderr.contains("its secrets stay"), "{}", run.stderr);
    assert!(stage.path(&copy).exists(), "no good boot");
    stage.set("sshd", "ok");
    stage.run(&["forget-secrets"]).demand(0);
    assert!(!stage.path(&copy).exists());
    assert!(!stage.path("var/lib/postclone/secrets").exists());
    let lines = [old, secret_lines(&stage.path(""))].concat();
    for (path, entry) in tree::read(&stage.path("var/lib/postclone")) {
        if let tree::Content::File(bytes) = entry.content {
            assert!(!lines.iter().any(|line| text(&bytes).contains(line)), "{}", path.display());
        }
    }
    stage.run(&["status"]).demand(0);
    let new = keys(&stage.path(""));
    let run = stage.run(&["undo", "--yes"]).demand(0);
    let said = text(&run.stdout);
    assert!(said.contains("dropped after the first good boot: the new ones stay"), "{said}");
    assert_eq!(stage.read("etc/machine-id"), format!("{ID}\n"));
    assert_eq!(new, keys(&stage.path("")));
}

/// A run that is killed when the new keys are in their places.
fn cut() -> (Stage, Vec<Thing>) {
    let stage = clone();
    fs::create_dir_all(stage.path("boot/loader/entries")).unwrap();
    stage.write(ENTRY, "title x\n");
    let kills = "#!/bin/sh\n[ $1 = -t ] || exit 0\n\
                 busybox grep -q root@c /etc/ssh/ssh_host_rsa_key.pub && [ -e /stub/kill ] || exit 0\n\
                 busybox rm /stub/kill\nkill -9 $PPID\n";
    stage.program("usr/sbin/sshd", kills);
    let before = stage.system();
    stage.set("kill", "once");
    assert_ne!(stage.run(&["renew", "--yes"]).status, 0);
    assert_ne!(stage.read("etc/machine-id"), format!("{ID}\n"));
    let run = stage.run(&["renew", "--yes"]).demand(1);
    assert!(run.stderr.contains("was interrupted"), "{}", run.stderr);
    (stage, before)
}

#[test]
fn a_run_that_was_cut_is_finished_with_the_keys_that_it_made() {
    needs_root!();
    let (stage, _) = cut();
    let new = keys(&stage.path(""));
    let said = text(&stage.run(&["rename", "--resume"]).demand(0).stdout);
    assert!(said.contains("# Finished: machine ID"), "{said}");
    assert_eq!(new, keys(&stage.path("")));
    assert_eq!(stage.read(TOKEN), format!("{ID}\n"));
}

#[test]
fn a_run_that_was_cut_is_taken_back() {
    needs_root!();
    let (stage, before) = cut();
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(before, stage.system());
}

#[test]
fn images_that_may_hold_the_id_are_built_anew() {
    needs_root!();
    let stage = clone();
    fs::remove_file(stage.path("usr/sbin/mkinitramfs")).unwrap();
    fs::remove_file(stage.path("usr/sbin/update-initramfs")).unwrap();
    stage.program(
        "usr/bin/dracut",
        "#!/bin/sh\necho \"dracut $*\" >> /stub/log\n[ $1 = --force ] || exit 0\n\
         cp /etc/machine-id /stub/image/fstab\n/usr/bin/pack /stub/image $2\n",
    );
    let before = stage.system();
    let said = text(&stage.run(&["renew", "ssh-host-keys", "--yes"]).demand(0).stdout);
    assert!(!stage.asked().iter().any(|line| line.starts_with("dracut")), "{said}");
    stage.run(&["undo", "--yes"]).demand(0);
    stage.run(&["renew", "--yes"]).demand(0);
    for kernel in KERNELS {
        let image = fs::read(stage.path(&format!("boot/initrd.img-{kernel}"))).unwrap();
        let id = stage.read("etc/machine-id");
        assert!(text(&image).contains(id.trim()), "{kernel}");
    }
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(before, stage.system());
}

#[test]
fn keys_that_are_not_as_they_were_asked_for_are_refused() {
    needs_root!();
    let stage = clone();
    fs::rename(stage.path("usr/bin/ssh-keygen"), stage.path("usr/bin/real")).unwrap();
    let before = stage.system();
    for (lies, words) in [
        ("-l*) echo hello ;;", "ssh-keygen printed something unknown for"),
        (
            "-y*) /usr/bin/real -y -f /etc/ssh/ssh_host_rsa_key ;;",
            "ssh-keygen made a key whose halves do not match: nothing was changed, try again",
        ),
        (
            "*rsa*-b*) /usr/bin/real -q -N '' -t rsa -b 1024 -f $k ;;",
            "ssh-keygen made a key of 1024 bits (RSA): nothing was changed",
        ),
        ("-q*) echo 'no room' >&2; exit 1 ;;", "making a new key for `/etc/ssh/ssh_host_rsa_key`"),
    ] {
        let text = format!(
            "#!/bin/sh\nfor k; do :; done\ncase \"$*\" in {lies} *) exec /usr/bin/real \"$@\" ;; esac\n"
        );
        stage.program("usr/bin/ssh-keygen", &text);
        let run = stage.run(&["renew", "--yes"]).demand(1);
        assert!(run.stderr.contains(words), "{lies}: {}", run.stderr);
        stage.program("usr/bin/ssh-keygen", "");
        fs::remove_file(stage.path("usr/bin/ssh-keygen")).unwrap();
        assert_eq!(before, stage.system(), "{lies}");
    }
}

#[test]
fn no_lvm_is_needed() {
    needs_root!();
    let stage = clone();
    for program in ["usr/sbin/lvm", "usr/sbin/blkid"] {
        fs::remove_file(stage.path(program)).unwrap();
    }
    let before = stage.system();
    let run = stage.run(&["renew", "--yes"]).demand(0);
    assert!(!run.stderr.contains("`lvm` is not installed"), "{}", run.stderr);
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(before, stage.system());
}

#[test]
fn seeds_go_for_good() {
    needs_root!();
    let stage = clone();
    let seed = "var/lib/systemd/random-seed";
    fs::create_dir_all(stage.path("var/lib/systemd")).unwrap();
    stage.write(seed, "seed");
    let said = text(&stage.run(&["renew", "random-seeds", "--yes"]).demand(0).stdout);
    assert!(said.contains("does not bring them back"), "{said}");
    assert!(!stage.path(seed).exists());
    let said = text(&stage.run(&["renew", "random-seeds", "--yes"]).demand(0).stdout);
    assert!(said.contains("there is nothing left to change"), "{said}");
    let said = text(&stage.run(&["undo", "--yes"]).demand(0).stdout);
    assert!(said.contains("the random seeds are not put back"), "{said}");
    assert!(!stage.path(seed).exists());
    // What fails before it is taken back with the seed where it was.
    stage.write(seed, "seed");
    stage.program(
        "usr/sbin/sshd",
        "#!/bin/sh\n[ $1 = -t ] || exit 0\n! busybox grep -q root@c /etc/ssh/ssh_host_rsa_key.pub\n",
    );
    stage.run(&["renew", "--yes"]).demand(3);
    assert_eq!(stage.read(seed), "seed");
}

#[test]
fn a_mounted_tree_has_no_server_to_reload() {
    needs_root!();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    for inner in ["etc/ssh", "var/lib/dbus", "usr/bin"] {
        fs::create_dir_all(root.join(inner)).unwrap();
    }
    plant(&root);
    fs::write(root.join("etc/hostname"), "web01\n").unwrap();
    let before = tree::contents(&root);
    let at = root.to_str().unwrap();
    let run = postclone(dir.path(), &["renew", "--yes", "--root", at]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let public = fs::read_to_string(root.join(key("rsa") + ".pub")).unwrap();
    assert!(public.ends_with(" root@web01\n"), "{public}");
    let undo = postclone(dir.path(), &["undo", "--yes", "--root", at]);
    assert_eq!(undo.status, 0, "{}", undo.stderr);
    fs::remove_dir_all(root.join("var/lib/postclone")).unwrap();
    let mut after = tree::contents(&root);
    after.retain(|path, _| before.contains_key(path));
    assert_eq!(before, after);
}

/// What the hypervisor gives a machine, and no disk carries over.
fn be(stage: &Stage, number: u32) {
    let nic = "sys/class/net/ens3";
    for dir in ["sys/class/dmi/id".to_owned(), format!("{nic}/device")] {
        fs::create_dir_all(stage.path(&dir)).unwrap();
    }
    let uuid = format!("AAAAAAAA-0000-4000-8000-00000000000{number}\n");
    stage.write("sys/class/dmi/id/product_uuid", &uuid);
    stage.write(&format!("{nic}/address"), &format!("52:54:00:aa:00:0{number}\n"));
    stage.write(&format!("{nic}/addr_assign_type"), "0\n");
}

#[test]
fn what_is_the_clones_own_already_is_renewed_by_force_alone() {
    needs_root!();
    let stage = clone();
    be(&stage, 1);
    stage.run(&["seal"]).demand(0);
    // In the template itself nothing is taken for done.
    let run = stage.run(&["renew", "--yes"]).demand(1);
    assert!(run.stderr.contains("is the template that was sealed as c"), "{}", run.stderr);
    be(&stage, 2);
    let template = stage.system();
    stage.run(&["renew", "--yes"]).demand(0);
    assert_ne!(template, stage.system());
    let own = (stage.read("etc/machine-id"), keys(&stage.path("")));
    let (before, runs) =
        (stage.system(), fs::read_dir(stage.path("var/lib/postclone")).unwrap().count());
    let said = text(&stage.run(&["renew", "--yes"]).demand(0).stdout);
    for word in ["machine-id", "ssh-host-keys"] {
        let line = format!(
            "{word}: already this machine's own (c had another on record): nothing to renew"
        );
        assert!(said.contains(&line), "{said}");
    }
    assert!(said.contains("# Nothing to do: there is nothing left to change."), "{said}");
    assert_eq!(before, stage.system());
    assert_eq!(fs::read_dir(stage.path("var/lib/postclone")).unwrap().count(), runs);
    // By its name it is refused, and with force made anew.
    let run = stage.run(&["renew", "machine-id", "--yes"]).demand(1);
    assert!(run.stderr.contains("machine-id: already this machine's own"), "{}", run.stderr);
    let words = "): use --force to renew it all the same";
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert_eq!(before, stage.system());
    stage.run(&["renew", "machine-id", "--yes", "--force"]).demand(0);
    assert_ne!(own.0, stage.read("etc/machine-id"));
    assert_eq!(own.1, keys(&stage.path("")));
    // One key of the template's is enough for all.
    let old = key("rsa");
    stage.run(&["undo", "--yes"]).demand(0);
    for path in [old.clone(), old + ".pub"] {
        let copy = stage.path(&format!("var/lib/postclone/000001/before/{path}"));
        fs::copy(copy, stage.path(&path)).unwrap();
    }
    let said = text(&stage.run(&["renew", "--yes"]).demand(0).stdout);
    assert!(said.contains("machine-id: already this machine's own"), "{said}");
    assert_eq!(own.0, stage.read("etc/machine-id"));
    assert!(keys(&stage.path("")).iter().all(|(path, text)| own.1[path] != *text));
}

#[test]
fn without_a_record_it_is_renewed_each_time() {
    needs_root!();
    let stage = clone();
    stage.run(&["renew", "--yes"]).demand(0);
    let own = (stage.read("etc/machine-id"), keys(&stage.path("")));
    assert!(!stage.path("var/lib/postclone/origin.json").exists());
    stage.run(&["renew", "--yes"]).demand(0);
    assert_ne!(own.0, stage.read("etc/machine-id"));
    assert_ne!(own.1, keys(&stage.path("")));
}

/// Fails, and kills, a run at each of its points: then the tree is the old one, or the new one, whole.
#[cfg(feature = "failpoints")]
#[test]
fn every_failure_and_kill_leaves_the_old_or_the_new() {
    needs_root!();
    let build = || {
        let stage = clone();
        for kind in ["rsa", "ecdsa"] {
            fs::remove_file(stage.path(&key(kind))).unwrap();
            fs::remove_file(stage.path(&(key(kind) + ".pub"))).unwrap();
        }
        fs::create_dir_all(stage.path("boot/loader/entries")).unwrap();
        stage.write(ENTRY, "title x\n");
        stage
    };
    let renew: &[&str] = &["renew", "--yes", "-q"];
    let stage = build();
    stage.run_with(renew, &[("POSTCLONE_FAILPOINT_LOG", "/stub/points")]).demand(0);
    let points: Vec<String> = stage.read("stub/points").lines().map(str::to_owned).collect();
    assert!(points.iter().any(|name| name == "make-file"), "{points:?}");
    let (ed25519, public) = (key("ed25519"), key("ed25519") + ".pub");
    for (number, name) in points.iter().enumerate() {
        if !crate::faults::is_taken(number) {
            continue;
        }
        let stage = build();
        let before = stage.system();
        let point = format!("{}:fail", number + 1);
        let run = stage.run_with(renew, &[("POSTCLONE_FAILPOINT", &point)]);
        match run.status {
            0 => {}
            1 | 3 => assert_eq!(before, stage.system(), "{point} ({name})"),
            status => panic!("{point} ({name}): status {status}: {}", run.stderr),
        }
        let stage = build();
        let before = stage.system();
        let point = format!("{}:kill", number + 1);
        let run = stage.run_with(renew, &[("POSTCLONE_FAILPOINT", &point)]);
        if run.status == 0 {
            continue;
        }
        assert_eq!(run.status, 137, "{point} ({name}): {}", run.stderr);
        assert!(stage.path(&ed25519).exists() && stage.path(&public).exists(), "{point} ({name})");
        let resumes = number % 2 == 0;
        let verb: &[&str] = if resumes { &["rename", "--resume"] } else { &["undo", "--yes"] };
        let run = stage.run(verb);
        let is_old = stage.read("etc/machine-id").trim() == ID;
        if is_old {
            // Where nothing was begun there is nothing to take back.
            assert!([0, 1].contains(&run.status), "{point} ({name}): {}", run.stderr);
            assert_eq!(before, stage.system(), "{point} ({name})");
        } else {
            assert_eq!(run.status, 0, "{point} ({name}): {}", run.stderr);
            assert_eq!(stage.read(TOKEN), format!("{ID}\n"), "{point} ({name})");
            let said = Command::new("ssh-keygen").arg("-yf").arg(stage.path(&ed25519)).output();
            let derived = text(&said.unwrap().stdout);
            let written = stage.read(&public);
            assert_eq!(derived.split(' ').nth(1), written.split(' ').nth(1), "{point} ({name})");
        }
        let left = tree::read(&stage.path(""));
        let staged = |path: &&std::path::PathBuf| path.to_string_lossy().contains(".postclone-");
        let staged: Vec<_> =
            left.keys().filter(staged).filter(|path| !path.starts_with("run")).collect();
        assert!(staged.is_empty(), "{point} ({name}): {staged:?}");
    }
}
