//! A stage: a root tree to chroot into, where programs are stubs that log what they are asked and
//! keep a group's name in a file. There postclone believes itself on a running system, as root.
//!
//! What the stubs cannot show (device-mapper, udev, systemd, real images) the guests show.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use nix::unistd::Pid;

use crate::harness::{Run, run};
use crate::images::archive;
use crate::tree;

pub const UUID: &str = "aaaaaa-bbbb-cccc-dddd-eeee-ffff-gggggg";
pub const KERNELS: [&str; 2] = ["6.1.0-1-amd64", "6.1.0-2-amd64"];

/// Below the stage: a swap unit of the group, the link that wants it, a mask, drop-ins of a device.
pub const SWAP: &str = r"etc/systemd/system/dev-mapper-a\x2d\x2db\x2dswap_1.swap";
pub const WANT: &str = r"etc/systemd/system/swap.target.wants/dev-mapper-a\x2d\x2db\x2dswap_1.swap";
pub const MASK: &str = r"etc/systemd/system/dev-a\x2db-swap_1.swap";
pub const DROP_INS: &str = r"etc/systemd/system/dev-mapper-a\x2d\x2db\x2droot.device.d";

/// One file or link of the stage.
#[derive(Debug, PartialEq, Eq)]
pub struct Thing {
    pub path: PathBuf,
    pub content: tree::Content,
    pub mode: u32,
    pub owner: (u32, u32),
    pub modified: (i64, i64),
    /// An extended attribute that some of the files and links have.
    pub origin: Option<Vec<u8>>,
}

pub struct Stage {
    dir: tempfile::TempDir,
}

/// Group `a-b` with root, swap, and a thin pool's hidden volume, it and root under whatever names they have
/// now.
const LVM: &str = r#"#!/bin/sh
echo "lvm $*" >> /stub/log
name=$(cat /stub/vg)
case $1 in
fullreport)
	printf '  WARNING: a line that lvm logs\n' >&2
	# Fails without a reason as often as the file has lines; for ever where one says so.
	if [ -s /stub/silent ]; then
		case "$(cat /stub/silent) $*" in *ever*-v) echo "  a reason" >&2 ;; *ever*) ;; *) sed -i 1d /stub/silent ;; esac
		echo "  Command failed with status code 5." >&2
		exit 5
	fi
	printf '{"report":[{"vg":[{"vg_name":"%s","vg_uuid":"%s","vg_attr":"%s","vg_systemid":"%s"}],"lv":[' "$name" UUID "$(cat /stub/attr)" "$(cat /stub/owner)"
	printf '{"lv_name":"%s","lv_uuid":"r","lv_attr":"%s"},{"lv_name":"swap_1","lv_uuid":"s"},{"lv_name":"[p_tmeta]","lv_uuid":"t"}],"pv":[{"pv_uuid":"p","pv_name":"/dev/vda5"}]}]}\n' "$(cat /stub/lv)" "$(cat /stub/lvattr)"
	;;
pvs) cat /stub/pvs ;;
lvs)
	case $* in *lv_tags*) ;; *) exit 0 ;; esac
	uuid=${*##*lv_uuid=}
	echo "  ${uuid%% *} $(cat "/stub/tags-${uuid%% *}" 2>/dev/null)"
	;;
lvchange)
	kept=${*##*lv_uuid=}
	kept=/stub/tags-${kept%% *}
	case $2 in
	--addtag) echo "$(cat "$kept" 2>/dev/null),$3" >"$kept.new" ;;
	--deltag) tr , '\n' <"$kept" | busybox grep -vx "$3" | tr '\n' , >"$kept.new" ;;
	esac
	mv "$kept.new" "$kept"
	;;
systemid) echo "  system ID: $(cat /stub/systemid)" ;;
lvrename)
	for new; do :; done
	cat /etc/fstab /boot/grub/grub.cfg > /stub/at-rename
	case $(cat /stub/vgrename) in
	ok) echo "$new" > /stub/lv ;;
	lie) echo "  Cannot update volume group with duplicate PV devices." >&2 ;;
	esac
	;;
