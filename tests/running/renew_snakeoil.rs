//! `postclone renew snakeoil-certificate`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::harness::{needs_root, postclone};
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
    let copy = root.join("var/lib/postclone/000001/before").join(KEY);
    assert_eq!(fs::metadata(copy).unwrap().permissions().mode() & 0o077, 0);
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
    assert!(String::from_utf8_lossy(&run.stdout).contains("somebody has put a link in the place"));
    assert_eq!(before, tree::contents(&root));
}
