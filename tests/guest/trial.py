"""A scenario at work: one overlay disk, its boots, its verdicts, its logs."""

import contextlib
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable

import cache
import image
import judge
import qemu
from job import Job
from layout import LAYOUTS


class Failed(Exception):
    """The scenario's claim does not hold; the text says why."""


@dataclass(frozen=True)
class Scenario:
    """A named claim about guests of a layout; `play(trial)` raises Failed."""

    name: str
    layout: str
    summary: str
    play: Callable
    needs_deb: bool = False


class Trial:
    """What a scenario works with."""

    def __init__(self, scenario, suite, logs, deb=None):
        self.scenario, self.suite, self.deb = scenario, suite, deb
        self.layout = LAYOUTS[scenario.layout]
        self.logs = Path(logs)
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir(parents=True)
        base = image.folder(suite, scenario.layout)
        self.disk = self.logs / "disk.qcow2"
        qemu.overlay(base / "disk", self.disk)
        self.machine = image.machine(base, self.disk, self.layout, self.logs / "variables")
        self.started = time.monotonic()

    def note(self, text):
        """A line for the scenario's log."""
        with open(self.logs / "log", "a") as file:
            file.write(f"[{time.monotonic() - self.started:7.1f}] {text}\n")

    def boot(self, label, script="", files=None, disk=None, machine=None, slot=cache.guest_slot, **job):
        """Boot the disk once, or another one or another machine, with logs under `label`."""
        self.note(f"boot {label}")
        machine = machine or (replace(self.machine, disk=disk) if disk else self.machine)
        done = qemu.boot(machine, Job(script, files or {}, **job), self.logs / label, slot)
        up = f"{done.up_seconds:.1f} s" if done.up_seconds is not None else "never"
        down = f"{done.down_seconds:.1f} s" if done.down_seconds is not None else "not timed"
        self.note(f"{label}: {done.ended} {done.why}; up: {up}, down: {down}, "
                  f"in all {done.seconds:.1f} s; state {done.state}; job {done.job_status}")
        return done

    def together(self, boots, meetings):
        """Boot several machines at once; `boots` are their labels, each with what `boot` takes.

        When all their jobs have called `meet` with a name, its function is called, and they go on.
        """
        gates = {name: threading.Barrier(len(boots), action, timeout=600)
                 for name, action in meetings.items()}

        def one(label):
            try:
                return self.boot(label, slot=contextlib.nullcontext, **boots[label],
                                 meetings={name: gate.wait for name, gate in gates.items()})
            finally:
                for gate in gates.values():  # nobody else is to wait for this one
                    gate.abort()

        with cache.guest_slots(len(boots)), ThreadPoolExecutor(len(boots)) as pool:
            return dict(zip(boots, pool.map(one, boots)))

    def verdict(self, label, verdict):
        """Log a verdict and give it back."""
        self.note(f"{label}: {'good' if verdict.good else 'BAD'}\n{verdict}")
        return verdict

    def judged(self, label, boot, present, absent=None, named=judge.NAMED, apart=()):
        """The logged verdict on a boot."""
        return self.verdict(label, judge.judge(boot, present, absent, named, apart))

    def require(self, what, verdict):
        """Fail unless the verdict is good."""
        if not verdict.good:
            raise Failed(f"{what}: " + "; ".join(
                f"{c.name} ({c.evidence[:200]})" for c in verdict.failures[:3]))

    def require_job(self, boot):
        """Fail unless the boot's job ended with 0."""
        if boot.job_status != 0:
            tail = " | ".join(boot.sections.get("job", [])[-3:])
            raise Failed(f"job ended with {boot.job_status} ({boot.ended} {boot.why}): {tail}")
