//! The bridge: the text of a file while the name changes. It names file systems by UUID, so that the
//! system boots under either name of the group.
//!
//! Tested in guests with initramfs-tools and dracut. dracut waits for everything that an `rd.lvm.*`
//! argument names (dracut modules.d/*lvm/parse-lvm.sh), so the bridge leaves these arguments out.
//!
//! The bridge does not cover `RESUME=` in an image of initramfs-tools. The image has the other name until
//! it is rebuilt. A boot in between waits 30 s for that device and then continues (scripts/local,
//! `local_device_setup`; tested in guests). `noresume` would only help until the final grub.cfg is
//! written, a second or two later. If grub.cfg stayed on the bridge until the image is ready, the system
//! would have neither its old nor its new boot files during the slowest step, which fails most often.

use std::collections::BTreeMap;

use super::edit::{Edit, Form, apply};
use super::lines::LineIndex;
use super::uuid_bridge::{self, StandIns};
use super::{grubenv, image_bridge, unit_bridge};
use crate::names::LvName;

/// UUIDs of the file systems and swap areas on the group's volumes. Each UUID is on one device only.
pub type Uuids = BTreeMap<LvName, String>;

/// The text of a file on the bridge, or nothing if no boot reads the file.
///
/// # Errors
/// Why there is no bridge: the boot needs something that only the group's name can name.
pub fn text(
    kind: &str,
    text: &[u8],
    edits: &[Edit],
    uuids: &Uuids,
    stand_ins: &StandIns,
) -> Result<Option<Vec<u8>>, String> {
    let mut bridge = uuid_bridge::edits(kind, text, edits, stand_ins)?;
    // Host names and machine IDs need no bridge.
    let edits: Vec<Edit> = edits.iter().filter(|edit| edit.form.is_of_volumes()).cloned().collect();
    let edits = edits.as_slice();
    let read_by_boot = match kind {
        "fstab" => fstab_edit,
        kind if image_bridge::concerns(kind) => {
            return alone(image_bridge::text(kind, text, edits, uuids)?, text, &bridge);
        }
        "grub-cfg" | "grub-include" | "grub-legacy" | "bls-entry" | "grubenv" | "extlinux"
        | "syslinux" | "refind" | "limine" | "elilo" | "xen-loader" => kernel_edit,
        "refind-linux" | "kernel-arguments" => argument_edit,
        "systemd-mount" => return alone(unit_bridge::text(text, edits, uuids)?, text, &bridge),
        "boot-map" => return no_bridge(text, edits, BOOT_MAP),
        "device-table" => return no_bridge(text, edits, DEVICE_TABLE),
        _ => return alone(None, text, &bridge),
    };
    let lines = LineIndex::new(text);
    for edit in edits {
        let line = lines.range(lines.line_of(edit.token.start));
        let before = &text[line.start..edit.token.start];
        if before.trim_ascii_start().starts_with(b"#") {
            continue;
        }
        let rest = &text[edit.token.end..line.end];
        bridge.extend(read_by_boot(edit, before, rest, uuids)?);
    }
    bridge.sort_by_key(|edit| edit.range.start);
    if kind == "grubenv" {
        bridge.extend(grubenv::padding_edit(text, &bridge).map_err(|error| error.to_string())?);
    }
    Ok((!bridge.is_empty()).then(|| apply(text, &bridge)))
}

/// The text of a file in which only volumes, or only partitions, may need the bridge.
///
/// # Errors
/// The file needs the bridge for both.
fn alone(
    of_volumes: Option<Vec<u8>>,
    text: &[u8],
    of_partitions: &[Edit],
) -> Result<Option<Vec<u8>>, String> {
    match of_volumes {
        None if of_partitions.is_empty() => Ok(None),
        None => Ok(Some(apply(text, of_partitions))),
        Some(text) if of_partitions.is_empty() => Ok(Some(text)),
        Some(_) => Err("a unit names a volume and a partition's file system by UUID".to_owned()),
    }
}

