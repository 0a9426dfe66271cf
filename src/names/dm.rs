//! dm names: `VG-LV[-layer]`, with every hyphen in a part doubled (lvm2 libdm/libdm-string.c).

use super::{LvName, VgName};

/// Layers: the third parts of dm names that LVM itself adds after the volume.
pub const LAYERS: &[&str] = &[
    "real",
    "cow",
    "tpool",
    "cdata",
    "cmeta",
    "cvol",
    "cpool",
    "vpool",
    "vdata",
    "imeta",
    "integrity",
];

/// The longest dm name that the kernel accepts, in bytes (`DM_NAME_LEN` - 1).
pub const MAX_DM_NAME: usize = 127;

/// The longest group name and volume name together that LVM's metadata accept, raw, in bytes.
pub const MAX_RAW_SUM: usize = 124;

/// The parts of a dm name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DmParts {
    /// The group, with single hyphens.
    pub vg: String,
    /// The volume, with single hyphens.
    pub lv: String,
    /// The layer (`real`, `cow`, `tpool`), as written.
    pub layer: Option<String>,
}

/// Doubles every hyphen.
pub fn double(name: &str) -> String {
    name.replace('-', "--")
}

/// `VG-LV` with doubled hyphens: the inverse of [`split`].
pub fn dm_name(vg: &VgName, lv: &LvName) -> String {
    format!("{}-{}", vg.doubled(), double(lv.as_str()))
}

/// Splits a dm name from the left. Two hyphens stand for one, and a single hyphen separates the parts.
///
/// Free text, such as the name of a LUKS mapping, may split as well. Only an inventory shows whether it is
/// a volume.
pub fn split(name: &str) -> Option<DmParts> {
    let (vg, rest) = take_part(name);
    let (lv, layer) = take_part(rest?);
    if vg.is_empty() || lv.is_empty() {
        return None;
    }
    Some(DmParts { vg, lv, layer: layer.filter(|layer| !layer.is_empty()).map(str::to_owned) })
}

/// The first part with single hyphens, and the text after the separating hyphen, if there is one.
pub(crate) fn take_part(name: &str) -> (String, Option<&str>) {
    let bytes = name.as_bytes();
    let mut part = String::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'-' {
            let next = name[at..].find('-').map_or(bytes.len(), |offset| at + offset);
            part.push_str(&name[at..next]);
            at = next;
        } else if bytes.get(at + 1) == Some(&b'-') {
            part.push('-');
            at += 2;
        } else if at + 1 == bytes.len() {
            part.push('-');
            at += 1;
        } else {
            return (part, Some(&name[at + 1..]));
        }
    }
    (part, None)
}

/// Why a group cannot be renamed to `new`: the first volume whose name would be too long.
///
/// vgrename counts hyphens once and commits the metadata before it runs into the kernel's limit.
pub fn too_long<'a>(new: &VgName, volumes: impl IntoIterator<Item = &'a LvName>) -> Option<String> {
    volumes.into_iter().find_map(|lv| {
        let raw = new.as_str().len() + lv.as_str().len();
        if raw > MAX_RAW_SUM {
            return Some(format!(
                "the names `{new}` and `{lv}` together have {raw} characters; LVM stores at most {MAX_RAW_SUM}"
            ));
        }
        let dm = dm_name(new, lv);
        (dm.len() > MAX_DM_NAME).then(|| {
            format!(
                "the dm name `{dm}` would have {} characters; the kernel accepts at most {MAX_DM_NAME}",
                dm.len()
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(name: &str) -> Option<(String, String, Option<String>)> {
        split(name).map(|p| (p.vg, p.lv, p.layer))
    }

    #[allow(clippy::unnecessary_wraps)] // the shape of `parts`
    fn some(vg: &str, lv: &str, layer: Option<&str>) -> Option<(String, String, Option<String>)> {
        Some((vg.into(), lv.into(), layer.map(Into::into)))
    }

    /// The output of `dmsetup splitname X LVM`.
    #[test]
    fn splits_like_dmsetup() {
        assert_eq!(parts("a--b-root"), some("a-b", "root", None));
        assert_eq!(parts("a---b"), some("a-", "b", None));
        assert_eq!(parts("a-b--root"), some("a", "b-root", None));
        assert_eq!(parts("a----b"), None);
        assert_eq!(parts("a-b-c"), some("a", "b", Some("c")));
        assert_eq!(parts("a-----b"), some("a--", "b", None));
        assert_eq!(parts("a--b-tp-tpool"), some("a-b", "tp", Some("tpool")));
        assert_eq!(parts("a---b-c"), some("a-", "b", Some("c")));
        assert_eq!(parts("a--b---c"), some("a-b-", "c", None));
        assert_eq!(parts("a-b-c-d"), some("a", "b", Some("c-d")));
        assert_eq!(parts("a-"), None);
    }

    #[test]
    fn doubled_hyphens_can_refuse_a_legal_name() {
        let lv = LvName::new(&"x".repeat(110)).unwrap();
        let hyphens = VgName::new("a-b-c-d-e-f-g").unwrap();
        assert!(too_long(&hyphens, [&lv]).unwrap().contains("130 characters"));
        assert_eq!(too_long(&VgName::new("abcdefghijklm").unwrap(), [&lv]), None);
        let sum = too_long(&VgName::new("abcdefghijklmno").unwrap(), [&lv]).unwrap();
        assert!(sum.contains("together have 125 characters"), "{sum}");
    }
}
