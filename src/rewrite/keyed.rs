//! Settings `key = value`, `key: value`, `key value` and `key "value"`, in which a known key holds the
//! bare name of a group or a device.

use std::ops::Range;

use anyhow::Result;

use super::edit::{Findings, Form, Left};
use super::lines::lines;
use super::matcher::{Matcher, Verdict};
use super::scan::{PATHS, record, scan};
use crate::names::is_name_byte;

/// Keys whose whole value is a name.
#[derive(Debug, Default)]
struct Keys {
    /// The value is the raw name of a group.
    group: &'static [&'static str],
    /// The value is a dm name.
    device: &'static [&'static str],
}

/// storage.cfg of Proxmox VE, types `lvm` and `lvmthin` (pve.proxmox.com, Storage, LVM).
pub fn proxmox(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    Ok(rewrite(matcher, text, &Keys { group: &["vgname"], ..Keys::default() }))
}

/// OpenStack: cinder's `volume_group`, nova's `images_volume_group`, manila's
/// `lvm_share_volume_group` (docs.openstack.org, configuration references).
pub fn openstack(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let group = &[
        "volume_group",
        "images_volume_group",
        "libvirt_images_volume_group",
        "lvm_share_volume_group",
    ];
    Ok(rewrite(matcher, text, &Keys { group, ..Keys::default() }))
}

/// lxc.system.conf(5) and the older /etc/lxc/lxc.conf. In xen-tools.conf, `lvm` holds a group.
pub fn containers(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let group = &["lxc.bdev.lvm.vg", "lxc.lvm_vg", "lvm_vg", "lvm"];
    Ok(rewrite(matcher, text, &Keys { group, ..Keys::default() }))
}

/// In containerd's devmapper snapshotter, `pool_name` is the name below /dev/mapper (containerd
/// docs/snapshotters/devmapper.md). TopoLVM's lvmd.yaml has `volume-group` (topolvm docs/lvmd.md).
pub fn container_engine(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    Ok(rewrite(matcher, text, &Keys { group: &["volume-group"], device: &["pool_name"] }))
}

/// collectd.conf(5): with `UdevNameAttr "DM_NAME"`, the disk plugin's `Disk` takes dm names.
pub fn collectd(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    Ok(rewrite(matcher, text, &Keys { device: &["Disk"], ..Keys::default() }))
}

/// Rewrites the whole values of the keys, and device paths on all other lines.
fn rewrite(matcher: &Matcher, text: &[u8], keys: &Keys) -> Findings {
    let mut findings = Findings::default();
    for line in lines(text) {
        match setting(text, line.clone()) {
            Some((key, value)) if keys.group.contains(&key) => {
                record(&mut findings, matcher.group(&text[value.clone()]), value);
            }
            Some((key, value)) if keys.device.contains(&key) => {
                let name = &text[value.clone()];
                if let Some(at) = in_expression(matcher, name) {
                    let token = value.start + at.start..value.start + at.end;
                    findings.left.push(Left { token, why: IN_EXPRESSION });
                    continue;
                }
                let verdict = match matcher.path(name) {
                    Verdict::Foreign => matcher.dm_name(name, Form::DmName),
                    path => path,
                };
                record(&mut findings, verdict, value);
            }
            _ => scan(matcher, text, line, PATHS, &mut findings),
        }
    }
    findings
}

/// Reported for a regular expression.
const IN_EXPRESSION: &str = "is in a regular expression, which a person has to check,";

/// The group's part of a dm name in a regular expression. Slashes enclose the expression
/// (collectd.conf(5), "Ignorelist").
fn in_expression(matcher: &Matcher, value: &[u8]) -> Option<Range<usize>> {
    let inner = value.strip_prefix(b"/")?.strip_suffix(b"/")?;
    let group = matcher.old_name()?.replace('-', "--");
    let is_border =
        |byte: Option<&u8>| byte.is_none_or(|byte| !is_name_byte(*byte) || *byte == b'-');
    memchr::memmem::find_iter(inner, group.as_bytes())
        .map(|at| at..at + group.len())
        .find(|at| {
            at.start.checked_sub(1).is_none_or(|before| !is_name_byte(inner[before]))
                && is_border(inner.get(at.end))
        })
        .map(|at| at.start + 1..at.end + 1)
}

/// A line's key and its value, without quotes and without what follows it. None for comments and other
/// lines.
pub(crate) fn setting(text: &[u8], line: Range<usize>) -> Option<(&str, Range<usize>)> {
    let is_key = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let skip = |from: usize, fits: &dyn Fn(u8) -> bool| {
        let rest = &text[from..line.end];
        rest.iter().position(|byte| !fits(*byte)).map_or(line.end, |length| from + length)
    };
    let is_blank = |byte: u8| matches!(byte, b' ' | b'\t');
    let mut start = skip(line.start, &is_blank);
    // An item of a YAML list begins with a hyphen.
    if text[start..line.end].starts_with(b"- ") {
        start = skip(start + 1, &is_blank);
    }
    let end = skip(start, &is_key);
    let key = std::str::from_utf8(&text[start..end]).ok().filter(|key| !key.is_empty())?;
    let mut value = skip(end, &is_blank);
    if matches!(text[value..line.end].first(), Some(b'=' | b':')) {
        value = skip(value + 1, &is_blank);
    } else if value == end {
        return None;
    }
    let quote = text[value..line.end].first().copied().filter(|byte| matches!(byte, b'"' | b'\''));
    let range = match quote {
        Some(quote) => value + 1..skip(value + 1, &|byte| byte != quote),
        None => {
            value..skip(value, &|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'#' | b';' | b','))
        }
    };
    Some((key, range))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::names::VgName;
    use crate::rewrite::edit::apply;
    use crate::rewrite::matcher::Volumes;

    type Case = (crate::rewrite::Rewrite, &'static str, &'static str);

    #[test]
    fn whole_values_of_known_keys() {
        let name = |name| VgName::new(name).unwrap();
        let matcher = Matcher::new(name("a-b"), name("c"), Volumes::ByForm, BTreeSet::new());
        let cases: [Case; 7] = [
            (
                proxmox,
                "lvm: a-b\n\tvgname a-b\n\tcontent images\n",
                "lvm: a-b\n\tvgname c\n\tcontent images\n",
            ),
            (
                openstack,
                "volume_group=a-b\r\n# volume_group = a-b\nvolume_group = a-b-c",
                "volume_group=c\r\n# volume_group = a-b\nvolume_group = a-b-c",
            ),
            (openstack, "volume_backend_name = a-b", "volume_backend_name = a-b"),
            (containers, "lxc.rootfs.path = lvm:/dev/a-b/x", "lxc.rootfs.path = lvm:/dev/c/x"),
            (container_engine, "  pool_name = \"a--b-pool\"", "  pool_name = \"c-pool\""),
            (
                container_engine,
                "- name: a-b\n  volume-group: a-b # a-b",
                "- name: a-b\n  volume-group: c # a-b",
            ),
            (
                collectd,
                "Hostname \"a-b\"\nDisk \"a--b-x\"\nDisk \"/^a--b-/\"",
                "Hostname \"a-b\"\nDisk \"c-x\"\nDisk \"/^a--b-/\"",
            ),
        ];
        for (rewrite, before, after) in cases {
            let edits = rewrite(&matcher, before.as_bytes()).unwrap().edits;
            assert_eq!(String::from_utf8(apply(before.as_bytes(), &edits)).unwrap(), after);
        }
    }
}
