//! A picture of the running system, which is compared with a later one.
//!
//! `systemctl --failed` and `is-system-running` prove nothing: if systemd stopped a mount because its device went
//! away, it does not count that as a failure.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result};

use super::cause::{self, Instant};
use super::has_systemd;
use crate::guest::mounts::mounted;
use crate::run::{Cmd, Program};

/// Active units, mounts, swap areas and listening sockets.
#[derive(Debug, Default)]
pub struct Picture {
    /// Active units.
    units: BTreeSet<String>,
    /// Mount points.
    mounts: BTreeSet<String>,
    /// Swap devices, by the kernel's name.
    swaps: BTreeSet<String>,
    /// Listening sockets: protocol and local address, or path.
    sockets: BTreeSet<String>,
    /// When it was taken.
    at: Instant,
}

/// One thing that was there and no longer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallen {
    /// `unit`, `mount`, `swap`, `socket`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
}

/// What was compared, and what stopped.
#[derive(Debug, Default)]
pub struct Comparison {
    /// How many things there were before, by kind.
    pub counts: BTreeMap<&'static str, usize>,
    /// Units that had stopped and were started again.
    pub mended: Vec<String>,
    /// Units that somebody else stopped, as far as systemd shows. They stay stopped.
    pub left: Vec<String>,
    /// What is still missing.
    pub missing: Vec<Fallen>,
}

impl Picture {
    /// Takes a picture of the running system.
    pub fn take() -> Result<Self> {
        Ok(Self {
            units: if has_systemd() { active_units()? } else { BTreeSet::new() },
            mounts: mounted()
                .into_iter()
                .map(|mount| mount.target.display().to_string())
                .filter(|target| !is_a_sessions(target))
                .collect(),
            swaps: lines("/proc/swaps").skip(1).filter_map(|line| word(&line, 0)).collect(),
            sockets: listening(),
            at: Instant::now(),
        })
    }

    /// Compares with the present state, starts what stopped, and looks again.
    pub fn mend(&self) -> Result<Comparison> {
        let mut comparison = Comparison { counts: self.counts(), ..Comparison::default() };
        let fallen = self.fallen(&Self::take()?)?;
        if fallen.is_empty() {
            return Ok(comparison);
        }
        // A device comes back without help or not at all. Starting it would only wait.
        let startable =
            |fallen: &&Fallen| fallen.kind == "unit" && !fallen.name.ends_with(".device");
        let names = fallen.iter().map(|fallen| fallen.name.as_str()).collect();
        for unit in fallen.iter().filter(startable) {
            // If systemd cannot tell, one start too many is better than one too few.
            if !cause::is_ours(&unit.name, &names, self.at).unwrap_or(true) {
                comparison.left.push(unit.name.clone());
                continue;
            }
            log::warn!("{} stopped; starting it again", unit.name);
            if let Err(error) = Cmd::new(Program::Systemctl).arg("start").arg(&unit.name).checked()
            {
                log::warn!("{error:#}");
            }
        }
        let missing = self.fallen(&Self::take()?)?.into_iter();
        let mut left = comparison.left.clone();
        comparison.missing =
            missing.filter(|gone| gone.kind != "unit" || !left.contains(&gone.name)).collect();
        left.extend(comparison.missing.iter().map(|gone| gone.name.clone()));
        let still = |fallen: &&Fallen| left.contains(&fallen.name);
        comparison.mended = fallen
            .iter()
            .filter(|fallen| !still(fallen))
            .map(|fallen| fallen.name.clone())
            .collect();
        Ok(comparison)
    }

    fn counts(&self) -> BTreeMap<&'static str, usize> {
        [
            ("unit", &self.units),
            ("mount", &self.mounts),
            ("swap", &self.swaps),
            ("socket", &self.sockets),
        ]
        .into_iter()
        .map(|(kind, things)| (kind, things.len()))
        .collect()
    }

    fn fallen(&self, now: &Self) -> Result<Vec<Fallen>> {
        let mut fallen = Vec::new();
        for (kind, before, after) in [
            ("unit", &self.units, &now.units),
            ("mount", &self.mounts, &now.mounts),
            ("swap", &self.swaps, &now.swaps),
            ("socket", &self.sockets, &now.sockets),
        ] {
            fallen.extend(before.difference(after).map(|name| Fallen { kind, name: name.clone() }));
        }
        let mut kept = Vec::new();
        for thing in fallen {
            if thing.kind != "unit" || !ends_by_itself(&thing.name)? {
                kept.push(thing);
            }
        }
        Ok(kept)
    }
}

/// Whether it means nothing that a unit ended: logins, transient jobs, and services that a socket, a timer or D-Bus
/// starts.
fn ends_by_itself(unit: &str) -> Result<bool> {
    if unit.ends_with(".scope")
        || unit.starts_with("run-")
        || unit.starts_with("user@")
        || unit.starts_with("user-")
    {
        return Ok(true);
    }
    if !unit.ends_with(".service") {
        return Ok(false);
    }
    let shown = Cmd::new(Program::Systemctl)
        .args(["show", "--property=TriggeredBy,Transient,Type,RemainAfterExit,BusName,WantedBy"])
        .arg(unit)
        .checked()
        .with_context(|| format!("asking systemd about {unit}"))?;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let value = |key: &str| {
        shown.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().to_owned()
    };
    let one_shot = value("Type=") == "oneshot" && value("RemainAfterExit=") == "no";
    // D-Bus starts hostnamed, packagekit and the like, and they end when nobody uses them.
    let on_demand = !value("TriggeredBy=").is_empty()
        || (!value("BusName=").is_empty() && value("WantedBy=").is_empty());
    Ok(on_demand || value("Transient=") == "yes" || one_shot)
}

