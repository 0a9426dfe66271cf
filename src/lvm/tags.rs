//! Tags of logical volumes (lvm(8), "Tags"): words in LVM's metadata, which each change of it writes whole.

use anyhow::{Context, Result, bail};

use super::{NO_WAIT, checked};
use crate::failpoint;
use crate::run::{Cmd, Program};

/// Digits of a UUID of LVM, and how many of them each of its groups has (lvm2 lib/uuid/uuid.c).
const DIGITS: usize = 32;
const GROUPS: [usize; 7] = [6, 4, 4, 4, 4, 4, 6];

/// The UUID of the logical volume with a dm UUID, as LVM prints it; none if the device is no logical volume.
///
/// The dm UUID is `LVM-`, the group's UUID and the volume's, without hyphens (lvm2 lib/misc/lvm-string.c).
pub fn volume_uuid(dm_uuid: &str) -> Option<String> {
    let own = dm_uuid.strip_prefix("LVM-")?.get(DIGITS..).filter(|own| !own.is_empty())?;
    if own.len() != DIGITS {
        return Some(own.to_owned());
    }
    let mut rest = own;
    let groups = GROUPS.map(|digits| {
        let (group, after) = rest.split_at(digits);
        rest = after;
        group
    });
    Some(groups.join("-"))
}

/// The tags of the volume with a UUID.
///
/// # Errors
/// LVM's, and a volume that it does not show.
pub fn of(uuid: &str) -> Result<Vec<String>> {
    let report = Cmd::new(Program::Lvm)
        .args(["lvs", "--noheadings", "-o", "lv_uuid,lv_tags", "--select"])
        .arg(format!("lv_uuid={uuid}"))
        .args(NO_WAIT);
    let output = checked(&report).with_context(|| format!("reading the tags of {uuid}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some(line) = text.lines().map(str::trim).find(|line| !line.is_empty()) else {
        bail!("LVM does not show the volume {uuid}: check with `lvs -o +lv_uuid`");
    };
    let tags = line.split_whitespace().nth(1).unwrap_or_default();
    Ok(tags.split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect())
}

/// Gives the volume a tag or takes it away, and reads it back. One that is as wanted stays as it is.
///
/// # Errors
/// LVM's, and a tag that is not as wanted afterwards.
pub fn set(uuid: &str, tag: &str, on: bool) -> Result<()> {
    let has = || Ok::<_, anyhow::Error>(of(uuid)?.iter().any(|own| own == tag));
    if has()? == on {
        return Ok(());
    }
    failpoint::hit("tag")?;
    let command = Cmd::new(Program::Lvm)
        .args(["lvchange", if on { "--addtag" } else { "--deltag" }, tag, "--select"])
        .arg(format!("lv_uuid={uuid}"))
        .args(NO_WAIT);
    checked(&command).with_context(|| format!("changing the tags of {uuid}"))?;
    if has()? != on {
        let (still, word) =
            if on { ("still lacks", "after") } else { ("still has", "in spite of") };
        bail!(
            "the volume {uuid} {still} the tag {tag} {word} {command}: check with `lvs -o +lv_tags`"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_by_its_dm_uuid() {
        let (group, volume) = ("g".repeat(32), "abcdef0123456789ABCDEF0123456789");
        assert_eq!(
            volume_uuid(&format!("LVM-{group}{volume}")).unwrap(),
            "abcdef-0123-4567-89AB-CDEF-0123-456789"
        );
        for other in ["CRYPT-LUKS2-x", "LVM-short", &format!("LVM-{group}")] {
            assert_eq!(volume_uuid(other), None, "{other}");
        }
    }
}
