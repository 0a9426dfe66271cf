//! Every directory of `fixtures/`: the tree before, and what becomes of it.
//!
//! `BLESS=1 cargo test` rewrites `expected/`; the review is then its diff.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Run, bless, patch, postclone, project};
use crate::tree;

/// One directory of `fixtures/`.
pub struct Case {
    pub dir: PathBuf,
    pub old: String,
    pub new: String,
}

/// All of them.
pub fn cases() -> Vec<Case> {
    let mut dirs: Vec<PathBuf> = fs::read_dir(project().join("fixtures"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    dirs.retain(|dir| dir.join("args").is_file());
    dirs.sort();
    assert!(dirs.len() >= 10, "the fixtures are not where they should be");
    dirs.into_iter().map(Case::read).collect()
}

impl Case {
    fn read(dir: PathBuf) -> Self {
        let args = fs::read_to_string(dir.join("args")).unwrap();
        let mut words = args.split_whitespace().map(str::to_owned);
        Self { dir, old: words.next().unwrap(), new: words.next().unwrap() }
    }

    pub fn name(&self) -> String {
        self.dir.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// Runs on a tree with the case's report, group `old` becoming `new`.
    pub fn run(&self, root: &Path, old: &str, new: &str, more: &[&str]) -> Run {
        let scratch = tempfile::tempdir().unwrap();
        let mut args = vec!["rename", old, new, "--files-only", "--root", root.to_str().unwrap()];
        let report = scratch.path().join("lvm.json");
        if let Ok(text) = fs::read_to_string(self.dir.join("lvm.json")) {
            // A report that was taken after the run: the group has the name that it has then.
            let now = format!("\"vg_name\":\"{old}\"");
            fs::write(&report, text.replace(&format!("\"vg_name\":\"{}\"", self.old), &now))
                .unwrap();
            args.extend(["--lvm-report", report.to_str().unwrap()]);
        }
        args.extend(more);
        // Of some fixtures the plan leaves names that a boot reads.
        if more.contains(&"--yes") {
            args.push("--accept-stale");
        }
        postclone(&self.dir, &args)
    }

    /// Every path below the tree with another path in the expected one, by the expected plan. What is
    /// in a directory goes with it.
    fn renames(&self) -> Vec<(PathBuf, PathBuf)> {
        let plan: serde_json::Value =
            serde_json::from_slice(&fs::read(self.dir.join("expected/plan.json")).unwrap())
                .unwrap();
        let path = |value: &serde_json::Value| {
            PathBuf::from(value.as_str().unwrap().trim_start_matches('/'))
        };
        let changes = plan["paths"].as_array().cloned().unwrap_or_default();
        let changes: Vec<(PathBuf, PathBuf)> =
            changes.iter().map(|change| (path(&change["from"]), path(&change["to"]))).collect();
        let new_path = |old: &Path| {
            // The longest prefix that is renamed is the innermost, and has the others in it.
            let renamed = changes.iter().filter(|(from, _)| old.starts_with(from));
            let (from, to) = renamed.max_by_key(|(from, _)| from.components().count())?;
            let rest = old.strip_prefix(from).unwrap();
            Some(if rest.as_os_str().is_empty() { to.clone() } else { to.join(rest) })
        };
        let all = tree::read(&self.dir.join("root")).into_keys();
        all.filter_map(|old| Some((old.clone(), new_path(&old)?))).collect()
    }

    /// A copy of the tree before, in a directory that goes away.
    pub fn copy(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        tree::copy(&self.dir.join("root"), copy.path());
        copy
    }
}

#[test]
fn the_real_run_gives_the_expected_tree() {
    for case in cases() {
        let copy = case.copy();
        case.run(copy.path(), &case.old, &case.new, &["--yes"]).demand(0);
        let expected = case.dir.join("expected/root");
        if bless() {
            let _ = fs::remove_dir_all(&expected);
            tree::copy(copy.path(), &expected);
            let _ = fs::remove_dir_all(expected.join("var/lib/postclone"));
        }
        tree::same(copy.path(), &expected, &case.name());
    }
}

#[test]
fn the_dry_run_prints_the_expected_plan_and_changes_nothing() {
    for case in cases() {
        for (format, file) in [("text", "dry-run.patch"), ("json", "plan.json")] {
            let before = tree::read(&case.dir.join("root"));
            let run = case
                .run(Path::new("root"), &case.old, &case.new, &["--dry-run", "--format", format])
                .demand(0);
            assert_eq!(run.stderr, "", "{}", case.name());
            assert_eq!(before, tree::read(&case.dir.join("root")), "{}", case.name());
            let expected = case.dir.join("expected").join(file);
            if bless() {
                fs::create_dir_all(expected.parent().unwrap()).unwrap();
                fs::write(&expected, &run.stdout).unwrap();
            }
            let wanted = fs::read(&expected).unwrap_or_default();
            assert!(
                run.stdout == wanted,
                "{}: {file} is another:\n{}",
                case.name(),
                String::from_utf8_lossy(&run.stdout)
            );
        }
    }
}

#[test]
fn the_dry_run_is_a_patch_that_gives_the_real_runs_tree() {
    for case in cases() {
        for context in ["-U0", "-U3", "-U100000"] {
            let (patched, renamed) = (case.copy(), case.copy());
            let run =
                case.run(patched.path(), &case.old, &case.new, &["--dry-run", context]).demand(0);
            patch(patched.path(), &run.stdout);
            case.run(renamed.path(), &case.old, &case.new, &["--yes", "-q"]).demand(0);
            tree::same(patched.path(), renamed.path(), &case.name());
        }
    }
}

#[test]
fn a_second_run_touches_nothing() {
    for case in cases() {
        let copy = case.copy();
        case.run(copy.path(), &case.old, &case.new, &["--yes"]).demand(0);
        let before = tree::read(copy.path());
        let state = fs::read_dir(copy.path().join("var/lib/postclone")).unwrap().count();
        let run = case.run(copy.path(), &case.old, &case.new, &["--yes"]).demand(0);
        let said = String::from_utf8(run.stdout).unwrap();
        assert!(said.contains("# Nothing to "), "{}: {said}", case.name());
        assert_eq!(before, tree::read(copy.path()), "{}", case.name());
        assert_eq!(state, fs::read_dir(copy.path().join("var/lib/postclone")).unwrap().count());
    }
}

#[test]
fn there_and_back_is_identity() {
    for case in cases() {
        let copy = case.copy();
        case.run(copy.path(), &case.old, &case.new, &["--yes"]).demand(0);
        case.run(copy.path(), &case.new, &case.old, &["--yes"]).demand(0);
        tree::same(copy.path(), &case.dir.join("root"), &case.name());
    }
}

#[test]
fn untouched_files_keep_inode_and_time() {
    for case in cases() {
        let copy = case.copy();
        let before = tree::read(copy.path());
        case.run(copy.path(), &case.old, &case.new, &["--yes"]).demand(0);
        let after = tree::read(copy.path());
        let renamed = case.renames();
        let mut changed = 0;
        for (path, entry) in &before {
            let now = renamed.iter().find(|(from, _)| from == path).map_or(path, |(_, to)| to);
            let now = &after[now];
            assert_eq!((now.mode, now.owner), (entry.mode, entry.owner), "{}", path.display());
            if now.content == entry.content {
                if matches!(entry.content, tree::Content::File(_)) {
                    assert_eq!(now, entry, "{}", path.display());
                }
            } else {
                changed += 1;
            }
        }
        assert!(changed > 0, "{}: nothing changed", case.name());
    }
}

/// The traps' README says of every line whether it must change; that is the review, made to run.
#[test]
fn the_traps_readme_is_true() {
    let case = project().join("fixtures/traps");
    let readme = String::from_utf8_lossy(&fs::read(case.join("README.md")).unwrap()).into_owned();
    let mut file = String::new();
    let mut judged = 0;
    for line in readme.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut file);
        }
        let cells: Vec<&str> = line.split(" | ").collect();
        let number = cells[0].strip_prefix("| ").and_then(|cell| cell.parse::<usize>().ok());
        let (Some(number), true) = (number, cells.len() >= 4) else { continue };
        let must_change = match cells[cells.len() - 2] {
            "change" => true,
            "stay" => false,
            other => panic!("README says `{other}` of {file}:{number}"),
        };
        let nth = |side: &str| {
            let bytes = fs::read(case.join(side).join(&file)).unwrap();
            bytes.split(|byte| *byte == b'\n').nth(number - 1).unwrap().to_owned()
        };
        let changes = nth("root") != nth("expected/root");
        assert_eq!(changes, must_change, "{file}:{number}: {line}");
        judged += 1;
    }
    assert!(judged > 60, "only {judged} lines of the README were understood");
}

/// With stderr and stdout in one file, lvm's warnings stand between two groups of the report.
#[test]
fn a_report_with_warnings_inside_is_read() {
    let text = fs::read(project().join("fixtures/traps/lvm-stderr-inside.json")).unwrap();
    let inventory = postclone::guest::inventory::Inventory::parse(&text).unwrap();
    assert_eq!(inventory.groups.len(), 6);
    let group = inventory.groups.iter().find(|group| group.name.as_str() == "vg-a").unwrap();
    assert!(group.volumes.iter().any(|volume| volume.hidden && volume.name.as_str() == "tp_tmeta"));
    assert_eq!(group.uuid.len(), 38);
}