/// Reads the table of all units, which systemd sends in one message. Their properties would take one message per
/// unit, which is seconds in total on a slow machine.
fn active_units() -> Result<BTreeSet<String>> {
    let output = Cmd::new(Program::Systemctl)
        // Without --all, units that follow another (aliases of a swap) are left out.
        .args(["list-units", "--all", "--full", "--plain", "--no-legend", "--no-pager"])
        .checked()
        .context("asking systemd for its units")?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(active_unit).collect())
}

/// The unit's name, if the row is that of an active unit: UNIT LOAD ACTIVE SUB DESCRIPTION. Further lines of a
/// description are indented to its column (systemd src/shared/format-table.c), and may contain anything.
fn active_unit(row: &str) -> Option<String> {
    let mut words = row.split(' ').filter(|word| !word.is_empty());
    let (unit, _, active) = (words.next()?, words.next()?, words.next()?);
    (!row.starts_with(' ') && active == "active").then(|| unit.to_owned())
}

/// Paths that come and go with logins and with the start of services.
fn is_a_sessions(path: &str) -> bool {
    path.starts_with("/run/user/") || path.starts_with("/run/credentials/")
}

/// The first port that the kernel assigns automatically (ip_local_port_range).
const EPHEMERAL: u16 = 32768;

/// TCP and UDP sockets by local address, and Unix sockets by path (proc(5), /proc/net).
fn listening() -> BTreeSet<String> {
    let mut sockets = BTreeSet::new();
    for (file, state) in [("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")] {
        for line in lines(&format!("/proc/net/{file}")).skip(1) {
            let Some(address) = word(&line, 1).filter(|_| word(&line, 3).as_deref() == Some(state))
            else {
                continue;
            };
            let port =
                address.rsplit_once(':').and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
            // Programs that send queries over UDP have sockets in the same state, on random ports.
            if state == "0A" || port.is_some_and(|port| port < EPHEMERAL) {
                sockets.insert(format!("{file} {address}"));
            }
        }
    }
    // Flag __SO_ACCEPTCON: the socket listens.
    let unix =
        lines("/proc/net/unix").skip(1).filter(|line| word(line, 3).as_deref() == Some("00010000"));
    let paths = unix.filter_map(|line| word(&line, 7)).filter(|path| !is_a_sessions(path));
    sockets.extend(paths.map(|path| format!("unix {path}")));
    sockets
}

fn lines(path: &str) -> impl Iterator<Item = String> + use<> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect::<Vec<_>>().into_iter()
}

fn word(line: &str, at: usize) -> Option<String> {
    line.split_whitespace().nth(at).map(str::to_owned)
}

impl Comparison {
    /// Sentences that describe the result.
    pub fn sentences(&self) -> Vec<String> {
        let counts: Vec<String> = ["unit", "mount", "swap", "socket"]
            .iter()
            .map(|kind| crate::printable::count(self.counts.get(kind).copied().unwrap_or(0), kind))
            .collect();
        let mut sentences = Vec::new();
        if self.missing.is_empty() && self.left.is_empty() {
            sentences.push(format!("still there, as before: {}", counts.join(", ")));
        }
        if !self.mended.is_empty() {
            sentences
                .push(format!("had stopped and was started again: {}", self.mended.join(", ")));
        }
        if !self.left.is_empty() {
            sentences.push(format!(
                "stopped meanwhile, but not because of this run as far as systemd shows, and stays stopped: {}",
                self.left.join(", ")
            ));
        }
        sentences.extend(
            self.missing
                .iter()
                .map(|gone| format!("GONE, start it by hand: {} {}", gone.kind, gone.name)),
        );
        sentences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_from_their_table() {
        let row = "home.mount  loaded    active   mounted   /home";
        assert_eq!(active_unit(row).as_deref(), Some("home.mount"));
        for row in [
            "home.mount  loaded    inactive dead      /home",
            "gone.service not-found inactive dead    gone.service",
            // The second line of a description may say anything.
            "                              fake.service loaded active running fake",
            "",
        ] {
            assert_eq!(active_unit(row), None, "{row}");
        }
    }

    #[test]
    fn what_is_gone_is_told_by_kind() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let before = Picture {
            mounts: set(&["/", "/home"]),
            swaps: set(&["/dev/dm-1"]),
            ..Picture::default()
        };
        let after =
            Picture { mounts: set(&["/"]), swaps: set(&["/dev/dm-1"]), ..Picture::default() };
        let fallen = before.fallen(&after).unwrap();
        assert_eq!(fallen, [Fallen { kind: "mount", name: "/home".to_owned() }]);
        let comparison =
            Comparison { counts: before.counts(), missing: fallen, ..Comparison::default() };
        assert_eq!(comparison.sentences(), ["GONE, start it by hand: mount /home"]);
    }
}
