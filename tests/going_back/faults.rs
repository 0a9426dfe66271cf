//! A run is made to fail, and killed, at every point where it writes, syncs or starts a program;
//! then it is taken back, or finished, and the tree must be the old one or the new one, whole.

use std::fs;
use std::path::Path;

use crate::golden::{Case, cases};
use crate::harness::{Run, needs_root, postclone_with};
use crate::stage::{Stage, Thing};
use crate::tree::{self, Content};

const RENAME: &[&str] = &["rename", "a-b", "c-d", "--yes", "-q"];

/// The names of all points that an undisturbed run passes.
fn points(stage: &Stage) -> Vec<String> {
    stage.run_with(RENAME, &[("POSTCLONE_FAILPOINT_LOG", "/stub/points")]).demand(0);
    fs::read_to_string(stage.path("stub/points")).unwrap().lines().map(str::to_owned).collect()
}

/// What counts where a run went forward: its files are new, and so are their times.
fn timeless(stage: &Stage) -> Vec<Thing> {
    stage.system().into_iter().map(|thing| Thing { modified: (0, 0), ..thing }).collect()
}

/// Which of a run's points are taken, by POSTCLONE_POINTS: `N/M` for every M-th, from the N-th on; all of
/// them without it. `tests/run` takes a sixteenth, and the rounds of `tests/run --stress` take all thirds.
pub fn is_taken(number: usize) -> bool {
    let Ok(part) = std::env::var("POSTCLONE_POINTS") else { return true };
    let (from, every) = part.split_once('/').expect("POSTCLONE_POINTS is N/M");
    let (from, every): (usize, usize) = (from.parse().unwrap(), every.parse().unwrap());
    number % every == from % every
}

/// Fails, and kills, a run at each of its points. After a failure, and after a kill and `undo` or `--resume`, the
/// tree is the old one, or a new one: `is_new` looks which, and whether it is whole.
pub fn each_point_leaves_old_or_new(
    build: impl Fn() -> Stage,
    verb: &[&str],
    is_new: impl Fn(&Stage) -> bool,
) {
    let stage = build();
    stage.run_with(verb, &[("POSTCLONE_FAILPOINT_LOG", "/stub/points")]).demand(0);
    assert!(is_new(&stage));
    let points: Vec<String> = stage.read("stub/points").lines().map(str::to_owned).collect();
    for (number, name) in points.iter().enumerate().filter(|(number, _)| is_taken(*number)) {
        let stage = build();
        let before = stage.system();
        let point = format!("{}:fail", number + 1);
        let run = stage.run_with(verb, &[("POSTCLONE_FAILPOINT", &point)]);
        match run.status {
            0 => assert!(is_new(&stage), "{point} ({name})"),
            1 | 3 => assert_eq!(before, stage.system(), "{point} ({name})"),
            status => panic!("{point} ({name}): status {status}: {}", run.stderr),
        }
        let stage = build();
        let before = stage.system();
        let point = format!("{}:kill", number + 1);
        let run = stage.run_with(verb, &[("POSTCLONE_FAILPOINT", &point)]);
        if run.status == 0 {
            continue;
        }
        assert_eq!(run.status, 137, "{point} ({name}): {}", run.stderr);
        let resumes = number % 2 == 0;
        let run = stage.run(if resumes { &["rename", "--resume"] } else { &["undo", "--yes"] });
        // A run that was done is not taken up again, and where nothing was begun there is nothing to take back.
        assert!([0, 1].contains(&run.status), "{point} ({name}): {}", run.stderr);
        if is_new(&stage) {
            assert!(resumes, "{point} ({name})");
        } else {
            assert_eq!(before, stage.system(), "{point} ({name})");
        }
        let left = tree::read(&stage.path(""));
        let is_staged = |path: &&std::path::PathBuf| {
            path.to_string_lossy().contains(".postclone-") && !path.starts_with("run")
        };
        let staged: Vec<_> = left.keys().filter(is_staged).collect();
        assert!(staged.is_empty(), "{point} ({name}): {staged:?}");
    }
}

// With LUKS on a volume, and with unified kernel images, a run takes every kind of step.

#[test]
fn every_failure_is_taken_back_with_luks() {
    needs_root!();
    fails_at_every_point(Stage::encrypted);
}

#[test]
fn every_failure_is_taken_back_with_unified_images() {
    needs_root!();
    fails_at_every_point(crate::placed::unified);
}

