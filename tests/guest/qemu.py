"""One boot of a guest in QEMU, watched from power-on to its end."""

import io
import os
import re
import shutil
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import cache

AGENT = Path(__file__).resolve().parent / "agent"
PORT = "org.postclone.lab"
DEAD = re.compile(r"Dropping to a shell!|\(initramfs\)|Kernel panic|"
                  r"grub rescue>|error: .*Entering rescue mode")
"""Console texts after which a boot will never report."""

STILL = re.compile(r"timeout, still waiting")
"""dracut says so once a second, for ever."""


@dataclass
class Machine:
    """A disk and, for a boot without boot loader, a kernel."""

    disk: Path
    accel: str
    format: str = "qcow2"
    kernel: Path | None = None
    initrd: Path | None = None
    append: str = ""


@dataclass
class Job:
    """What a guest does once it is up, and how the boot ends.

    `ending`: poweroff, reboot, cut (power cut after the job) or hold (killed
    by the host). `cut_at`: power is cut `cut_after` seconds after the job has
    called `mark` with this name.
    """

    script: str = ""
    files: dict[str, Path] = field(default_factory=dict)
    ending: str = "poweroff"
    cut_at: str | None = None
    cut_after: float = 0.0
    patience: float = 600.0
    """Seconds until the boot has to have reported."""
    limit: float = 1800.0
    """Seconds that the job may take."""
    down_limit: float = 150.0
    """Seconds from the request to power off until the host ends the guest."""

    def tar(self):
        """The job disk: the agent, the script and the files."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            tar.add(AGENT / "main", "agent/main")
            tar.add(AGENT / "lib", "agent/lib")
            for name, path in self.files.items():
                tar.add(path, name)
            texts = {"ending": self.ending + "\n"}
            if self.script:
                texts["job"] = self.script
            for name, text in texts.items():
                info = tarfile.TarInfo(name)
                info.size = len(text.encode())
                tar.addfile(info, io.BytesIO(text.encode()))
        return buffer.getvalue()


@dataclass
class Boot:
    """What came of it.

    `ended`: down (QEMU ended by the guest), cut, dead (the console shows that
    it will never be up), late (the host's patience ran out).
    `sections`: the agent's report, NAME to lines; `statuses`: NAME to exit
    status. `marks`: (seconds, text). Seconds count from power-on.
    """

    logs: Path
    mode: str = ""
    ended: str = ""
    why: str = ""
    state: str = ""
    sections: dict[str, list[str]] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    marks: list[tuple[float, str]] = field(default_factory=list)
    reported: bool = False
    up_seconds: float | None = None
    down_seconds: float | None = None
    seconds: float = 0.0

    @property
    def console(self):
        """The console's lines, without times and escape sequences."""
        text = (self.logs / "console").read_text(errors="replace")
        return [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|[\x00-\x08\x0e-\x1f]", "",
                       line.split("] ", 1)[-1]) for line in text.splitlines()]

    @property
    def out(self):
        """The folder with what the job left in $OUT."""
        return self.logs / "out"

    @property
    def job_status(self):
        """The job's exit status; None when it did not come to its end."""
        return self.statuses.get("job")


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


def overlay(base, path):
    """A writable copy of a raw base image, as a qcow2 over it."""
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw",
                    "-b", str(Path(base).resolve()), str(path)], check=True)


