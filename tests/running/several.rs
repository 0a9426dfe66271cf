//! A plan of several changes: their edits of a file are one, and so are the journal and the way back.

use std::fs;
use std::path::Path;

use postclone::change::Changes;
use postclone::engine::{Scope, apply, gather, job};
use postclone::group;
use postclone::guest::root::Root;
use postclone::names::{LvName, VgName};
use postclone::transaction::journal::Journal;
use postclone::volume;

use crate::harness::postclone;
use crate::tree;

const FSTAB: &str = "/dev/mapper/a--b-root / ext4 defaults 0 1\n/dev/a-b/home /home ext4 defaults 0 2\n\
                     /dev/mapper/other-root /srv ext4 noauto 0 0\n";

/// The group `a-b` gets the name `c`, and its volume `root` then the name `sys-tem`.
fn changes() -> Changes {
    let vg = |name| VgName::new(name).unwrap();
    let lv = |name| LvName::new(name).unwrap();
    let group = group::Kept { old: vg("a-b"), new: vg("c"), uuid: None, volumes: None };
    let volume = volume::Kept {
        group: vg("c"),
        group_uuid: None,
        old: lv("root"),
        new: lv("sys-tem"),
        uuid: None,
        volumes: None,
    };
    Changes(vec![Box::new(group::Rename::from(group)), Box::new(volume::Rename::from(volume))])
}

fn carried_out(path: &Path) {
    let root = Root::open(path).unwrap();
    let gathered = gather(&root, &[], true, || Ok((changes(), Vec::new()))).unwrap();
    let scope = Scope { files_only: true, images: false, undoes: None };
    let job = job(root, path, gathered, scope).unwrap();
    assert_eq!(job.plan.files.len(), 2, "each file is planned once");
    apply::run(&job).unwrap();
}

#[test]
fn both_names_change_at_once_and_go_back_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::create_dir_all(root.join("boot/grub")).unwrap();
    fs::write(root.join("etc/fstab"), FSTAB).unwrap();
    let menu = "linux /vmlinuz root=/dev/mapper/a--b-root rd.lvm.lv=a-b/root rd.lvm.lv=a-b/home\n";
    fs::write(root.join("boot/grub/grub.cfg"), menu).unwrap();
    let before = tree::contents(&root);
    carried_out(&root);
    assert_eq!(
        fs::read_to_string(root.join("etc/fstab")).unwrap(),
        FSTAB.replace("a--b-root", "c-sys--tem").replace("a-b/home", "c/home")
    );
    assert_eq!(
        fs::read_to_string(root.join("boot/grub/grub.cfg")).unwrap(),
        "linux /vmlinuz root=/dev/mapper/c-sys--tem rd.lvm.lv=c/sys-tem rd.lvm.lv=c/home\n"
    );
    let journal = Journal::latest(&Root::open(&root).unwrap()).unwrap().unwrap();
    let kinds: Vec<&str> = journal.saved.changes.iter().map(|change| &*change.kind).collect();
    assert_eq!(kinds, ["group", "volume"]);
    let status = postclone(&root, &["status", "--root", root.to_str().unwrap()]).demand(0);
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(status.contains("a-b to c, c/root to c/sys-tem, done"), "{status}");
    // A line that came after it goes back by both names as well.
    let later = "linux /vmlinuz-2 root=/dev/c/sys-tem\n";
    let text = fs::read_to_string(root.join("boot/grub/grub.cfg")).unwrap() + later;
    fs::write(root.join("boot/grub/grub.cfg"), text).unwrap();
    postclone(&root, &["undo", "--yes", "--root", root.to_str().unwrap()]).demand(0);
    let mut after = tree::contents(&root);
    after.retain(|path, _| before.contains_key(path));
    let menu = menu.to_owned() + "linux /vmlinuz-2 root=/dev/a-b/root\n";
    let grub = after.remove(Path::new("boot/grub/grub.cfg")).unwrap();
    assert_eq!(grub, tree::Content::File(menu.into()));
    let mut before = before;
    before.remove(Path::new("boot/grub/grub.cfg"));
    assert_eq!(before, after);
}
