//! What the running system is asked and told: the lock against a shutdown, what stopped meanwhile, and
//! the link for grub-mkconfig.

use crate::harness::needs_root;
use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::stage::Stage;

const RENAME: &[&str] = &["rename", "a-b", "c-d", "--yes"];

const INHIBIT: &str = "#!/bin/sh\n\
                       echo \"systemd-inhibit $*\" >> /stub/log\n\
                       cat\n\
                       echo \"systemd-inhibit ends\" >> /stub/log\n";

fn with_logind(program: &str) -> Stage {
    let stage = Stage::new();
    fs::create_dir_all(stage.path("run/systemd/seats")).unwrap();
    stage.program("usr/bin/systemd-inhibit", program);
    stage
}

#[test]
fn a_shutdown_is_held_off_from_before_the_first_change_to_the_end() {
    needs_root!();
    let stage = with_logind(INHIBIT);
    stage.run(RENAME).demand(0);
    let asked = stage.asked();
    assert_eq!(
        asked[0],
        "systemd-inhibit --what=shutdown:sleep --mode=block --who=postclone \
         --why=a volume group is being renamed cat"
    );
    assert_eq!(asked.last().unwrap(), "systemd-inhibit ends");
    assert_eq!(asked.iter().filter(|line| line.starts_with("systemd-inhibit")).count(), 2);
}