vgrename)
	for new; do :; done
	cat /etc/fstab /boot/grub/grub.cfg > /stub/at-rename
	case $(cat /stub/vgrename) in
	ok) echo "$new" > /stub/vg ;;
	lie) echo "  Cannot update volume group with duplicate PV devices." >&2 ;;
	fail) echo "  New VG name \"$new\" already exists" >&2; exit 5 ;;
	once) echo "$new" > /stub/vg; echo lie > /stub/vgrename ;;
	locked) echo ok > /stub/vgrename; echo "  Can't get lock for a-b." >&2; exit 5 ;;
	esac
	;;
esac
"#;

/// `pack DIR IMAGE` writes a cpio archive of what is in a directory, the same bytes each time, and
/// renames it, as the real image tools do.
const PACK: &str = r#"#!/bin/sh
zeros() { for _ in $(seq 1 $(((4 - $1 % 4) % 4))); do printf '\0'; done; }
entry() {
	size=$(wc -c <"$2")
	printf 07070100000000000081a40000000000000000000000010000
	printf '0000%08x%032x%08x%08x%s\0' $size 0 $((${#1} + 1)) 0 "$1"
	zeros $((110 + ${#1} + 1))
	cat "$2"
	zeros $size
}
for name in init sbin/lvm sbin/cryptsetup cryptroot/crypttab fstab resume crypttab wait; do
	[ ! -f "$1/$name" ] || entry $name "$1/$name"
done >"$2.new"
entry TRAILER!!! /dev/null >>"$2.new"
mv "$2.new" "$2"
"#;

/// Builds an image of the files of now, or does as the test wants.
const UPDATE_INITRAMFS: &str = r#"#!/bin/sh
echo "update-initramfs $*" >> /stub/log
image=/boot/initrd.img-$3
pack() { /usr/bin/pack "$1" "$image"; }
case $(cat /stub/initramfs) in
hang) echo half > "$image.new"; sleep 60 ;;
ok)
	cp /etc/fstab /etc/initramfs-tools/conf.d/resume /stub/image/
	[ ! -e /etc/crypttab ] || cp /etc/crypttab /stub/image/
	pack /stub/image
	;;
bare) mkdir /stub/bare; echo init > /stub/bare/init; pack /stub/bare ;;
named) echo /dev/mapper/a--b-root > /stub/image/wait; pack /stub/image ;;
cut) pack /stub/image; head -c 400 "$image" > "$image.new"; mv "$image.new" "$image" ;;
idle) ;;
fail) echo "gzip: stdout: No space left on device" >&2; exit 1 ;;
empty) : > "$image.new"; mv "$image.new" "$image" ;;
half) case $3 in *-2-*) echo "mkinitramfs failure" >&2; exit 2 ;; esac; pack /stub/image ;;
complain) pack /stub/image; echo "cryptsetup: WARNING: Couldn't resolve device /dev/mapper/a--b-root" >&2 ;;
esac
[ ! -e /etc/initramfs/post-update.d/hook ] || . /etc/initramfs/post-update.d/hook
"#;

/// What every image of the stage has, beside what it is made of.
const IMAGE: &[(&str, &[u8])] = &[
    ("init", b"#!/bin/sh\n"),
    ("sbin/lvm", b"lvm"),
    ("sbin/cryptsetup", b"cryptsetup"),
    ("cryptroot/crypttab", b"vda_crypt UUID=1 none luks\n"),
];

/// Prints what the test says of the devices' UUIDs.
const BLKID: &str = "#!/bin/sh
cat /stub/blkid
";

const LOGGED: &str = "#!/bin/sh\necho \"$(basename $0) $*\" >> /stub/log\n";

