//! On a terminal: the question, colours, and control characters that are shown instead of obeyed.

use std::fs;

use crate::harness::on_terminal;

const FSTAB: &str = "# \x1b[2Jhidden\n/dev/mapper/a--b-root / ext4 defaults 0 1\n";

fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("etc")).unwrap();
    fs::write(dir.path().join("etc/fstab"), FSTAB).unwrap();
    dir
}

fn typed(dir: &tempfile::TempDir, words: &str, environment: &[(&str, &str)]) -> (i32, String) {
    let command =
        format!("'{}' rename a-b c-d --files-only --root .", env!("CARGO_BIN_EXE_postclone"));
    on_terminal(dir.path(), &command, words, environment)
}

#[test]
fn no_means_no() {
    for answer in ["n\n", "\n", "what\n"] {
        let dir = tree();
        let (status, screen) = typed(&dir, answer, &[]);
        assert_eq!(status, 1, "{screen}");
        assert!(screen.contains("Rename volume group a-b to c-d now? [y/N]"), "{screen}");
        assert!(screen.contains("not confirmed: nothing was changed"), "{screen}");
        assert_eq!(fs::read_to_string(dir.path().join("etc/fstab")).unwrap(), FSTAB);
        assert!(!dir.path().join("var").exists());
    }
}

#[test]
fn yes_is_done_and_the_files_controls_are_shown() {
    let dir = tree();
    let (status, screen) = typed(&dir, "y\n", &[]);
    assert_eq!(status, 0, "{screen}");
    assert!(screen.contains("\x1b[32m+/dev/mapper/c--d-root"), "{screen}");
    assert!(screen.contains("# \\x1b[2Jhidden"), "{screen}");
    assert!(!screen.contains("\x1b[2J"), "{screen}");
    let after = fs::read_to_string(dir.path().join("etc/fstab")).unwrap();
    assert_eq!(after, FSTAB.replace("a--b", "c--d"));
}

#[test]
fn no_color_is_heeded() {
    for environment in [[("NO_COLOR", "1")], [("TERM", "dumb")]] {
        let (_, screen) = typed(&tree(), "n\n", &environment);
        assert!(screen.contains("+/dev/mapper/c--d-root") && !screen.contains('\x1b'), "{screen}");
    }
}
