//! Names below /dev/mapper that the tree gives to devices other than volumes. They may look like volumes
//! of the group.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::guest::root::{Root, Source};
use crate::rewrite::{Place, crypttab};

/// Names that multipathd(8) gave to disks: one `alias wwid` per line (multipath.conf(5),
/// `user_friendly_names`).
const BINDINGS: &str = "/etc/multipath/bindings";

/// Names on kernel command lines: Arch's `cryptdevice=device:name` (mkinitcpio encrypt),
/// `rd.luks.name=uuid=name` (systemd-cryptsetup-generator(8)), Debian's `cryptopts=target=name`.
static ARGUMENTS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?-u)(?:cryptdevice=[^:\s"']+:|luks\.name=[^=\s"']+=|cryptopts=(?:[^\s"']*,)?target=)([^:,\s"']+)"#,
    )
});

/// Names in commands: `cryptsetup open DEVICE NAME` and similar ones (cryptsetup(8)),
/// `dmsetup create NAME` (dmsetup(8)). The pattern takes all words of a command: options and paths do no
/// harm, as they fit no volume.
static COMMANDS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?-u)\b(?:cryptsetup\b[^\n;|&]*?\b(?:open|[a-zA-Z]+Open|create)|veritysetup\b[^\n;|&]*?\b(?:open|create)|integritysetup\b[^\n;|&]*?\bopen|dmsetup[ \t]+create)[ \t]+([^\n;|&]+)",
    )
});

/// multipath.conf(5): `alias NAME` in the section of a disk.
static ALIASES: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?m-u)^[ \t]*alias[ \t]+"?([^\s"]+)"#));

/// OpenRC's /etc/conf.d/dmcrypt: `target=` and `swap=` (openrc files of cryptsetup in Gentoo and Alpine).
static TARGETS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?m-u)^[ \t]*(?:target|swap)=["']?([^\s"'#]+)"#));

/// vdoconf.yml of vdo(8): one mapping per volume.
static VDO: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?m-u)^[ \t]+([^\s:]+):[ \t]*!VDOService"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant")
}

/// All these names in the places of the table, and in multipathd's own file.
pub(super) fn all(root: &Root, files: &[(&Place, Source)]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (place, source) in files {
        of_file(place.kind, &source.path, &source.bytes, &mut names);
    }
    let bindings = root.read_text(BINDINGS).unwrap_or_default();
    let lines = bindings.lines().filter(|line| !line.starts_with('#'));
    names.extend(lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned));
    names
}

fn of_file(kind: &str, path: &Path, text: &[u8], names: &mut BTreeSet<String>) {
    let mut collect = |pattern: &Regex| {
        let found = pattern.captures_iter(text);
        names.extend(found.map(|name| String::from_utf8_lossy(&name[1]).into_owned()));
    };
    match kind {
        "crypttab" | "device-table" => {
            names.extend(crypttab::mapping_names(text));
            return;
        }
        "storage" if path.starts_with("/etc/multipath") || path.ends_with("multipath.conf") => {
            collect(&ALIASES);
        }
        "storage" if path.ends_with("vdoconf.yml") => collect(&VDO),
        "script" if path.ends_with("dmcrypt") => collect(&TARGETS),
        _ => {}
    }
    collect(&ARGUMENTS);
    for command in COMMANDS.captures_iter(text) {
        let words = String::from_utf8_lossy(&command[1]).into_owned();
        let words = words.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | '`'));
        let words = words.filter(|word| !word.is_empty() && !word.contains(['/', '$', '=']));
        names.extend(words.map(str::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices_that_are_no_volumes() {
        for (kind, path, text, said) in [
            ("crypttab", "/etc/crypttab", "a-b /dev/x\n# c-d /dev/x\n", "a-b"),
            ("device-table", "/etc/veritytab", "v-x /dev/a /dev/b -\n", "v-x"),
            (
                "storage",
                "/etc/multipath.conf",
                "multipath {\n  wwid 36\n\talias \"vg-san\"\n}\nalias x-y",
                "vg-san x-y",
            ),
            ("storage", "/etc/multipath/conf.d/a.conf", "alias a-b", "a-b"),
            ("storage", "/etc/smartd.conf", "alias a-b", ""),
            (
                "storage",
                "/etc/vdoconf.yml",
                "config: !Configuration\n  vdos:\n    vg-vdo: !VDOService\n      device: /dev/x\n",
                "vg-vdo",
            ),
            (
                "script",
                "/etc/conf.d/dmcrypt",
                "#target=n-o\ntarget='vg-crypt'\nswap=vg-swap # x\n",
                "vg-crypt vg-swap",
            ),
            ("script", "/etc/conf.d/net", "target=a-b", ""),
            (
                "grub-cfg",
                "/boot/grub/grub.cfg",
                "linux x cryptdevice=UUID=1:a-b root=y rd.luks.name=3=c-d cryptopts=source=z,target=e-f,lvm=g",
                "a-b c-d e-f",
            ),
            (
                "initramfs-script",
                "/etc/x",
                "cryptsetup -q luksOpen /dev/x vg-open; y vg-no\ndmsetup create vg-dm --table \"0 1 linear\"",
                "--table 0 1 linear vg-dm vg-open",
            ),
        ] {
            let mut names = BTreeSet::new();
            of_file(kind, Path::new(path), text.as_bytes(), &mut names);
            assert_eq!(names.into_iter().collect::<Vec<_>>().join(" "), said, "{text}");
        }
    }
}
