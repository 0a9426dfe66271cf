"""RECOVERY of the manual, followed word for word: a run is cut where the machine does not boot
any more, and then each of the manual's ways out is taken.

The commands are those of the manual's displays, read from man/postclone.8; only what stands there
for the group, the device and the run is filled in. POSTCLONE_RESCUES names the ways that are
played, with commas between them, all of them where it is empty: `undo-after-vgrename`, `prompt`.
"""

import os
import re
from pathlib import Path

import judge
import qemu
import rescue_system
import warm
from judge import Criterion, Verdict
from layout import NEW, OLD
from scenarios.faults import HERE, LIBRARY
from trial import Failed, Scenario

MANUAL = HERE.parents[2] / "man" / "postclone.8"

PREPARE = LIBRARY + f"""
apt-get install -y ./postclone.deb >/dev/null 2>&1 || exit
# A kernel argument that has no spelling by UUID: this guest has no bridge.
sed -i 's,\\(root=\\|^GRUB_CMDLINE_LINUX="\\),lab.device=/dev/mapper/{OLD.replace('-', '--')}-swap_1 \\1,' \\
	/etc/default/grub /boot/grub/grub.cfg
mkdir /root/lab
facts /root/lab/facts
sync
sleep 1
"""

FLUSHED = """
echo >/root/lab/flushed
sync
touch $fake/reached
sleep infinity
END
(until [[ -e $fake/reached ]]; do sleep 0.1; done; mark reached) &
"""

RUN = f"postclone rename --yes {OLD} {NEW} >/run/lab/plan"

CUTS = {
    # The group has its new name, the files the old.
    "vgrename": LIBRARY + """
wrap_vgrename <<'END'
"$real" "$@"
""" + FLUSHED + RUN,
    # Everything has the new name, and the image is half written where it is to be.
    "image": LIBRARY + """
wrap update-initramfs <<'END'
head -c 1M "/boot/initrd.img-$3" >"/boot/initrd.img-$3.new"
mv "/boot/initrd.img-$3.new" "/boot/initrd.img-$3"
""" + FLUSHED + RUN,
}

FOLLOW = """
cat >/run/lab/typed <<'END'
set -ex
{typed}
END
# On a terminal, as a person would; y answers the one question that there is.
echo y | script -qefc 'bash /run/lab/typed' /dev/null | tr -d '\\r'
status=${{PIPESTATUS[1]}}
vgs
findmnt --list --noheadings -o TARGET | grep ^/mnt && exit 1
exit $status
"""

LOOK = LIBRARY + """
postclone status
echo "@@ state $(postclone status --format json | tr -d ' ",' | sed -n 's/^state://p')"
"""

UNDO = LOOK + """
timed postclone undo --yes || exit
facts "$OUT/facts"
compare differs /root/lab/facts "$OUT/facts"
postclone status
"""


def displays():
    """The manual's displays in RECOVERY: title of the subsection to its displays' commands."""
    text = MANUAL.read_text()
    section = text[text.index("\n.Sh RECOVERY\n"):]
    section = section[:section.index("\n.Sh ", 1)]
    found = {}
    for part in section.split("\n.Ss ")[1:]:
        title, _, body = part.partition("\n")
        blocks = re.findall(r"^\.Bd -literal.*\n((?:.*\n)*?)\.Ed$", body, re.MULTILINE)
        found[title] = [block.replace("\\e", "\\").splitlines() for block in blocks]
    return found


def filled(lines, group):
    """The commands for this guest."""
    def fill(line):
        line = re.sub(r"\bGROUP\b", group, line)
        line = line.replace("/dev/sda1", f"{rescue_system.GUEST}-part1")
        line = line.replace("/NUMBER/", "/0[0-9]*/")
        return re.sub(r"\bNEW\b", NEW, re.sub(r"\bOLD\b", OLD, line))

    return [fill(line) for line in lines if line != "reboot"]


def ways():
    """Each way in the rescue system: its name, the cut, and the manual's commands."""
    said = displays()
    find, boot, undo, resume, end = said["From a rescue system"]
    # What kernel-install placed, the last, this guest does not have.
    rename, files, images, _placed = said["By hand"]
    if end[-1] != "reboot":
        raise Failed("the manual's way ends with another command than reboot")
    undo, resume = [filled([*find, *boot, *way, *end], NEW) for way in (undo, resume)]
    by_hand = filled(["vgs", *rename, *find, *boot, *files, *images, *end], OLD)
    return [("undo", "vgrename", undo), ("undo", "image", undo), ("by-hand", "image", by_hand),
            ("resume", "vgrename", resume)]


def rescued(trial, label, commands, disk, more=()):
    """The rescue system's part of one way, with `more` packages in it; gives its boot."""
    system = rescue_system.machine(trial.suite, disk, trial.logs / f"{label}-rescue.qcow2", more)
    boot = trial.boot(f"{label}-1-rescue", FOLLOW.format(typed="\n".join(commands)),
                      machine=system)
    system.disk.unlink()
    trial.require_job(boot)
    return boot


