"""Whether a boot was good, criterion by criterion.

`running` and an empty list of failed units do not prove it: swap can be
missing and /home unmounted with both. So what fstab asks for is compared with
what is there, by device number.
"""

import re
from dataclasses import dataclass

BAD = re.compile(
    r"Gave up waiting|Volume group \S+ not found|Cannot process volume group|"
    r"Timed out waiting for|ALERT!|Dependency failed|You are in emergency mode|"
    r"timeout, still waiting|fsck not present")
"""What no good boot says on its console."""

PASSING = re.compile(
    r"\.scope$|^user@|^user-|^session-|^apt-daily|^dpkg-|^e2scrub|^getty@|"
    r"^systemd-(fsckd|tmpfiles-clean|hostnamed|localed|timedated)\.|^libvirtd\.service$")
"""Units that end when they are idle or done (libvirtd(8), --timeout)."""

WAITING = re.compile(r"stop (?:job is )?running .*/ no limit\)")
"""What a shutdown says that waits for a swap or a device for ever."""

DOWN_LIMIT = 90.0
"""Seconds from the request to power off until the machine is off."""


@dataclass
class Criterion:
    """One thing asked of a boot, the answer, and what shows it."""

    name: str
    met: bool
    evidence: str = ""

    def __str__(self):
        return f"  {'pass' if self.met else 'FAIL'}  {self.name}" + (
            f": {self.evidence}" if self.evidence else "")


class Verdict(list):
    """The criteria of one boot, or of what happened within one."""

    @property
    def good(self):
        return all(c.met for c in self)

    @property
    def failures(self):
        return [c for c in self if not c.met]

    def __str__(self):
        return "\n".join(map(str, self))


def spellings(group):
    """A pattern for every way in which the group's name is written.

    The raw name is one where no hyphen follows: in `/dev/mapper/a-b----root` group `a` has a volume
    `b--root`, and group `a-b` has nothing.
    """
    marks = r"(?:--|\\x2d|\\x2d\\x2d|\\\\x2d|\\\\x2d\\\\x2d)"
    parts = [re.escape(part) for part in group.split("-")]
    escaped, raw = marks.join(parts), "-".join(parts) + ("(?!-)" if len(parts) > 1 else "")
    middle = rf"(?:{escaped}|{raw})"
    return re.compile(rf"(?<![A-Za-z0-9+_.]){middle}(?![A-Za-z0-9+_.])|"
                      rf"x2d{middle}(?![A-Za-z0-9+_.])")


NAMED = ("lvs", "dm", "findmnt", "cmdline", "fstab", "grub.cfg")
"""Sections of a report that bear the group's name where nothing is named by UUID."""


def judge(boot, present, absent=None, named=NAMED, apart=()):
    """The verdict on a boot that is to live in group `present`, which the sections `named` say.

    `absent` is the name that nothing may bear any more, but for the names `apart`: those of LUKS mappings,
    which are free text and stay.
    """
    section = boot.sections.get
    lines = Verdict()

    def add(name, met, evidence=""):
        lines.append(Criterion(name, bool(met), evidence))

    add("reported", boot.reported and boot.mode == "boot",
        f"up after {boot.up_seconds:.0f} s" if boot.reported and boot.mode == "boot" else
        f"{boot.ended} {boot.why} {boot.mode} {boot.state}".strip())
    add("system is running", boot.state == "running", boot.state or "no answer")
    failed = section("failed")
    add("no unit failed", failed == [], "; ".join(failed or []) if failed is not None else "no list")
    add("every mount of fstab is there", *_mounts(boot))
    add("every swap of fstab is on", *_swaps(boot))
    odd = [line.strip() for line in boot.console if BAD.search(line)]
    add("nothing odd on the console", not odd, "; ".join(odd[:6]))
    lines.extend(down_in_time(boot))
    where = {name: section(name) for name in
             ["lvs", "dm", "findmnt", "swaps", "cmdline", "fstab", "grub.cfg", "active"]}
    pattern = spellings(present)
    for name in named:
        found = [text for text in where[name] or [] if pattern.search(text)]
        add(f"{present} in {name}", found, found[0].strip() if found else "no line")
    if absent:
        pattern = spellings(absent)
        where["console"] = boot.console
        journal = boot.out / "journal.txt"
        if journal.exists():
            where["journal"] = journal.read_text(errors="replace").splitlines()
        others = re.compile("|".join(re.escape(name) for name in apart) or "(?!)")
        for name, texts in where.items():
            found = [text for text in texts or [] if pattern.search(others.sub("", text))]
            add(f"no {absent} in {name}", texts is not None and not found,
                "; ".join(t.strip() for t in found[:4]) if texts is not None else "no report")
    return lines