/// busybox, postclone and its libraries, by their paths on a stage and where they are. They are copied
/// once; a stage has hard links to them.
fn large_programs() -> &'static [(String, PathBuf)] {
    static PROGRAMS: OnceLock<Vec<(String, PathBuf)>> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let kept = tempfile::tempdir().unwrap().keep();
        // A process that outlives this one removes them: nothing is run when a static goes away.
        let remover = Command::new("sh")
            .args(["-c", "cat >/dev/null; rm -r \"$1\"", "sh"])
            .arg(&kept)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        std::mem::forget(remover);
        let busybox = "/usr/bin/busybox";
        let busybox = if Path::new(busybox).exists() { busybox } else { "/bin/busybox" };
        let binary = env!("CARGO_BIN_EXE_postclone");
        let output = Command::new("ldd").arg(binary).output().unwrap();
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        let libraries = words.split_whitespace().filter(|word| word.starts_with('/'));
        let programs = [(busybox, "/usr/bin/busybox"), (binary, "/usr/sbin/postclone")];
        let all = programs.into_iter().chain(libraries.map(|path| (path, path)));
        all.enumerate()
            .map(|(number, (from, to))| {
                let copy = kept.join(number.to_string());
                // By a process of its own, see `program`.
                let install = Command::new("install").args(["-m", "755", from]).arg(&copy).status();
                assert!(install.unwrap().success(), "{from} is not there");
                (to[1..].to_owned(), copy)
            })
            .collect()
    })
}

impl Stage {
    /// Builds the stage. Needs root, for chroot.
    pub fn new() -> Self {
        crate::harness::demand_programs();
        assert!(nix::unistd::geteuid().is_root(), "this test needs root: chroot is not for users");
        let stage = Self { dir: tempfile::tempdir().unwrap() };
        fs::set_permissions(stage.path(""), fs::Permissions::from_mode(0o755)).unwrap();
        for dir in [
            "etc/initramfs-tools/conf.d",
            "etc/default/grub.d",
            "boot/grub",
            "dev",
            "run/udev",
            "run/systemd/system",
            "stub/image/cryptroot",
            "stub/image/sbin",
            "tmp",
            "usr/bin",
            "usr/sbin",
            "var/lib/dpkg",
        ] {
            fs::create_dir_all(stage.path(dir)).unwrap();
        }
        let everyone = Mode::from_bits_truncate(0o666);
        mknod(&stage.path("dev/null"), SFlag::S_IFCHR, everyone, makedev(1, 3)).unwrap();
        for kernel in KERNELS {
            fs::create_dir_all(stage.path(&format!("lib/modules/{kernel}"))).unwrap();
            let files = [&[("version", kernel.as_bytes())], IMAGE].concat();
            fs::write(stage.path(&format!("boot/initrd.img-{kernel}")), archive(&files)).unwrap();
        }
        for (path, bytes) in IMAGE {
            fs::write(stage.path("stub/image").join(path), bytes).unwrap();
        }
        stage.write("run/udev/control", "");
        for lock in ["lock-frontend", "lock"] {
            stage.write(&format!("var/lib/dpkg/{lock}"), "");
        }
        stage.write("etc/hostname", "c\n");
        stage.write(
            "etc/fstab",
            "/dev/mapper/a--b-root / ext4 defaults 0 1\n/dev/a-b/swap_1 none swap sw 0 0\n",
        );
        stage.write("etc/initramfs-tools/conf.d/resume", "RESUME=/dev/mapper/a--b-swap_1\n");
        stage.write("etc/default/grub", "GRUB_CMDLINE_LINUX=\"resume=/dev/a-b/swap_1\"\n");
        stage.write("boot/grub/grub.cfg", "linux /vmlinuz root=/dev/mapper/a--b-root ro\n");
        for path in ["etc/fstab", "boot/grub/grub.cfg"] {
            xattr::set(stage.path(path), "user.origin", b"template").unwrap();
        }
        fs::set_permissions(stage.path("boot/grub/grub.cfg"), fs::Permissions::from_mode(0o400))
            .unwrap();
        stage.install_units();
        stage.set("vg", "a-b");
        stage.set("lv", "root");
        stage.set("attr", "wz--n-");
        stage.set("owner", "");
        stage.set("systemid", "");
        stage.set("pvs", "{\"report\":[{\"pv\":[{\"pv_uuid\":\"p\",\"pv_name\":\"/dev/vda5\"}]}]}");
        stage.set("lvattr", "-wi-ao----");
        stage.set(
            "blkid",
            "DEVNAME=/dev/mapper/a--b-root\nUUID=R-1\n\nDEVNAME=/dev/mapper/a--b-swap_1\nUUID=S-2",
        );
        stage.set("vgrename", "ok");
        stage.set("initramfs", "ok");
        stage.install_programs();
        stage
    }