/// Names the device in the first field by UUID. An option that names a volume has no other spelling.
fn fstab_edit(
    edit: &Edit,
    before: &[u8],
    rest: &[u8],
    uuids: &Uuids,
) -> Result<Option<Edit>, String> {
    if before.trim_ascii().is_empty() {
        return by_uuid(edit, uuids).map(Some);
    }
    // The options follow the mount point and type. `noauto` may be on either side of the token.
    let has_noauto =
        [before, rest].iter().any(|part| part.windows(6).any(|word| word == b"noauto"));
    if has_noauto { Ok(None) } else { Err("an option in /etc/fstab names a volume".to_owned()) }
}

/// Puts UUIDs into `root=`, `resume=`, `mount.usr=` and `cryptdevice=`. Leaves out `rd.lvm.lv=` and
/// `rd.lvm.vg=`.
fn kernel_edit(
    edit: &Edit,
    before: &[u8],
    rest: &[u8],
    uuids: &Uuids,
) -> Result<Option<Edit>, String> {
    if edit.form == Form::GrubDisk {
        return Err("GRUB looks for its files by the group's name".to_owned());
    }
    let mut words = before.trim_ascii_start().split(|byte| b" \t=:".contains(byte));
    let first = words.next().unwrap_or_default().to_ascii_lowercase();
    let kernel: &[&[u8]] = &[
        b"linux",
        b"linux16",
        b"linuxefi",
        b"options",
        b"add_options",
        b"append",
        b"cmdline",
        b"kernel_cmdline",
        b"kernelopts",
        b"root",
        b"set",
        b"kernel",
    ];
    // Titles stay. Menu ids stay, because the saved entry refers to them.
    if !kernel.contains(&first.as_slice()) || before.ends_with(b"-") {
        return Ok(None);
    }
    argument_edit(edit, before, rest, uuids)
}

/// A kernel argument: names a file system by UUID, or leaves out an argument of LVM.
fn argument_edit(
    edit: &Edit,
    before: &[u8],
    rest: &[u8],
    uuids: &Uuids,
) -> Result<Option<Edit>, String> {
    if matches!(edit.form, Form::VgLv | Form::VgName) {
        return without_word(edit, before, rest).map(Some);
    }
    let key =
        before.rsplit(|byte| matches!(byte, b' ' | b'\t' | b'"' | b'\'')).next().unwrap_or(before);
    // mkinitcpio resolves `cryptdevice=UUID=…:name` like `root=` (mkinitcpio hooks/encrypt).
    if matches!(key, b"root=" | b"rootdev=" | b"resume=" | b"mount.usr=" | b"cryptdevice=")
        || key.ends_with(b"kernelopts=root=")
    {
        return by_uuid(edit, uuids).map(Some);
    }
    let token = String::from_utf8_lossy(key).into_owned();
    Err(format!("the kernel argument `{token}` names a volume, and has no other spelling"))
}

pub(super) fn by_uuid(edit: &Edit, uuids: &Uuids) -> Result<Edit, String> {
    let uuid = edit.volume.as_ref().and_then(|volume| uuids.get(volume));
    let Some(uuid) = uuid else {
        let volume = edit.volume.as_ref().map_or("a volume", LvName::as_str);
        return Err(format!("`{volume}` has no file system with a UUID of its own"));
    };
    Ok(Edit { range: edit.token.clone(), new: format!("UUID={uuid}").into_bytes(), ..edit.clone() })
}

/// Removes the whole argument, with the blank before it.
fn without_word(edit: &Edit, before: &[u8], rest: &[u8]) -> Result<Edit, String> {
    let blank = before.iter().rposition(|byte| matches!(byte, b' ' | b'\t'));
    let plain = |word: &[u8]| !word.iter().any(|byte| matches!(byte, b'"' | b'\'' | b'\\'));
    let ends =
        rest.first().is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\''));
    match blank {
        Some(blank) if plain(&before[blank..]) && ends => {
            let start = edit.token.start - (before.len() - blank);
            Ok(Edit {
                range: start..edit.token.end,
                token: start..edit.token.end,
                new: Vec::new(),
                ..edit.clone()
            })
        }
        _ => Err("an rd.lvm argument is in a place where it cannot be left out".to_owned()),
    }
}