def state(boot):
    """What `postclone status` says of the run, before anything is done in that boot."""
    return next((line.split()[2] for line in boot.sections.get("job", [])
                 if line.startswith("@@ state ")), "none")


def same(boot):
    """Whether the guest is as before the run."""
    odd = [line for line in boot.sections.get("job", []) if line.startswith("@@ differs")
           and "zz-postclone.cfg" not in line]
    return Verdict([Criterion("as before the run", not odd, "; ".join(odd[:5]))])


def without_console(verdict):
    """The verdict without what the boot said on its way, which the cut explains."""
    return Verdict(c for c in verdict if c.name != "nothing odd on the console")


def prompt(trial, disk):
    """At the initramfs' prompt."""
    typed, = displays()["A boot that stops in the initramfs"]
    boot = trial.boot("initramfs-1-prompt", UNDO, disk=disk, typed=tuple(filled(typed, NEW)),
                      patience=400)
    trial.require_job(boot)
    verdict = judge.judge(boot, OLD)
    trial.require("the boot under the old name", trial.verdict(
        "initramfs-1-prompt", without_console(verdict)))
    if state(boot) != "cut":
        raise Failed(f"the run is {state(boot)} after the prompt")
    trial.require("files after undo", trial.verdict("initramfs", same(boot)))
    last = trial.boot("initramfs-2-last", disk=disk)
    trial.require("the next boot", trial.judged("initramfs-2-last", last, OLD, NEW))


def back(trial, label, commands, disk, closed):
    """Taken back in the rescue system; `closed` when by the program, which knows it then."""
    rescued(trial, label, commands, disk)
    boot = trial.boot(f"{label}-2-next", UNDO, disk=disk)
    trial.require_job(boot)
    # By hand, the journal still says that the run was cut, and names both.
    trial.require(f"the boot after {label}", trial.judged(
        f"{label}-2-next", boot, OLD, NEW if closed else None))
    if state(boot) != ("undone" if closed else "cut"):
        raise Failed(f"the run is {state(boot)} after {label}")
    trial.require("the guest", trial.verdict(label, same(boot)))


def forth(trial, label, commands, disk):
    """Finished in the rescue system, images and all."""
    rescued(trial, label, commands, disk)
    boot = trial.boot(f"{label}-2-next", LOOK, disk=disk)
    trial.require_job(boot)
    trial.require("the boot under the new name", trial.judged(f"{label}-2-next", boot, NEW, OLD))
    if state(boot) != "done":
        raise Failed(f"the run is {state(boot)} after it was finished")


def cut(trial, name, script):
    """A copy of the kept guest, cut at an instant; gives its disk."""
    machine = warm.copy(trial.machine, trial.logs / f"cut-{name}.qcow2")
    going = warm.go_on(machine, script, trial.logs / f"0-cut-{name}",
                       lambda line, _: 0 if line == "@@ mark reached" else None, limit=300)
    if going.ended != "cut":
        raise Failed(f"the run was not cut: {going.ended} {going.lines[-3:]}")
    return machine.disk


def rescue(trial):
    """Cut twice; each way goes on from there on a disk of its own."""
    warm.keep(trial.machine, PREPARE,
              {"postclone.deb": trial.deb, "faults.sh": HERE / "faults.sh"}, trial.logs / "0-keep")
    cuts = {}

    def disk(label, cut_name):
        if cut_name not in cuts:
            cuts[cut_name] = cut(trial, cut_name, CUTS[cut_name])
        path = trial.logs / f"{label}.qcow2"
        qemu.overlay(cuts[cut_name], path, "qcow2")
        return path

    wanted = [name for name in os.environ.get("POSTCLONE_RESCUES", "").split(",") if name]
    all_ways = {f"{way}-after-{name}": (way, name, commands) for way, name, commands in ways()}
    unknown = set(wanted) - {*all_ways, "prompt"}
    if unknown:
        raise Failed(f"there is no way {', '.join(sorted(unknown))}")
    for label, (way, cut_name, commands) in all_ways.items():
        if wanted and label not in wanted:
            continue
        if way == "resume":
            forth(trial, label, commands, disk(label, cut_name))
        else:
            back(trial, label, commands, disk(label, cut_name), closed=way == "undo")
        print(f"  {way} after a cut at {cut_name}: the guest came up", flush=True)
    if not wanted or "prompt" in wanted:
        prompt(trial, disk("initramfs", "vgrename"))
        print("  at the initramfs' prompt, after a cut at vgrename: the guest came up", flush=True)
    for path in trial.logs.glob("*.qcow2"):
        if path != trial.disk:
            path.unlink()


SCENARIOS = [
    Scenario("rescue", "debian-bios",
             "RECOVERY of the manual, word for word: from a rescue system and in the initramfs",
             rescue, needs_deb=True),
]
