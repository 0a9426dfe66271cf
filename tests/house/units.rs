//! The systemd units of the package: what a review of their rights says, and what they run.

use std::fs;
use std::process::Command;

use crate::harness::project;

/// `systemd-analyze security --offline` ends with a failure beyond a threshold of tenths (systemd 250).
fn exposure_is_below(unit: &str, tenths: u32) {
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", &format!("--threshold={tenths}")])
        .arg(project().join("packaging").join(unit))
        .output()
        .expect("systemd-analyze is installed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("Overall exposure level"), "{said}");
    assert!(output.status.success(), "{said}");
}

#[test]
fn the_units_have_no_more_rights_than_they_need() {
    exposure_is_below("postclone-recover.service", 31);
    exposure_is_below("postclone-forget.service", 31);
    exposure_is_below("postclone-firstboot.service", 89);
}

#[test]
fn no_unit_hides_what_the_run_reads() {
    for unit in
        ["postclone-recover.service", "postclone-forget.service", "postclone-firstboot.service"]
    {
        let text = fs::read_to_string(project().join("packaging").join(unit)).unwrap();
        // The first two imply DeviceAllow= or hide devices, the third hides /usr/lib/modules.
        for breaks in ["\nProtectClock=yes", "\nPrivateDevices=yes", "\nProtectKernelModules=yes"] {
            assert!(!text.contains(breaks), "{unit} has {breaks}");
        }
    }
}

#[test]
fn the_first_boot_sends_no_diffs_to_the_journal() {
    let path = project().join("packaging/postclone-firstboot.service");
    let text = fs::read_to_string(path).unwrap();
    assert!(
        text.contains("\nExecStart=/usr/sbin/postclone fixup --if-clone --yes --quiet\n"),
        "{text}"
    );
}