    /// The same with LUKS on the root volume: its image holds the source's name, as Debian's does.
    pub fn encrypted() -> Self {
        let stage = Self::new();
        let crypttab = "root_crypt /dev/mapper/a--b-root none luks\n";
        stage.write("etc/crypttab", crypttab);
        stage.write(
            "etc/fstab",
            "/dev/mapper/root_crypt / ext4 defaults 0 1\n/dev/a-b/swap_1 none swap sw 0 0\n",
        );
        stage.write("boot/grub/grub.cfg", "linux /vmlinuz root=/dev/mapper/root_crypt ro\n");
        for kernel in KERNELS {
            stage.write(&format!("boot/initrd.img-{kernel}"), crypttab);
        }
        stage
    }

    /// Whether the next boot finds all that it waits for, whatever was cut: every device that the
    /// menu, fstab and an image's crypttab name bears the group's present name, or a UUID.
    #[cfg(feature = "failpoints")]
    pub fn boots(&self) -> Result<(), String> {
        let stale: &[&str] = match self.read("stub/vg").trim() {
            "a-b" => &["c--d-", "/c-d/", "web01-", "/web01/"],
            _ => &["a--b-", "/a-b/"],
        };
        let mut paths = vec!["etc/fstab".to_owned(), "boot/grub/grub.cfg".to_owned()];
        paths.extend(KERNELS.map(|kernel| format!("boot/initrd.img-{kernel}")));
        let unified = crate::placed::UNIFIED;
        paths.extend(
            unified.iter().filter(|path| self.path(path).exists()).map(|&path| path.to_owned()),
        );
        for path in paths {
            let text = String::from_utf8_lossy(&fs::read(self.path(&path)).unwrap()).into_owned();
            let obeyed = |line: &&str| {
                !path.contains("initrd") && !path.ends_with(".efi")
                    || line.ends_with("luks")
                    || line.contains("root=")
            };
            if let Some(line) = text
                .lines()
                .filter(obeyed)
                .find(|line| stale.iter().any(|name| line.contains(name)))
            {
                return Err(format!("`{path}` has `{line}`"));
            }
        }
        Ok(())
    }

    fn install_units(&self) {
        for dir in ["etc/systemd/system/swap.target.wants", DROP_INS] {
            fs::create_dir_all(self.path(dir)).unwrap();
        }
        self.write(SWAP, "[Swap]\nWhat=/dev/mapper/a--b-swap_1\n");
        fs::set_permissions(self.path(SWAP), fs::Permissions::from_mode(0o640)).unwrap();
        let link = |target: &str, at: &str| {
            std::os::unix::fs::symlink(target, self.path(at)).unwrap();
        };
        link(&format!("../{}", SWAP.rsplit('/').next().unwrap()), WANT);
        std::os::unix::fs::lchown(self.path(WANT), Some(7), Some(8)).unwrap();
        // Links have no attributes of users; this one is root's.
        xattr::set(self.path(WANT), "trusted.origin", b"template").unwrap();
        link("/dev/null", MASK);
        self.write(&format!("{DROP_INS}/timeout.conf"), "# /dev/a-b/root is slow\n");
        self.write(&format!("{DROP_INS}/other.conf"), "[Unit]\nJobRunningTimeoutSec=200\n");
    }

    fn install_programs(&self) {
        for (path, copy) in large_programs() {
            let at = self.path(path);
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            fs::hard_link(copy, at).unwrap();
        }
        fs::create_dir_all(self.path("bin")).unwrap();
        for applet in [
            "bin/sh",
            "usr/bin/cat",
            "usr/bin/cp",
            "usr/bin/head",
            "usr/bin/mkdir",
            "usr/bin/mv",
            "usr/bin/sed",
            "usr/bin/wc",
            "usr/bin/basename",
            "usr/bin/kill",
            "usr/bin/seq",
            "usr/bin/sleep",
        ] {
            std::os::unix::fs::symlink("/usr/bin/busybox", self.path(applet)).unwrap();
        }
        self.program("usr/sbin/lvm", &LVM.replace("UUID", UUID));
        self.program("usr/bin/pack", PACK);
        self.install_update_initramfs();
        self.program("usr/sbin/blkid", BLKID);
        for program in ["usr/sbin/mkinitramfs", "usr/bin/udevadm", "usr/bin/systemctl"] {
            self.program(program, LOGGED);
        }
    }

