//! What dmeventd cannot do between the rename and the reboot.
//!
//! When dmeventd begins to watch a device, it builds the command that it will run later. It takes the names of the
//! group and the volume from the dm device's name (lvm2 daemons/dmeventd/plugins/lvm2/dmeventd_lvm.c,
//! `dmeventd_lvm2_command`). The dm devices keep the old name until the reboot. LVM no longer knows that name, so the
//! command fails.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::guest::inventory::Group;
use crate::lvm;

/// First letters of `lv_attr` (lvs(8)) of volumes that may be watched: thin and VDO pools, snapshots, RAID, mirrors.
const WATCHED: &[char] = &['t', 'd', 's', 'r', 'R', 'm', 'M'];

/// A threshold of this percentage or more means that a pool is never extended (lvm.conf(5)).
const OFF: u64 = 100;

/// The names of a volume with its group, before and after. `None` if neither changes.
pub(crate) type Names<'a> = dyn Fn(&str) -> Option<(String, String)> + 'a;

/// Warnings about a group that the run renames while its volumes are live. Those about what is due already come
/// first.
pub(crate) fn warnings(group: &Group, names: &Names<'_>) -> Vec<String> {
    let may_be = group.volumes.iter().any(|volume| volume.attributes.starts_with(WATCHED));
    if !may_be || group.uuid.is_empty() {
        return Vec::new();
    }
    asked(group, names).unwrap_or_else(|error| {
        vec![format!(
            "it cannot be seen what dmeventd monitors ({error:#}): until the reboot, dmeventd extends and \
             repairs nothing in the group"
        )]
    })
}

fn asked(group: &Group, names: &Names<'_>) -> Result<Vec<String>> {
    let (report, settings) = (lvm::watched(&group.uuid)?, lvm::activation()?);
    let mut told: Vec<(bool, String)> = Vec::new();
    for row in rows(&report)? {
        match row.warning(&settings, names) {
            Some(said) if !told.contains(&said) => told.push(said),
            _ => {}
        }
    }
    // `false` is before `true`.
    told.sort_by_key(|(is_due, _)| !is_due);
    Ok(told.into_iter().map(|(_, text)| text).collect())
}

/// One segment of a volume.
struct Row {
    name: String,
    kind: String,
    is_watched: bool,
    is_snapshot: bool,
    data: Option<f64>,
    metadata: Option<f64>,
}

fn rows(report: &[u8]) -> Result<Vec<Row>> {
    let report: Value = serde_json::from_slice(report)
        .context("reading LVM's report of how full its volumes are: it is not JSON")?;
    let reports = report["report"].as_array().into_iter().flatten();
    let rows = reports.filter_map(|report| report["lv"].as_array()).flatten();
    Ok(rows
        .map(|row| {
            let text = |key: &str| row[key].as_str().unwrap_or_default();
            Row {
                name: text("lv_name").trim_matches(['[', ']']).to_owned(),
                kind: text("segtype").to_owned(),
                is_watched: text("seg_monitor") == "monitored",
                is_snapshot: text("lv_attr").starts_with('s'),
                data: text("data_percent").parse().ok(),
                metadata: text("metadata_percent").parse().ok(),
            }
        })
        .collect())
}

/// The last assignment to a key.
fn setting<'a>(settings: &'a str, key: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.trim().strip_prefix(key)?.trim_start().strip_prefix('=');
    settings.lines().filter_map(value).next_back().map(|value| value.trim().trim_matches('"'))
}

