//! Properties of names and of the token finder, for inputs that nobody foresaw.
//!
//! Failing seeds are kept in `tests/names.proptest-regressions`.

use std::collections::BTreeSet;

use postclone::names::{LvName, VgName, dm, path, unit};
use postclone::rewrite::edit::{Findings, apply};
use postclone::rewrite::matcher::{Matcher, Volumes};
use postclone::rewrite::scan::{GRUB, scan};
use postclone::rewrite::{PLACES, fstab};
use proptest::prelude::*;

fn vg() -> impl Strategy<Value = VgName> {
    "[a-c.+_0-9][a-c.+_0-9-]{0,7}".prop_filter_map("no name", |name| VgName::new(&name).ok())
}

fn lv() -> impl Strategy<Value = LvName> {
    "[a-c.+_0-9][a-c.+_0-9-]{0,7}".prop_filter_map("no name", |name| LvName::new(&name).ok())
}

fn matcher(old: &VgName, new: &VgName, volumes: &[LvName]) -> Matcher {
    let known = volumes.iter().cloned().collect();
    Matcher::new(old.clone(), new.clone(), Volumes::Known(known), BTreeSet::new())
}

/// Every spelling of a volume, each where it would stand.
fn spellings(vg: &VgName, lv: &LvName) -> Vec<String> {
    let paths = [path::mapper_path(vg, lv), path::device_path(vg, lv), path::by_id_path(vg, lv)];
    let mut all: Vec<String> = paths.iter().map(|path| format!("x={path},y")).collect();
    all.extend(paths.iter().map(|path| format!("after={}.device z", unit::escape_path(path))));
    all.push(format!("rd.lvm.lv={vg}/{lv} q"));
    all.push(format!("set root='lvm/{}'", dm::dm_name(vg, lv)));
    all.push(format!("--id 'gnulinux-simple-{}' {{", path::mapper_path(vg, lv)));
    all
}

