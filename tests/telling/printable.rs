//! Names of files and words of tools never drive the terminal, nor make a line of their own.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::harness::{Run, needs_root, postclone};
use crate::stage::Stage;

/// ESC, a newline that would look like an answer of ours, C1's CSI, a turn of the writing's direction.
const ODD: &str = "re\x1b[2J\npostclone: all is well\u{9b}1m\u{202e}größe";
const SHOWN: &str = r"re\x1b[2J\x0apostclone: all is well\x9b1m\u{202e}größe";

/// Every line of stderr begins as ours do, and nothing in either stream acts.
#[track_caller]
fn is_harmless(run: &Run) {
    let out = String::from_utf8(run.stdout.clone()).unwrap();
    for text in [&out, &run.stderr] {
        let acts = |c: char| c.is_control() && !matches!(c, '\n' | '\t') || c == '\u{202e}';
        assert!(!text.contains(acts), "{text:?}");
    }
    for line in run.stderr.lines() {
        let ours = ["postclone: ", "  "].iter().any(|start| line.starts_with(start));
        assert!(ours && !line.starts_with("postclone: all is well"), "{}", run.stderr);
    }
    assert!(out.lines().all(|line| !line.starts_with("postclone: all is well")), "{out}");
}

#[test]
fn a_files_name_is_shown_in_errors_and_plans() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("etc/initramfs-tools/conf.d");
    fs::create_dir_all(&dir).unwrap();
    let odd = dir.join(ODD);
    fs::write(&odd, "RESUME=/dev/a-b/swap\n").unwrap();
    fs::set_permissions(&odd, fs::Permissions::from_mode(0o600)).unwrap();
    let args = ["rename", "a-b", "c-d", "--files-only", "--root", "."];
    // Its name is in the comment that stands for its diff.
    let run = postclone(root.path(), &[&args[..], &["--dry-run"]].concat()).demand(0);
    is_harmless(&run);
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(out.contains(&format!("# /etc/initramfs-tools/conf.d/{SHOWN}: 1 edit")), "{out}");
    // One refusal, then two, of which each has its line.
    fs::hard_link(&odd, root.path().join("twin")).unwrap();
    let run = postclone(root.path(), &[&args[..], &["--yes"]].concat()).demand(1);
    is_harmless(&run);
    assert!(run.stderr.contains(&format!("conf.d/{SHOWN}` has 2 hard links")), "{}", run.stderr);
    fs::write(root.path().join("etc/fstab"), "/dev/a-b/root / ext4 defaults 0 1\n").unwrap();
    fs::hard_link(root.path().join("etc/fstab"), root.path().join("twin2")).unwrap();
    let run = postclone(root.path(), &[&args[..], &["--yes"]].concat()).demand(1);
    is_harmless(&run);
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0], "postclone: error: 2 problems prevent the run:");
    assert_eq!(fs::metadata(&odd).unwrap().nlink(), 2);
}

#[test]
fn a_tools_words_are_shown() {
    needs_root!();
    let stage = Stage::new();
    stage.program(
        "usr/sbin/update-initramfs",
        "#!/bin/sh\nprintf 'gzip: \\033[2J\\302\\233 no\\342\\200\\256 room\\n' >&2\nexit 1\n",
    );
    let run = stage.run(&["rename", "a-b", "c-d", "--yes", "-v"]).demand(3);
    is_harmless(&run);
    assert!(run.stderr.contains(r"gzip: \x1b[2J\x9b no\u{202e} room"), "{}", run.stderr);
}

#[test]
fn what_the_audit_says_is_harmless() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("etc")).unwrap();
    fs::write(root.path().join("etc").join(ODD), "/dev/a-b/root \u{202e}\x1b[1m\n").unwrap();
    let run = postclone(root.path(), &["audit", "a-b", "--root", "."]).demand(1);
    is_harmless(&run);
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(out.contains(&format!("/etc/{SHOWN}:1:1: device-path")), "{out}");
}
