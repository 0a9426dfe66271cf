//! What is still the template's: a template, a clone of it that changed nothing, and one that has
//! everything of its own, each on a stage with a machine of its own around it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use postclone::identity::table::kinds;
use serde_json::{Value, json};

use crate::harness::{Run, bless, needs_root, project};
use crate::stage::Stage;
use crate::tree;

const RECORD: &str = "var/lib/postclone/origin.json";

/// What a hypervisor gives a machine.
pub struct Machine {
    uuid: &'static str,
    mac: &'static str,
    serial: &'static str,
}

pub const TEMPLATE: Machine = Machine {
    uuid: "AAAAAAAA-0000-4000-8000-000000000001",
    mac: "52:54:00:aa:00:01",
    serial: "t1",
};
pub const CLONE: Machine = Machine {
    uuid: "BBBBBBBB-0000-4000-8000-000000000002",
    mac: "52:54:00:bb:00:02",
    serial: "c1",
};

/// A stage with the fixture's tree of that side.
fn stage(side: &str) -> Stage {
    let stage = Stage::new();
    stage.program("usr/bin/lsblk", "#!/bin/sh\ncat /stub/lsblk\n");
    fill(&stage, side);
    stage
}

/// Puts a side's files, group and disks on the stage.
fn fill(stage: &Stage, side: &str) {
    let root = project().join("fixtures/identity").join(side).join("root");
    for dir in ["etc/pve", "var/lib/rabbitmq", "var/lib/ceph", "var/spool"] {
        let _ = fs::remove_dir_all(stage.path(dir));
    }
    copy_over(&root, &stage.path(""));
    stage.set("vg", if side == "template" { "tmpl-vg" } else { "web01-vg" });
    let owner = if side == "template" { "tmpl" } else { "web01" };
    stage.set("owner", owner);
    // The group's UUID is the stub's own text.
    let text = stage.read("usr/sbin/lvm");
    let old = if text.contains(crate::stage::UUID) { crate::stage::UUID } else { "tmpltt-vg" };
    let uuid = if side == "template" { "tmpltt-vg" } else { "web01w-vg" };
    stage.program("usr/sbin/lvm", &text.replace(old, uuid));
    stage.set("lsblk", &lsblk(side));
}

