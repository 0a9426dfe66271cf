//! The audit's table of places: what is searched, and how bad a stale name is there.

use crate::copies::is_copy;
use crate::severity::Severity;

/// Directories that are searched with everything in them, by their paths relative to the root. The places
/// of [`crate::rewrite::PLACES`] are searched, too.
pub(super) const STARTS: &[&str] = &[
    "etc",
    "boot",
    "efi",
    "usr/local",
    "usr/lib/kernel",
    "usr/lib/systemd/system",
    "usr/lib/systemd/system-sleep",
    "usr/lib/udev",
    "usr/lib/dracut",
    "usr/share/initramfs-tools",
    "usr/src/initramfs",
    "var/lib/vz/snippets",
    "var/lib/rancher/k3s/server/manifests",
    "opt",
    "root",
    "srv",
    "home",
    "var/lib",
    "var/spool/cron",
];

/// The firmware's variables (Linux Documentation/filesystems/efivarfs.rst), searched only on a live root.
pub(super) const EFI_VARIABLES: &str = "sys/firmware/efi/efivars";

/// Variables that name what the machine boots (UEFI specification 3.1; systemd-boot's own).
pub(super) const EFI_PREFIXES: &[&str] = &["Boot", "Loader"];

/// A rule: which paths, how bad a sure form is there, and what to do.
struct Rule {
    /// The beginning of the path. With a trailing `/`, it means everything below; without one, only this
    /// file. An empty one fits every path.
    under: &'static str,
    /// The end of the last component.
    ends: &'static str,
    severity: Severity,
    advice: &'static str,
}

const fn rule(under: &'static str, severity: Severity, advice: &'static str) -> Rule {
    Rule { under, ends: "", severity, advice }
}

const fn ending(ends: &'static str, severity: Severity, advice: &'static str) -> Rule {
    Rule { under: "", ends, severity, advice }
}

const RECORD: &str = "a record of the past: leave it";
const COPY: &str = "a copy that nothing reads: leave it or remove it";
const GRUB: &str = "run `grub-install` in the same way as when GRUB was installed";
const IMAGES: &str = "edit it, then rebuild the images";
const SHOWN: &str = "only people read it: edit it or leave it";
const USERS: &str = "a user's session runs it: edit it";
const UKI: &str = "rebuild the unified kernel image, as `kernel-install add` does";

use Severity::{Boot, Cosmetic, Error, History};

/// The first rule that fits applies.
const RULES: &[Rule] = &[
    // Records in any directory.
    ending("_history", History, RECORD),
    ending(".viminfo", History, RECORD),
    ending(".lesshst", History, RECORD),
    ending("-ks.cfg", History, RECORD),
    // Only vgcfgrestore(8) reads them, when a person asks for an old state.
    rule("etc/lvm/archive/", History, RECORD),
    rule("etc/lvm/backup/", History, RECORD),
    rule("etc/.git/", History, RECORD),
    rule("var/lib/dpkg/", History, RECORD),
    rule("var/lib/apt/", History, RECORD),
    rule("var/lib/rpm/", History, RECORD),
    rule("var/lib/dnf/", History, RECORD),
    rule("var/lib/ucf/", History, RECORD),
    // cloud-init runs these at boots (cloud-init, "Boot stages").
    rule("var/lib/cloud/scripts/", Error, "edit it"),
    rule("var/lib/cloud/", History, RECORD),
    rule("var/lib/systemd/coredump/", History, RECORD),
    rule("var/lib/mlocate/", History, "updatedb(8) makes it again"),
    rule("var/lib/plocate/", History, "updatedb(8) makes it again"),
    // What a boot reads.
    rule(
        "sys/firmware/efi/efivars/",
        Boot,
        "make the firmware's boot entry again with efibootmgr(8)",
    ),
    ending(".efi", Boot, UKI),
    Rule { under: "boot/", ends: "core.img", severity: Boot, advice: GRUB },
    rule("boot/", Boot, "rebuild it or edit it, as the boot loader requires"),
    rule("efi/", Boot, "rebuild it or edit it, as the boot loader requires"),
    rule("etc/kernel/", Boot, "edit it; kernel-install(8) reads it for the next kernel"),
    rule("usr/lib/kernel/", Boot, "override it in /etc/kernel"),
    rule("etc/default/grub.d/", Boot, "edit it, then run update-grub"),
    rule("etc/grub.d/", Boot, "edit it, then run update-grub"),
    rule("etc/default/u-boot", Boot, "edit it, then run u-boot-update(8)"),
    rule("etc/initramfs-tools/", Boot, IMAGES),
    rule("etc/dracut.conf.d/", Boot, IMAGES),
    rule("etc/mkinitcpio.conf", Boot, IMAGES),
    rule("etc/mkinitcpio.conf.d/", Boot, IMAGES),
    rule("etc/mkinitcpio.d/", Boot, IMAGES),
    rule("etc/initcpio/", Boot, IMAGES),
    rule("etc/initramfs/", Boot, IMAGES),
    rule("etc/tinyramfs/", Boot, IMAGES),
    rule("etc/ugrd/", Boot, IMAGES),
    rule("etc/nixos/", Boot, "edit it, then run `nixos-rebuild boot`"),
    rule("etc/config.scm", Boot, "edit it, then run `guix system reconfigure`"),
    rule("usr/share/initramfs-tools/", Boot, "override it in /etc/initramfs-tools"),
    rule("usr/lib/dracut/", Boot, IMAGES),
    rule("usr/lib/systemd/", Error, "override it in /etc/systemd"),
    rule("usr/lib/udev/", Error, "override it in /etc/udev"),
    rule("usr/src/initramfs/", Boot, IMAGES),
    rule("var/lib/vz/snippets/", Error, "edit it"),
    rule("var/lib/rancher/k3s/server/manifests/", Error, "edit it"),
    ending(".ssh/authorized_keys", Error, "sshd runs this command: edit it"),
    ending("compose.yml", Error, "edit it, and start its containers again"),
    ending("compose.yaml", Error, "edit it, and start its containers again"),
    Rule { under: "home/", ends: ".service", severity: Error, advice: USERS },
    Rule { under: "home/", ends: ".desktop", severity: Error, advice: USERS },
    // What people see.
    rule("etc/motd", Cosmetic, SHOWN),
    rule("etc/issue", Cosmetic, SHOWN),
    rule("etc/issue.net", Cosmetic, SHOWN),
    // What runs.
    rule("etc/systemd/", Error, "edit it, then run `systemctl daemon-reload`"),
    rule("etc/udev/", Error, "edit it, then run `udevadm control --reload`"),
    rule("etc/sudoers", Error, "edit it with visudo(8)"),
    rule("etc/sudoers.d/", Error, "edit it with visudo(8)"),
    rule("var/spool/cron/", Error, "edit it with `crontab -e`"),
    rule("etc/", Error, "edit it, and restart what reads it"),
    rule("usr/local/", Error, "edit it"),
    rule("opt/", Error, "edit it, and restart what reads it"),
    // State of programs. The name has no other copy.
    rule("var/lib/libvirt/", Error, "change it with virsh(1)"),
    rule("var/lib/pve-cluster/", Error, "change it in /etc/pve"),
    rule("var/lib/iscsi/", Error, "change it with targetcli(8)"),
    rule("var/lib/pacemaker/", Error, "change it with the cluster's own tool"),
];

