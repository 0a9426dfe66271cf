//! Recognizes a group that got another UUID after a run. Its volumes keep their own UUIDs (vgchange(8), `--uuid`).

use std::fs;
use std::path::Path;

use super::{Kept, UUID};

/// The beginning of a logical volume's dm UUID (lvm2 lib/misc/lvm-string.c).
const LVM: &str = "LVM-";

/// What a journal keeps of a group, with the UUID that the group has now.
pub(super) fn settled(kept: Kept) -> Kept {
    settled_by(Path::new("/sys/block"), kept)
}

fn settled_by(sysfs: &Path, mut kept: Kept) -> Kept {
    let Some(uuid) = kept.uuid.as_ref().map(|uuid| uuid.replace('-', "")) else { return kept };
    let live = live(sysfs);
    if live.iter().any(|(group, _)| *group == uuid) {
        return kept;
    }
    let volumes = || kept.volumes.iter().flatten().filter_map(|volume| volume.dm_uuid.as_deref());
    let own: Vec<String> = volumes().filter_map(|uuid| Some(parts(uuid)?.1)).collect();
    let mut groups: Vec<&String> =
        live.iter().filter(|(_, volume)| own.contains(volume)).map(|(group, _)| group).collect();
    groups.dedup();
    // The volumes of a clone have the same UUIDs. If two groups have them, it is not clear which one is meant.
    let [now] = groups[..] else { return kept };
    let now = now.clone();
    for volume in kept.volumes.iter_mut().flatten() {
        let part = volume.dm_uuid.as_deref().and_then(parts);
        if let Some((_, rest)) = part {
            volume.dm_uuid = Some(format!("{LVM}{now}{rest}"));
        }
    }
    kept.uuid = Some(hyphenated(&now));
    kept
}

/// The group's part of a dm UUID, and the rest.
fn parts(dm_uuid: &str) -> Option<(String, String)> {
    let plain = dm_uuid.trim_end().strip_prefix(LVM)?;
    Some((plain.get(..UUID)?.to_owned(), plain.get(UUID..)?.to_owned()))
}

/// The parts of the live volumes' dm UUIDs, sorted.
fn live(sysfs: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(sysfs).into_iter().flatten().flatten();
    let uuids = entries.filter_map(|entry| fs::read_to_string(entry.path().join("dm/uuid")).ok());
    let mut found: Vec<_> = uuids.filter_map(|uuid| parts(&uuid)).collect();
    found.sort();
    found
}

/// The UUID with the hyphens that LVM prints (lvm2 lib/uuid/uuid.c): after 6, 10, 14, 18, 22 and 26 digits.
fn hyphenated(plain: &str) -> String {
    let digit = |(at, digit): (usize, char)| {
        let hyphen = [6, 10, 14, 18, 22, 26].contains(&at).then_some('-');
        hyphen.into_iter().chain([digit])
    };
    plain.chars().enumerate().flat_map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::KeptVolume;
    use crate::names::{LvName, VgName};

    const OLD: &str = "aaaaaa-bbbb-cccc-dddd-eeee-ffff-gggggg";

    fn dm(group: char, volume: char) -> String {
        format!("{LVM}{}{}", group.to_string().repeat(32), volume.to_string().repeat(32))
    }

    fn kept() -> Kept {
        let vg = |name| VgName::new(name).unwrap();
        let volume = |name, dm_uuid| KeptVolume { name: LvName::new(name).unwrap(), dm_uuid };
        let root = format!("{LVM}{}{}", OLD.replace('-', ""), "r".repeat(32));
        Kept {
            old: vg("a"),
            new: vg("b"),
            uuid: Some(OLD.to_owned()),
            volumes: Some(vec![volume("root", Some(root)), volume("pool", None)]),
        }
    }

    fn sysfs(uuids: &[String]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (number, uuid) in uuids.iter().enumerate() {
            let dm = dir.path().join(format!("dm-{number}/dm"));
            fs::create_dir_all(&dm).unwrap();
            fs::write(dm.join("uuid"), format!("{uuid}\n")).unwrap();
        }
        dir
    }

    #[test]
    fn a_group_is_known_by_its_volumes() {
        let live = sysfs(&[dm('n', 'r'), dm('x', 's')]);
        let now = settled_by(live.path(), kept());
        assert_eq!(now.uuid.as_deref(), Some("nnnnnn-nnnn-nnnn-nnnn-nnnn-nnnn-nnnnnn"));
        assert_eq!(now.dm_uuids().into_iter().collect::<Vec<_>>(), [dm('n', 'r')]);
        assert_eq!(hyphenated(&OLD.replace('-', "")), OLD);
    }

    #[test]
    fn one_that_is_there_or_cannot_be_told_stays() {
        let own = format!("{LVM}{}{}", OLD.replace('-', ""), "r".repeat(32));
        for uuids in [vec![own, dm('n', 'r')], vec![dm('n', 'r'), dm('m', 'r')], vec![]] {
            let now = settled_by(sysfs(&uuids).path(), kept());
            assert_eq!(now.uuid.as_deref(), Some(OLD), "{uuids:?}");
        }
    }
}
