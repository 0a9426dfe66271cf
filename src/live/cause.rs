//! Finds out why a unit stopped during a run, as far as systemd shows it. systemd does not record who stopped a unit.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};

use crate::run::{Cmd, Program};

/// Dependencies that make systemd stop a unit together with another (systemd.unit(5)).
const BINDING: &[&str] = &["BindsTo", "Requires", "Requisite", "PartOf", "StopPropagatedFrom"];

/// Kinds of units that depend directly on the group's device nodes.
const STORAGE: &[&str] = &[".mount", ".swap", ".device"];

/// A point in time, in microseconds, of the clock with which systemd notes when a unit stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Instant(u64);

impl Instant {
    /// The present time (`CLOCK_MONOTONIC`, systemd src/basic/time-util.h).
    pub(super) fn now() -> Self {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = |number: i64| u64::try_from(number).unwrap_or_default();
        Self(micros(now.tv_sec) * 1_000_000 + micros(now.tv_nsec) / 1000)
    }
}

/// Whether a unit that stopped since then must be started again. It must if it failed, or if storage that it needs
/// went away. Otherwise, somebody stopped it or it ended normally.
///
/// Mounts and swap units always count, because their devices may have another name by now. A mount that somebody
/// unmounted by hand cannot be told apart.
pub(super) fn is_ours(unit: &str, fallen: &BTreeSet<&str>, since: Instant) -> Result<bool> {
    let mut open = vec![unit.to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(unit) = open.pop() {
        if STORAGE.iter().any(|suffix| unit.ends_with(suffix)) {
            return Ok(true);
        }
        if !seen.insert(unit.clone()) {
            continue;
        }
        let shown = Shown::of(&unit)?;
        if !matches!(shown.value("Result"), "" | "success") {
            return Ok(true);
        }
        for needed in BINDING.iter().flat_map(|key| shown.value(key).split_whitespace()) {
            if fallen.contains(needed) || Shown::of(needed)?.went_down(since) {
                open.push(needed.to_owned());
            }
        }
    }
    Ok(false)
}

/// Properties of a unit, one `KEY=value` per line.
struct Shown(String);

impl Shown {
    fn of(unit: &str) -> Result<Self> {
        let properties =
            format!("--property=Result,InactiveEnterTimestampMonotonic,{}", BINDING.join(","));
        let shown = Cmd::new(Program::Systemctl)
            .args(["show", &properties, "--"])
            .arg(unit)
            .checked()
            .with_context(|| format!("asking systemd about {unit}"))?;
        Ok(Self(String::from_utf8_lossy(&shown.stdout).into_owned()))
    }

    fn value(&self, key: &str) -> &str {
        let mut lines = self.0.lines();
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or_default()
    }

    fn went_down(&self, since: Instant) -> bool {
        let at = self.value("InactiveEnterTimestampMonotonic").parse().unwrap_or_default();
        Instant(at) >= since && at > 0
    }
}
