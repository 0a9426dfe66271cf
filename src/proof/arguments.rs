//! The kernel command line: which of its words name a device, and whether that device exists.

use super::{Facts, Finding, Maker, Row};
use crate::rewrite::text;

/// Adds a row for every argument that names a device, volume or group.
pub(crate) fn rows(
    facts: &Facts,
    maker: &Maker,
    line: Option<usize>,
    text: &str,
    rows: &mut Vec<Row>,
) {
    for word in words(text) {
        let Some((key, value)) = word.split_once('=') else { continue };
        // Any other argument may name the group in an unambiguous form.
        let findings = judged(facts, key, value).map_or_else(
            || {
                let tokens = facts.tokens(text::kernel_command_line, word.as_bytes());
                tokens.into_iter().map(|token| token.finding).collect()
            },
            |finding| vec![finding],
        );
        for finding in findings {
            rows.push(maker.row(line, format!("{key}="), value, finding));
        }
    }
}

/// The finding about an argument that is known to name a device: kernel-parameters(7), dracut.cmdline(7),
/// systemd-cryptsetup-generator(8), systemd-fstab-generator(8), Arch's encrypt hook, Debian's cryptroot.
fn judged(facts: &Facts, key: &str, value: &str) -> Option<Finding> {
    let front = |separator| value.split(separator).next().unwrap_or(value);
    Some(match key {
        "root" | "resume" | "mount.usr" => facts.device(value),
        "rd.lvm.lv" | "rd_LVM_LV" => facts.volume(value),
        "rd.lvm.vg" | "rd_LVM_VG" => facts.group(value),
        "cryptdevice" | "systemd.mount-extra" | "systemd.swap-extra" => facts.device(front(':')),
        "luks.name" | "rd.luks.name" => facts.tag(&format!("UUID={}", front('='))),
        "luks.uuid" | "rd.luks.uuid" => {
            facts.tag(&format!("UUID={}", value.strip_prefix("luks-").unwrap_or(value)))
        }
        "cryptopts" => {
            let source = value.split(',').find_map(|option| option.strip_prefix("source="))?;
            facts.device(source)
        }
        _ => return None,
    })
}

/// Splits the words like the kernel: double quotes keep blanks in a word (lib/cmdline.c).
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for character in text.chars() {
        match character {
            '"' => quoted = !quoted,
            _ if character.is_whitespace() && !quoted => {
                words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            }
            _ => word.push(character),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::names::{LvName, VgName};
    use crate::proof::Judgement;
    use crate::rewrite::matcher::Volumes;

    #[test]
    fn each_argument_is_judged_by_its_own_grammar() {
        let vg = |name| VgName::new(name).unwrap();
        let known = ["root", "swap"].map(|name| LvName::new(name).unwrap());
        let facts =
            Facts::new(vg("new"), Some(vg("a-b")), &Volumes::Known(known.into()), BTreeSet::new())
                .with_tags(Some(BTreeSet::from(["UUID=1-2".to_owned()])));
        for (text, verdict) in [
            ("root=/dev/mapper/new-root", Judgement::Holds),
            ("root=/dev/new/root", Judgement::Holds),
            ("root=/dev/mapper/a--b-root", Judgement::Fails),
            ("root=/dev/new/nosuch", Judgement::Fails),
            ("root=UUID=1-2", Judgement::Holds),
            ("root=UUID=3-4", Judgement::Unknown),
            ("root=/dev/sda2", Judgement::Unknown),
            ("root=$x", Judgement::Unknown),
            ("\"resume=/dev/a-b/swap\"", Judgement::Fails),
            ("mount.usr=/dev/disk/by-id/dm-name-new-root", Judgement::Holds),
            ("rd.lvm.lv=new/swap", Judgement::Holds),
            ("rd.lvm.lv=a-b/swap", Judgement::Fails),
            ("rd.lvm.lv=new/nosuch", Judgement::Fails),
            ("rd.lvm.lv=other/root", Judgement::Unknown),
            ("rd.lvm.vg=new", Judgement::Holds),
            ("rd.lvm.vg=a-b", Judgement::Fails),
            ("rd_LVM_VG=a-b", Judgement::Fails),
            ("cryptdevice=/dev/a-b/root:crypt:allow-discards", Judgement::Fails),
            ("cryptopts=target=x,source=/dev/new/root,lvm=y", Judgement::Holds),
            ("rd.luks.name=1-2=x", Judgement::Holds),
            ("rd.luks.uuid=luks-1-2", Judgement::Holds),
            ("systemd.mount-extra=/dev/mapper/a--b-root:/x:ext4", Judgement::Fails),
            ("systemd.swap-extra=/dev/new/swap:nofail", Judgement::Holds),
            ("rd.luks.key=1-2=/key:/dev/a-b/root", Judgement::Fails),
            ("systemd.wants=dev-mapper-a\\x2d\\x2db\\x2droot.device", Judgement::Fails),
        ] {
            let mut found = Vec::new();
            let maker = Maker::of(Path::new("/x"));
            rows(&facts, &maker, None, &format!("ro {text} quiet=1"), &mut found);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert_eq!(found[0].verdict, verdict, "{text}: {found:?}");
        }
        let mut none = Vec::new();
        let maker = Maker::of(Path::new("/x"));
        rows(&facts, &maker, None, "ro hostname=a-b init=/srv/a-b quiet root", &mut none);
        assert_eq!(none, []);
    }
}
