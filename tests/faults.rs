//! A run is made to fail, and killed, at every point where it writes, syncs or starts a program;
//! then it is taken back, or finished, and the tree must be the old one or the new one, whole.

use std::fs;
use std::path::PathBuf;

use crate::stage::{Stage, Thing};
use crate::tree::Content;

const RENAME: &[&str] = &["rename", "a-b", "c-d", "--yes", "-q"];

/// The names of all points that an undisturbed run passes.
fn points(stage: &Stage) -> Vec<String> {
    stage.run_with(RENAME, &[("POSTCLONE_FAILPOINT_LOG", "/stub/points")]).demand(0);
    fs::read_to_string(stage.path("stub/points")).unwrap().lines().map(str::to_owned).collect()
}

/// What counts where a run went forward: its files are new, and so are their times.
fn timeless(stage: &Stage) -> Vec<(PathBuf, Content, u32, Option<Vec<u8>>)> {
    stage
        .system()
        .into_iter()
        .map(|thing: Thing| (thing.path, thing.content, thing.mode, thing.origin))
        .collect()
}

#[test]
fn every_failure_is_taken_back() {
    let points = points(&Stage::new());
    let mut told = 0;
    for (number, name) in points.iter().enumerate() {
        let stage = Stage::new();
        let before = stage.system();
        let point = format!("{}:fail", number + 1);
        let run = stage.run_with(RENAME, &[("POSTCLONE_FAILPOINT", &point)]);
        let words = format!("failpoint {} ({name})", number + 1);
        if run.status == 0 {
            // What only informs may fail: then the run goes on and says so.
            assert!(String::from_utf8_lossy(&run.stdout).contains(&words), "{point} ({name})");
            assert_eq!(stage.read("stub/vg").trim(), "c-d");
            told += 1;
            continue;
        }
        assert!(
            [1, 3].contains(&run.status),
            "{point} ({name}): status {}: {}",
            run.status,
            run.stderr
        );
        assert!(run.stderr.contains(&words), "{}", run.stderr);
        assert_eq!(before, stage.system(), "{point} ({name})");
        assert_eq!(stage.read("stub/vg").trim(), "a-b");
    }
    assert!(told <= 3, "{told} failures were only told of");
    eprintln!("{} points failed: {told} told of, the others taken back", points.len());
}

#[test]
fn every_kill_can_be_undone_or_finished() {
    let reference = Stage::new();
    let points = points(&reference);
    let finished = timeless(&reference);
    assert!(points.len() > 30, "only {} points", points.len());
    for (number, name) in points.iter().enumerate() {
        let point = format!("{}:kill", number + 1);

        let stage = Stage::new();
        let before = stage.system();
        stage.run_with(RENAME, &[("POSTCLONE_FAILPOINT", &point)]).demand(137);
        let undo = stage.run(&["undo", "--yes"]);
        assert!(
            undo.status == 0 || undo.stderr.contains("no run of postclone"),
            "{point} ({name}): {}",
            undo.stderr
        );
        assert_eq!(before, stage.system(), "{point} ({name}): undone");

        let stage = Stage::new();
        stage.run_with(RENAME, &[("POSTCLONE_FAILPOINT", &point)]).demand(137);
        stage.run(&["rename", "--resume"]).demand(0);
        // A run that was cut before its first change is not there to be finished.
        stage.run(RENAME).demand(0);
        assert_eq!(finished, timeless(&stage), "{point} ({name}): finished");
        assert_eq!(stage.read("stub/vg").trim(), "c-d");
    }
    eprintln!("{} points killed, each undone and finished", points.len());
}

#[test]
fn an_undo_that_is_killed_is_finished_by_the_next() {
    let stage = Stage::new();
    stage.run(RENAME).demand(0);
    stage.run_with(&["undo", "--yes"], &[("POSTCLONE_FAILPOINT_LOG", "/stub/points")]).demand(0);
    let points = stage.read("stub/points").lines().count();
    for number in 1..=points {
        let stage = Stage::new();
        let before = stage.system();
        stage.run(RENAME).demand(0);
        let point = format!("{number}:kill");
        stage.run_with(&["undo", "--yes"], &[("POSTCLONE_FAILPOINT", &point)]).demand(137);
        stage.run(&["undo", "--yes"]).demand(0);
        assert_eq!(before, stage.system(), "{point}");
    }
    eprintln!("{points} points of undo killed, each undone");
}