def down_in_time(boot):
    """Whether the guest was off soon after it was asked to, no stop job waited for."""
    waited = [line.strip() for line in boot.console if WAITING.search(line)]
    met = boot.down_seconds is not None and boot.down_seconds <= DOWN_LIMIT and not waited
    evidence = (f"{boot.down_seconds:.1f} s" if boot.down_seconds is not None else
                f"{boot.ended} {boot.why}".strip())
    return Verdict([Criterion("shut down in time", met, "; ".join([evidence, *waited[:2]]))])


def _rows(boot, name):
    return [line.split() for line in boot.sections.get(name, [])]


def _mounts(boot):
    """Whether each mount of fstab is there, of the device that fstab names."""
    there = {row[0]: row[3] for row in _rows(boot, "findmnt") if len(row) > 3}
    wanted, bad = 0, []
    for row in _rows(boot, "fstab-devices"):
        spec, target, kind, options, number = row
        if kind == "swap" or "noauto" in options.split(","):
            continue
        wanted += 1
        if there.get(target) != number:
            bad.append(f"{target}: fstab says {spec} ({number}), mounted: {there.get(target)}")
    return wanted and not bad, "; ".join(bad) or f"{wanted} mounts"


def _swaps(boot):
    there = {row[1] for row in _rows(boot, "swaps") if len(row) > 1}
    wanted = [row for row in _rows(boot, "fstab-devices")
              if row[2] == "swap" and "noauto" not in row[3].split(",")]
    bad = [f"{row[0]} ({row[4]}) is off" for row in wanted if row[4] not in there]
    if not boot.reported:
        return False, "no report"
    return not bad, "; ".join(bad) or f"{len(wanted)} swaps"


def undisturbed(before, after):
    """Whether nothing was stopped between two snapshots, folders of a job.

    Compares units that were active, mounts, swaps and listening sockets. What goes by itself
    (PASSING) does not count.
    """
    verdict = Verdict()

    def active(folder):
        rows = [line.split() for line in (folder / "units").read_text().splitlines()]
        return {row[0] for row in rows
                if len(row) > 3 and row[2] in ("active", "activating", "reloading")
                and not PASSING.search(row[0])}

    gone = sorted(active(before) - active(after))
    verdict.append(Criterion("no unit stopped", not gone, "; ".join(gone)))
    for name in ["findmnt", "swaps"]:
        old = set((before / name).read_text().splitlines())
        new = set((after / name).read_text().splitlines())
        if name == "swaps":  # the third column is what is in use
            old, new = ({line.split()[0] for line in lines} for lines in (old, new))
        else:  # the source is the name that it was mounted by
            old, new = ({" ".join(line.split(" ")[:1] + line.split(" ")[2:]) for line in lines}
                        for lines in (old, new))
        missing = sorted(old - new)
        verdict.append(Criterion(f"nothing gone from {name}", not missing, "; ".join(missing)))
    old, new = (set((folder / "sockets").read_text().splitlines()) for folder in (before, after))
    verdict.append(Criterion("every socket still listens", not old - new,
                             "; ".join(sorted(old - new))))
    state = (after / "state").read_text().strip()
    verdict.append(Criterion("still running", state == "running", state))
    return verdict