/// Directories and files over those that are there.
fn copy_over(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy_over(&entry.path(), &target);
        } else {
            fs::write(target, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// One device a kind of content, in a side's UUIDs.
pub fn lsblk(side: &str) -> String {
    let letter = if side == "template" { "a" } else { "b" };
    let uuid = |number: u32| format!("{letter}0000000-0000-4000-8000-00000000000{number}");
    let disk = json!({"path": "/dev/vda", "type": "disk", "pttype": "gpt", "ptuuid": uuid(0), "serial": "replaced"});
    let part = |number: u32, content: &str| {
        json!({"path": format!("/dev/vda{number}"), "type": "part", "fstype": content, "uuid": uuid(number),
            "pttype": "gpt", "ptuuid": uuid(0), "partuuid": uuid(number + 4)})
    };
    let list =
        [disk, part(1, "ext4"), part(2, "swap"), part(3, "crypto_LUKS"), part(4, "LVM2_member")];
    json!({ "blockdevices": list }).to_string()
}

/// Makes the stage that machine.
pub fn be(stage: &Stage, machine: &Machine) {
    let nic = "sys/class/net/ens3";
    for dir in ["sys/class/dmi/id".to_owned(), format!("{nic}/device")] {
        fs::create_dir_all(stage.path(&dir)).unwrap();
    }
    stage.write("sys/class/dmi/id/product_uuid", &format!("{}\n", machine.uuid));
    stage.write(&format!("{nic}/address"), &format!("{}\n", machine.mac));
    stage.write(&format!("{nic}/addr_assign_type"), "0\n");
    let text: Value = serde_json::from_str(&stage.read("stub/lsblk")).unwrap();
    let mut text = text;
    text["blockdevices"][0]["serial"] = machine.serial.into();
    stage.set("lsblk", &text.to_string());
}

/// The list, with the exit status that it has to have.
fn list(stage: &Stage, status: i32, more: &[&str]) -> Value {
    let run = stage.run(&[&["identity", "--format", "json"], more].concat()).demand(status);
    serde_json::from_slice(&run.stdout).unwrap()
}

/// The kinds that have a row in a state.
pub fn in_state(list: &Value, state: &str) -> BTreeSet<String> {
    let rows = list["items"].as_array().unwrap().iter();
    let rows = rows.filter(|row| row["state"] == state);
    rows.map(|row| row["item"].as_str().unwrap().to_owned()).collect()
}

fn every_kind() -> BTreeSet<String> {
    kinds().map(|kind| kind.id.to_owned()).collect()
}

fn text(run: &Run) -> String {
    String::from_utf8_lossy(&run.stdout).into_owned()
}

/// What is the same in each run: the record's time is not.
fn without_time(mut list: Value) -> Value {
    for machine in list["record"].as_array_mut().unwrap() {
        machine["since"] = 0.into();
    }
    list
}

fn golden(name: &str, text: &str) {
    let path = project().join("fixtures/identity/expected").join(name);
    if bless() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{} is not what was printed:\n{text}", path.display());
}

#[test]
fn a_clone_has_every_item_of_its_template_until_it_has_its_own() {
    needs_root!();
    let stage = stage("template");
    be(&stage, &TEMPLATE);
    let sealed = stage.run(&["seal"]).demand(0);
    let said = text(&sealed);
    assert!(said.contains("on record in /var/lib/postclone/origin.json"), "{said}");
    let mode = fs::metadata(stage.path(RECORD)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let template = list(&stage, 0, &[]);
    assert_eq!(template["machine"], "template");
    assert_eq!(in_state(&template, "own"), every_kind(), "the template calls all of it its own");

    // A copy of its disk in another machine.
    be(&stage, &CLONE);
    let clone = list(&stage, 5, &[]);
    assert_eq!(clone["machine"], "clone");
    assert_eq!(in_state(&clone, "template"), every_kind());
    let whose: BTreeSet<&str> = clone["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["state"].as_str().unwrap())
        .collect();
    assert_eq!(whose, BTreeSet::from(["template"]), "every row is the template's");
    golden("clone.json", &format!("{:#}\n", without_time(clone)));
    golden("clone.txt", &text(&stage.run(&["identity"]).demand(5)));

    // All of it is changed, and the record follows.
    fill(&stage, "clone");
    be(&stage, &CLONE);
    let own = list(&stage, 0, &[]);
    assert_eq!(in_state(&own, "own"), every_kind(), "{own:#}");
    golden("own.txt", &text(&stage.run(&["identity"]).demand(0)));

    // A copy of the clone has the clone's, which nobody sealed.
    be(
        &stage,
        &Machine {
            uuid: "CCCCCCCC-0000-4000-8000-000000000003",
            mac: "52:54:00:cc:00:03",
            serial: "x1",
        },
    );
    let second = list(&stage, 5, &[]);
    assert_eq!(in_state(&second, "template"), every_kind());
    let evidence = second["items"][0]["evidence"].as_str().unwrap();
    assert!(evidence.contains("web01"), "{evidence}");
}

#[test]
fn a_changed_card_or_disk_is_no_clone() {
    needs_root!();
    let stage = stage("template");
    be(&stage, &TEMPLATE);
    stage.run(&["seal", "--installation"]).demand(0);
    for (mac, serial) in [("52:54:00:dd:00:04", TEMPLATE.serial), ("52:54:00:dd:00:04", "new")] {
        be(&stage, &Machine { uuid: TEMPLATE.uuid, mac, serial });
        let list = list(&stage, 0, &[]);
        assert_eq!(list["machine"], "same");
        assert!(in_state(&list, "template").is_empty());
        // Nobody sealed it, so whose it was before is not known.
        assert!(in_state(&list, "unknown").contains("machine-id"), "{list:#}");
    }
    // The firmware's UUID alone: a person knows.
    be(&stage, &Machine { uuid: CLONE.uuid, mac: "52:54:00:dd:00:04", serial: "new" });
    let before = stage.read(RECORD);
    let list = list(&stage, 0, &[]);
    assert_eq!(list["machine"], "unsure");
    assert!(in_state(&list, "probably").contains("machine-id"));
    assert_eq!(stage.read(RECORD), before, "an unsure machine is not written down");
}

#[test]
fn a_template_is_not_changed_by_mistake() {
    needs_root!();
    let stage = Stage::new();
    stage.program("usr/bin/lsblk", "#!/bin/sh\ncat /stub/lsblk\n");
    stage.set("lsblk", &lsblk("template"));
    be(&stage, &TEMPLATE);
    stage.run(&["seal"]).demand(0);
    let before = stage.system();
    let refused = stage.run(&["rename", "--yes", "a-b", "c-d"]).demand(1);
    assert_eq!(
        refused.stderr.trim(),
        "postclone: error: this machine is the template that was sealed as c: run postclone in a clone of it, or \
         use --force to change the template itself"
    );
    assert!(stage.system() == before, "nothing was changed");
    stage.run(&["rename", "--yes", "--force", "a-b", "c-d"]).demand(0);
    // A clone needs no force.
    let clone = Stage::new();
    clone.program("usr/bin/lsblk", "#!/bin/sh\ncat /stub/lsblk\n");
    clone.set("lsblk", &lsblk("template"));
    be(&clone, &TEMPLATE);
    clone.run(&["seal"]).demand(0);
    be(&clone, &CLONE);
    clone.run(&["rename", "--yes", "a-b", "c-d"]).demand(0);
}

#[test]
fn without_a_record_nothing_is_called_the_templates() {
    needs_root!();
    let stage = stage("template");
    be(&stage, &CLONE);
    stage.write("etc/hostname", "web01\n");
    let list = list(&stage, 0, &[]);
    assert_eq!(list["machine"], "unknown");
    let probably = in_state(&list, "probably");
    for kind in ["ssh-host-key", "pinned-mac", "host-name-place"] {
        assert!(probably.contains(kind), "{kind}: {probably:?}");
    }
    assert!(in_state(&list, "unknown").contains("machine-id"));
    // It was a first run.
    assert!(stage.path(RECORD).exists());
}

#[test]
fn looking_writes_nothing_but_the_record() {
    needs_root!();
    let stage = stage("template");
    be(&stage, &TEMPLATE);
    let before = tree::contents(&stage.path(""));
    stage.run(&[]).demand(0);
    stage.run(&["status", "--format", "json"]).demand(0);
    let log = Path::new("stub/log");
    let same = |after: &std::collections::BTreeMap<_, _>| {
        let without = |all: &std::collections::BTreeMap<std::path::PathBuf, tree::Content>| {
            let kept = all
                .iter()
                .filter(|(path, _)| *path != log && !path.starts_with("var/lib/postclone"));
            kept.map(|(path, content)| (path.clone(), format!("{content:?}"))).collect::<Vec<_>>()
        };
        assert_eq!(without(&before), without(after));
    };
    assert!(!stage.path(RECORD).exists(), "the overview and status write nothing at all");
    stage.run(&["identity"]).demand(0);
    same(&tree::contents(&stage.path("")));
    assert!(stage.path(RECORD).exists());
}

#[test]
fn another_machines_list_is_as_good_as_a_record() {
    needs_root!();
    let root = |side: &str| project().join("fixtures/identity").join(side).join("root");
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("template.json");
    let run = |side: &str, more: &[&str], status: i32| -> Run {
        let root = root(side);
        let args = ["identity", "--root", root.to_str().unwrap(), "--format", "json"];
        crate::harness::postclone(scratch.path(), &[&args, more].concat()).demand(status)
    };
    let template = run("template", &[], 0);
    fs::write(&file, &template.stdout).unwrap();
    let template: Value = serde_json::from_slice(&template.stdout).unwrap();
    assert_eq!(in_state(&template, "template"), BTreeSet::new());
    let against = ["--against", file.to_str().unwrap()];
    let read = |run: Run| -> Value { serde_json::from_slice(&run.stdout).unwrap() };
    let seen: BTreeSet<String> = &every_kind() - &in_state(&template, "absent");
    // What takes the running system is said to be not looked at, and is not called absent.
    let live = [
        "group-name",
        "fs-uuid",
        "swap-uuid",
        "luks-uuid",
        "pv-uuid",
        "vg-uuid",
        "partition-table",
        "partition-uuid",
    ];
    let live: BTreeSet<String> = live.map(str::to_owned).into();
    assert_eq!(seen, every_kind());
    assert!(live.is_subset(&in_state(&template, "unknown")));
    let same = read(run("template", &against, 5));
    assert_eq!(in_state(&same, "template"), &every_kind() - &live);
    let own = read(run("clone", &against, 0));
    assert_eq!(in_state(&own, "own"), &every_kind() - &live);
    // A list that is none.
    fs::write(&file, "{}").unwrap();
    run("clone", &against, 2);
}

#[test]
fn a_machines_own_list_is_refused() {
    needs_root!();
    let stage = stage("template");
    be(&stage, &TEMPLATE);
    let own = stage.run(&["identity", "--format", "json"]).demand(0).stdout;
    fs::write(stage.path("tmp/own.json"), own).unwrap();
    let refused = stage.run(&["identity", "--against", "/tmp/own.json"]).demand(2);
    assert_eq!(
        refused.stderr.trim(),
        "postclone: error: `/tmp/own.json` is a list of this machine itself: give the template's, or another clone's"
    );
    be(&stage, &CLONE);
    let list = list(&stage, 5, &["--against", "/tmp/own.json"]);
    assert_eq!(in_state(&list, "template"), every_kind());
}

/// Holds the manual's table to the finders.
#[test]
fn the_page_has_every_item() {
    let path = project().join("man/identity.md");
    let page = fs::read_to_string(&path).unwrap();
    let mark = "<!-- written by BLESS=1 cargo test identity:: -->\n";
    let head = page.split(mark).next().unwrap();
    let mut table =
        String::from("\n| Item | While two machines share it | To change it |\n|---|---|---|\n");
    for kind in kinds() {
        writeln!(table, "| {} | {} | {} |", kind.id, kind.hurts, kind.change).unwrap();
    }
    let wanted = format!("{head}{mark}{table}");
    if bless() {
        fs::write(&path, &wanted).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap() == wanted, "man/identity.md has another table");
}

#[test]
fn kinds_have_names_of_their_own() {
    let all: Vec<&str> = kinds().map(|kind| kind.id).collect();
    assert_eq!(all.len(), every_kind().len());
    for kind in kinds() {
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(kind.id.chars().all(is_word), "{}", kind.id);
        for text in [kind.hurts, kind.change] {
            assert!(!text.is_empty() && !text.ends_with('.'), "{}: {text}", kind.id);
        }
    }
}

#[test]
fn only_a_machine_of_its_own_is_sealed() {
    needs_root!();
    let stage = Stage::new();
    let refused = stage.run(&["seal"]).demand(1);
    assert_eq!(
        refused.stderr.trim(),
        "postclone: error: nothing tells this machine apart from its clones: it has no firmware UUID, network \
         card or disk that Linux shows"
    );
    be_machine_without_disks(&stage);
    stage.write("run/.containerenv", "");
    let refused = stage.run(&["seal"]).demand(1);
    assert_eq!(
        refused.stderr.trim(),
        "postclone: error: this is a container, and the machine that it shows is its host: run postclone seal in \
         the running template"
    );
    stage.run(&["seal", "--installation"]).demand(0);
    stage.run(&["identity"]).demand(0);
    assert!(!stage.path(RECORD).exists());
}

fn be_machine_without_disks(stage: &Stage) {
    stage
        .set("lsblk", &json!({"blockdevices": [{"path": "/dev/vda", "type": "disk"}]}).to_string());
    be(stage, &TEMPLATE);
}

#[test]
fn what_a_newer_postclone_wrote_is_refused() {
    needs_root!();
    let stage = Stage::new();
    be_machine_without_disks(&stage);
    fs::create_dir_all(stage.path("var/lib/postclone")).unwrap();
    stage.write(RECORD, "{\"format\":2,\"machines\":[],\"entries\":[]}");
    let refused = stage.run(&["identity"]).demand(1);
    assert_eq!(
        refused.stderr.trim(),
        "postclone: error: reading the record `/var/lib/postclone/origin.json`: it has the format 2, but this \
         postclone knows 1: use a newer version"
    );
    // A damaged one stands in nobody's way once it is moved, as the error says.
    let entry = r#"{"item":"a","hash":"b","machine":0,"own":true}"#;
    let stray = format!(r#"{{"format":1,"machines":[],"entries":[{entry}]}}"#);
    for (text, why) in [
        (
            stray.as_str(),
            "it refers to a machine that it does not contain: move it away, and if this is a template, run \
             `postclone seal`",
        ),
        (
            "{}",
            "it is not a record of postclone: move it away, and if this is a template, run `postclone seal`",
        ),
    ] {
        stage.write(RECORD, text);
        let said = stage.run(&["seal"]).demand(1).stderr;
        let start =
            format!("postclone: error: reading the record `/var/lib/postclone/origin.json`: {why}");
        assert!(said.starts_with(&start), "{said}");
        fs::remove_file(stage.path(RECORD)).unwrap();
        stage.run(&["seal"]).demand(0);
    }
    fs::remove_file(stage.path(RECORD)).unwrap();
    stage.write("tmp/list.json", "{\"schema\":2,\"host\":\"x\",\"marks\":{},\"items\":[]}");
    let refused = stage.run(&["identity", "--against", "/tmp/list.json"]).demand(2);
    assert_eq!(
        refused.stderr.trim(),
        "postclone: error: reading `/tmp/list.json`: it has the schema 2, but this postclone knows 1"
    );
}

/// A server that is told on its own which keys it has knows better than its file.
#[test]
fn a_server_whose_configuration_names_keys_is_asked() {
    needs_root!();
    let stage = stage("template");
    be(&stage, &TEMPLATE);
    let key = "etc/ssh/ssh_host_ed25519_key";
    fs::copy(stage.path(key), stage.path("etc/ssh/other_key")).unwrap();
    stage.program(
        "usr/sbin/sshd",
        "#!/bin/sh\necho \"sshd $*\" >>/stub/log\necho hostkey /etc/ssh/other_key\n",
    );
    let places = |stage: &Stage| -> Vec<String> {
        let list = list(stage, 0, &[]);
        let rows = list["items"].as_array().unwrap().iter();
        let keys = rows.filter(|row| row["item"] == "ssh-host-key");
        keys.map(|row| row["place"].as_str().unwrap().to_owned()).collect()
    };
    stage.write("etc/ssh/sshd_config.d/keys.conf", "HostKey /etc/ssh/other_key\n");
    assert_eq!(places(&stage), ["/etc/ssh/other_key"]);
    assert!(stage.asked().contains(&"sshd -T".to_owned()));
    // Without a key in the configuration there is nothing to ask.
    fs::remove_file(stage.path("stub/log")).unwrap();
    fs::remove_dir_all(stage.path("etc/ssh/sshd_config.d")).unwrap();
    stage.write("etc/ssh/sshd_config", "#HostKey /etc/ssh/other_key\nPort 22\n");
    assert_eq!(places(&stage).len(), 3);
    assert!(!stage.asked().contains(&"sshd -T".to_owned()));
}
