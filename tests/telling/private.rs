//! Text of files that not everybody may read goes to a terminal alone, or where it is asked for.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::harness::{on_terminal, patch, postclone};

const JOB: &str = "etc/cron.d/backup";
const JOB_TEXT: &str =
    "PASSWORD=hunter2\n0 1 * * * root dump /dev/a-b/root --token geheim7\nEND=hunter3\n";
const SECRETS: &[&str] = &["hunter", "geheim7"];
const FSTAB: &str = "/dev/mapper/a--b-root / ext4 defaults 0 1\n";
const RENAME: &[&str] = &["rename", "a-b", "c-d", "--files-only", "--root", "."];

/// A job with a password, of that mode in a directory of that mode.
fn tree(file: u32, dir: u32) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("etc/cron.d")).unwrap();
    fs::write(root.path().join("etc/fstab"), FSTAB).unwrap();
    fs::write(root.path().join(JOB), JOB_TEXT).unwrap();
    let mode = |path: &str, mode| {
        fs::set_permissions(root.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("etc/fstab", 0o644);
    mode("etc", 0o755);
    mode(JOB, file);
    mode("etc/cron.d", dir);
    root
}

fn out(root: &Path, args: &[&str], more: &[&str], status: i32) -> String {
    let run = postclone(root, &[args, more].concat()).demand(status);
    let text = String::from_utf8(run.stdout).unwrap();
    text + &run.stderr
}

#[track_caller]
fn withheld(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "`{secret}` is in:\n{text}");
    }
}

#[test]
fn a_pipe_gets_no_text_of_a_file_that_not_everybody_may_read() {
    for (file, dir) in [(0o600, 0o755), (0o640, 0o755), (0o644, 0o700)] {
        let root = tree(file, dir);
        for more in [&["--dry-run"][..], &["--dry-run", "--format", "json"], &["--yes"]] {
            let text = out(root.path(), RENAME, more, 0);
            withheld(&text);
            if !more.contains(&"json") {
                let told = "# /etc/cron.d/backup: 1 edit, not shown: \
                            not everybody may read this file (see --show-private)\n";
                assert!(text.contains(told), "{text}");
                assert!(text.contains("+/dev/mapper/c--d-root / ext4"), "{text}");
            }
        }
    }
    let root = tree(0o644, 0o755);
    assert!(out(root.path(), RENAME, &["--dry-run"], 0).contains("geheim7"));
}

#[test]
fn what_is_withheld_is_shown_where_it_is_asked_for_and_on_a_terminal() {
    let root = tree(0o600, 0o755);
    let text = out(root.path(), RENAME, &["--dry-run", "--show-private"], 0);
    assert!(text.contains("+0 1 * * * root dump /dev/c-d/root --token geheim7"), "{text}");
    let command = format!(
        "{} rename a-b c-d --files-only --root . --dry-run --no-pager",
        env!("CARGO_BIN_EXE_postclone")
    );
    let (status, screen) = on_terminal(root.path(), &command, "", &[]);
    assert_eq!(status, 0, "{screen}");
    assert!(screen.contains("geheim7") && !screen.contains("not shown"), "{screen}");
}

#[test]
fn the_plan_stays_a_patch_and_json_marks_the_file() {
    let root = tree(0o600, 0o755);
    let run = postclone(root.path(), &[RENAME, &["--dry-run"]].concat()).demand(0);
    patch(root.path(), &run.stdout);
    let read = |path: &str| fs::read_to_string(root.path().join(path)).unwrap();
    assert_eq!(read("etc/fstab"), FSTAB.replace("a--b", "c--d"));
    assert_eq!(read(JOB), JOB_TEXT);
    let text = out(tree(0o600, 0o755).path(), RENAME, &["--dry-run", "--format", "json", "-q"], 0);
    let plan: serde_json::Value = serde_json::from_str(&text).unwrap();
    let file = |path: &str| {
        plan["files"].as_array().unwrap().iter().find(|file| file["path"] == path).unwrap().clone()
    };
    assert_eq!(file("/etc/cron.d/backup")["private"], true);
    assert_eq!(file("/etc/cron.d/backup")["edits"][0]["old"], "/dev/a-b/root");
    assert!(file("/etc/fstab").get("private").is_none());
}

#[test]
fn nobody_asked_and_told_to_be_quiet_it_prints_no_diff() {
    let root = tree(0o600, 0o755);
    let text = out(root.path(), RENAME, &["--yes", "--quiet"], 0);
    assert!(!text.contains("@@") && !text.contains("not shown"), "{text}");
    assert!(text.contains("# 2 files, 2 edits.\n") && text.contains("# Done in"), "{text}");
    // A dry run is asked for its diffs.
    let root = tree(0o600, 0o755);
    assert!(out(root.path(), RENAME, &["--dry-run", "--quiet"], 0).contains("@@ -1 +1 @@"));
}

#[test]
fn the_audit_withholds_lines_as_well() {
    const AUDIT: &[&str] = &["audit", "a-b", "--root", "."];
    for (file, dir) in [(0o600, 0o755), (0o644, 0o700)] {
        let root = tree(file, dir);
        let text = out(root.path(), AUDIT, &[], 1);
        withheld(&text);
        assert!(text.contains("/etc/cron.d/backup:2:21: device-path: /dev/a-b/root\n"), "{text}");
        assert!(text.contains("/dev/mapper/a--b-root / ext4 defaults 0 1"), "{text}");
        let json = out(root.path(), AUDIT, &["--format", "json", "--quiet"], 1);
        withheld(&json);
        let found: serde_json::Value = serde_json::from_str(&json).unwrap();
        let marked: Vec<_> = found["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding.get("private").is_some())
            .collect();
        assert_eq!(marked.len(), 1, "{json}");
        assert_eq!(marked[0]["excerpt"], "/dev/a-b/root");
        let text = out(root.path(), AUDIT, &["--show-private"], 1);
        assert!(text.contains("dump /dev/a-b/root --token geheim7"), "{text}");
    }
}
