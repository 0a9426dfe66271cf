//! Names of systemd's files and directories that contain the group: names in, new names out.
//!
//! Such a name is that of a unit (`dev-mapper-VG\x2dLV.swap`), of an instance
//! (`systemd-fsck@dev-VG-LV.service`), or of a directory that belongs to a unit (`….device.d`,
//! `….swap.wants`): systemd.unit(5).

use std::ops::Range;

use super::matcher::{Matcher, Verdict};
use super::scan::match_decoded;
use crate::names::unit;

/// Suffixes of directories that hold drop-ins of a unit, or links to units that it pulls in.
const DIRECTORIES: &[&str] = &[".d", ".wants", ".requires", ".upholds"];

/// Units whose whole name is a path (systemd.device(5), systemd.swap(5), systemd.mount(5)).
const PATH_UNITS: &[&str] = &["device", "swap", "mount", "automount"];

/// Units that may have an instance.
const UNITS: &[&str] = &[
    "service",
    "target",
    "socket",
    "timer",
    "path",
    "slice",
    "scope",
    "device",
    "swap",
    "mount",
    "automount",
];

/// The service in which lvm2's udev rule activates a group (lvm2 udev/69-dm-lvm.rules.in). systemd creates
/// it at run time, but drop-ins and masks for it are files.
const ACTIVATION: &str = "lvm-activate-";

/// How a file's name relates to the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// Does not name this group.
    Foreign,
    /// Names a volume that the group does not have.
    UnknownVolume,
    /// Names the group. This is the file's new name.
    Renamed(String),
}

/// Whether a directory with that name belongs to a unit.
pub fn is_of_a_unit(directory: &str) -> bool {
    strip_directory(directory).is_some()
}

/// Judges the whole name of one file or directory.
pub fn judge(matcher: &Matcher, name: &str) -> Named {
    let (full, ending) = strip_directory(name).unwrap_or((name, ""));
    let Some((stem, kind)) = full.rsplit_once('.') else { return Named::Foreign };
    if !UNITS.contains(&kind) {
        return Named::Foreign;
    }
    if let Some((prefix, instance)) = stem.split_once('@') {
        // `systemd-escape` without --path also escapes the first slash.
        let start = prefix.len() + 1 + usize::from(instance.starts_with('-'));
        return spelled(matcher, name, start..stem.len());
    }
    if PATH_UNITS.contains(&kind) {
        // `dev-VG-.device.d` applies to all units whose names begin like this: all volumes of the group.
        let end = if ending == ".d" { stem.trim_end_matches('-').len() } else { stem.len() };
        return spelled(matcher, name, 0..end);
    }
    match stem.strip_prefix(ACTIVATION) {
        // systemd-run(1) escapes characters that unit names may not have. Of LVM's, that is `+`, as
        // `\x2b`.
        Some(group) if kind == "service" => {
            match matcher.group(group.replace(r"\x2b", "+").as_bytes()) {
                Verdict::Ours(hit) => {
                    let new = hit.new.replace('+', r"\x2b");
                    Named::Renamed(format!("{ACTIVATION}{new}{}", &name[stem.len()..]))
                }
                _ => Named::Foreign,
            }
        }
        _ => Named::Foreign,
    }
}

/// The unit's name and the directory's suffix.
fn strip_directory(name: &str) -> Option<(&str, &str)> {
    DIRECTORIES.iter().find_map(|ending| Some((name.strip_suffix(ending)?, *ending)))
}

