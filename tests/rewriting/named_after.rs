//! NEW where nobody gave it: of which host name it is made, and when that would be a guess.

use std::fs;
use std::process::{Command, Stdio};

use crate::harness::{Run, needs_root, postclone, run};
use crate::stage::Stage;

/// A stage with a group of this name, on a host of this name by `/etc/hostname`.
fn stage(group: &str, host: &str) -> Stage {
    let stage = Stage::new();
    stage.set("vg", group);
    stage.write("etc/hostname", &format!("{host}\n"));
    stage
}

/// Runs postclone where the kernel has this host name.
fn on(stage: &Stage, kernel: &str, args: &[&str]) -> Run {
    let script = "hostname \"$1\" && shift && exec chroot \"$@\"";
    let output = Command::new("unshare")
        .args(["--uts", "sh", "-c", script, "sh", kernel])
        .arg(stage.path(""))
        .arg("/usr/sbin/postclone")
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    run(output)
}

fn put(stage: &Stage, path: &str, bytes: impl AsRef<[u8]>) {
    let path = stage.path(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A pool of Hyper-V's: keys of 512 bytes, values of 2048 (Linux tools/hv/hv_kvp_daemon.c).
fn pool(records: &[(&str, &str)]) -> Vec<u8> {
    let mut pool = Vec::new();
    for (key, value) in records {
        for (text, size) in [(key, 512), (value, 2048)] {
            let end = pool.len() + size;
            pool.extend_from_slice(text.as_bytes());
            pool.resize(end, 0);
        }
    }
    pool
}

fn on_hyper_v(stage: &Stage, name: &str) {
    put(stage, "sys/class/dmi/id/sys_vendor", "Microsoft Corporation\n");
    put(stage, "sys/class/dmi/id/product_name", "Virtual Machine\n");
    let records = [("HostName", "HV-HOST-7"), ("VirtualMachineName", name)];
    put(stage, "var/lib/hyperv/.kvp_pool_3", pool(&records));
    put(stage, "proc/stat", "cpu  1 2 3\nbtime 1000\n");
}

/// What a dry run plans: the new name, the host's name and its source.
#[track_caller]
fn planned(run: Run) -> (String, String, String) {
    let run = run.demand(0);
    let plan: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("none").to_owned();
    (text(&plan["new"]), text(&plan["named_after"]["host"]), text(&plan["named_after"]["source"]))
}

#[track_caller]
fn refused(run: Run, line: &str) {
    let run = run.demand(1);
    assert_eq!(run.stderr, format!("postclone: error: {line}\n"));
}

const LOOK: &[&str] = &["rename", "tpl-vg", "--dry-run", "--format", "json"];
const GO: &[&str] = &["rename", "tpl-vg", "--yes"];

fn made(new: &str, host: &str, source: &str) -> (String, String, String) {
    (new.to_owned(), host.to_owned(), source.to_owned())
}

#[test]
fn the_hosts_own_name_comes_first() {
    needs_root!();
    let stage = stage("tpl-vg", "web01.example.org");
    on_hyper_v(&stage, "vm7");
    assert_eq!(planned(on(&stage, "kernel", LOOK)), made("web01-vg", "web01", "file"));
    fs::remove_file(stage.path("etc/hostname")).unwrap();
    assert_eq!(planned(on(&stage, "kernel.lan", LOOK)), made("kernel-vg", "kernel", "kernel"));
    let given = [LOOK, &["--to-hostname", "db01.example.org"]].concat();
    assert_eq!(planned(on(&stage, "kernel", &given)), made("db01-vg", "db01", "argument"));
    let text = String::from_utf8(on(&stage, "kernel", &["rename", "tpl-vg", "-n"]).stdout).unwrap();
    let line =
        "\n# The new name is made from the host name kernel (the running kernel's host name).\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn a_given_name_is_made_of_nothing() {
    needs_root!();
    let stage = stage("tpl-vg", "web01");
    let run = on(&stage, "web01", &[LOOK, &["own"]].concat());
    assert_eq!(planned(run), made("own", "none", "none"));
}

#[test]
fn each_source_is_read_and_named() {
    needs_root!();
    let stage = stage("tpl-vg", "tpl");
    assert_eq!(planned(on(&stage, "dhcp7.lan", LOOK)), made("dhcp7-vg", "dhcp7", "kernel"));
    on_hyper_v(&stage, "web01");
    assert_eq!(planned(on(&stage, "tpl", LOOK)), made("web01-vg", "web01", "hyper-v"));
    // Nobody set a name: the tag is what the firmware writes.
    put(&stage, "sys/class/dmi/id/chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77\n");
    assert_eq!(planned(on(&stage, "tpl", LOOK)), made("web01-vg", "web01", "hyper-v"));
    fs::remove_dir_all(stage.path("sys/class/dmi")).unwrap();
    put(&stage, "sys/class/dmi/id/chassis_asset_tag", "rack-7\n");
    assert_eq!(planned(on(&stage, "tpl", LOOK)), made("rack-7-vg", "rack-7", "asset-tag"));
    put(&stage, "sys/class/dmi/id/chassis_asset_tag", "No Asset Tag\n");
    put(&stage, "run/cloud-init/instance-data.json", r#"{"v1":{"local_hostname":"ip-10-0-0-7"}}"#);
    assert_eq!(
        planned(on(&stage, "tpl", LOOK)),
        made("ip-10-0-0-7-vg", "ip-10-0-0-7", "cloud-init")
    );
    fs::remove_dir_all(stage.path("run/cloud-init")).unwrap();
    put(&stage, "sys/class/dmi/id/sys_vendor", "VMware, Inc.\n");
    stage.program(
        "usr/bin/vmware-rpctool",
        "#!/bin/sh\n[ \"$*\" = 'info-get guestinfo.hostname' ] && echo esx01\n",
    );
    assert_eq!(planned(on(&stage, "tpl", LOOK)), made("esx01-vg", "esx01", "vmware"));
}

#[test]
fn a_pool_that_the_template_left_says_nothing() {
    needs_root!();
    let none = |run: Run| {
        let out = String::from_utf8(run.demand(0).stdout).unwrap();
        assert!(out.contains(r#""outcome": "nothing-to-do""#), "{out}");
    };
    let stage = stage("tpl-vg", "tpl");
    on_hyper_v(&stage, "web01");
    // Written before this boot, and with no time of the boot.
    put(&stage, "proc/stat", "btime 99999999999\n");
    none(on(&stage, "tpl", LOOK));
    fs::remove_file(stage.path("proc/stat")).unwrap();
    none(on(&stage, "tpl", LOOK));
    // A name that is no host's, and a file that is cut off.
    on_hyper_v(&stage, "Web 01 (restored)");
    none(on(&stage, "tpl", LOOK));
    on_hyper_v(&stage, "web01");
    let pool = fs::read(stage.path("var/lib/hyperv/.kvp_pool_3")).unwrap();
    put(&stage, "var/lib/hyperv/.kvp_pool_3", &pool[..pool.len() - 1]);
    none(on(&stage, "tpl", LOOK));
    // Another hypervisor's guest that came from Hyper-V.
    on_hyper_v(&stage, "web01");
    put(&stage, "sys/class/dmi/id/sys_vendor", "QEMU\n");
    none(on(&stage, "tpl", LOOK));
}

#[test]
fn yes_guesses_nothing() {
    needs_root!();
    let stage = stage("tpl-vg", "tpl");
    on_hyper_v(&stage, "web01");
    let before = stage.system();
    refused(
        on(&stage, "tpl", GO),
        "`tpl-vg` contains this host's name, `tpl` (/etc/hostname), which may still be the template's; \
         Hyper-V's name for this machine has `web01`: give it with --to-hostname web01, or give NEW",
    );
    fs::remove_file(stage.path("etc/hostname")).unwrap();
    refused(
        on(&stage, "localhost", GO),
        "the system has no host name; Hyper-V's name for this machine has `web01`: give it with \
         --to-hostname web01, or give NEW",
    );
    fs::remove_dir_all(stage.path("sys")).unwrap();
    refused(
        on(&stage, "localhost", GO),
        "the system has no host name: give the host's new name with --to-hostname NAME, or give NEW",
    );
    stage.write("etc/hostname", "tpl\n");
    assert!(stage.asked().is_empty());
    assert_eq!(before.len(), stage.system().len() + 2);
}

#[test]
fn names_that_do_not_agree_are_not_chosen_from() {
    needs_root!();
    let stage = stage("tpl-vg", "tpl");
    on_hyper_v(&stage, "web01");
    refused(
        on(&stage, "web02", LOOK),
        "`tpl-vg` contains this host's name, `tpl` (/etc/hostname), which may still be the template's; \
         the running kernel's host name has `web02`, Hyper-V's name for this machine has `web01`: \
         give it with --to-hostname web02, or give NEW",
    );
}

#[test]
fn a_pattern_is_needed() {
    needs_root!();
    let none = |host: &str| {
        format!(
            "`a-b` has no pattern from which a name for the host `{host}` could be made: give NEW"
        )
    };
    let stage = stage("a-b", "web01");
    refused(on(&stage, "web01", &["rename", "--yes", "a-b"]), &none("web01"));
    refused(on(&stage, "web01", &["rename", "--yes", "a-b", "--to-hostname", "x"]), &none("x"));
    let stage = Stage::new();
    stage.set("vg", "tpl-vg");
    refused(
        on(&stage, "c", &[GO, &["--to-hostname", "tpl"]].concat()),
        "`tpl-vg` already contains the host name `tpl`: give another host name, or NEW",
    );
    let long = format!("tpl-{}", "x".repeat(100));
    stage.set("vg", &long);
    stage.write("etc/hostname", "tpl\n");
    let host = "h".repeat(30);
    refused(
        on(&stage, "c", &["rename", "--yes", &long, "--to-hostname", &host]),
        &format!(
            "the name that the pattern of `{long}` gives for the host `{host}` cannot be used: the name \
             has 131 characters; at most 127 are allowed: give NEW"
        ),
    );
}

#[test]
fn the_host_on_which_the_volumes_were_made_shows_the_pattern() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("etc")).unwrap();
    fs::write(dir.path().join("etc/hostname"), "web01\n").unwrap();
    for (group, maker, new) in [
        ("tpl", "tpl.example.org", "web01"),
        ("sys-tpl-1", "tpl", "sys-web01-1"),
        ("web01", "tpl", ""),
        ("data", "tpl", ""),
    ] {
        let report = format!(
            r#"{{"report":[{{"vg":[{{"vg_name":"{group}","vg_uuid":"U"}}],"lv":[{{"lv_name":"root","lv_host":"{maker}"}}]}}]}}"#
        );
        fs::write(dir.path().join("lvm.json"), report).unwrap();
        let args =
            ["rename", group, "-n", "--format", "json", "--root", ".", "--lvm-report", "lvm.json"];
        let run = postclone(dir.path(), &args);
        if new.is_empty() {
            let (status, words) = if group == "web01" {
                (0, r#""outcome": "nothing-to-do""#)
            } else {
                (1, "`data` has no pattern")
            };
            let run = run.demand(status);
            let said = String::from_utf8(run.stdout).unwrap() + &run.stderr;
            assert!(said.contains(words), "{said}");
        } else {
            assert_eq!(planned(run), made(new, "web01", "file"));
        }
    }
}

#[test]
fn the_argument_is_a_hosts_name_and_stands_for_new() {
    needs_root!();
    let stage = stage("tpl-vg", "tpl");
    let run = on(&stage, "tpl", &["rename", "tpl-vg", "--to-hostname", "web 01"]).demand(2);
    assert!(
        run.stderr.contains("it cannot be a host name: use at most 64 letters, digits and hyphens")
    );
    let run = on(&stage, "tpl", &["rename", "tpl-vg", "x", "--to-hostname", "web01"]).demand(2);
    assert!(run.stderr.contains("cannot be used with"), "{}", run.stderr);
}
