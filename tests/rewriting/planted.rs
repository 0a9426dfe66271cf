//! References planted in every place, in every form and encoding that is legal there, each beside
//! others that look alike: every one is rewritten or shown, and nothing else is touched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use postclone::names::{LvName, VgName, dm, path, unit};
use postclone::rewrite::{PLACES, Place, Treatment};

use crate::harness::{needs_root, postclone, project};

/// The group and volumes of the report in `fixtures/traps`, and two other groups of it.
const OLD: &str = "vg-a";
const NEW: &str = "new-vg.1";
const VOLUMES: [&str; 4] = ["home", "srv+web", "var.log", "b-root"];
const OTHERS: [(&str, &str); 3] = [("vg-a-b", "home"), ("vg", "a-root"), ("vg-a-", "a")];

/// A line of a place: text with spellings in braces, and what must become of it.
#[derive(Clone, Copy)]
enum Line {
    /// Every spelling in it changes.
    Changes(&'static str),
    /// It stays, and a warning names the line.
    Shown(&'static str),
    /// It stays, and nothing is said: another meaning, whatever the group is called.
    Stays(&'static str),
}
use Line::{Changes, Shown, Stays};

const KERNEL: &[Line] = &[
    Changes("root={M} ro rd.lvm.lv={S} rd.lvm.vg={P}"),
    Changes("resume={D}"),
    Changes("root={B} systemd.wants={UM}"),
    Stays("hostname={P} foo={S} nfsroot=10.0.0.1:{D}"),
];
const PATHS: &[Line] = &[
    Changes("x={D}"),
    Changes("'{M}' \"{B}\""),
    Changes("# was {D}."),
    Stays("x={P} /srv/{P}/x {S}"),
];
const GRUB: &[Line] = &[
    Changes("\tlinux /vmlinuz root={M} rd.lvm.lv={S}"),
    Changes("set root='{G}'"),
    Changes("menuentry 'x' --id 'gnulinux-simple-{M}' {"),
    Stays("menuentry '{P}' --class {P} {"),
];
const WORDS: &[Line] = &[
    Changes("x {D} {M} -d{D} --dev={B}"),
    Changes("systemctl start {UD2} # {D}"),
    Changes("ls {T}/* rd.lvm.lv={S}"),
    Changes("vgchange -ay {P} && /sbin/lvs -o lv_name {S} {S}"),
    Changes("dmsetup info {N}; lvm vgs --select vg_name={P}"),
    Changes("mount {M} {T}/$x; VG={P}"),
    Shown("show {P} {S} {N}"),
    Shown("scp nas:{D} /srv"),
    Stays("# {P}, {S}, {N}"),
    Stays("%{P} root@{P} /srv/{P} hostname={P} {P}:/srv x.{P} {P}_x"),
];
const UNIT: &[Line] = &[
    Changes("What={D}"),
    Changes("What={M}"),
    Changes("After={UM} {UD} systemd-fsck@{IM} lvm-activate-{P}.service"),
    Changes("ReadOnlyPaths=-{D}"),
    Changes("ExecStart=/bin/x {D} {UM2}"),
    Changes("Options=logdev={D},x-systemd.requires={UD}"),
    Changes("ExecStart=/sbin/vgs {P}"),
    Shown("ExecStart=/bin/show {P}"),
    Stays("Where={D}"),
    Stays("Description={D} on {P}"),
    Stays("User={P}"),
];
const UDEV: &[Line] = &[
    Changes(r#"ENV{DM_VG_NAME}=="x|{P}", ENV{DM_NAME}=="{N}""#),
    Changes(r#"ENV{DM_NAME}==e"{E}", SYMLINK+="{S}""#),
    Changes(r#"ENV{SYSTEMD_WANTS}+="{UM}", TEST=="{D}""#),
    Shown(r#"RUN+="/bin/x {P}""#),
    Stays(r#"GROUP="{P}", SYMLINK+="{P}", ENV{ID_FS_LABEL}=="{P}""#),
];
const XML: &[Line] = &[
    Changes("<source dev='{D}'/><source dev=\"{X}\"/>"),
    Changes("<arg value='file={M},if=none&amp;'/><!-- {D} -->"),
    Changes(
        "<pool type='logical'><name>x</name><source><name>{P}</name></source><target><path>{T}</path></target></pool>",
    ),
    Stays("<name>{P}</name><source pool='{P}' file='/srv/{P}/x'/>"),
];
const JSON: &[Line] = &[
    Changes(r#"{ "dev": "{D}", "x": "{J}" }"#),
    Changes(r#""dm.thinpooldev={N}""#),
    Stays(r#""name": "{P}", "label": "group={P}", "path": "/srv/{P}""#),
];
const LVM: &[Line] = &[
    Changes("activation/volume_list = [ \"{P}\", '{S}', {P} ]"),
    Changes("activation/auto_activation_volume_list = '{P}'"),
    Changes("devices/filter = [ \"a|^{D}$|\", 'r|{T}/.*|', \"r|.*|\" ]"),
    Stays("x = \"{P}\" # {P}"),
    Stays("activation/read_only_volume_list = [ \"@{P}\" ]"),
];
const FSTAB: &[Line] = &[
    Changes("{M} /a ext4 defaults 0 2"),
    Changes("{O} /b ext4 defaults 0 2"),
    Changes("/dev//{S} /c ext4 defaults 0 2"),
    Changes("/dev/./mapper/../mapper//{N} /c ext4 defaults 0 2"),
    Changes("{B} /c ext4 x-systemd.requires={D},x-systemd.after={UM} 0 2"),
    Changes("# /d was on {D} during installation"),
    Stays("LABEL={P} {D} ext4 defaults 0 2"),
];

/// The lines of a kind; a kind that is not here fails the test.
fn lines(place: &Place) -> Vec<Line> {
    let keyed = |key: &'static str| [&[Changes(key)], &PATHS[..2]].concat();
    match place.kind {
        "fstab" => FSTAB.to_vec(),
        "docker" if place.pattern.starts_with("var/") => {
            vec![Shown(r#"{ "PathOnHost": "{M}" }"#), Stays(r#"{ "Name": "{P}" }"#)]
        }
        "docker" if place.pattern.ends_with(".json") => JSON.to_vec(),
        "docker" if place.pattern.contains("sysconfig") => keyed("VG={P}"),
        "crypttab" => vec![Changes("x {M} {D}:/key header={B}"), Stays("{P} /dev/sda1 /keys/{P}")],
        "device-table" => {
            vec![Changes("x {M} {D} 2f1c hash={B}"), Stays("{P} /dev/sda1 /keys/{P}")]
        }
        "default-grub" | "grub-script" | "grub-cfg" | "grub-include" | "grub-legacy" => {
            GRUB.to_vec()
        }
        "grubenv" => {
            vec![Changes("kernelopts=root={M} ro rd.lvm.lv={S}"), Stays("saved_entry={P}")]
        }
        "bls-entry" => vec![Changes("options root={M} rd.lvm.lv={S}"), Stays("title {P} {D}")],
        "boot-map" if place.pattern.ends_with(".scr") => vec![Shown("\0root={M} rd.lvm.lv={S}\0")],
        "kernel-command-line"
        | "boot-settings"
        | "boom"
        | "dracut-conf"
        | "mkinitcpio-conf"
        | "extlinux"
        | "syslinux"
        | "refind-linux"
        | "refind"
        | "limine"
        | "elilo"
        | "kernel-arguments"
        | "boot-map"
        | "xen-loader"
        | "kdump" => KERNEL.to_vec(),
        "lvm-conf" | "lvm-profile" => LVM.to_vec(),
        "initramfs-conf" | "suspend-conf" | "tmpfiles" | "storage" | "schroot" | "xen"
        | "containers-storage" | "snapper" => {
            if place.pattern.contains("xen-tools") {
                keyed("lvm = {P}")
            } else if place.kind == "xen" {
                [&[Changes("disk = [ 'phy:{S},xvda,w', 'phy:mapper/{N},xvdb,w' ]")], PATHS].concat()
            } else {
                PATHS.to_vec()
            }
        }
        "initramfs-script" | "autofs" | "exports" | "cloud-init" | "backup" | "monitoring"
        | "cron" | "sudoers" | "logrotate" | "script" | "docker" => WORDS.to_vec(),
        "rear" => vec![
            Changes("EXCLUDE_VG=( x {P} )"),
            Changes("ONLY_INCLUDE_VG+=( '{P}' \"{T}\" )"),
            Changes("X=\"lvcreate {D}\""),
            Shown("ISO_VOLID={P}"),
            Stays("BACKUP_URL=nfs://nas/srv/{P}"),
        ],
        "systemd-mount" | "systemd-unit" | "quadlet" => UNIT.to_vec(),
        "udev-rules" => UDEV.to_vec(),
        "libvirt" | "pam-mount" => XML.to_vec(),
        "target" => JSON.to_vec(),
        "lxc" => keyed("lxc.bdev.lvm.vg = {P}"),
        "containerd" => keyed("  pool_name = \"{N}\""),
        "topolvm" => keyed("  volume-group: {P}"),
        "openstack" if place.pattern.contains("nova") => keyed("images_volume_group = {P}"),
        "openstack" if place.pattern.contains("manila") => keyed("lvm_share_volume_group = {P}"),
        "openstack" => keyed("volume_group = {P}"),
        "collectd" => keyed("\tDisk \"{N}\""),
        "unified-kernel" => vec![Shown("\0root={M} rd.lvm.lv={S}\0")],
        "firmware" => vec![Shown("\0root={M} rd.lvm.lv={S}")],
        "grub-image" => vec![Shown("search.fs_uuid x root {G} ")],
        "proxmox" if place.pattern.ends_with("config.db") => vec![Shown("\0 # \x07vgname {P}")],
        "proxmox" if place.pattern.ends_with("storage.cfg") => {
            vec![Shown("\tvgname {P}"), Stays("lvm: {P}")]
        }
        "proxmox" => vec![Shown("scsi1: {D},size=1G"), Stays("name: {P}")],
        "pacemaker" => {
            vec![Shown("<nvpair name='vgname' value='{P}'/>"), Stays("<primitive id='{P}'/>")]
        }
        "ganeti" => vec![Shown("\"volume_group_name\": \"{P}\",")],
        "incus" | "lxd" => vec![Shown("\0lvm.vg_name{P}\x07")],
        other => panic!("no references are planted in places of the kind `{other}`"),
    }
}

/// A spelling in braces, of a group's volume.
fn spelled(form: &str, vg: &str, lv: &str) -> String {
    let (vg, lv) = (VgName::new(vg).unwrap(), LvName::new(lv).unwrap());
    let (device, mapper) = (path::device_path(&vg, &lv), path::mapper_path(&vg, &lv));
    let unit = |path: &str, suffix: &str| format!("{}.{suffix}", unit::escape_path(path));
    match form {
        "D" => device,
        "M" => mapper,
        "B" => path::by_id_path(&vg, &lv),
        "T" => format!("/dev/{vg}"),
        "P" => vg.to_string(),
        "S" => format!("{vg}/{lv}"),
        "N" => dm::dm_name(&vg, &lv),
        "G" => format!("lvm/{}", dm::dm_name(&vg, &lv)),
        "UM" => unit(&mapper, "device"),
        "UD" => unit(&device, "device"),
        "IM" => unit(&mapper, "service"),
        "UM2" => unit(&mapper, "swap").replace('\\', r"\\"),
        "UD2" => unit(&device, "device").replace('\\', r"\\"),
        "O" => format!(
            "/dev/mapper/{}-{}",
            vg.doubled().replace('-', r"\055"),
            dm::double(lv.as_str())
        ),
        "X" => format!(
            "/dev/mapper/{}-{}",
            vg.doubled().replace('-', "&#45;"),
            dm::double(lv.as_str())
        ),
        "E" => format!("{}-{}", vg.doubled().replace('-', r"\x2d"), dm::double(lv.as_str())),
        "J" => device.replace('/', r"\/"),
        other => panic!("no spelling `{other}`"),
    }
}

/// The template with its spellings, and how many there are.
fn fill(template: &str, vg: &str, lv: &str) -> (String, usize) {
    let (mut text, mut count) = (String::new(), 0);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        match after.split_once('}') {
            Some((form, tail))
                if form.len() <= 3 && form.starts_with(|c: char| c.is_ascii_uppercase()) =>
            {
                text.push_str(&spelled(form, vg, lv));
                count += 1;
                rest = tail;
            }
            _ => {
                text.push('{');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    (text, count)
}

/// How the lines are written down.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Encoding {
    Plain,
    Dos,
    /// Bytes that are no UTF-8 before, no newline at the end.
    Latin,
}

/// A file as it is planted and as it must be afterwards.
#[derive(Default)]
struct Planted {
    before: Vec<u8>,
    after: Vec<u8>,
    /// Lines, from 1, that a warning must name; every other must not be named.
    shown: BTreeSet<usize>,
    references: usize,
    decoys: usize,
}

fn plant(place: &Place, encoding: Encoding) -> Planted {
    let mut planted = Planted::default();
    let mut lines_of: Vec<(String, String)> = Vec::new();
    if encoding == Encoding::Latin {
        lines_of.push(("LATIN".to_owned(), "LATIN".to_owned()));
    }
    for (number, line) in lines(place).into_iter().enumerate() {
        let lv = VOLUMES[number % VOLUMES.len()];
        let (Changes(template) | Shown(template) | Stays(template)) = line;
        let (text, count) = fill(template, OLD, lv);
        let after =
            if matches!(line, Changes(_)) { fill(template, NEW, lv).0 } else { text.clone() };
        lines_of.push((text, after));
        if matches!(line, Shown(_)) {
            planted.shown.insert(lines_of.len());
        }
        if !matches!(line, Stays(_)) {
            planted.references += count;
        }
        planted.decoys += 1 + usize::from(matches!(line, Stays(_)));
        // Another group of the machine in the same words.
        let (vg, lv) = OTHERS[number % OTHERS.len()];
        let decoy = fill(template, vg, lv).0;
        lines_of.push((decoy.clone(), decoy));
    }
    let end: &[u8] = if encoding == Encoding::Dos { b"\r\n" } else { b"\n" };
    for (number, (before, after)) in lines_of.iter().enumerate() {
        for (side, text) in [(&mut planted.before, before), (&mut planted.after, after)] {
            match text.as_str() {
                "LATIN" => side.extend(b"# Gr\xfc\xdfe"),
                text => side.extend(text.as_bytes()),
            }
            if number + 1 < lines_of.len() || encoding != Encoding::Latin {
                side.extend(end);
            }
        }
    }
    match place.kind {
        "grubenv" => {
            for side in [&mut planted.before, &mut planted.after] {
                side.splice(0..0, *b"# GRUB Environment Block\n");
                side.resize(1024, b'#');
            }
        }
        "firmware" => {
            let wide = |bytes: &[u8]| bytes.iter().flat_map(|byte| [*byte, 0]).collect::<Vec<u8>>();
            planted.before = [&b"\x07\0\0\0\x01"[..], &wide(&planted.before)].concat();
            planted.after.clone_from(&planted.before);
        }
        _ => {}
    }
    planted
}

/// A path that fits the pattern.
fn sample(pattern: &str) -> String {
    pattern.replace("**", "sub/dir").replace('*', "x1")
}

/// The worst severity that the audit gives each file that still names the group.
fn worst(root: &str, report: &str) -> BTreeMap<String, String> {
    let args = ["audit", OLD, "--severity", "history", "--format", "json", "--root", root];
    let run = postclone(Path::new("/"), &[&args[..], &["--lvm-report", report]].concat());
    let json: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    let order = ["boot", "error", "cosmetic", "history"];
    let rank = |severity: &str| order.iter().position(|word| *word == severity).unwrap();
    let mut found = BTreeMap::<String, String>::new();
    for finding in json["findings"].as_array().unwrap() {
        let text = |key: &str| finding[key].as_str().unwrap().to_owned();
        let (path, severity) = (text("path"), text("severity"));
        let kept = found.entry(path).or_insert_with(|| severity.clone());
        if rank(&severity) < rank(kept) {
            *kept = severity;
        }
    }
    found
}

/// What is left of the planted references and costs something was shown.
fn planted_and_left_are_shown(
    planted: &BTreeMap<String, (Planted, &Place)>,
    left: &BTreeMap<String, String>,
    warnings: &[serde_json::Value],
) {
    for (path, severity) in left.iter().filter(|(path, _)| planted.contains_key(*path)) {
        let shown = warnings.iter().any(|warning| warning["path"] == **path);
        assert!(shown || ["cosmetic", "history"].contains(&&**severity), "{severity}: {path}");
    }
}

/// The plan that a person reads has a line for each reference in a place that is not rewritten.
fn the_dry_run_shows_what_is_reported(
    plan: &str,
    planted: &BTreeMap<String, (Planted, &Place)>,
) -> usize {
    let mut shown = 0;
    for (file, (plants, place)) in planted {
        let Treatment::Reported(_) = place.treatment else { continue };
        let heads: Vec<String> = if plants.before.contains(&0) {
            vec![format!("# Warning: {file}: names the group and stays as it is: ")]
        } else {
            plants.shown.iter().map(|line| format!("# Warning: {file}:{line}:")).collect()
        };
        for head in &heads {
            assert!(plan.contains(head), "the dry run has no line `{head}`");
        }
        shown += heads.len();
    }
    shown
}

#[test]
fn every_reference_is_rewritten_or_shown_and_nothing_else_is_touched() {
    needs_root!();
    let (mut references, mut places, mut decoys) = (0, BTreeSet::new(), 0);
    for encoding in [Encoding::Plain, Encoding::Dos, Encoding::Latin] {
        let tree = tempfile::tempdir().unwrap();
        let mut planted: BTreeMap<String, (Planted, &Place)> = BTreeMap::new();
        for place in PLACES {
            if place.kind == "grubenv" && encoding != Encoding::Plain {
                continue; // a block has one form
            }
            let file = sample(place.pattern);
            let plants = plant(place, encoding);
            let target = tree.path().join(&file);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(&target, &plants.before).unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(0o440)).unwrap();
            assert!(planted.insert(format!("/{file}"), (plants, place)).is_none(), "{file} twice");
        }
        // The same words where nobody reads names: nothing is found there.
        for outside in
            ["etc/hosts", "etc/motd", "var/log/installer/syslog", "etc/lvm/archive/vg-a_1.vg"]
        {
            let target = tree.path().join(outside);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, "/dev/vg-a/home vg-a\n").unwrap();
        }

        let report = project().join("fixtures/traps/lvm.json");
        let root = tree.path().to_str().unwrap();
        let found = worst(root, report.to_str().unwrap());
        for (file, (_, place)) in &planted {
            let severity = found.get(file).map(String::as_str);
            assert_eq!(
                severity,
                Some(place.severity.word()),
                "{encoding:?} {file} ({})",
                place.kind
            );
        }
        let report = report.to_str().unwrap();
        let rename = ["rename", OLD, NEW, "--files-only", "--root", root, "--lvm-report", report];
        let plan = postclone(Path::new("/"), &[&rename[..], &["--dry-run"]].concat()).demand(0);
        let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
        assert!(the_dry_run_shows_what_is_reported(&plan, &planted) >= 20);
        let really = ["--yes", "--accept-stale", "--format", "json"];
        let run = postclone(Path::new("/"), &[&rename[..], &really].concat()).demand(0);
        let told: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
        let warnings = told["warnings"].as_array().unwrap();
        let changed = told["files"].as_array().unwrap();

        for (file, (plants, place)) in &planted {
            let context = format!("{encoding:?} {file} ({})", place.kind);
            let now = fs::read(tree.path().join(&file[1..])).unwrap();
            assert!(
                now == plants.after,
                "{context}\n--- is\n{}\n--- must be\n{}",
                String::from_utf8_lossy(&now),
                String::from_utf8_lossy(&plants.after)
            );
            let mode = fs::metadata(tree.path().join(&file[1..])).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o440, "{context}");
            let about: Vec<_> =
                warnings.iter().filter(|warning| warning["path"] == **file).collect();
            let lines: BTreeSet<usize> = about
                .iter()
                .filter_map(|warning| warning["line"].as_u64())
                .map(|line| usize::try_from(line).unwrap())
                .collect();
            let binary = plants.before.contains(&0);
            if binary {
                assert!(about.len() == 1 && lines.is_empty(), "{context}: {about:?}");
            } else {
                assert_eq!(lines, plants.shown, "{context}: {about:?}");
            }
            let whole = about.len() - about.iter().filter(|w| w.get("line").is_some()).count();
            let advised = usize::from(matches!(place.treatment, Treatment::Then(_)) || binary);
            assert_eq!(whole, advised, "{context}: {about:?}");
            let edited = changed.iter().any(|change| change["path"] == **file);
            assert_eq!(edited, plants.before != plants.after, "{context}");
            references += plants.references;
            decoys += plants.decoys;
            places.insert(place.pattern);
        }
        for warning in warnings {
            let path = warning["path"].as_str().unwrap_or("/none");
            assert!(planted.contains_key(path), "{warning}");
        }
        planted_and_left_are_shown(&planted, &worst(root, report), warnings);
    }
    assert_eq!(places.len(), PLACES.len());
    assert!(references >= 200, "only {references} references");
    eprintln!("{references} references in {} places, {decoys} lines that stay", places.len());
}