/// Asks the matcher about the part of a name that stands for a path.
fn spelled(matcher: &Matcher, name: &str, part: Range<usize>) -> Named {
    let Some(decoded) = name.get(part.clone()).and_then(|part| unit::unescape(part.as_bytes()))
    else {
        return Named::Foreign;
    };
    match match_decoded(matcher, &decoded, unit::escape) {
        Verdict::Foreign => Named::Foreign,
        Verdict::UnknownVolume => Named::UnknownVolume,
        Verdict::Ours(hit) => {
            let (start, end) = (part.start + hit.name.start, part.start + hit.name.end);
            Named::Renamed(format!("{}{}{}", &name[..start], hit.new, &name[end..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::names::{LvName, VgName};
    use crate::rewrite::matcher::Volumes;

    fn judged(name: &str) -> Named {
        let vg = |name| VgName::new(name).unwrap();
        let known = ["root", "swap_1", "h-me"].map(|name| LvName::new(name).unwrap());
        let mappings = BTreeSet::from(["a--b-home_crypt".to_owned()]);
        let volumes = Volumes::Known(known.into());
        judge(&Matcher::new(vg("a-b"), vg("c-d+e"), volumes, mappings), name)
    }

    #[test]
    fn names_after_the_group() {
        for (old, new) in [
            (r"dev-mapper-a\x2d\x2db\x2dswap_1.swap", r"dev-mapper-c\x2d\x2dd\x2be\x2dswap_1.swap"),
            (r"dev-a\x2db-root.device.d", r"dev-c\x2dd\x2be-root.device.d"),
            (r"dev-a\x2db-h\x2dme.device.requires", r"dev-c\x2dd\x2be-h\x2dme.device.requires"),
            (
                r"dev-disk-by\x2did-dm\x2dname\x2da\x2d\x2db\x2droot.device.wants",
                r"dev-disk-by\x2did-dm\x2dname\x2dc\x2d\x2dd\x2be\x2droot.device.wants",
            ),
            (r"dev-a\x2db-.device.d", r"dev-c\x2dd\x2be-.device.d"),
            (
                r"systemd-fsck@dev-mapper-a\x2d\x2db\x2droot.service.d",
                r"systemd-fsck@dev-mapper-c\x2d\x2dd\x2be\x2droot.service.d",
            ),
            (r"blockdev@dev-a\x2db-root.target", r"blockdev@dev-c\x2dd\x2be-root.target"),
            (r"check@-dev-a\x2db-root.timer", r"check@-dev-c\x2dd\x2be-root.timer"),
            (r"lvm-activate-a-b.service.d", r"lvm-activate-c-d\x2be.service.d"),
        ] {
            assert_eq!(judged(old), Named::Renamed(new.to_owned()), "{old}");
        }
    }

    #[test]
    fn names_that_look_alike() {
        for name in [
            r"dev-mapper-a\x2db\x2droot.swap",
            r"dev-mapper-a\x2d\x2dbc\x2droot.swap",
            r"dev-mapper-a\x2d\x2db\x2dhome_crypt.device.d",
            r"systemd-cryptsetup@a\x2d\x2db\x2droot.service.d",
            r"dev-a\x2db-root.conf",
            r"dev-a\x2db-root.service",
            r"dev-a\x2db-.device",
            r"srv-a\x2db.mount",
            "a-b.service",
            "lvm-activate-a-b.target",
            "lvm-activate-a-bc.service",
            "systemd-fsck@.service",
            "a-b",
            ".d",
            "@",
            r"x@dev-a\x2.service",
        ] {
            assert_eq!(judged(name), Named::Foreign, "{name}");
        }
        assert_eq!(judged(r"dev-a\x2db-gone.swap"), Named::UnknownVolume);
    }

    #[test]
    fn there_and_back() {
        let vg = |name| VgName::new(name).unwrap();
        let name = r"x@dev-mapper-a\x2d\x2db\x2droot.service";
        let matcher = |old, new| Matcher::new(vg(old), vg(new), Volumes::ByForm, BTreeSet::new());
        let Named::Renamed(new) = judge(&matcher("a-b", "c+"), name) else { panic!("{name}") };
        assert_eq!(judge(&matcher("a-b", "c+"), &new), Named::Foreign);
        assert_eq!(judge(&matcher("c+", "a-b"), &new), Named::Renamed(name.to_owned()));
    }
}
