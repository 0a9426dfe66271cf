//! Swap areas in use (proc_swaps(5)), and their UUIDs (swaplabel(8)).

use std::fs;

use anyhow::{Context, Result};

use crate::run::{Cmd, Program};

/// A swap area in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// Its device, as the kernel remembers it.
    pub path: String,
    /// Kibibytes that are used in it.
    pub used: u64,
    /// Its priority. The kernel chose a negative one (swapon(2)).
    pub priority: i32,
}

/// Swap areas on block devices that are in use. Empty if /proc is not there.
pub fn in_use() -> Vec<Swap> {
    parse(&fs::read_to_string("/proc/swaps").unwrap_or_default())
}

fn parse(text: &str) -> Vec<Swap> {
    let area = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        match fields[..] {
            [path, "partition", _, used, priority] => Some(Swap {
                path: path.to_owned(),
                used: used.parse().ok()?,
                priority: priority.parse().ok()?,
            }),
            _ => None,
        }
    };
    text.lines().filter_map(area).collect()
}

/// Kibibytes of memory that programs could get without swapping (proc_meminfo(5)).
pub fn memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Gives the swap area on a device a UUID. If it is in use, it is switched off meanwhile, and then gets its priority
/// back.
///
/// # Errors
/// An error of the programs. The swap area is in use again, if possible.
pub fn set_uuid(device: &str, used: Option<&Swap>, uuid: &str) -> Result<()> {
    if used.is_some() {
        let command = Cmd::new(Program::Swapoff).arg(device);
        command.checked().with_context(|| format!("taking the swap `{device}` out of use"))?;
    }
    let changed = Cmd::new(Program::Swaplabel).args(["-U", uuid, device]).checked();
    if let Some(swap) = used {
        let mut command = Cmd::new(Program::Swapon);
        if swap.priority >= 0 {
            command = command.args(["-p", &swap.priority.to_string()]);
        }
        let on = command.arg(device).checked();
        on.with_context(|| format!("putting the swap `{device}` to use again"))?;
    }
    changed.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_on_devices_are_read() {
        let text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n\
                    /dev/dm-1                               partition\t999420\t\t12\t\t-2\n\
                    /swapfile                               file\t999420\t\t0\t\t5\n";
        let swap = Swap { path: "/dev/dm-1".to_owned(), used: 12, priority: -2 };
        assert_eq!(parse(text), [swap]);
    }
}
