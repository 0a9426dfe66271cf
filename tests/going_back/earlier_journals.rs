//! Runs of earlier programs, by the journals that those wrote: finished and taken back by this one.

use crate::harness::needs_root;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::stage::Stage;
use crate::tree::Content;

/// A format, its journal, and the name of the run's directory in its time.
const JOURNALS: &[(&str, &str, &str)] = &[
    ("3", include_str!("journals/format-3"), "001795677402.767635"),
    ("4", include_str!("journals/format-4"), "000001"),
];

/// The plan, and two records for each step up to the one that renames paths.
const AFTER_PATHS: usize = 1 + 2 * 5;

/// A stage after a run, with a journal of these lines.
fn after(lines: &[&str], dir: &str) -> (Stage, BTreeMap<PathBuf, Content>) {
    let stage = Stage::new();
    let before = contents(&stage);
    stage.run(&["rename", "a-b", "c-d", "--yes"]).demand(0);
    let own = stage.path("var/lib/postclone/000001");
    let run = stage.path(&format!("var/lib/postclone/{dir}"));
    if own != run {
        fs::rename(&own, &run).unwrap();
    }
    fs::write(run.join("journal"), lines.join("\n") + "\n").unwrap();
    (stage, before)
}

/// The times of links are in a journal, and those of another stage in these.
fn contents(stage: &Stage) -> BTreeMap<PathBuf, Content> {
    stage.system().into_iter().map(|thing| (thing.path, thing.content)).collect()
}

#[test]
fn a_run_that_is_done_is_taken_back() {
    needs_root!();
    for (format, text, dir) in JOURNALS {
        let lines: Vec<&str> = text.lines().collect();
        let (stage, before) = after(&lines, dir);
        let status = String::from_utf8(stage.run(&["status"]).demand(0).stdout).unwrap();
        assert!(status.contains("a-b to c-d, done"), "format {format}: {status}");
        stage.run(&["undo", "--yes"]).demand(0);
        assert_eq!(stage.read("stub/vg").trim(), "a-b", "format {format}");
        assert_eq!(before, contents(&stage), "format {format}");
    }
}

#[test]
fn a_run_that_was_cut_is_finished_and_taken_back() {
    needs_root!();
    for (format, text, dir) in JOURNALS {
        let lines: Vec<&str> = text.lines().collect();
        // Where paths are, the journal says: the stage has them under their new names.
        for cut in (AFTER_PATHS..lines.len()).step_by(3) {
            let what = format!("format {format}, {cut} lines");
            let (stage, before) = after(&lines[..cut], dir);
            stage.run(&["rename", "--resume"]).demand(0);
            assert_eq!(stage.read("stub/vg").trim(), "c-d", "{what}");
            stage.run(&["undo", "--yes"]).demand(0);
            assert_eq!(before, contents(&stage), "{what}");
            // What is taken back at once must have been begun: the stage has both images.
            if cut > AFTER_PATHS + 2 * 5 {
                let (stage, before) = after(&lines[..cut], dir);
                stage.run(&["undo", "--yes"]).demand(0);
                assert_eq!(before, contents(&stage), "{what}");
            }
        }
    }
}
