//! `postclone renew snakeoil-certificate`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::harness::{needs_root, postclone};
use crate::stage::Stage;
use crate::tree;

const CERTIFICATE: &str = "etc/ssl/certs/ssl-cert-snakeoil.pem";
const KEY: &str = "etc/ssl/private/ssl-cert-snakeoil.key";

/// A tree with a certificate as make-ssl-cert makes it for the template.
fn plant(root: &Path) {
    for dir in ["etc/ssl/certs", "etc/ssl/private", "var/lib"] {
        fs::create_dir_all(root.join(dir)).unwrap();
    }
    fs::write(root.join("etc/hostname"), "web01\n").unwrap();
    let made = Command::new("openssl")
        .args([
            "req", "-new", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=tmpl", "-keyout",
        ])
        .arg(root.join(KEY))
        .arg("-out")
        .arg(root.join(CERTIFICATE))
        .output();
    assert!(made.unwrap().status.success());
    fs::set_permissions(root.join(KEY), fs::Permissions::from_mode(0o640)).unwrap();
}

fn openssl(args: &[&str], file: &Path) -> String {
    let output = Command::new("openssl").args(args).arg("-in").arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn another_key_and_certificate_in_the_hosts_name_and_back() {
    needs_root!();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    plant(&root);
    let before = tree::contents(&root);
    let old = fs::read_to_string(root.join(KEY)).unwrap();
    let at = root.to_str().unwrap();
    let dry = postclone(dir.path(), &["renew", "snakeoil-certificate", "-n", "--root", at]);
    assert_eq!((dry.status, &tree::contents(&root)), (0, &before), "{}", dry.stderr);
    let run = postclone(dir.path(), &["renew", "snakeoil-certificate", "--yes", "--root", at]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let new = fs::read_to_string(root.join(KEY)).unwrap();
    assert_ne!(old, new);
    for said in [dry, run] {
        let said = String::from_utf8_lossy(&said.stdout).into_owned() + &said.stderr;
        assert!(said.contains("# Snakeoil certificate SHA256:"), "{said}");
        for secret in old.lines().chain(new.lines()).filter(|line| !line.starts_with("-----")) {
            assert!(!said.contains(secret), "{said}");
        }
    }
    let mode = fs::metadata(root.join(KEY)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o640);
    let certificate = root.join(CERTIFICATE);
    let told = openssl(&["x509", "-noout", "-subject", "-ext", "subjectAltName"], &certificate);
    assert!(
        told.contains("web01") && told.contains("DNS:web01") && !told.contains("tmpl"),
        "{told}"
    );
    let public = openssl(&["x509", "-noout", "-pubkey"], &certificate);
    assert_eq!(public, openssl(&["pkey", "-pubout"], &root.join(KEY)));
    let copies = root.join("var/lib/postclone/000001/before");
    assert!(copies.join(KEY).exists());
    assert_eq!(fs::metadata(copies).unwrap().permissions().mode() & 0o077, 0);
    let undo = postclone(dir.path(), &["undo", "--yes", "--root", at]);
    assert_eq!(undo.status, 0, "{}", undo.stderr);
    fs::remove_dir_all(root.join("var/lib/postclone")).unwrap();
    let mut after = tree::contents(&root);
    after.retain(|path, _| before.contains_key(path));
    assert_eq!(before, after);
}

#[test]
fn what_somebody_has_put_there_is_left() {
    needs_root!();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    plant(&root);
    fs::rename(root.join(KEY), root.join("etc/ssl/private/own.key")).unwrap();
    std::os::unix::fs::symlink("own.key", root.join(KEY)).unwrap();
    let before = tree::contents(&root);
    let at = root.to_str().unwrap();
    let run = postclone(dir.path(), &["renew", "snakeoil-certificate", "--yes", "--root", at]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(
        String::from_utf8_lossy(&run.stdout)
            .contains("somebody has replaced the snakeoil certificate or its key with a link")
    );
    assert_eq!(before, tree::contents(&root));
}

const OLD: &str = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n";

/// A stage whose openssl makes what the test wants.
fn stage() -> Stage {
    let stage = Stage::new();
    for dir in ["etc/ssl/certs", "etc/ssl/private", "proc/sys/kernel/random"] {
        fs::create_dir_all(stage.path(dir)).unwrap();
    }
    stage.write("proc/sys/kernel/random/boot_id", "one\n");
    stage.write(CERTIFICATE, OLD);
    stage.write(KEY, "old key\n");
    stage.set("certificate", OLD.replace("AAEC", "AAED").trim_end());
    stage.set("public", "public");
    stage.program(
        "usr/bin/openssl",
        "#!/bin/sh\ncase $1 in\nx509) echo public ;;\npkey) cat /stub/public ;;\nreq)\n\
         while [ $# != 0 ]; do case $1 in\n-keyout) echo 'new key' > $2 ;;\n-out) cat /stub/certificate > $2 ;;\nesac\n\
         shift\ndone ;;\nesac\n",
    );
    stage
}

const RENEW: &[&str] = &["renew", "snakeoil-certificate", "--yes"];

#[test]
fn a_pair_that_is_none_is_refused() {
    needs_root!();
    for (what, how, words) in [
        (
            "public",
            "other",
            "openssl made a certificate that does not match its key: nothing was changed, try again",
        ),
        ("certificate", "x", "openssl made no certificate"),
    ] {
        let stage = stage();
        stage.set(what, how);
        let before = stage.system();
        let run = stage.run(RENEW).demand(1);
        assert!(run.stderr.contains(words), "{}", run.stderr);
        assert_eq!(before, stage.system());
    }
    let stage = stage();
    stage.write("etc/hostname", "web$01\n");
    let said = String::from_utf8_lossy(&stage.run(RENEW).demand(0).stdout).into_owned();
    assert!(
        said.contains("this machine has no name that a certificate could be made for"),
        "{said}"
    );
    assert_eq!(stage.read(KEY), "old key\n");
}

#[test]
fn the_old_pair_is_dropped_at_the_first_good_boot() {
    needs_root!();
    let stage = stage();
    let said = String::from_utf8_lossy(&stage.run(RENEW).demand(0).stdout).into_owned();
    assert!(said.contains("services that use the snakeoil certificate have the old one"), "{said}");
    assert_eq!(stage.read(KEY), "new key\n");
    stage.write("proc/sys/kernel/random/boot_id", "two\n");
    stage.run(&["forget-secrets"]).demand(0);
    let new = stage.read(CERTIFICATE);
    let said =
        String::from_utf8_lossy(&stage.run(&["undo", "--yes"]).demand(0).stdout).into_owned();
    assert!(said.contains("dropped after the first good boot: the new ones stay"), "{said}");
    assert_eq!((stage.read(KEY).as_str(), stage.read(CERTIFICATE)), ("new key\n", new));
}

/// Fails, and kills, a run at each of its points.
#[cfg(feature = "failpoints")]
#[test]
fn every_failure_and_kill_leaves_the_old_or_the_new() {
    needs_root!();
    crate::faults::each_point_leaves_old_or_new(stage, RENEW, |stage| {
        let is_new = stage.read(KEY) == "new key\n";
        assert_eq!(is_new, stage.read(CERTIFICATE) != OLD);
        is_new
    });
}