fn rewritten(matcher: &Matcher, text: &str) -> String {
    let mut findings = Findings::default();
    scan(matcher, text.as_bytes(), 0..text.len(), GRUB, &mut findings);
    String::from_utf8(apply(text.as_bytes(), &findings.edits)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: Some(Box::new(
        proptest::test_runner::FileFailurePersistence::Direct("tests/names.proptest-regressions"))),
        ..ProptestConfig::default() })]

    #[test]
    fn a_dm_name_splits_into_what_it_was_made_of(vg in vg(), lv in lv()) {
        let parts = dm::split(&dm::dm_name(&vg, &lv)).unwrap();
        // A volume that ends in a hyphen leaves an odd run only at the very end, where it is literal.
        prop_assert_eq!(parts.vg, vg.as_str());
        prop_assert_eq!(parts.lv, lv.as_str());
        prop_assert_eq!(parts.layer, None);
    }

    #[test]
    fn a_unit_name_decodes_into_its_path(vg in vg(), lv in lv()) {
        for path in [path::mapper_path(&vg, &lv), path::device_path(&vg, &lv)] {
            let escaped = unit::escape_path(&path);
            let decoded: Vec<u8> = unit::unescape(escaped.as_bytes()).unwrap().iter().map(|d| d.0).collect();
            prop_assert_eq!(decoded, path.as_bytes());
        }
    }

    #[test]
    fn every_spelling_is_rewritten_and_comes_back(old in vg(), new in vg(), lv in lv()) {
        prop_assume!(old != new);
        let (there, back) = (matcher(&old, &new, std::slice::from_ref(&lv)), matcher(&new, &old, std::slice::from_ref(&lv)));
        for (text, wanted) in spellings(&old, &lv).into_iter().zip(spellings(&new, &lv)) {
            let after = rewritten(&there, &text);
            prop_assert_eq!(&after, &wanted);
            prop_assert_eq!(rewritten(&there, &after), wanted.clone(), "not idempotent");
            prop_assert_eq!(rewritten(&back, &after), text, "does not come back");
        }
    }

    #[test]
    fn another_groups_volume_is_never_touched(old in vg(), new in vg(), other in vg(), lv in lv(), all in prop::collection::vec(lv(), 0..4)) {
        prop_assume!(old != other);
        let mut known = all;
        known.push(lv.clone());
        let matcher = matcher(&old, &new, &known);
        for text in spellings(&other, &lv) {
            prop_assert_eq!(rewritten(&matcher, &text), text);
        }
    }

    #[test]
    fn no_rewriter_panics_or_touches_bytes_outside_its_edits(
        old in vg(), new in vg(), lv in lv(),
        pieces in prop::collection::vec(prop_oneof![
            any::<Vec<u8>>(),
            "[ \t\n\r\\\\#\"',=:/-]{0,4}".prop_map(String::into_bytes),
            Just(b"/dev/mapper/".to_vec()), Just(b"/dev/".to_vec()), Just(b"rd.lvm.lv=".to_vec()),
            Just(b"rd.lvm.vg=\"".to_vec()), Just(b"lvm/".to_vec()), Just(b"dev-mapper-".to_vec()),
            Just(b"\\x2d".to_vec()), Just(b"\\055".to_vec()), Just(b"volume_list = [ \"".to_vec()),
            Just(b"\\\\x2d".to_vec()), Just(b"&#45;".to_vec()), Just(b"\\u002d".to_vec()), Just(b"e\"".to_vec()),
            Just(b"<pool type='logical'><source><name>".to_vec()), Just(b"</name>".to_vec()), Just(b"<a b='".to_vec()),
            Just(b"<!--".to_vec()), Just(b"-->".to_vec()), Just(b"<nvpair name='vgname' value='".to_vec()),
            Just(b"ENV{DM_VG_NAME}==\"".to_vec()), Just(b"ENV{DM_NAME}==\"".to_vec()), Just(b"SYMLINK+=\"".to_vec()),
            Just(b"RUN+=\"".to_vec()), Just(b"What=".to_vec()), Just(b"After=".to_vec()), Just(b"ExecStart=".to_vec()),
            Just(b"\\\n".to_vec()), Just(b"EXCLUDE_VG=(".to_vec()), Just(b"vgname ".to_vec()), Just(b"pool_name = \"".to_vec()),
            Just(b"\"dm.thinpooldev=".to_vec()), Just(b"lvm-activate-".to_vec()), Just(b".service ".to_vec()), Just(b"@".to_vec()),
            Just(b".device".to_vec()), Just(b"dev-mapper-UNIT.swap".to_vec()), Just(b"nas:".to_vec()), Just(b"-f".to_vec()),
            Just(b"GROUP".to_vec()), Just(b"DMNAME".to_vec()), Just(b"UNIT".to_vec()),
            Just(b"# GRUB Environment Block\n".to_vec()), Just(b"########".to_vec()),
            Just(b"TOKEN".to_vec()),
        ], 0..16),
    ) {
        let token = path::mapper_path(&old, &lv).into_bytes();
        let piece = |piece: Vec<u8>| match piece.as_slice() {
            b"TOKEN" => token.clone(),
            b"GROUP" => old.to_string().into_bytes(),
            b"DMNAME" => dm::dm_name(&old, &lv).into_bytes(),
            b"UNIT" => unit::escape_path(&path::mapper_path(&old, &lv)).into_bytes(),
            _ => piece,
        };
        let text: Vec<u8> = pieces.into_iter().flat_map(piece).collect();
        for volumes in [Volumes::Known(BTreeSet::from([lv.clone()])), Volumes::ByForm] {
            let matcher = Matcher::new(old.clone(), new.clone(), volumes, BTreeSet::new());
            for place in PLACES {
                // A block that is no block, or too small, is refused; that is an answer.
                let Ok(findings) = (place.rewrite)(&matcher, &text) else { continue };
                let mut at = 0;
                for edit in &findings.edits {
                    prop_assert!(edit.range.start >= at && edit.range.end <= text.len());
                    prop_assert!(edit.token.start <= edit.range.start && edit.range.end <= edit.token.end);
                    prop_assert!(!text[edit.range.clone()].contains(&b'\n'));
                    at = edit.range.end;
                }
                for left in &findings.left {
                    prop_assert!(left.token.start <= left.token.end && left.token.end <= text.len());
                }
                let after = apply(&text, &findings.edits);
                if place.kind == "grubenv" {
                    prop_assert_eq!(after.len(), text.len());
                }
                if old != new && place.kind != "grubenv" {
                    let again = (place.rewrite)(&matcher, &after).unwrap();
                    prop_assert!(again.edits.is_empty(), "{}: not idempotent: {:?}", place.kind, String::from_utf8_lossy(&after));
                }
            }
        }
    }
}

#[test]
fn the_comments_example_of_the_design_holds() {
    let name = |name| VgName::new(name).unwrap();
    let root = LvName::new("root").unwrap();
    let matcher =
        Matcher::new(name("a"), name("z"), Volumes::Known(BTreeSet::from([root])), BTreeSet::new());
    let text = b"/dev/mapper/a--b-root / ext4\n/dev/mapper/a-root /a ext4\n";
    let after = apply(text, &fstab::rewrite(&matcher, text).unwrap().edits);
    assert_eq!(after, b"/dev/mapper/a--b-root / ext4\n/dev/mapper/z-root /a ext4\n");
}
