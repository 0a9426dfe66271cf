//! The journal of a run that was cut anywhere, or damaged.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use postclone::guest::root::Root;
use postclone::transaction::journal::Journal;
use postclone::transaction::record::{Direction, State};

static TREE: LazyLock<PathBuf> = LazyLock::new(|| {
    let dir = std::env::temp_dir().join(format!("postclone-fuzz-{}", std::process::id()));
    for dir in [run(&dir), dir.join("etc")] {
        fs::create_dir_all(dir).expect("a directory for the journal");
    }
    dir
});

fn run(tree: &std::path::Path) -> PathBuf {
    tree.join("var/lib/postclone/000001")
}

/// It is read or refused, and read once more it says the same, to the byte: reading writes nothing. What
/// is written then comes behind all that was read.
pub fn check(input: &[u8]) {
    let path = run(&TREE).join("journal");
    fs::write(&path, input).expect("writing the journal");
    let root = Root::open(&TREE).expect("the tree is there");
    let Ok(Some(journal)) = Journal::latest(&root) else { return };
    let told = |journal: &Journal| {
        let steps = 0..journal.saved.steps.len();
        let ways = [Direction::Forward, Direction::Backward];
        let state = match journal.state() {
            State::Open(Direction::Forward) => 0,
            State::Open(Direction::Backward) => 1,
            State::Done => 2,
            State::Undone => 3,
        };
        let of_steps: Vec<(bool, bool)> = steps
            .flat_map(|step| {
                ways.map(|way| (journal.is_done(way, step), journal.was_begun(way, step)))
            })
            .collect();
        (state, of_steps)
    };
    let first = told(&journal);
    drop(journal);
    assert!(fs::read(&path).expect("the journal is there") == input, "it was only read");
    let mut again = Journal::latest(&root).expect("it was read once").expect("it was there");
    assert_eq!(told(&again), first);
    if !again.saved.steps.is_empty() {
        again.intend(Direction::Backward, 0).expect("there is room");
        let (own, read) = (told(&again), Journal::latest(&root));
        assert_eq!(told(&read.expect("it is whole").expect("it is there")), own);
    }
}
