//! Hyper-V's data exchange: keys and values that the host passes to its guests.
//!
//! hv_kvp_daemon(8) stores them in `/var/lib/hyperv`, one file per pool. Pool 3 has the host's data about
//! the machine (Linux tools/hv/hv_kvp_daemon.c; Microsoft, Hyper-V Data Exchange: `Guest\Parameters`).

use std::path::Path;

/// The pool with the host's data.
pub const POOL: &str = "/var/lib/hyperv/.kvp_pool_3";

/// The key of the machine's name on the host.
pub const MACHINE_NAME: &str = "VirtualMachineName";

/// The key of the machine's ID on the host.
pub const MACHINE_ID: &str = "VirtualMachineId";

/// The sizes of a key and a value, which are padded with zeros (Linux include/uapi/linux/hyperv.h).
const KEY: usize = 512;
const VALUE: usize = 2048;

/// The value of a key. If the pool has it twice, the last one. An incomplete record is ignored.
pub fn value(pool: &[u8], key: &str) -> Option<String> {
    let records = pool.chunks_exact(KEY + VALUE).map(|record| record.split_at(KEY));
    let mut values = records.filter(|(name, _)| text(name) == key.as_bytes());
    values.next_back().and_then(|(_, value)| String::from_utf8(text(value).to_vec()).ok())
}

/// Whether the pool was written since the machine started. Until the host has sent its data, a clone's
/// disk has the pool of its template. False if that is not known.
pub fn is_fresh(pool: &Path) -> bool {
    let Some(booted) = boot_time() else { return false };
    let written = std::fs::metadata(pool).and_then(|metadata| metadata.modified());
    let since = written.ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.is_some_and(|since| since.as_secs() >= booted)
}

/// The boot time in seconds since the epoch (proc_stat(5), `btime`).
fn boot_time() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}

fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &str, value: &[u8]) -> Vec<u8> {
        let mut record = key.as_bytes().to_vec();
        record.resize(KEY, 0);
        record.extend_from_slice(value);
        record.resize(KEY + VALUE, 0);
        record
    }

    #[test]
    fn records_are_found_by_their_whole_key() {
        let pool = [
            record("HostName", b"hv1"),
            record("VirtualMachineNames", b"no"),
            record(MACHINE_NAME, b"old"),
            record(MACHINE_NAME, b"web01"),
            record("NotUtf8", b"\xff"),
        ]
        .concat();
        assert_eq!(value(&pool, MACHINE_NAME).as_deref(), Some("web01"));
        assert_eq!(value(&pool, "NotUtf8"), None);
        assert_eq!(value(&pool, "VirtualMachineId"), None);
        assert_eq!(value(&pool[..KEY + VALUE - 1], "HostName"), None);
        assert_eq!(value(b"", MACHINE_NAME), None);
    }
}
