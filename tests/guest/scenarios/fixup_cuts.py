"""The power goes off while `postclone fixup` runs, on three layouts: the next boot comes up by itself, under one
host name and one group's name, and with an SSH server that answers with a full set of keys. Then the run is
finished, or taken back. See cuts.py.
"""

from functools import partial

import cuts
import judge
from judge import Criterion, Verdict
from layout import OLD
from scenarios.power_cut import TOLERATED
from trial import Scenario

HOST = "web01"
GROUP = f"{HOST}-vg"

MORE = r"""
# The UUIDs that the run may change: those of file systems and swap areas.
more() {
	local kind device
	echo "@@ $1 name $(cat /etc/hostname) $(uname -n)"
	vgs --noheadings -o vg_name | tr -d ' ' | sed "s/^/@@ $1 group /"
	for kind in KINDS; do
		for device in $(blkid -c /dev/null -t "TYPE=$kind" -o device); do
			echo "@@ $1 uuid $(blkid -c /dev/null -s UUID -o value "$device")"
		done
	done
}
"""

WORDS = ["keep", "note", "bridge", "rename", "change the UUIDs on 1", "replace", "link", "make systemd", "call", "make the SSH",
         "change the UUIDs on 2", "make the next", "build", "plan", "search"]
"""The progress lines' first words, in their order."""

OWN = ["reported", "system is running", "no unit failed", "every mount of fstab is there", "every swap of fstab is on"]
"""What of a boot's verdict does not depend on the group's name."""


def steps(words, source):
    """Each step's first second, again and again, in an order that the seed gives."""
    while True:
        order = list(words)
        source.shuffle(order)
        for word in order:
            yield f"{word}+{source.randrange(0, 1000, 10)}"


def verdict(boot, facts, template):
    """Whether the machine came up whole, under the old names or the new ones, and can be reached."""
    found = Verdict(c for c in judge.judge(boot, OLD) if c.name in OWN)
    odd = [line.strip() for line in boot.console if judge.BAD.search(line) and TOLERATED not in line]
    group, name = facts.get("group", set()), facts.get("name", set())
    return found + Verdict([
        Criterion("nothing odd on the console", not odd, "; ".join(odd[:6])),
        Criterion("one of the two names of the group", group in ({OLD}, {GROUP}), str(group)),
        Criterion("one of the two host names", name in (template["name"], {f"{HOST} {HOST}"}), str(name)),
    ]) + cuts.reachable(facts, template)


def scenario(name, layout, uuids, kinds, words):
    """A scenario of a layout: the UUIDs that are asked for, and the kinds of contents that have them."""
    run = cuts.Run(
        command=f"postclone fixup --name {HOST} --with {uuids} --yes",
        facts=MORE.replace("KINDS", kinds) + cuts.REACHABLE,
        words=("id", "key", "name", "group", "uuid"),
        steps=partial(steps, words),
        judge=verdict,
        # The boot loader writes its seed at each boot; systemd sets the time of the machine ID; fsck.vfat keeps what
        # was reserved for the undo.
        allowed=r"/etc/default/grub\.d/zz-postclone\.cfg|/boot/efi/(loader/random-seed|FSCK[0-9]{4}\.REC)|/etc/machine-id f ",
    )
    return Scenario(name, layout, "the power goes off in the middle of a fixup: the next boot is whole and can be reached",
                    lambda trial: cuts.play(trial, run), needs_deb=True)


def without(*left):
    """WORDS without these."""
    return [word for word in WORDS if word not in left]


SCENARIOS = [
    scenario("fixup-cuts", "clone-lab", "fs-uuids,swap-uuids,lvm-uuids", "ext2 ext4 swap", WORDS),
    scenario("fixup-cuts-bls", "clone-systemd-boot", "fs-uuids,swap-uuids", "ext4 swap vfat", without("make the next")),
    scenario("fixup-cuts-xfs", "clone-xfs", "swap-uuids", "swap", without("note", "change the UUIDs on 1", "make the next")),
]
