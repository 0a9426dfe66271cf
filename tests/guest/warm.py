"""A guest kept as it was at one instant, to go on from there as often as wanted.

The disk is a qcow2 file that holds the guest's memory as well (QEMU's savevm).
A copy of it goes on within seconds where a boot takes the better part of a
minute, and can be killed at any instant. Its disk then holds what the guest
had flushed: all that it writes after the instant goes to clusters that are new
in the file, and QEMU records new clusters in it only when the guest flushes.
"""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import cache
import qemu
from job import Job

NAME = "warm"

WAIT = """
out=/dev/disk/by-id/virtio-pclab-out
mark waiting
until dd if=$out of=/run/lab/next bs=64k count=1 iflag=direct status=none &&
	[[ $(head -c 2 /run/lab/next | tr -d '\\0') == '#!' ]]; do
	sleep 0.2
done
tr -d '\\0' </run/lab/next >/run/lab/next.sh
. /run/lab/next.sh
mark over
"""
"""What a guest does that is kept: it asks the out disk, past the page cache,
for what to do next. Each time that it goes on it finds another one."""

ENDING = "@@ ending reboot"

SHUT_DOWN = f"""
echo '{ENDING}'
systemctl --no-block reboot
sleep infinity
"""
"""The end of a script after which the guest goes down as at any reboot."""


@dataclass
class Going:
    """What a guest said from the instant on, and how it ended: over, cut, down, late.

    `lines` are what the job said, with seconds from its first line. A guest that
    was told to go down by SHUT_DOWN ended `down`, after `down_seconds`.
    """

    lines: list[tuple[float, str]] = field(default_factory=list)
    ended: str = ""
    at: float = 0.0
    """Seconds from the job's first line to the kill."""
    down_seconds: float | None = None


def keep(machine, script, files, logs):
    """Boot the machine, run the script in it, and keep it in its own disk."""
    job = Job(script + WAIT, files, ending="hold")
    reached = threading.Event()
    with _running(machine, logs, job=job.tar(), more=["-qmp", "unix:qmp,server=on,wait=off"]) \
            as (process, lines, scratch):
        threading.Thread(target=_until, args=(lines, " @@ mark waiting", reached),
                         daemon=True).start()
        for _ in range(6000):
            if reached.wait(0.1) or process.poll() is not None:
                break
        if not reached.is_set():
            raise RuntimeError(f"the guest did not come to the instant to keep: see {logs}")
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(scratch / "qmp"))
            with control.makefile("rw") as stream:
                stream.readline()
                _ask(stream, "qmp_capabilities")
                said = _ask(stream, "human-monitor-command", {"command-line": f"savevm {NAME}"})
                if said:
                    raise RuntimeError(f"QEMU did not keep the guest: {said}")
                _ask(stream, "quit")
        process.wait(60)


def go_on(machine, script, logs, cut=lambda line, at: None, limit=900.0):
    """Let a kept guest go on with a script.

    Each line that the job says is given to `cut`, which may answer after how
    many seconds to kill QEMU. The machine's disk is changed: give a copy.
    """
    going = Going()
    following = ("#!\n" + script).encode()
    with _running(machine, logs, out=following, more=["-loadvm", NAME]) as (process, lines, _):
        timer = threading.Timer(limit, process.kill)
        timer.start()
        started = killed = ending = None
        for now, line in lines:
            if not line.startswith(" "):
                if line.startswith("@@ end job"):
                    break
                continue
            started = now if started is None else started
            at = now - started
            going.lines.append((at, line[1:]))
            ending = now if line == f" {ENDING}" else ending
            if killed is None and (delay := cut(line[1:], at)) is not None:
                time.sleep(max(0.0, delay - (time.monotonic() - now)))
                process.kill()
                killed = time.monotonic() - started
            if line == " @@ mark over":
                break
        if ending is not None and killed is None:
            process.wait()  # for as long as the timer leaves it
            going.down_seconds = time.monotonic() - ending if process.returncode == 0 else None
        timer.cancel()
        process.kill()
        if killed is not None:
            going.ended = "cut"
        elif going.down_seconds is not None:
            going.ended = "down"
        elif going.lines and going.lines[-1][1] == "@@ mark over":
            going.ended = "over"
        else:
            going.ended = "late"
        going.at = killed if killed is not None else (going.lines[-1][0] if going.lines else 0.0)
    return going


def prepare(machine):
    """Let the machine's firmware keep its variables in a file that can hold a guest as it was, where it has some."""
    if machine.variables:
        kept = Path(f"{machine.variables}.qcow2")
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", machine.variables, kept], check=True)
        machine.variables = kept


def copy(machine, path):
    """The kept guest on a disk of its own."""
    subprocess.run(["cp", "--sparse=always", machine.disk, path], check=True)
    made = replace(machine, disk=Path(path))
    if machine.variables:
        made.variables = Path(f"{path}.variables.qcow2")
        subprocess.run(["cp", "--sparse=always", machine.variables, made.variables], check=True)
    return made


class _running:
    """A QEMU with its agent's lines as (time, line); killed at the end."""

    def __init__(self, machine, logs, job=b"", out=b"", more=()):
        self.machine, self.logs, self.job, self.out = machine, Path(logs), job, out
        self.more = list(more)

    def __enter__(self):
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir(parents=True)
        self.slot = cache.guest_slot()
        self.slot.__enter__()
        self.scratch = Path(tempfile.mkdtemp(prefix="postclone-warm-"))
        for name, data, size in [("job", self.job, 16 << 20), ("out", self.out, 1 << 20)]:
            with open(self.scratch / name, "wb") as file:
                file.write(data)
                file.truncate(max(size, len(data)))
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.scratch / "port"))
        self.listener.listen(1)
        arguments = qemu.command_line(self.machine, self.scratch, frozen=True) + self.more
        with open(self.logs / "qemu", "w") as errors, open(self.logs / "console", "wb") as console:
            errors.write(" ".join(map(str, arguments)) + "\n")
            errors.flush()
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=console,
                                            stderr=errors, cwd=self.scratch)
        return self.process, self._lines(), self.scratch

    def _lines(self):
        self.listener.settimeout(30)
        connection, _ = self.listener.accept()
        begin = time.monotonic()
        with connection, connection.makefile("r", errors="replace") as stream, \
                open(self.logs / "agent", "w", encoding="utf-8") as log:
            for line in stream:
                now = time.monotonic()
                log.write(f"[{now - begin:8.3f}] {line}")
                log.flush()
                yield now, line.rstrip("\n")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.listener.close()
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.slot.__exit__(None, None, None)


def _until(lines, wanted, reached):
    for _, line in lines:
        if line == wanted:
            reached.set()


def _ask(stream, command, arguments=None):
    """The answer of QEMU's monitor."""
    stream.write(json.dumps({"execute": command, "arguments": arguments or {}}) + "\n")
    stream.flush()
    for line in stream:
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{command}: {answer['error']}")
        if "return" in answer:
            return answer["return"]
    raise RuntimeError(f"{command}: no answer")