#[test]
fn the_lock_ends_with_a_postclone_that_is_killed() {
    needs_root!();
    let stage = with_logind(INHIBIT);
    stage.set("initramfs", "hang");
    stage.run_signalled(RENAME, Signal::SIGKILL).demand(137);
    let begun = Instant::now();
    while !stage.asked().contains(&"systemd-inhibit ends".to_owned()) {
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", stage.asked());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn without_the_lock_the_run_goes_on() {
    needs_root!();
    let stage = with_logind("#!/bin/sh\nexit 1\n");
    let run = stage.run(&[RENAME, &["-v"]].concat()).demand(0);
    for words in ["nothing holds off a shutdown", "did not hold it"] {
        assert!(run.stderr.contains(words), "{}", run.stderr);
    }
    // Nor is it asked for where no logind runs.
    let stage = Stage::new();
    stage.program("usr/bin/systemd-inhibit", INHIBIT);
    stage.run(RENAME).demand(0);
    assert!(stage.asked().iter().all(|line| !line.starts_with("systemd-inhibit")));
}

/// Lists what a test says is active, and after the group's rename what was started again alone.
const SYSTEMCTL: &str = "#!/bin/sh\n\
    echo \"systemctl $*\" >> /stub/log\n\
    for unit; do :; done\n\
    case $1 in\n\
    list-units)\n\
    for file in /stub/show/*.service; do\n\
    name=$(basename $file)\n\
    if [ \"$(cat /stub/vg)\" = a-b ] || [ -e /stub/started-$name ]; then\n\
    echo \"$name loaded active running x\"\n\
    fi\n\
    done ;;\n\
    show) [ ! -e /stub/show/$unit ] || cat /stub/show/$unit ;;\n\
    start) : > /stub/started-$unit ;;\n\
    esac\n";

#[test]
fn what_somebody_stopped_meanwhile_is_left_and_what_lost_its_storage_is_started() {
    needs_root!();
    let stage = Stage::new();
    fs::create_dir_all(stage.path("stub/show")).unwrap();
    stage.program("usr/bin/systemctl", SYSTEMCTL);
    let plain = "Type=simple\nRemainAfterExit=no\nWantedBy=multi-user.target\n";
    for (unit, shown) in [
        ("byhand.service", "Result=success\nRequires=sysinit.target data.target\n"),
        ("lost.service", "Result=success\nRequires=sysinit.target data.target extra.target\n"),
        ("failed.service", "Result=exit-code\nRequires=sysinit.target\n"),
        // Went down before the run, and in it; of the latter the mount is what matters.
        ("data.target", "Result=success\nInactiveEnterTimestampMonotonic=1\n"),
        ("extra.target", "BindsTo=data.mount\nInactiveEnterTimestampMonotonic=9000000000000000\n"),
        ("data.mount", "InactiveEnterTimestampMonotonic=9000000000000000\n"),
    ] {
        stage.write(&format!("stub/show/{unit}"), &format!("{plain}{shown}"));
    }
    let run = stage.run(RENAME).demand(0);
    let out = String::from_utf8(run.stdout).unwrap();
    let started: Vec<String> =
        stage.asked().into_iter().filter(|line| line.starts_with("systemctl start")).collect();
    assert_eq!(started, ["systemctl start failed.service", "systemctl start lost.service"]);
    assert!(
        out.contains("had stopped and was started again: failed.service, lost.service\n"),
        "{out}"
    );
    let left = "stopped meanwhile, but not because of this run as far as systemd shows, and stays stopped: \
                byhand.service\n";
    assert!(out.contains(left), "{out}");
    assert!(!out.contains("still there, as before") && !out.contains("GONE"), "{out}");
}

#[test]
fn a_soft_reboot_leaves_the_link_for_grub_where_it_is() {
    needs_root!();
    let stage = Stage::new();
    fs::create_dir_all(stage.path("sys/block/dm-0/dm")).unwrap();
    stage.write("sys/block/dm-0/dm/name", "a--b-p_tmeta\n");
    stage.run(RENAME).demand(0);
    // Before the package's file of that name, which removes the link at each boot.
    assert_eq!(
        stage.read("run/tmpfiles.d/postclone.conf"),
        "L /etc/default/grub.d/zz-postclone.cfg - - - - /run/postclone/grub.cfg\n"
    );
    let packaged = crate::harness::project().join("packaging/tmpfiles.conf");
    assert!(
        fs::read_to_string(packaged).unwrap().contains("r! /etc/default/grub.d/zz-postclone.cfg")
    );
    stage.run(&["undo", "--yes"]).demand(0);
    stage.write("sys/block/dm-0/dm/name", "a--b-p_tmeta\n");
    assert!(!stage.path("run/tmpfiles.d/postclone.conf").exists());
    assert!(!stage.path("etc/default/grub.d/zz-postclone.cfg").is_symlink());
}

#[test]
fn what_dmeventd_will_not_do_is_told_before_the_question() {
    needs_root!();
    let stage = Stage::new();
    stage.set("lvattr", "twi-aotz--");
    fs::rename(stage.path("usr/sbin/lvm"), stage.path("usr/sbin/lvm.real")).unwrap();
    stage.program(
        "usr/sbin/lvm",
        "#!/bin/sh\ncase $1 in\nlvs) cat /stub/lvs ;;\nlvmconfig) cat /stub/lvmconfig ;;\n\
         *) exec /usr/sbin/lvm.real \"$@\" ;;\nesac\n",
    );
    let row = |name: &str, data: &str| {
        format!(
            "{{\"lv_name\":\"{name}\",\"lv_attr\":\"twi-aotz--\",\"segtype\":\"thin-pool\",\
             \"seg_monitor\":\"monitored\",\"data_percent\":\"{data}\",\"metadata_percent\":\"1.00\"}}"
        )
    };
    let rows = [row("calm", "10.00"), row("full", "91.00")].join(",");
    stage.set("lvs", &format!("{{\"report\":[{{\"lv\":[{rows}]}}]}}"));
    stage.set("lvmconfig", "activation {\n\tthin_pool_autoextend_threshold=80\n}");
    let plan = |stage: &Stage| {
        let run = stage.run(&["rename", "a-b", "c-d", "--dry-run"]).demand(0);
        String::from_utf8(run.stdout).unwrap()
    };
    let out = plan(&stage);
    let warnings: Vec<&str> =
        out.lines().filter_map(|line| line.strip_prefix("# Warning: ")).collect();
    assert!(warnings[0].starts_with("DANGER: the thin pool `full` (91 % full"), "{out}");
    assert!(warnings[0].contains("`lvextend --use-policies a-b/full`"), "{out}");
    assert!(warnings[1].contains("does not extend the thin pool `calm` (10 % full"), "{out}");
    // Never extended, by the configuration; and LVM that does not tell.
    stage.set("lvmconfig", "activation {\n\tthin_pool_autoextend_threshold=100\n}");
    assert!(!plan(&stage).contains("dmeventd"));
    stage.set("lvs", "");
    assert!(plan(&stage).contains("it cannot be seen what dmeventd monitors"));
}
