//! LVM's report about groups and volumes (`lvm fullreport --reportformat json`, lvmreport(7)).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use crate::names::{LvName, VgName};

/// Every group that LVM reports.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// The groups in the order of the report.
    pub groups: Vec<Group>,
    /// LVM's messages on stderr, for example why it skips a group.
    pub said: String,
}

/// One volume group.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name.
    pub name: VgName,
    /// Its UUID with hyphens, as LVM prints it. Empty if the report has no such column.
    pub uuid: String,
    /// The six letters of `vg_attr`: permissions, resizeable, exported, partial, allocation, shared.
    pub attributes: String,
    /// The host that owns the group. Empty if there is none.
    pub system_id: String,
    /// Free bytes in its fullest metadata area, if the report has them.
    pub metadata_free: Option<u64>,
    /// Its volumes, with the hidden ones if the report has them.
    pub volumes: Vec<Volume>,
    /// Its disks, if the report has them.
    pub disks: Vec<Disk>,
    /// The hosts that created its volumes, if the report has them. For a clone, it is the template.
    pub hosts: Vec<String>,
}

/// One physical volume.
#[derive(Debug, Clone)]
pub struct Disk {
    /// Its UUID with hyphens.
    pub uuid: String,
    /// The device on which LVM found it. `[unknown]` if there is none.
    pub path: PathBuf,
}

/// One logical volume.
#[derive(Debug, Clone)]
pub struct Volume {
    /// Its name, without the brackets that mark a hidden volume.
    pub name: LvName,
    /// Its UUID with hyphens. Empty if the report has no such column.
    pub uuid: String,
    /// Whether only LVM itself uses it, so that no link in /dev names it. Pools are hidden, too, although
    /// LVM prints them without brackets (lvs(8), `lv_attr`; udev 11-dm-lvm.rules, `DM_LV_LAYER`).
    pub hidden: bool,
    /// The ten letters of `lv_attr` (lvs(8)). Empty if the report has no such column.
    pub attributes: String,
}

/// First letters of `lv_attr`: thin pool and VDO pool.
const POOLS: [char; 2] = ['t', 'd'];

type Row = Map<String, Value>;

impl Inventory {
    /// Reads a report. It ignores lines that LVM logs between the JSON.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let mut inventory = Self::default();
        let mut known = BTreeSet::new();
        for report in &reports(bytes)? {
            inventory.add(report, &mut known)?;
        }
        Ok(inventory)
    }

    /// The groups with that name. There are several if the disk of a clone is attached beside its source.
    pub fn named<'a>(&'a self, name: &'a VgName) -> impl Iterator<Item = &'a Group> {
        self.groups.iter().filter(move |group| group.name == *name)
    }

    /// The group with that UUID, which may have hyphens or not.
    pub fn by_uuid(&self, uuid: &str) -> Option<&Group> {
        let plain = uuid.replace('-', "");
        self.groups
            .iter()
            .find(|group| !group.uuid.is_empty() && group.uuid.replace('-', "") == plain)
    }

    /// The first of LVM's messages that contains the group's name as a word.
    pub fn said_of(&self, name: &VgName) -> Option<&str> {
        let is_name = |word: &str| word.trim_end_matches(['.', ',', ':']) == name.as_str();
        let mut lines = self.said.lines().map(str::trim);
        lines.find(|line| line.split_whitespace().any(is_name))
    }

    /// Adds the groups and volumes of a report. `known` has the volumes so far, with the index of their
    /// group.
    fn add(&mut self, report: &Value, known: &mut BTreeSet<(usize, LvName)>) -> Result<()> {
        let mut own = None;
        for row in rows(report, "vg") {
            let name = text(row, "vg_name");
            if !name.is_empty() {
                own = Some(self.group(&name, &text(row, "vg_uuid"), row)?);
            }
        }
        for row in rows(report, "lv") {
            let at = match (text(row, "vg_name"), own) {
                (name, None) if !name.is_empty() => {
                    self.group(&name, &text(row, "vg_uuid"), row)?
                }
                (_, Some(own)) => own,
                _ => continue,
            };
            let written = text(row, "lv_name");
            let plain = written.trim_start_matches('[').trim_end_matches(']');
            let name = LvName::new(plain)
                .with_context(|| format!("reading LVM's report: the volume's name `{plain}`"))?;
            let (host, hosts) = (text(row, "lv_host"), &mut self.groups[at].hosts);
            if !host.is_empty() && !hosts.contains(&host) {
                hosts.push(host);
            }
            if known.insert((at, name.clone())) {
                let volumes = &mut self.groups[at].volumes;
                let (uuid, attributes) = (text(row, "lv_uuid"), text(row, "lv_attr"));
                let hidden = plain != written || attributes.starts_with(POOLS);
                volumes.push(Volume { name, uuid, hidden, attributes });
            }
        }
        if let Some(own) = own {
            let disks = rows(report, "pv").map(|row| (text(row, "pv_uuid"), text(row, "pv_name")));
            self.groups[own].disks.extend(
                disks
                    .filter(|(uuid, _)| !uuid.is_empty())
                    .map(|(uuid, path)| Disk { uuid, path: PathBuf::from(path) }),
            );
        }
        Ok(())
    }

    /// The index of a group. A new group is added.
    fn group(&mut self, name: &str, uuid: &str, row: &Row) -> Result<usize> {
        let name = VgName::new(name)
            .with_context(|| format!("reading LVM's report: the group's name `{name}`"))?;
        if let Some(at) =
            self.groups.iter().position(|group| group.name == name && group.uuid == uuid)
        {
            return Ok(at);
        }
        let system_id = match text(row, "vg_systemid") {
            id if id.is_empty() => text(row, "vg_system_id"),
            id => id,
        };
        self.groups.push(Group {
            name,
            uuid: uuid.to_owned(),
            attributes: text(row, "vg_attr"),
            system_id,
            metadata_free: text(row, "vg_mda_free").parse().ok(),
            volumes: Vec::new(),
            disks: Vec::new(),
            hosts: Vec::new(),
        });
        Ok(self.groups.len() - 1)
    }
}

