"""The package's autopkgtest, by autopkgtest(1) and its QEMU back end, on a guest whose root is on LVM.

That back end needs of a guest what the lab's have not: a shell for root on a second console, Python, and a
kernel with 9p, which Debian's cloud kernel lacks. A first boot installs them.
"""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import cache
import image
import mirror
import qemu
import rootfs
from trial import Failed, Scenario

TREE = Path(__file__).resolve().parent.parent.parent.parent
BACK_END = Path("/usr/bin/autopkgtest-virt-qemu")
WANTED = ["linux-image-amd64", "python3-minimal", "apt-utils"]

MODULES = ["drivers/virtio", "drivers/block/virtio_blk.ko", "drivers/net/virtio_net.ko", "drivers/net/net_failover.ko",
           "drivers/char/virtio_console.ko", "drivers/char/hw_random", "drivers/md", "net/core", "net/9p", "fs/9p",
           "fs/netfs", "fs/ext4", "fs/jbd2", "fs/mbcache.ko", "fs/autofs", "fs/configfs", "fs/fat", "fs/nls",
           "crypto", "arch/x86/crypto", "lib"]
"""What the kernel keeps of its drivers: with all of them it is more than the guest's memory takes, and its
initramfs takes minutes."""

PREPARE = """
export DEBIAN_FRONTEND=noninteractive
old=$(uname -r)
timed apt-get -o Dpkg::Options::=--force-unsafe-io install -y ./debs/*.deb || exit
timed dpkg --force-unsafe-io --purge "linux-image-$old" linux-image-cloud-amd64 || exit
# It is up before there is a prompt, and stays through a change of the host's name.
cat >/etc/systemd/system/shell.service <<'EOF'
[Unit]
BindsTo=dev-hvc1.device
After=dev-hvc1.device
Before=serial-getty@ttyS0.service
[Service]
ExecStart=/bin/sh -i
StandardInput=tty-fail
StandardOutput=tty
StandardError=tty
TTYPath=/dev/hvc1
Environment=HOME=/root
SendSIGHUP=yes
[Install]
WantedBy=multi-user.target
EOF
systemctl enable shell
systemctl disable lab-agent lab-emergency
ls /boot "/usr/lib/modules"
"""


def packages(suite, layout, path):
    """Fetch what is wanted, with what it needs that the guest has not."""
    for name in ["lists/partial", "cache/archives/partial"]:
        (path / name).mkdir(parents=True)
    with tarfile.open(rootfs.tar(suite, image.packages(suite, layout))) as tar:
        (path / "status").write_bytes(tar.extractfile("./var/lib/dpkg/status").read())
    (path / "sources.list").write_text(f"deb {mirror.uri()} {suite} {rootfs.COMPONENTS}\n")
    options = ["APT::Architecture=amd64", "Acquire::Check-Valid-Until=false", "APT::Sandbox::User=root",
               "APT::Install-Recommends=false", "Dir::Etc::SourceParts=/dev/null"]
    options += [f"{name}={path / file}" for name, file in [
        ("Dir::State::Lists", "lists"), ("Dir::State::Status", "status"), ("Dir::Cache", "cache"),
        ("Dir::Etc::SourceList", "sources.list")]]
    for arguments in [["update"], ["install", "--yes", "--download-only", *WANTED]]:
        subprocess.run(["apt-get", "-qq", *[f"-o={option}" for option in options], *arguments], check=True)
    debs = path / "debs"
    debs.mkdir()
    for deb in (path / "cache/archives").glob("*.deb"):
        if deb.name.startswith("linux-image-") and not deb.name.startswith("linux-image-amd64"):
            trimmed(deb, path / "kernel", debs / deb.name)
        else:
            deb.rename(debs / deb.name)
    return debs


def trimmed(deb, tree, to):
    """The kernel's package with no more drivers than it keeps."""
    subprocess.run(["dpkg-deb", "--raw-extract", deb, tree], check=True)
    [drivers] = tree.glob("usr/lib/modules/*/kernel")
    for file in drivers.rglob("*.ko*"):
        if not str(file.relative_to(drivers)).startswith(tuple(MODULES)):
            file.unlink()
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, to], check=True,
                   stdout=subprocess.DEVNULL)


def back_end(folder, accelerator):
    """The back end with time for an emulated machine, and a QEMU that uses no KVM where that does not work."""
    text = BACK_END.read_text()
    for patient in ["'ok', 1)", "expected_prompt, 5)", "expected_prompt, 10)", "expected_prompt, 30)", "timeout(10,"]:
        number = "".join(digit for digit in patient if digit.isdigit())
        text = text.replace(patient, patient.replace(number, "120"))
    program = folder / "autopkgtest-virt-qemu"
    program.write_text(text)
    program.chmod(0o755)
    wrapper = folder / "qemu"
    dropped = "" if accelerator == "kvm" else "-enable-kvm"
    wrapper.write_text("#!/bin/bash\nfor argument; do\n"
                       f"\tshift\n\t[[ $argument == '{dropped}' ]] || set -- \"$@\" \"$argument\"\ndone\n"
                       "exec qemu-system-x86_64 \"$@\"\n")
    wrapper.chmod(0o755)
    return program, wrapper


def autopkgtest(trial):
    if not BACK_END.exists():
        raise Failed("autopkgtest is missing: apt-get install autopkgtest")
    work = trial.logs / "work"
    work.mkdir()
    first = trial.boot("1-prepare", PREPARE, {"debs": packages(trial.suite, trial.layout, work)})
    trial.require_job(first)
    # What autopkgtest reads of the source package.
    debian = work / "source" / "debian"
    shutil.copytree(TREE / "packaging" / "debian", debian)
    shutil.copy(TREE / "packaging" / "changelog", debian / "changelog")
    # With this file it counts as built, and no compiler is asked for in the guest.
    (debian / "files").touch()
    program, wrapper = back_end(work, trial.machine.accel)
    cpu = "host" if trial.machine.accel == "kvm" else "qemu64,-cx16"
    command = ["autopkgtest", "--no-built-binaries", "--output-dir", trial.logs / "autopkgtest",
               "--timeout-factor=6", trial.deb.resolve(), work / "source", "--", program,
               f"--qemu-command={wrapper}", f"--qemu-options=-cpu {cpu}", "--timeout-reboot=1200", "--show-boot",
               "--overlay-dir", work, trial.disk]
    with cache.guest_slot(), open(trial.logs / "said", "w") as said:
        trial.note(" ".join(map(str, command)))
        done = subprocess.run([str(word) for word in command], stdout=said, stderr=said, cwd=work,
                              stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C.UTF-8"})
    shutil.rmtree(work)
    summary = trial.logs / "autopkgtest" / "summary"
    words = " | ".join(summary.read_text().splitlines()) if summary.exists() else "no summary"
    trial.note(words)
    if done.returncode or "reboot" not in words:
        raise Failed(f"autopkgtest ended with {done.returncode}: {words}")


SCENARIOS = [
    Scenario("autopkgtest", "clone-lab", "the package's own test, with its restarts, by autopkgtest and QEMU",
             autopkgtest, needs_deb=True),
]
