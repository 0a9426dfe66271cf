"""postclone fixup where / is XFS: the next boot changes its UUID. Its power fails while it does, and the boot after
that goes on. Undo keeps the new UUID.
"""

from judge import Criterion, Verdict, down_in_time
from layout import OLD
from trial import Failed, Scenario

HOST = "web01"
GROUP = f"{HOST}-vg"
NODE = f"/dev/mapper/{HOST}--vg-root"
WORDS = f"postclone: giving {NODE} another UUID"
"""What the initramfs says before it changes the UUID."""

FACTS = """
facts() {
	findmnt -no UUID,SOURCE / | tee "$OUT/root"
	lvs --noheadings -o lv_name,lv_tags | tr -s ' ' | tee "$OUT/tags"
	grep ' / ' /etc/fstab | grep -v '^#' | tee "$OUT/fstab"
	ls /var/lib/postclone
}
"""

RUN = FACTS + f"""
timed apt-get install -y ./postclone.deb >/dev/null 2>&1 || exit
# As a person writes it who wants no names there.
sed -i "s,^/dev/mapper/[^ ]*root ,UUID=$(findmnt -no UUID /) ," /etc/fstab
grep -E '^UUID=[^ ]+ +/ +xfs' /etc/fstab || exit
systemctl daemon-reload
timed postclone fixup --name {HOST} --with fs-uuids --yes >"$OUT/run" 2>&1
status=$?
cat "$OUT/run"
facts
exit $status
"""

UNDO = FACTS + """
facts
postclone status --boot || exit
# The unit that removes the plan is part of a boot, and that has settled.
[[ ! -e /var/lib/postclone/at-boot-xfs ]] || { systemctl status --no-pager postclone-forget; exit 1; }
timed postclone undo --yes >"$OUT/undo" 2>&1
status=$?
cat "$OUT/undo"
exit $status
"""

LAST = FACTS + """
facts
postclone status
"""


def uuid(boot):
    """The UUID of what is mounted on /."""
    return (boot.out / "root").read_text().split()[0]


def facts(boot, group, tag, apart=None):
    """How / is named there, its volume's tags, and whether it has another UUID than `apart`."""
    node = f"/dev/mapper/{group.replace('-', '--')}-root"
    found = uuid(boot), (boot.out / "root").read_text().split()[1]
    tags = next(line.split()[1:] for line in (boot.out / "tags").read_text().splitlines() if line.split()[0] == "root")
    fstab = (boot.out / "fstab").read_text()
    return Verdict([
        Criterion(f"/ is on {node}", found[1] == node, str(found)),
        Criterion(f"fstab names it {node}", fstab.startswith(f"{node} "), fstab),
        Criterion(f"the tags are {tag}", tags == tag, str(tags)),
        Criterion(f"the UUID is not {apart}", found[0] != apart, str(found)),
    ])


def play(trial):
    first = trial.boot("1-run", RUN, {"postclone.deb": trial.deb}, ending="reboot")
    trial.require_job(first)
    old = uuid(first)
    # Until the reboot the kernel has the old name of the volume.
    tags = (first.out / "tags").read_text()
    if " root postclone-uuid\n" not in tags:
        raise Failed(f"the volume has no tag: {tags}")
    trial.require("the shutdown", trial.verdict("1-run", down_in_time(first)))
    second = trial.boot("2-cut", "true", cut_on=WORDS, cut_after=0.3)
    if second.ended != "cut" or second.reported:
        raise Failed(f"the power did not fail in that boot: {second.ended} {second.why}")
    third = trial.boot("3-next", UNDO, ending="reboot")
    trial.require("the boot after the cut", trial.judged("3-next", third, GROUP))
    trial.require("/ after the cut", trial.verdict("facts", facts(third, GROUP, [], old)))
    trial.require_job(third)
    new = uuid(third)
    if f"the boot gave / the UUID {new}" not in (third.out / "undo").read_text():
        raise Failed("undo does not say what the boot did")
    last = trial.boot("4-last", LAST)
    trial.require("the boot after undo", trial.judged("4-last", last, OLD))
    trial.require("/ after undo", trial.verdict("facts after undo", facts(last, OLD, [], old)))
    if uuid(last) != new:
        raise Failed(f"/ has the UUID {uuid(last)}, not {new}")
    trial.require_job(last)


SCENARIOS = [
    Scenario("fixup-xfs", "clone-xfs",
             "the next boot changes the UUID of an XFS root, its power fails, the boot after it goes on, undo keeps it",
             play, needs_deb=True),
]
