"""One boot of a guest in QEMU, from power-on to its end."""

import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import cache
import network
from boot import OOPS, Boot, Watch

PORT = "org.postclone.lab"

FIRMWARE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
VARIABLES = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
"""UEFI, and its variables as they are at first (Debian's ovmf)."""


@dataclass
class Machine:
    """A disk and, for a boot without boot loader, a kernel; `guest` is another machine's disk in it."""

    disk: Path
    accel: str
    format: str = "qcow2"
    kernel: Path | None = None
    initrd: Path | None = None
    append: str = ""
    guest: Path | None = None
    variables: Path | None = None
    """Where UEFI keeps its variables; with a BIOS there is none."""
    passphrase: str = ""
    """What is typed where the boot asks for one."""
    uuid: str = ""
    """The machine's UUID, as its firmware gives it (DMI)."""
    product: str = ""
    """The machine's serial number, from there as well."""
    serial: str = ""
    """The serial number of the system's disk."""
    mac: str = ""
    """The address of its network card; without one it has no card."""
    lan: network.Segment | None = None
    """The network that the card is on; without one it leads nowhere."""


def accelerator(kernel):
    """kvm where it boots a kernel, else tcg; the verdict is kept in the cache."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    version = subprocess.run(["qemu-system-x86_64", "--version"], check=True,
                             stdout=subprocess.PIPE).stdout
    name = "accelerator-" + cache.key(version, os.uname().release)
    return cache.entry(name, lambda path: path.write_text(_probe(kernel))).read_text()


def _probe(kernel):
    with subprocess.Popen(
            ["qemu-system-x86_64", "-accel", "kvm", "-m", "512", "-no-reboot", "-nic", "none",
             "-display", "none", "-serial", "stdio", "-monitor", "none", "-kernel", str(kernel),
             "-append", "console=ttyS0 panic=-1"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL) as process:
        timer = threading.Timer(20, process.kill)
        timer.start()
        text = process.stdout.read()
        timer.cancel()
    return "kvm" if b"Linux version" in text else "tcg"


def overlay(base, path, kind="raw"):
    """A writable copy of a base image, as a qcow2 over it."""
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", kind,
                    "-b", str(Path(base).resolve()), str(path)], check=True)


def boot(machine, job, logs, slot=cache.guest_slot):
    """Power the machine on, run the job, see it end; logs go to a new folder.

    `slot` gives the place in which the guest runs.
    """
    logs = Path(logs)
    result = _try(machine, job, logs, slot)
    if result.ended == "dead" and _oops(result.console):
        shutil.rmtree(f"{logs}-oops", ignore_errors=True)
        logs.rename(f"{logs}-oops")
        result = _try(machine, job, logs, slot)
    return result


def _oops(lines):
    """Whether the kernel broke down before init ran, so before any disk was touched."""
    for line in lines:
        if "Run /init as init process" in line:
            return False
        if OOPS.search(line):
            return True
    return False


def _try(machine, job, logs, slot):
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    with slot(), tempfile.TemporaryDirectory(prefix="postclone-boot-") as scratch:
        return _boot(machine, job, logs, Path(scratch))


def _boot(machine, job, logs, scratch):
    (scratch / "job").write_bytes(job.tar())
    with open(scratch / "out", "wb") as file:
        file.truncate(256 << 20)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(scratch / "port"))
    listener.listen(1)
    command = command_line(machine, scratch)
    result = Boot(logs)
    watch = Watch(result, job, machine.passphrase)
    with open(logs / "qemu", "w") as errors:
        errors.write(" ".join(command) + "\n")
        errors.flush()
        process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=errors)
    threads = [threading.Thread(target=watch.console, args=(process.stdout, process.stdin),
                                daemon=True),
               threading.Thread(target=watch.agent, args=(listener,), daemon=True)]
    for thread in threads:
        thread.start()
    try:
        while process.poll() is None:
            verdict = _verdict(watch, job)
            if verdict:
                result.ended, result.why = verdict
                process.kill()
                process.wait()
            else:
                time.sleep(0.1)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    result.seconds = watch.now()
    if not result.ended:
        result.ended = "cut" if watch.ending == "cut" else "down"
        if watch.ending in ("poweroff", "reboot"):
            result.down_seconds = result.seconds - watch.ending_at
    threads[0].join(5)
    threads[1].join(1)
    listener.close()
    _unpack(scratch / "out", logs / "out")
    return result


def _verdict(watch, job):
    """Why to pull the plug now, as (ended, why); None to go on."""
    now = watch.now()
    if watch.cut_due is not None and now >= watch.cut_due:
        return "cut", f"{job.cut_after} s after {job.cut_at or job.cut_on}"
    if watch.ending == "hold":
        return "cut", "held"
    if watch.dead and now >= watch.dead[0]:
        return "dead", watch.dead[1]
    if watch.ending_at is not None:
        if now - watch.ending_at > job.down_limit:
            return "late", f"not down {job.down_limit:.0f} s after it was asked to"
    elif watch.boot.reported:
        if now - watch.boot.up_seconds > job.limit:
            return "late", f"the job took longer than {job.limit:.0f} s"
    elif now > job.patience:
        return "late", f"no report after {job.patience:.0f} s"
    return None


def command_line(machine, scratch, frozen=False):
    """QEMU's arguments; `frozen` for a guest whose whole state its disk keeps."""
    def drive(name, path, kind, serial=""):
        # QEMU keeps nothing while a raw disk can be written to.
        fixed = ",readonly=on" if frozen and kind == "raw" else ""
        return ["-drive", f"if=none,id={name},file={path},format={kind},cache=writeback{fixed}",
                "-device", f"virtio-blk-pci,drive={name}" + (f",serial={serial}" if serial else "")]

    command = ["qemu-system-x86_64", "-nodefaults", "-no-reboot", "-m", "1024",
               "-smp", os.environ.get("POSTCLONE_GUEST_SMP", "1"),
               "-accel", machine.accel, "-display", "none", "-vga", "none",
               "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
               "-monitor", "none", "-device", "virtio-rng-pci",
               "-device", "virtio-serial-pci",
               "-chardev", f"socket,id=agent,path={scratch / 'port'}",
               "-device", f"virtserialport,chardev=agent,name={PORT}"]
    # Emulated by QEMU 7.2, Linux 6.12 died in most boots, of double faults in its
    # allocator with garbage in the saved flags. The allocator uses cmpxchg16b;
    # without that instruction it was not seen again.
    command += ["-cpu", "host" if machine.accel == "kvm" else "qemu64,-cx16"]
    if machine.variables:
        kind = "qcow2" if machine.variables.suffix == ".qcow2" else "raw"
        command += ["-drive", f"if=pflash,unit=0,format=raw,file={FIRMWARE},readonly=on",
                    "-drive", f"if=pflash,unit=1,format={kind},file={machine.variables}"]
    command += drive("system", machine.disk, machine.format, machine.serial)
    command += drive("job", scratch / "job", "raw", "pclab-job")
    command += drive("out", scratch / "out", "raw", "pclab-out")
    if machine.guest:
        command += drive("guest", machine.guest, machine.format, "pclab-guest")
    if machine.kernel:
        command += ["-kernel", str(machine.kernel), "-initrd", str(machine.initrd),
                    "-append", machine.append]
    if machine.uuid:
        command += ["-uuid", machine.uuid]
    if machine.product:
        command += ["-smbios", f"type=1,serial={machine.product}"]
    if machine.mac:
        # The last device, so that the others keep their places; without a ROM to boot from.
        leads = machine.lan.netdev(machine.mac) if machine.lan else "user,restrict=on"
        command += ["-netdev", f"{leads},id=lan",
                    "-device", f"virtio-net-pci,netdev=lan,mac={machine.mac},romfile="]
    return machine.lan.inside(command) if machine.lan else command


def _unpack(disk, folder):
    folder.mkdir()
    try:
        with tarfile.open(disk) as tar:
            tar.extraction_filter = lambda member, _: member
            tar.extractall(folder)
    except (tarfile.ReadError, EOFError):
        pass  # the guest came to no end of its own