/// The program of the boot loader writes a boot map after the group has its new name.
const BOOT_MAP: &str = "a boot map (zipl, lilo, elilo, yaboot, boot.scr, Heads) is made from a file that names a \
                        volume";

/// udev knows no UUID of a device below dm-verity or dm-integrity.
const DEVICE_TABLE: &str = "veritytab or integritytab names a volume, which has no other spelling";

/// Refuses a file that the boot needs, if it names a volume: no text of it fits both names.
fn no_bridge(text: &[u8], edits: &[Edit], why: &str) -> Result<Option<Vec<u8>>, String> {
    if in_use(text, edits) { Err(why.to_owned()) } else { Ok(None) }
}

/// Whether an edit is outside comments.
fn in_use(text: &[u8], edits: &[Edit]) -> bool {
    let lines = LineIndex::new(text);
    edits.iter().any(|edit| {
        !text[lines.range(lines.line_of(edit.token.start))].trim_ascii_start().starts_with(b"#")
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::names::VgName;
    use crate::rewrite::matcher::{Matcher, Volumes};
    use crate::rewrite::{PLACES, fstab, text as whole, unit_file};
    use crate::severity::Severity;

    fn bridged(kind: &str, input: &str) -> Result<String, String> {
        let name = |name| VgName::new(name).unwrap();
        let lv = |name| LvName::new(name).unwrap();
        let matcher = Matcher::new(name("a-b"), name("c"), Volumes::ByForm, BTreeSet::new());
        let rewrite = match kind {
            "fstab" => fstab::rewrite,
            "systemd-mount" => unit_file::rewrite,
            _ => whole::grub,
        };
        let edits = rewrite(&matcher, input.as_bytes()).unwrap().edits;
        let uuids = Uuids::from([(lv("root"), "R-1".to_owned()), (lv("swap"), "S-2".to_owned())]);
        let text = text(kind, input.as_bytes(), &edits, &uuids, &StandIns::new())?;
        Ok(String::from_utf8(text.unwrap_or_else(|| input.as_bytes().to_vec())).unwrap())
    }

    #[test]
    fn fstab_by_uuid() {
        assert_eq!(
            bridged("fstab", "# was /dev/a-b/root\n/dev/mapper/a--b-root  / ext4 defaults 0 1\n/dev/a-b/swap none swap sw 0 0\n").unwrap(),
            "# was /dev/a-b/root\nUUID=R-1  / ext4 defaults 0 1\nUUID=S-2 none swap sw 0 0\n"
        );
        assert!(
            bridged("fstab", "/dev/a-b/data /data xfs defaults 0 0\n")
                .unwrap_err()
                .contains("`data` has no file system")
        );
        assert!(
            bridged("fstab", "/dev/sda1 /x ext4 x-systemd.requires=/dev/a-b/root 0 0\n").is_err()
        );
    }

    #[test]
    fn kernel_arguments_by_uuid_and_without_lvm() {
        assert_eq!(
            bridged("grub-cfg", "menuentry 'on /dev/a-b/root' --id 'gnulinux-/dev/mapper/a--b-root' {\n\tlinux /vmlinuz root=/dev/mapper/a--b-root ro rd.lvm.lv=a-b/root rd.lvm.lv=a-b/swap rd.lvm.vg=a-b resume=/dev/a-b/swap quiet\n").unwrap(),
            "menuentry 'on /dev/a-b/root' --id 'gnulinux-/dev/mapper/a--b-root' {\n\tlinux /vmlinuz root=UUID=R-1 ro resume=UUID=S-2 quiet\n"
        );
        assert_eq!(
            bridged(
                "grub-cfg",
                "\tlinux /v cryptdevice=/dev/a-b/root:a--b-root root=/dev/mapper/x\n"
            )
            .unwrap(),
            "\tlinux /v cryptdevice=UUID=R-1:a--b-root root=/dev/mapper/x\n"
        );
        for no_bridge in [
            "\tset root='lvm/a--b-root'\n",
            "\tlinux /vmlinuz cryptkey=/dev/a-b/root:ext4:/key root=/dev/mapper/x\n",
            "\tlinux /vmlinuz \"rd.lvm.lv=a-b/root\"\n",
        ] {
            assert!(bridged("grub-cfg", no_bridge).is_err(), "{no_bridge}");
        }
    }

    #[test]
    fn other_loaders() {
        for (kind, before, after) in [
            (
                "refind-linux",
                "\"Boot\" \"root=/dev/a-b/root ro\"\n",
                "\"Boot\" \"root=UUID=R-1 ro\"\n",
            ),
            (
                "refind",
                "menuentry /dev/a-b/root {\n options \"root=/dev/a-b/root\"\n",
                "menuentry /dev/a-b/root {\n options \"root=UUID=R-1\"\n",
            ),
            (
                "limine",
                "/Linux\n  cmdline: root=/dev/a-b/root\n",
                "/Linux\n  cmdline: root=UUID=R-1\n",
            ),
            ("elilo", "\troot=/dev/a-b/root\n", "\troot=UUID=R-1\n"),
            ("kernel-arguments", "root=/dev/a-b/root ro", "root=UUID=R-1 ro"),
            ("kernel-arguments", "rootdev=/dev//a-b/root\n", "rootdev=UUID=R-1\n"),
            (
                "grub-legacy",
                "title /dev/a-b/root\n\tkernel /v root=/dev/a-b/root rd_LVM_LV=a-b/root ro\n",
                "title /dev/a-b/root\n\tkernel /v root=UUID=R-1 ro\n",
            ),
            (
                "xen-loader",
                "[global]\ndefault=a\n[a]\nkernel=vmlinuz root=/dev/a-b/root\n",
                "[global]\ndefault=a\n[a]\nkernel=vmlinuz root=UUID=R-1\n",
            ),
        ] {
            assert_eq!(bridged(kind, before).unwrap(), after);
        }
        assert!(bridged("boot-map", "parameters=root=/dev/a-b/root\n").is_err());
        assert!(bridged("boot-map", "# root=/dev/a-b/root\n").is_ok());
    }

    #[test]
    fn mounts_by_links() {
        assert_eq!(
            bridged("systemd-mount", "[Unit]\nAfter=dev-mapper-a\\x2d\\x2db\\x2dswap.device\n[Mount]\nWhat=/dev/a-b/root\nWhere=/x\n").unwrap(),
            "[Unit]\nAfter=dev-disk-by\\x2duuid-S\\x2d2.device\n[Mount]\nWhat=/dev/disk/by-uuid/R-1\nWhere=/x\n"
        );
        let swap = "[Swap]\nWhat=/dev/a-b/swap\n";
        assert_eq!(bridged("systemd-mount", swap).unwrap(), swap);
        assert!(bridged("systemd-mount", "[Mount]\nOptions=logdev=/dev/a-b/root\n").is_err());
    }

    /// A kind that a boot reads but that the bridge does not know would be left without a warning.
    #[test]
    fn every_kind_of_the_boot_has_a_say() {
        let read_by_generators = [
            "default-grub",
            "grub-script",
            "kernel-command-line",
            "boot-settings",
            "boom",
            "initramfs-conf",
            "initramfs-script",
            "dracut-conf",
            "mkinitcpio-conf",
        ];
        let lv = LvName::new("root").unwrap();
        let edit = Edit {
            range: 5..16,
            token: 5..16,
            new: b"/dev/c/root".to_vec(),
            form: Form::DevicePath,
            volume: Some(lv),
        };
        for place in PLACES.iter().filter(|place| place.is_vital()) {
            assert_eq!(place.severity, Severity::Boot);
            let input = match place.kind {
                "fstab" => "     /dev/a-b/root / ext4\n",
                "systemd-mount" => "What=/dev/a-b/root\n",
                _ => "root=/dev/a-b/root\n",
            };
            let says = text(
                place.kind,
                input.as_bytes(),
                std::slice::from_ref(&edit),
                &Uuids::new(),
                &StandIns::new(),
            );
            let silent = matches!(says, Ok(None));
            assert_eq!(silent, read_by_generators.contains(&place.kind), "{}", place.pattern);
        }
    }
}
