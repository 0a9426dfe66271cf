"""What came of one boot, and the watch over its console and its agent's port."""

import os
import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

PANIC = re.compile(r"Kernel panic - not syncing")
"""The console text after which nothing comes any more."""

DEAD = re.compile(r"Dropping to a shell!|\(initramfs\)|grub rescue>|Entering rescue mode")
"""Console texts after which a boot will never report."""

OOPS = re.compile(r"BUG: |Oops: |general protection fault")
"""A kernel that fails so before it starts init fails by the emulator: seen
once in some dozens of boots, and not again with the same disk."""

LOCKED = re.compile(rb"(Please unlock disk|Please enter passphrase for disk) .*: ?(\x1b\S*)*$")
"""The prompts of cryptsetup-initramfs and of systemd."""

STILL = re.compile(r"timeout, still waiting")
"""dracut says so once a second, for ever."""


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


class Watch:
    """The threads that read the console and the agent's port."""

    def __init__(self, boot, job, passphrase=""):
        self.boot, self.job, self.passphrase = boot, job, passphrase
        self.start = time.monotonic()
        self.section = None
        self.ending = None
        self.ending_at = None
        self.cut_due = None
        self.dead = None
        self.typed = list(job.typed)

    def now(self):
        return time.monotonic() - self.start

    def console(self, pipe, keyboard):
        with open(self.boot.logs / "console", "w", encoding="utf-8") as log:
            pending = b""
            while data := os.read(pipe.fileno(), 65536):
                pending += data.replace(b"\r", b"")
                *lines, pending = pending.split(b"\n")
                for line in lines:
                    self._console_line(log, line)
                # A prompt has no end of line.
                if self.passphrase and LOCKED.search(pending):
                    self._console_line(log, pending)
                    keyboard.write(self.passphrase.encode() + b"\n")
                    keyboard.flush()
                    pending = b""
                if b"(initramfs)" in pending or b"rescue>" in pending:
                    self._console_line(log, pending)
                    if self.typed and b"(initramfs)" in pending:
                        keyboard.write(self.typed.pop(0).encode() + b"\n")
                        keyboard.flush()
                    pending = b""
                log.flush()
            self._console_line(log, pending)

    def _console_line(self, log, line):
        text = line.decode(errors="replace")
        log.write(f"[{self.now():7.2f}] {text}\n")
        if self.job.cut_on and self.job.cut_on in text and self.cut_due is None:
            self.cut_due = self.now() + self.job.cut_after
        # Time for what else it has to say.
        if PANIC.search(text):
            self.dead = (self.now() + 2, text.strip())
        elif self.dead is None and not self.boot.mode and not self.job.typed and DEAD.search(text):
            self.dead = (self.now() + 5, text.strip())
        elif self.dead is None and not self.boot.mode and STILL.search(text):
            self.dead = (self.now() + 90, text.strip())

    def agent(self, listener):
        connection, _ = listener.accept()
        with connection, connection.makefile("r", errors="replace") as lines, \
                open(self.boot.logs / "agent", "w", encoding="utf-8") as log:
            for line in lines:
                line = line.rstrip("\n")
                log.write(f"[{self.now():7.2f}] {line}\n")
                log.flush()
                self._agent_line(line)
                self._meet(connection, line)

    def _meet(self, connection, line):
        """Let a job go on that waits for the host; it hears what it asked for, or that nobody came."""
        name = line.removeprefix(" @@ meet ")
        if name == line or name not in self.job.meetings:
            return
        try:
            self.job.meetings[name]()
        except threading.BrokenBarrierError:
            name = "alone"
        connection.sendall(f"{name}\n".encode())

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