/// Everything else: documents and other files of users.
const ELSEWHERE: Rule = rule("", Cosmetic, "no part of the system reads it: edit it or leave it");

/// A program in a user's directory.
const PROGRAM: Rule = rule("", Error, "a program names it: edit it");

/// How bad a sure form is at a path, and what to do. `path` is relative to the root, without a leading
/// slash. `executable` distinguishes a script from a document.
pub(super) fn of(path: &[u8], executable: bool) -> (Severity, &'static str) {
    if is_copy(path) {
        return (History, COPY);
    }
    let fits = |rule: &&Rule| {
        let under = rule.under.as_bytes();
        let begins = if under.is_empty() || under.ends_with(b"/") {
            path.starts_with(under)
        } else {
            path == under
        };
        begins && path.ends_with(rule.ends.as_bytes())
    };
    let person = [&b"root/"[..], b"home/", b"srv/"].iter().any(|dir| path.starts_with(dir));
    let other = if person && executable { &PROGRAM } else { &ELSEWHERE };
    let rule = RULES.iter().find(fits).unwrap_or(other);
    (rule.severity, rule.advice)
}

/// How bad a name inside an image is. The image's copy of LVM's records has no effect.
pub(super) fn inside(entry: &[u8]) -> Severity {
    let record = [&b"etc/lvm/archive/"[..], b"etc/lvm/backup/"];
    if record.iter().any(|dir| entry.starts_with(dir)) { History } else { Boot }
}

/// What to do about an image, depending on its name.
pub(super) fn image_advice(path: &[u8]) -> String {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    let name = String::from_utf8_lossy(name);
    if let Some(version) = name.strip_prefix("initrd.img-") {
        return format!("run `update-initramfs -u -k {version}`");
    }
    let version = name
        .strip_prefix("initramfs-")
        .and_then(|rest| rest.strip_suffix(".img"))
        .or_else(|| name.strip_prefix("initrd-"));
    match version {
        Some(version) if version.starts_with(|c: char| c.is_ascii_digit()) => {
            return format!("run `dracut --force --kver {version}`");
        }
        Some(_) => return "run `mkinitcpio -P`, or build it with the tool that made it".to_owned(),
        None if name.starts_with("initramfs-") => return "run `mkinitfs`".to_owned(),
        None => {}
    }
    if name.ends_with(".efi") { UKI.to_owned() } else { "rebuild the image".to_owned() }
}

/// Whether boot loaders, kernels and images are at a path. Files there are opened as images and searched
/// for UTF-16.
pub(super) fn is_boot(path: &[u8]) -> bool {
    [&b"boot"[..], b"efi", b"sys/firmware/efi/efivars"]
        .iter()
        .any(|dir| path.strip_prefix(*dir).is_some_and(|rest| matches!(rest, [] | [b'/', ..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_counts() {
        for (path, executable, severity) in [
            ("etc/systemd/system/x.service", false, Error),
            ("etc/systemd/system/x.service.bak", false, History),
            ("etc/lvm/archive/vg_00001-1.vg", false, History),
            ("etc/dracut.conf.d/x.conf", false, Boot),
            ("etc/sudoers", false, Error),
            ("boot/grub/i386-pc/core.img", false, Boot),
            ("efi/EFI/Linux/debian.efi", true, Boot),
            ("home/me/.bash_history", false, History),
            ("home/me/notes", false, Cosmetic),
            ("home/me/bin/backup", true, Error),
            ("var/lib/app/state", true, Cosmetic),
        ] {
            assert_eq!(of(path.as_bytes(), executable).0, severity, "{path}");
        }
        assert!(is_boot(b"boot/efi") && !is_boot(b"bootstrap"));
    }
}