    pub fn install_update_initramfs(&self) {
        self.program("usr/sbin/update-initramfs", UPDATE_INITRAMFS);
    }

    /// Puts a stub on the stage.
    pub fn program(&self, path: &str, text: &str) {
        // By a process of its own: a file that this one holds open for writing while another test's
        // thread forks cannot be executed (ETXTBSY).
        let mut child = Command::new("install")
            .args(["-m", "755", "/dev/stdin"])
            .arg(self.path(path))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// A path of the stage on this machine.
    pub fn path(&self, inner: &str) -> PathBuf {
        self.dir.path().join(inner)
    }

    pub fn write(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Sets how a stub behaves.
    pub fn set(&self, what: &str, how: &str) {
        self.write(&format!("stub/{what}"), &format!("{how}\n"));
    }

    /// What the stubs were asked, without the reports.
    pub fn asked(&self) -> Vec<String> {
        let log = fs::read_to_string(self.path("stub/log")).unwrap_or_default();
        log.lines()
            .filter(|line| {
                !["lvm fullreport", "lvm pvs", "lvm systemid"]
                    .iter()
                    .any(|asks| line.starts_with(asks))
            })
            .map(str::to_owned)
            .collect()
    }

    /// Runs postclone on the stage.
    pub fn run(&self, args: &[&str]) -> Run {
        self.run_with(args, &[])
    }

    /// Runs postclone with an environment.
    pub fn run_with(&self, args: &[&str], environment: &[(&str, &str)]) -> Run {
        run(self.command(args).envs(environment.iter().copied()).output().unwrap())
    }

    /// Runs postclone where a process has at most so many open files.
    pub fn run_limited(&self, open_files: &str, args: &[&str]) -> Run {
        let script = "ulimit -n $0 && exec chroot \"$1\" /usr/sbin/postclone \"${@:2}\"";
        let mut command = Command::new("bash");
        command.args(["-c", script, open_files]).arg(self.dir.path()).args(args);
        run(command.stdin(Stdio::null()).output().unwrap())
    }

    /// Runs postclone, and sends it a signal when the stub of an image tool is at work.
    pub fn run_signalled(&self, args: &[&str], signal: Signal) -> Run {
        let child =
            self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let at_work = |line: &String| {
            line.starts_with("update-initramfs") || line.starts_with("kernel-install")
        };
        while !self.asked().iter().any(at_work) {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        run(child.wait_with_output().unwrap())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("chroot");
        command.arg(self.dir.path()).arg("/usr/sbin/postclone").args(args).stdin(Stdio::null());
        command
    }

    /// What a run may change: everything but postclone's state, /run, and the stubs' own files.
    pub fn system(&self) -> Vec<Thing> {
        let entries = tree::read(self.dir.path()).into_iter();
        entries
            .filter(|(path, entry)| {
                let ours = [
                    "run",
                    "stub/log",
                    "stub/vgrename",
                    "stub/initramfs",
                    "stub/points",
                    "stub/at-rename",
                    "stub/image",
                    "stub/bare",
                ];
                !ours.iter().any(|own| path.starts_with(own))
                    && entry.content != tree::Content::Directory
            })
            .map(|(path, entry)| {
                let full = self.dir.path().join(&path);
                let origin = ["user.origin", "trusted.origin"]
                    .into_iter()
                    .find_map(|name| xattr::get(&full, name).ok().flatten());
                // The group's name is a file of the stub's; only its content counts.
                let modified = if path.starts_with("stub") { (0, 0) } else { entry.modified };
                Thing {
                    path,
                    content: entry.content,
                    mode: entry.mode,
                    owner: entry.owner,
                    modified,
                    origin,
                }
            })
            .collect()
    }
}