impl Row {
    /// Whether it is due now, and the warning. `None` if dmeventd would do nothing in any case.
    fn warning(&self, settings: &str, names: &Names<'_>) -> Option<(bool, String)> {
        let (old, new) = names(&self.name)?;
        if !self.is_watched {
            return None;
        }
        let (what, key, when_full) = match self.kind.as_str() {
            "thin-pool" => ("thin pool", "thin_pool", "writes to its volumes fail"),
            "vdo-pool" => ("VDO pool", "vdo_pool", "writes to its volumes fail"),
            _ if self.is_snapshot => ("snapshot", "snapshot", "it is lost"),
            kind if kind.starts_with("raid") => return self.repair(settings, "raid_fault_policy"),
            "mirror" => return self.repair(settings, "mirror_image_fault_policy"),
            _ => return None,
        };
        let threshold = setting(settings, &format!("{key}_autoextend_threshold"))?;
        let threshold: u64 = threshold.parse().ok().filter(|percent| *percent < OFF)?;
        // Only a thin pool's metadata is extended together with it (lvmthin(7)).
        let metadata = self.metadata.filter(|_| key == "thin_pool");
        let fullest = [self.data, metadata].into_iter().flatten().fold(0.0, f64::max);
        #[allow(clippy::cast_precision_loss)] // a percentage
        let is_due = fullest >= threshold as f64;
        let name = &self.name;
        let full = match (self.data, metadata) {
            (Some(data), Some(metadata)) => {
                format!("{data:.0} % full, its metadata {metadata:.0} %")
            }
            (Some(data), None) => format!("{data:.0} % full"),
            _ => "it is not known how full".to_owned(),
        };
        let text = if is_due {
            format!(
                "DANGER: the {what} `{name}` ({full}) is past the {threshold} % at which dmeventd extends it, \
                 but from the rename until the reboot dmeventd cannot do that, because it calls LVM with the old \
                 name; when it is full, {when_full}: extend it first, with `lvextend --use-policies {old}`, and \
                 reboot soon after the rename"
            )
        } else {
            format!(
                "until the reboot, dmeventd does not extend the {what} `{name}` ({full}; it would at {threshold} \
                 %), because it calls LVM with the old name: if it may fill up, reboot soon, or use `lvextend \
                 --use-policies {new}`"
            )
        };
        Some((is_due, text))
    }

    /// With `warn` and `ignore`, dmeventd repairs nothing in any case (lvm.conf(5)).
    fn repair(&self, settings: &str, key: &str) -> Option<(bool, String)> {
        let policy = setting(settings, key)?;
        if matches!(policy, "warn" | "ignore") {
            return None;
        }
        let name = &self.name;
        Some((
            false,
            format!(
                "until the reboot, dmeventd does not repair `{name}` ({}, {key} is `{policy}`) if a disk fails, \
                 because it calls LVM with the old name",
                self.kind
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &str = "activation {\n\tthin_pool_autoextend_threshold=80\n\tsnapshot_autoextend_threshold=100\n\
        \traid_fault_policy=\"allocate\"\n\tmirror_image_fault_policy=\"warn\"\n}\n";

    fn told(
        name: &str,
        kind: &str,
        attr: &str,
        monitor: &str,
        data: &str,
        metadata: &str,
    ) -> Option<(bool, String)> {
        let report = serde_json::json!({"report": [{"lv": [{
            "lv_name": name, "lv_attr": attr, "segtype": kind, "seg_monitor": monitor,
            "data_percent": data, "metadata_percent": metadata,
        }]}]});
        let rows = rows(report.to_string().as_bytes()).unwrap();
        rows[0].warning(SETTINGS, &|name| Some((format!("a-b/{name}"), format!("c-d/{name}"))))
    }

    #[test]
    fn a_pool_that_is_due_is_told_from_one_that_is_not() {
        let (is_due, text) =
            told("p", "thin-pool", "twi-aotz--", "monitored", "83.10", "12.00").unwrap();
        assert!(
            is_due && text.contains("`p` (83 % full, its metadata 12 %) is past the 80 %"),
            "{text}"
        );
        let (is_due, text) =
            told("p", "thin-pool", "twi-aotz--", "monitored", "40.00", "12.00").unwrap();
        assert!(
            !is_due && text.contains("(40 % full, its metadata 12 %; it would at 80 %)"),
            "{text}"
        );
        // Only the metadata is due.
        assert!(told("p", "thin-pool", "twi-aotz--", "monitored", "40.00", "80.00").unwrap().0);
    }

    #[test]
    fn what_dmeventd_would_not_do_anyway_is_not_told() {
        assert!(told("p", "thin-pool", "twi-aotz--", "not monitored", "99.00", "1.00").is_none());
        assert!(told("s", "linear", "swi-a-s---", "monitored", "99.00", "").is_none());
        assert!(told("m", "mirror", "mwi-aom---", "monitored", "", "").is_none());
        assert!(told("root", "linear", "-wi-ao----", "", "", "").is_none());
        let (_, text) = told("r", "raid1", "rwi-aor---", "monitored", "100.00", "").unwrap();
        assert!(
            text.contains("does not repair `r` (raid1, raid_fault_policy is `allocate`)"),
            "{text}"
        );
    }
}