class _Watch:
    """The threads that read the console and the agent's port."""

    def __init__(self, boot, job):
        self.boot, self.job = boot, job
        self.start = time.monotonic()
        self.section = None
        self.ending = None
        self.ending_at = None
        self.cut_due = None
        self.dead = None

    def now(self):
        return time.monotonic() - self.start

    def console(self, pipe):
        with open(self.boot.logs / "console", "w", encoding="utf-8") as log:
            pending = b""
            while data := os.read(pipe.fileno(), 65536):
                pending += data.replace(b"\r", b"")
                *lines, pending = pending.split(b"\n")
                for line in lines:
                    self._console_line(log, line)
                # A prompt has no end of line.
                if b"(initramfs)" in pending or b"rescue>" in pending:
                    self._console_line(log, pending)
                    pending = b""
                log.flush()
            self._console_line(log, pending)

    def _console_line(self, log, line):
        text = line.decode(errors="replace")
        log.write(f"[{self.now():7.2f}] {text}\n")
        if self.dead is None and (DEAD.search(text) or STILL.search(text)):
            # Time for what else it has to say.
            wait = 90 if STILL.search(text) else 5
            self.dead = (self.now() + wait, text.strip())

    def agent(self, listener):
        connection, _ = listener.accept()
        with connection, connection.makefile("r", errors="replace") as lines, \
                open(self.boot.logs / "agent", "w", encoding="utf-8") as log:
            for line in lines:
                line = line.rstrip("\n")
                log.write(f"[{self.now():7.2f}] {line}\n")
                log.flush()
                self._agent_line(line)

    def _agent_line(self, line):
        boot = self.boot
        words = line.split()
        if line.startswith(" "):
            if self.section:
                boot.sections[self.section].append(line[1:])
            if words[:2] == ["@@", "mark"]:
                boot.marks.append((self.now(), " ".join(words[2:])))
                if self.job.cut_at == " ".join(words[2:]):
                    self.cut_due = self.now() + self.job.cut_after
            elif words[:2] == ["@@", "ending"]:
                self.ending, self.ending_at = words[2], self.now()
        elif words[:2] == ["@@", "section"]:
            self.section = words[2]
            boot.sections[self.section] = []
        elif words[:2] == ["@@", "end"]:
            boot.statuses[words[2]] = int(words[3])
            self.section = None
        elif words[:2] == ["@@", "up"]:
            boot.mode = words[2]
        elif words[:2] == ["@@", "settled"]:
            boot.state, boot.up_seconds = " ".join(words[2:]), self.now()
        elif words[:2] == ["@@", "reported"]:
            boot.reported = True
        elif words[:2] == ["@@", "ending"]:
            self.ending, self.ending_at = words[2], self.now()


def boot(machine, job, logs):
    """Power the machine on, run the job, see it end; logs go to a new folder."""
    logs = Path(logs)
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    with cache.guest_slot(), tempfile.TemporaryDirectory(prefix="postclone-boot-") as scratch:
        return _boot(machine, job, logs, Path(scratch))


def _boot(machine, job, logs, scratch):
    (scratch / "job").write_bytes(job.tar())
    with open(scratch / "out", "wb") as file:
        file.truncate(256 << 20)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(scratch / "port"))
    listener.listen(1)
    command = _command(machine, scratch)
    result = Boot(logs)
    watch = _Watch(result, job)
    with open(logs / "qemu", "w") as errors:
        errors.write(" ".join(command) + "\n")
        errors.flush()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=errors)
    threads = [threading.Thread(target=watch.console, args=(process.stdout,), daemon=True),
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
        return "cut", f"{job.cut_after} s after {job.cut_at}"
    if watch.ending == "hold":
        return "cut", "held"
    if watch.dead and now >= watch.dead[0] and not watch.boot.mode:
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


def _command(machine, scratch):
    def drive(name, path, kind, serial=""):
        return ["-drive", f"if=none,id={name},file={path},format={kind},cache=writeback",
                "-device", f"virtio-blk-pci,drive={name}" + (f",serial={serial}" if serial else "")]

    command = ["qemu-system-x86_64", "-nodefaults", "-no-reboot", "-m", "1024",
               "-smp", os.environ.get("POSTCLONE_GUEST_SMP", "1"),
               "-accel", machine.accel, "-display", "none", "-vga", "none",
               "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
               "-monitor", "none", "-device", "virtio-rng-pci",
               "-device", "virtio-serial-pci",
               "-chardev", f"socket,id=agent,path={scratch / 'port'}",
               "-device", f"virtserialport,chardev=agent,name={PORT}"]
    if machine.accel == "kvm":
        command += ["-cpu", "host"]
    command += drive("system", machine.disk, machine.format)
    command += drive("job", scratch / "job", "raw", "pclab-job")
    command += drive("out", scratch / "out", "raw", "pclab-out")
    if machine.kernel:
        command += ["-kernel", str(machine.kernel), "-initrd", str(machine.initrd),
                    "-append", machine.append]
    return command


def _unpack(disk, folder):
    folder.mkdir()
    try:
        with tarfile.open(disk) as tar:
            tar.extractall(folder)
    except (tarfile.ReadError, EOFError):
        pass  # the guest came to no end of its own