impl Group {
    /// The dm UUID of a volume: `LVM-`, group and volume without hyphens (lvm2 lib/misc/lvm-string.c).
    pub fn dm_uuid(&self, volume: &Volume) -> String {
        format!("LVM-{}{}", self.uuid.replace('-', ""), volume.uuid.replace('-', ""))
    }
}

fn reports(bytes: &[u8]) -> Result<Vec<Value>> {
    let mut value = match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => value,
        Err(_) => serde_json::from_slice(&without_log_lines(bytes))
            .context("reading LVM's report: it is not JSON; make it with `lvm fullreport -a --reportformat json`")?,
    };
    match value.get_mut("report").map(Value::take) {
        Some(Value::Array(reports)) => Ok(reports),
        _ => bail!(
            "reading LVM's report: it has no `report`; make it with `lvm fullreport -a --reportformat json`"
        ),
    }
}

/// Reads a report about physical volumes (`pvs --reportformat json`): each UUID with its devices.
pub fn disks(bytes: &[u8]) -> Result<BTreeMap<String, Vec<PathBuf>>> {
    let mut found = BTreeMap::<String, Vec<PathBuf>>::new();
    for report in reports(bytes)? {
        for row in rows(&report, "pv") {
            let uuid = text(row, "pv_uuid");
            if !uuid.is_empty() {
                found.entry(uuid).or_default().push(PathBuf::from(text(row, "pv_name")));
            }
        }
    }
    Ok(found)
}

fn rows<'a>(report: &'a Value, name: &str) -> impl Iterator<Item = &'a Row> {
    report.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn text(row: &Row, column: &str) -> String {
    row.get(column).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// LVM prints one row per line. A line that starts with another character is a log line.
fn without_log_lines(bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if matches!(line.trim_ascii_start().first(), Some(b'{' | b'}' | b'[' | b']' | b',' | b'"'))
        {
            kept.extend_from_slice(line);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const LVS: &str = r#"  WARNING: Device for PV xyz not found or rejected by a filter.
  {
      "report": [
          {
              "lv": [
                  {"lv_name":"root", "vg_name":"a-b", "lv_attr":"-wi-a-----"},
  File descriptor 3 leaked on lvs invocation.
                  {"lv_name":"[lvol0_pmspare]", "vg_name":"a-b", "lv_attr":"ewi-------"},
                  {"lv_name":"pool", "vg_name":"a-b", "lv_attr":"twi-aotz--"},
                  {"lv_name":"thin", "vg_name":"a-b", "lv_attr":"Vwi-aotz--"}
              ]
          }
      ]
  }
"#;

    #[test]
    fn log_lines_are_passed_over_and_lvs_reports_do_as_well() {
        let inventory = Inventory::parse(LVS.as_bytes()).unwrap();
        assert_eq!(inventory.groups.len(), 1);
        let names: Vec<_> =
            inventory.groups[0].volumes.iter().map(|v| (v.name.as_str(), v.hidden)).collect();
        assert_eq!(
            names,
            [("root", false), ("lvol0_pmspare", true), ("pool", true), ("thin", false)]
        );
    }

    #[test]
    fn something_else_is_refused_with_the_command_to_run() {
        for bad in ["", "not json", "[]", "{}", "{\"report\": 3}"] {
            let error = format!("{:#}", Inventory::parse(bad.as_bytes()).unwrap_err());
            assert!(error.contains("lvm fullreport -a --reportformat json"), "{error}");
        }
    }
}
