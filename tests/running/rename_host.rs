//! `postclone rename-host`: the host's name in typed places, and the running system's.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::{Run, needs_root, postclone, project, run};
use crate::stage::Stage;
use crate::tree;

const RENAME: &[&str] = &["rename-host", "web01", "--yes"];

/// As systemd-hostnamed does it: what /etc/hostname has comes first.
pub const HOSTNAMECTL: &str = "#!/bin/sh
echo \"hostnamectl $*\" >> /stub/log
busybox hostname \"$(cat /etc/hostname)\"
busybox hostname > /stub/kernel
";

pub const HOSTNAME: &str = "#!/bin/sh
echo \"hostname $*\" >> /stub/log
[ \"$(cat /stub/hostname)\" = lie ] || busybox hostname \"$1\"
busybox hostname > /stub/kernel
";

/// A stage whose host is `tmpl.example.org`.
fn stage() -> Stage {
    let stage = Stage::new();
    for dir in ["etc/postfix", "etc/salt", "etc/default"] {
        fs::create_dir_all(stage.path(dir)).unwrap();
    }
    stage.write("etc/hostname", "tmpl\n");
    stage.write(
        "etc/hosts",
        "127.0.0.1 localhost\n127.0.1.1 tmpl.example.org tmpl\n192.0.2.7 tmpl2 my-tmpl\n",
    );
    stage.write("etc/mailname", "tmpl.example.org\n");
    stage.write(
        "etc/postfix/main.cf",
        "myhostname = tmpl.example.org\nmail_owner = tmpl\nmydestination = tmpl, localhost\n",
    );
    stage.write("etc/salt/minion_id", "tmpl.example.org\n");
    stage.write("etc/motd", "Welcome to tmpl\n");
    stage.set("kernel", "tmpl");
    stage.set("hostname", "ok");
    stage.program("usr/bin/hostnamectl", HOSTNAMECTL);
    stage.program("usr/bin/hostname", HOSTNAME);
    stage
}

/// Runs postclone where the kernel has a name of its own, which is kept between runs.
pub fn on(stage: &Stage, args: &[&str]) -> Run {
    on_with(stage, args, &[])
}

/// The same with an environment.
pub fn on_with(stage: &Stage, args: &[&str], environment: &[(&str, &str)]) -> Run {
    let script = "busybox hostname \"$(cat \"$0/stub/kernel\")\" && exec chroot \"$0\" /usr/sbin/postclone \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--uts", "sh", "-c", script]).arg(stage.path("")).args(args);
    command.envs(environment.iter().copied());
    run(command.stdin(Stdio::null()).output().unwrap())
}

fn out(run: &Run) -> String {
    String::from_utf8(run.stdout.clone()).unwrap()
}

#[test]
fn a_host_is_renamed_in_its_places() {
    needs_root!();
    let stage = stage();
    let out = out(&on(&stage, RENAME).demand(0));
    for words in [
        "# Host name tmpl becomes web01 under /.",
        "/etc/salt/minion_id: the master knows the minion by `tmpl.example.org`: accept the key of \
         `web01.example.org`",
        "# - the running system is called web01",
        "# Programs that were started before keep the old name until they are restarted.",
    ] {
        assert!(out.replace("#  - ", "# - ").contains(words), "{words}: {out}");
    }
    for words in ["initramfs", "reboot", "volume", "group", "boot"] {
        assert!(!out.contains(words), "{words}: {out}");
    }
    assert_eq!(stage.read("etc/hostname"), "web01\n");
    assert_eq!(
        stage.read("etc/hosts"),
        "127.0.0.1 localhost\n127.0.1.1 web01.example.org web01\n192.0.2.7 tmpl2 my-tmpl\n"
    );
    assert_eq!(
        stage.read("etc/postfix/main.cf"),
        "myhostname = web01.example.org\nmail_owner = tmpl\nmydestination = web01, localhost\n"
    );
    assert_eq!(stage.read("etc/motd"), "Welcome to tmpl\n");
    assert_eq!(stage.read("stub/kernel"), "web01\n");
    let asked = stage.asked();
    assert!(asked.contains(&"hostnamectl --transient set-hostname web01".to_owned()), "{asked:?}");
    let others = ["lvm", "update-initramfs", "udevadm", "hostname "];
    assert!(!asked.iter().any(|line| others.iter().any(|own| line.starts_with(own))), "{asked:?}");
    let again = on(&stage, RENAME).demand(0);
    assert!(self::out(&again).contains("# Nothing to do: the host name is web01 already."));
    let again = on(&stage, &["rename-host", "tmpl", "web01", "--yes"]).demand(0);
    assert!(self::out(&again).contains("# Nothing to do: no known place names tmpl."));
}