fn fails_at_every_point(build: fn() -> Stage) {
    let points = points(&build());
    let (mut told, mut asked) = (Vec::new(), 0);
    for (number, name) in points.iter().enumerate().filter(|(number, _)| is_taken(*number)) {
        let stage = build();
        let before = stage.system();
        let point = format!("{}:fail", number + 1);
        let run = stage.run_with(RENAME, &[("POSTCLONE_FAILPOINT", &point)]);
        // Where images are built side by side, the points' order is not that of the first run.
        let words = format!("failpoint {} (", number + 1);
        if run.status == 0 {
            // What only informs may fail: then the run goes on and says so. Before the run begins
            // everything is asked twice, and what failed once alone is none of the plan.
            let said = String::from_utf8_lossy(&run.stdout).into_owned() + &run.stderr;
            let asked_again = points[..=number].iter().all(|name| name == "run");
            assert!(said.contains(&words) || asked_again, "{point} ({name}): {said}");
            assert_eq!(stage.read("stub/vg").trim(), "c-d");
            if said.contains(&words) {
                told.push(format!("{point} ({name})"));
            } else {
                asked += 1;
            }
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
    // blkid for the plan and for the proof, the second look at the running system, what watches pools, and
    // the lock against a shutdown only inform.
    assert!(told.len() <= 5, "failures that were only told of: {told:?}");
    assert!(asked <= 3, "{asked} failures before the run were met by the second plan");
    let taken = (0..points.len()).filter(|number| is_taken(*number)).count();
    eprintln!(
        "{taken} of {} points failed: {} told of, {asked} met by the second plan, the others taken back",
        points.len(),
        told.len()
    );
}

/// Kills a run at a point. False where this run passed fewer: on a busy machine one asks LVM again, and
/// another does not.
fn is_killed(stage: &Stage, number: usize) -> bool {
    let point = format!("{number}:kill");
    let environment =
        [("POSTCLONE_FAILPOINT", point.as_str()), ("POSTCLONE_FAILPOINT_LOG", "/stub/points")];
    let run = stage.run_with(RENAME, &environment);
    if run.status == 0 {
        let passed = stage.read("stub/points").lines().count();
        assert!(passed < number, "{point}: {passed} points passed, and the run was not killed");
        return false;
    }
    run.demand(137);
    true
}

#[test]
fn every_kill_can_be_undone_or_finished() {
    needs_root!();
    kills_at_every_point(Stage::new);
}

#[test]
fn every_kill_can_be_undone_or_finished_with_luks() {
    needs_root!();
    kills_at_every_point(Stage::encrypted);
}

#[test]
fn every_kill_can_be_undone_or_finished_with_unified_images() {
    needs_root!();
    kills_at_every_point(crate::placed::unified);
}

fn kills_at_every_point(build: fn() -> Stage) {
    let reference = build();
    let points = points(&reference);
    let finished = timeless(&reference);
    assert!(points.len() > 30, "only {} points", points.len());
    for (number, name) in points.iter().enumerate().filter(|(number, _)| is_taken(*number)) {
        let point = format!("{}:kill", number + 1);

        let stage = build();
        let before = stage.system();
        if !is_killed(&stage, number + 1) {
            continue;
        }
        assert_eq!(stage.boots(), Ok(()), "{point} ({name}): the next boot");
        let undo = stage.run(&["undo", "--yes"]);
        assert!(
            undo.status == 0 || undo.stderr.contains("no run of postclone"),
            "{point} ({name}): {}",
            undo.stderr
        );
        assert_eq!(before, stage.system(), "{point} ({name}): undone");

        let stage = build();
        if !is_killed(&stage, number + 1) {
            continue;
        }
        stage.run(&["rename", "--resume"]).demand(0);
        // A run that was cut before its first change is not there to be finished.
        stage.run(RENAME).demand(0);
        assert_eq!(finished, timeless(&stage), "{point} ({name}): finished");
        assert_eq!(stage.read("stub/vg").trim(), "c-d");
    }
    let taken = (0..points.len()).filter(|number| is_taken(*number)).count();
    eprintln!("{taken} of {} points killed, each bootable, undone and finished", points.len());
}

#[test]
fn an_undo_that_is_killed_is_finished_by_the_next() {
    needs_root!();
    kills_undo_at_every_point(Stage::new);
}

#[test]
fn an_undo_that_is_killed_is_finished_by_the_next_with_luks() {
    needs_root!();
    kills_undo_at_every_point(Stage::encrypted);
}

#[test]
fn an_undo_that_is_killed_is_finished_by_the_next_with_unified_images() {
    needs_root!();
    kills_undo_at_every_point(crate::placed::unified);
}

fn kills_undo_at_every_point(build: fn() -> Stage) {
    let stage = build();
    stage.run(RENAME).demand(0);
    stage.run_with(&["undo", "--yes"], &[("POSTCLONE_FAILPOINT_LOG", "/stub/points")]).demand(0);
    let points = stage.read("stub/points").lines().count();
    for number in (1..=points).filter(|number| is_taken(*number)) {
        let stage = build();
        let before = stage.system();
        stage.run(RENAME).demand(0);
        let point = format!("{number}:kill");
        stage.run_with(&["undo", "--yes"], &[("POSTCLONE_FAILPOINT", &point)]).demand(137);
        assert_eq!(stage.boots(), Ok(()), "{point}: the next boot");
        stage.run(&["undo", "--yes"]).demand(0);
        assert_eq!(before, stage.system(), "{point}");
    }
    let taken = (1..=points).filter(|number| is_taken(*number)).count();
    eprintln!("{taken} of {points} points of undo killed, each bootable and undone");
}

/// A run on a fixture's tree, by its report where it has one.
fn on_fixture(case: &Case, root: &Path, environment: &[(&str, &str)]) -> Run {
    let mut args = vec![
        "rename",
        &case.old,
        &case.new,
        "--files-only",
        "--yes",
        "--accept-stale",
        "-q",
        "--root",
        root.to_str().unwrap(),
    ];
    if case.dir.join("lvm.json").exists() {
        args.extend(["--lvm-report", "lvm.json"]);
    }
    postclone_with(&case.dir, &args, environment)
}

#[test]
fn every_fixture_stands_it() {
    needs_root!();
    let mut all = 0;
    for case in cases() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let path = log.path().to_str().unwrap();
        let copy = case.copy();
        on_fixture(&case, copy.path(), &[("POSTCLONE_FAILPOINT_LOG", path)]).demand(0);
        let points = fs::read_to_string(log.path()).unwrap().lines().count();
        // A tree of many files passes the same points for each: of such every third is taken, and all
        // of the last ones.
        let taken = |number: &usize| points <= 75 || *number % 3 == 0 || number + 15 > points;
        for number in (1..=points).filter(taken) {
            for (how, status) in [("fail", [1, 3]), ("kill", [137, 137])] {
                let point = format!("{number}:{how}");
                let copy = case.copy();
                let before = tree::read(copy.path());
                let root = copy.path().to_str().unwrap();
                let run = on_fixture(&case, copy.path(), &[("POSTCLONE_FAILPOINT", &point)]);
                assert!(status.contains(&run.status), "{} {point}: {}", case.name(), run.stderr);
                if how == "kill" {
                    // One half is taken back, the other finished.
                    if number % 2 == 0 {
                        postclone_with(
                            &case.dir,
                            &["rename", "--resume", "-q", "--root", root],
                            &[],
                        )
                        .demand(0);
                        on_fixture(&case, copy.path(), &[]).demand(0);
                        tree::same(copy.path(), &case.dir.join("expected/root"), &case.name());
                        continue;
                    }
                    let undo =
                        postclone_with(&case.dir, &["undo", "--yes", "-q", "--root", root], &[]);
                    assert!(
                        undo.status == 0 || undo.stderr.contains("no run of postclone"),
                        "{}",
                        undo.stderr
                    );
                }
                let now = tree::read(copy.path());
                for (path, entry) in &before {
                    let same = now.get(path).is_some_and(|now| {
                        (&now.content, now.mode, now.owner)
                            == (&entry.content, entry.mode, entry.owner)
                            && (entry.content == Content::Directory
                                || now.modified == entry.modified)
                    });
                    assert!(same, "{} {point}: {}", case.name(), path.display());
                }
                // Nothing under a new name either; where runs keep their journals, `var` may be new.
                let more = now.keys().find(|path| {
                    !before.contains_key(*path) && !Path::new("var/lib").starts_with(path)
                });
                assert_eq!(more, None, "{} {point}", case.name());
                all += 1;
            }
        }
    }
    eprintln!("{all} faults on the fixtures");
}