#[test]
fn the_dry_run_is_a_patch_that_does_what_the_run_does() {
    needs_root!();
    let stage = stage();
    let before = stage.system();
    let plan = on(&stage, &["rename-host", "web01", "--dry-run"]).demand(0);
    assert_eq!(before, stage.system());
    assert_eq!(stage.read("stub/kernel"), "tmpl\n");
    let copy = tempfile::tempdir().unwrap();
    let etc = copy.path().join("etc");
    tree::copy(&stage.path("etc"), &etc);
    let patch = copy.path().join("patch");
    fs::write(&patch, &plan.stdout).unwrap();
    let mut command = Command::new("patch");
    command.args(["-s", "-p1", "-d"]).arg(copy.path()).arg("-i").arg(&patch);
    assert!(command.status().unwrap().success());
    on(&stage, RENAME).demand(0);
    assert_eq!(tree::contents(&etc), tree::contents(&stage.path("etc")));
}

#[test]
fn what_cloud_init_does_by_itself_is_said() {
    needs_root!();
    let stage = stage();
    let dry: &[&str] = &["rename-host", "web01", "--dry-run"];
    assert!(!out(&on(&stage, dry).demand(0)).contains("cloud-init"));
    stage.program("usr/bin/cloud-init", "#!/bin/sh\n");
    fs::create_dir_all(stage.path("etc/cloud/cloud.cfg.d")).unwrap();
    stage.write("etc/cloud/cloud.cfg", "manage_etc_hosts: true\n");
    let said = out(&on(&stage, dry).demand(0));
    for words in [
        "cloud-init gives the host the name from its datasource",
        "cloud-init writes /etc/hosts at each boot",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let ours = "preserve_hostname: true\nmanage_etc_hosts: false\n";
    stage.write("etc/cloud/cloud.cfg.d/99.cfg", ours);
    assert!(!out(&on(&stage, dry).demand(0)).contains("cloud-init"));
}

#[test]
fn undo_brings_every_byte_and_the_running_name_back() {
    needs_root!();
    let stage = stage();
    let before = stage.system();
    on(&stage, RENAME).demand(0);
    assert_ne!(before, stage.system());
    let undone = on(&stage, &["undo", "--yes"]).demand(0);
    let out = out(&undone);
    assert!(
        out.contains("The run from tmpl to web01 is undone: the host's name and 5 files."),
        "{out}"
    );
    assert!(out.contains("the running system is called tmpl"), "{out}");
    assert!(out.contains("every file has its old bytes; the host name is tmpl"), "{out}");
    assert_eq!(before, stage.system());
}

/// An edit stays, and gets the old name; what had the new name before the run keeps it.
#[test]
fn undo_keeps_what_came_after_the_run() {
    needs_root!();
    let stage = stage();
    fs::create_dir_all(stage.path("etc/nullmailer")).unwrap();
    stage.write("etc/nullmailer/me", "web01\n");
    on(&stage, RENAME).demand(0);
    let hosts = stage.read("etc/hosts") + "192.0.2.9 www web01\n";
    stage.write("etc/hosts", &hosts);
    let out = out(&on(&stage, &["undo", "--yes"]).demand(0));
    assert!(out.contains("`/etc/hosts` was changed"), "{out}");
    assert_eq!(
        stage.read("etc/hosts"),
        "127.0.0.1 localhost\n127.0.1.1 tmpl.example.org tmpl\n192.0.2.7 tmpl2 my-tmpl\n192.0.2.9 www tmpl\n"
    );
    assert_eq!(stage.read("etc/nullmailer/me"), "web01\n");
    assert_eq!(
        (stage.read("etc/hostname"), stage.read("stub/kernel")),
        ("tmpl\n".to_owned(), "tmpl\n".to_owned())
    );
}

#[test]
fn what_has_the_old_name_after_a_renaming_by_hand_is_rewritten() {
    needs_root!();
    let stage = stage();
    stage.write("etc/hostname", "web01\n");
    stage.set("kernel", "web01");
    let before = stage.system();
    let out = out(&on(&stage, &["rename-host", "tmpl", "web01", "--yes"]).demand(0));
    assert!(!out.contains("is called"), "{out}");
    assert!(stage.read("etc/hosts").contains("127.0.1.1 web01.example.org web01\n"));
    assert!(stage.asked().iter().all(|line| !line.starts_with("hostname")));
    on(&stage, &["undo", "--yes"]).demand(0);
    assert_eq!(before, stage.system());
}

/// A minimal system: neither LVM nor blkid, systemd does not run, and no D-Bus.
#[test]
fn neither_lvm_nor_systemd_is_needed() {
    needs_root!();
    let stage = stage();
    for program in ["lvm", "blkid", "update-initramfs", "mkinitramfs"] {
        fs::remove_file(stage.path(&format!("usr/sbin/{program}"))).unwrap();
    }
    fs::remove_dir(stage.path("run/systemd/system")).unwrap();
    let before = stage.system();
    let run = on(&stage, RENAME).demand(0);
    assert!(!run.stderr.contains("lvm") && !run.stderr.contains("LVM"), "{}", run.stderr);
    assert_eq!(stage.read("stub/kernel"), "web01\n");
    assert!(stage.asked().contains(&"hostname web01".to_owned()));
    on(&stage, &["undo", "--yes"]).demand(0);
    assert_eq!(before, stage.system());
    assert_eq!(stage.read("stub/kernel"), "tmpl\n");
}

#[test]
fn a_name_that_the_kernel_does_not_take_is_a_failure_that_is_taken_back() {
    needs_root!();
    let stage = stage();
    stage
        .program("usr/bin/hostnamectl", "#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n");
    stage.set("hostname", "lie");
    let before = stage.system();
    let run = on(&stage, RENAME).demand(3);
    let words = "the running system is called `tmpl`, not `web01`: see hostnamectl(1)";
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert_eq!(before, stage.system());
    fs::remove_file(stage.path("usr/bin/hostname")).unwrap();
    fs::remove_file(stage.path("usr/bin/hostnamectl")).unwrap();
    let run = on(&stage, RENAME).demand(1);
    assert!(
        run.stderr.contains(
            "neither `hostnamectl` nor `hostname` is installed to rename the running system: \
                                 install one of them, or use --files-only and reboot"
        ),
        "{}",
        run.stderr
    );
    assert_eq!(before.len() - 2, stage.system().len());
}

/// A power cut right after the files, or while the running system gets its name, and the boot after it,
/// which reads the new name.
#[test]
fn a_run_that_was_cut_is_taken_back_or_finished() {
    needs_root!();
    let before_files = |stage: &Stage| {
        let mut all = stage.system();
        all.retain(|thing| !thing.path.ends_with("hostnamectl") && !thing.path.starts_with("stub"));
        all
    };
    let stage = stage();
    let before = stage.system();
    on(&stage, RENAME).demand(0);
    let journal = "var/lib/postclone/000001/journal";
    let text = stage.read(journal);
    let cut = text.lines().position(|line| line.contains("\"step\":2")).unwrap();
    let lines: Vec<&str> = text.lines().take(cut).collect();
    stage.write(journal, &(lines.join("\n") + "\n"));
    on(&stage, &["undo", "--yes"]).demand(0);
    assert_eq!(before, stage.system());
    assert_eq!(stage.read("stub/kernel"), "tmpl\n");
    for resumes in [false, true] {
        let stage = self::stage();
        stage.program("usr/bin/hostnamectl", "#!/bin/sh\nkill -9 $PPID\n");
        let before = before_files(&stage);
        let run = on(&stage, RENAME);
        assert_ne!(run.status, 0);
        let status = out(&on(&stage, &["status"]));
        assert!(status.contains("tmpl to web01, interrupted"), "{status}");
        stage.program("usr/bin/hostnamectl", HOSTNAMECTL);
        if resumes {
            let run = out(&on(&stage, &["rename", "--resume"]).demand(0));
            assert!(run.contains("# Finished: host name tmpl is now web01."), "{run}");
            assert_eq!(stage.read("stub/kernel"), "web01\n");
        }
        stage.set("kernel", "web01");
        on(&stage, &["undo", "--yes"]).demand(0);
        assert_eq!(before, before_files(&stage));
        assert_eq!(stage.read("stub/kernel"), "tmpl\n");
    }
}

/// DHCP or a person gave the running system a third name: it is theirs.
#[test]
fn a_third_name_of_the_running_system_stays() {
    needs_root!();
    let stage = stage();
    stage.set("kernel", "dhcp-7");
    let out = out(&on(&stage, RENAME).demand(0));
    let words = "the running system is called dhcp-7, and keeps that name until the reboot";
    assert!(out.contains(words), "{out}");
    assert_eq!(stage.read("stub/kernel"), "dhcp-7\n");
    assert_eq!(stage.read("etc/hostname"), "web01\n");
}

#[test]
fn a_name_among_the_kernels_arguments_is_told_of() {
    needs_root!();
    let stage = stage();
    stage.write("etc/default/grub", "GRUB_CMDLINE_LINUX=\"quiet systemd.hostname=tmpl\"\n");
    let out = out(&on(&stage, &["rename-host", "web01", "--dry-run"]).demand(0));
    assert!(out.contains("`/etc/default/grub` has `systemd.hostname=` with the old name"), "{out}");
}

#[test]
fn a_full_name_in_the_file_is_the_running_name_too() {
    needs_root!();
    let stage = stage();
    stage.write("etc/hostname", "tmpl.example.org\n");
    stage.set("kernel", "tmpl.example.org");
    let out = out(&on(&stage, &["rename-host", "web01.other.net", "--yes"]).demand(0));
    assert!(out.contains("# Host name tmpl.example.org becomes web01.other.net under /."), "{out}");
    assert_eq!(stage.read("etc/hostname"), "web01.other.net\n");
    assert_eq!(stage.read("stub/kernel"), "web01.other.net\n");
    assert!(stage.read("etc/hosts").contains("127.0.1.1 web01.other.net web01\n"));
}

#[test]
fn what_is_bound_to_the_name_is_refused() {
    needs_root!();
    for (path, text, words) in [
        (
            "var/lib/rabbitmq/mnesia/rabbit@tmpl/x",
            "",
            "RabbitMQ stores its data under the host name",
        ),
        ("etc/ejabberd/ejabberdctl.cfg", "ERLANG_NODE=ejabberd@tmpl\n", "the tables of ejabberd"),
        ("etc/default/etcd", "ETCD_NAME=tmpl\n", "the etcd member is named after the host"),
        ("var/lib/ceph/osd/ceph-0/fsid", "a\n", "Ceph knows its daemons"),
        ("etc/pve/nodes/tmpl/x", "", "Proxmox VE stores the guests"),
        ("etc/kubernetes/kubelet.conf", "user: system:node:tmpl\n", "run `kubeadm reset`"),
        ("etc/mysql/my.cnf", "[mysqld]\nwsrep_node_name=tmpl\n", "the Galera node"),
        ("etc/corosync/corosync.conf", "nodelist {\nnode {\nname: tmpl\n}\n}\n", "Corosync's list"),
        ("etc/krb5.keytab", "x", "the host has an account in a domain"),
        ("etc/ipa/default.conf", "[global]\nhost = tmpl.example.org\n", "FreeIPA knows the host"),
        ("etc/puppetlabs/puppet/ssl/certs/tmpl.pem", "x", "the Puppet agent's certificate"),
        (
            "etc/lvm/lvm.conf",
            "global {\n\tsystem_id_source = \"uname\"\n}\n",
            "`: LVM takes its system ID from the host name (system_id_source = \"uname\"), and would treat the groups as \
             another host's: keep the ID as `system_id` in `/etc/lvm/lvmlocal.conf` and set system_id_source to \
             \"lvmlocal\", see lvmsystemid(7)",
        ),
    ] {
        let stage = stage();
        fs::create_dir_all(stage.path(path).parent().unwrap()).unwrap();
        stage.write(path, text);
        let before = stage.system();
        let run = on(&stage, RENAME).demand(1);
        assert!(run.stderr.contains(words), "{path}: {}", run.stderr);
        assert!(
            run.stderr.lines().any(|line| line.starts_with("postclone: error: `/")),
            "{}",
            run.stderr
        );
        assert_eq!(before, stage.system(), "{path}");
        assert!(!stage.path("var/lib/postclone").exists(), "{path}");
    }
}

#[test]
fn what_bears_another_name_is_no_reason_to_refuse() {
    needs_root!();
    let stage = stage();
    for (path, text) in [
        ("var/lib/rabbitmq/mnesia/rabbit@localhost/x", ""),
        ("etc/default/etcd", "ETCD_NAME=default\n"),
        ("etc/mysql/my.cnf", "[mysqld]\nwsrep_node_name=db1\n"),
        ("etc/mdadm/mdadm.conf", "HOMEHOST <system>\nARRAY /dev/md/0 name=other:0\n"),
        ("etc/lvm/lvm.conf", "global {\n\tsystem_id_source = \"uname\"\n}\n"),
        ("etc/lvm/lvmlocal.conf", "global { system_id_source = \"lvmlocal\" }\n"),
        ("var/lib/samba/private/secrets.tdb", "x"),
        ("etc/samba/smb.conf", "[global]\n security = user\n"),
    ] {
        fs::create_dir_all(stage.path(path).parent().unwrap()).unwrap();
        stage.write(path, text);
    }
    on(&stage, RENAME).demand(0);
}

#[test]
fn what_makes_no_sense_is_said() {
    needs_root!();
    let stage = stage();
    let before = stage.system();
    for (args, status, words) in [
        (
            &["rename-host", "x", "y", "--yes"][..],
            1,
            "the host is called `tmpl`, neither `x` nor `y`: give its present name as OLD, or leave out OLD",
        ),
        (
            &["rename-host", "tmpl", "tmpl", "--yes"],
            2,
            "`: nothing would change; give another name",
        ),
        (
            &["rename-host", "a b", "--yes"],
            2,
            "cannot be a host name: use letters, digits and hyphens, and a domain after a dot",
        ),
        (&["rename-host", "--yes"], 2, "<NEW>"),
        (
            &["rename-host", "web01", "--also", "/etc/motd", "--yes"],
            2,
            "--also is for names of groups and volumes: a host name, which may be an ordinary word, is found \
             only in known places",
        ),
        (&["rename-host", "web01"], 1, "use --yes"),
    ] {
        let run = on(&stage, args).demand(status);
        assert!(run.stderr.contains(words), "{args:?}: {}", run.stderr);
    }
    assert_eq!(before, stage.system());
    stage.write("etc/hostname", "localhost\n");
    let run = on(&stage, RENAME).demand(1);
    let words = "the system has no host name: give the name in its files as OLD";
    assert!(run.stderr.contains(words), "{}", run.stderr);
}

/// Every place there is, in a tree, there and back; and the plan for programs.
#[test]
fn another_root_has_no_running_name() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    tree::copy(&project().join("fixtures/host-names/root"), &root);
    let before = tree::contents(&root);
    let here = ["--root", root.to_str().unwrap()];
    let verb = |args: &[&str]| {
        let run = postclone(dir.path(), &[args, &here[..]].concat());
        assert_eq!(run.status, 0, "{args:?}: {}", run.stderr);
        run
    };
    let plan = verb(&["rename-host", "web01", "--dry-run", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_slice(&plan.stdout).unwrap();
    assert_eq!(
        (&plan["kind"], &plan["old"], &plan["new"]),
        (&"host name".into(), &"mail".into(), &"web01".into())
    );
    let steps = plan["steps"].as_array().unwrap().iter();
    let steps: Vec<&str> = steps.map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["backup", "replace-files", "verify"]);
    let done = out(&verb(&["rename-host", "web01", "--yes"]));
    assert!(!done.contains("keep the old name"), "{done}");
    let expected = tree::contents(&project().join("fixtures/host-names/expected/root"));
    assert_eq!(expected, without_state(&root));
    let again = out(&verb(&["rename-host", "mail", "web01", "--yes"]));
    assert!(again.contains("# Nothing to rewrite"), "{again}");
    verb(&["undo", "--yes"]);
    assert_eq!(before, without_state(&root));
}

/// The tree without postclone's own.
fn without_state(root: &Path) -> std::collections::BTreeMap<std::path::PathBuf, tree::Content> {
    let mut all = tree::contents(root);
    all.retain(|path, _| !path.starts_with("var/lib/postclone"));
    all
}

/// Has the kernel run an array whose superblock has the name `tmpl:0`.
fn with_array(stage: &Stage) {
    for dir in ["sys/class/block/md127/md", "run/udev/data", "etc/mdadm"] {
        fs::create_dir_all(stage.path(dir)).unwrap();
    }
    stage.write("sys/class/block/md127/dev", "9:127\n");
    let data = "S:md/tmpl:0\nE:MD_LEVEL=raid1\nE:MD_NAME=tmpl:0\nE:MD_UUID=3aaa0122:29827cfa:5331ad66:ca767371\n";
    stage.write("run/udev/data/b9:127", data);
}

const ARRAY: &str =
    "ARRAY /dev/md/0 metadata=1.2 UUID=3aaa0122:29827cfa:5331ad66:ca767371 name=tmpl:0\n";

#[test]
fn arrays_that_would_become_another_hosts_are_refused() {
    needs_root!();
    for conf in
        ["", "HOMEHOST <system>\n", "ARRAY /dev/md/0 UUID=3aaa0122:29827cfa:5331ad66:00000000\n"]
    {
        let stage = stage();
        with_array(&stage);
        stage.write("etc/mdadm/mdadm.conf", conf);
        let before = stage.system();
        let run = on(&stage, RENAME).demand(1);
        for words in [
            "`/dev/md127`: the array belongs to the host by the name `tmpl:0`",
            "--update=homehost",
        ] {
            assert!(run.stderr.contains(words), "{conf}: {}", run.stderr);
        }
        assert_eq!(before, stage.system(), "{conf}");
        assert!(!stage.path("var/lib/postclone").exists(), "{conf}");
    }
    for conf in [ARRAY, "HOMEHOST <ignore>\n", "ARRAY /dev/md/0 name=tmpl:0\n", "HOMEHOST tmpl\n"] {
        let stage = stage();
        with_array(&stage);
        stage.write("etc/mdadm/mdadm.conf", conf);
        let said = out(&on(&stage, RENAME).demand(0));
        assert_eq!(
            said.contains("has the old name as HOMEHOST and keeps it"),
            conf == "HOMEHOST tmpl\n",
            "{said}"
        );
        assert_eq!(stage.read("etc/mdadm/mdadm.conf"), conf);
    }
}

#[test]
fn another_hosts_arrays_are_no_reason_to_refuse() {
    needs_root!();
    let stage = stage();
    with_array(&stage);
    let data = stage.read("run/udev/data/b9:127").replace("tmpl:0", "other:0");
    stage.write("run/udev/data/b9:127", &data);
    on(&stage, RENAME).demand(0);
}

#[test]
fn an_array_that_udev_does_not_know_is_asked_for() {
    needs_root!();
    let stage = stage();
    with_array(&stage);
    fs::remove_file(stage.path("run/udev/data/b9:127")).unwrap();
    stage.program(
        "usr/sbin/mdadm",
        "#!/bin/sh\necho \"mdadm $*\" >> /stub/log\necho MD_NAME=tmpl:0\n",
    );
    let run = on(&stage, RENAME).demand(1);
    let words = ", and under another host name it comes up as a foreign array, with another device name: write it into \
                 mdadm.conf with `mdadm --detail --brief /dev/md127`, or write `HOMEHOST <ignore>` there, and rebuild \
                 the initramfs images; or stop the array, and assemble it with `--update=homehost` and `--homehost=NEW`";
    assert!(run.stderr.contains("by the name `tmpl:0`"), "{}", run.stderr);
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert!(stage.asked().contains(&"mdadm --detail --export /dev/md127".to_owned()));
}

#[test]
fn an_image_has_to_know_the_array_as_well() {
    needs_root!();
    let stage = stage();
    with_array(&stage);
    stage.write("etc/mdadm/mdadm.conf", ARRAY);
    let image = |conf: &str| {
        let bytes = crate::images::archive(&[("etc/mdadm/mdadm.conf", conf.as_bytes())]);
        let path = format!("boot/initrd.img-{}", crate::stage::KERNELS[1]);
        fs::write(stage.path(&path), bytes).unwrap();
    };
    image("HOMEHOST <system>\n");
    let run = on(&stage, RENAME).demand(1);
    let words = format!(
        ", and the mdadm.conf in `/boot/initrd.img-{}` does not list it, although the root's does: rebuild the \
         initramfs images",
        crate::stage::KERNELS[1]
    );
    assert!(run.stderr.contains(&words), "{}", run.stderr);
    image(ARRAY);
    on(&stage, RENAME).demand(0);
}

#[test]
fn services_that_run_with_the_old_name_are_named() {
    needs_root!();
    let systemctl = "#!/bin/sh\necho \"systemctl $*\" >> /stub/log\n[ $1 = is-active ] || exit 0\nshift\n\
        for unit; do case $unit in postfix.service|rsyslog.service|salt-minion.service) echo active ;; \
        *) echo inactive ;; esac; done\nexit 3\n";
    let stage = stage();
    stage.program("usr/bin/systemctl", systemctl);
    let said = out(&on(&stage, RENAME).demand(0));
    for line in [
        "# These services use the old name until they are restarted:\n",
        "#  - rsyslog.service: it writes the name into every line of a log\n",
        "#  - postfix.service: its myhostname is in greetings and addresses (/etc/mailname, /etc/postfix/main.cf rewritten)\n",
        "#  - salt-minion.service: the master knows the minion by it (/etc/salt/minion_id rewritten)\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("exim4.service"), "{said}");
    assert!(!stage.asked().iter().any(|line| line.contains("restart")), "{:?}", stage.asked());
    let stage = self::stage();
    stage.program("usr/bin/systemctl", systemctl);
    let run = on(&stage, &[RENAME, &["--format", "json"]].concat()).demand(0);
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    let units: Vec<&str> = report["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| of["unit"].as_str().unwrap())
        .collect();
    assert_eq!(units, ["rsyslog.service", "postfix.service", "salt-minion.service"]);
    assert_eq!(report["services"][2]["files"][0], "/etc/salt/minion_id");
}
