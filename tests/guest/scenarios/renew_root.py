"""postclone renew --root from a rescue system: the clone's disk gets an ID and keys of its own there, and
its boot has them."""

from judge import Criterion, Verdict
from layout import OLD
from scenarios import rescue
from scenarios.matrix import first_of_all
from trial import Scenario

FACTS = """
cat /etc/machine-id | tee "$OUT/id"
cut -d' ' -f1,2 /etc/ssh/ssh_host_*_key.pub | tee "$OUT/keys"
stat -c '%a %U:%G %n' /etc/ssh/ssh_host_* | tee "$OUT/modes"
ssh-keyscan -T 60 127.0.0.1 2>/dev/null | grep -v '^#' | cut -d' ' -f2,3 >"$OUT/answers"
"""

INSTALL = FACTS + """
timed dpkg -i postclone.deb >/dev/null
"""

RENEW = """
vgchange --activate y {group}
mount /dev/{group}/root /mnt
mount {boot} /mnt/boot
cat /etc/machine-id >/run/lab/own
/mnt/usr/sbin/postclone renew --yes --root /mnt
cmp /etc/machine-id /run/lab/own
cp /mnt/etc/machine-id "$OUT/id"
cut -d' ' -f1,2 /mnt/etc/ssh/ssh_host_*_key.pub >"$OUT/keys"
umount --recursive /mnt
"""

LOOK = FACTS + """
postclone status --boot
"""


def renewed(first, written, second):
    """Whether the boot has what was written to the disk, and nothing of what was there before."""
    def texts(name):
        return [(boot.out / name).read_text().split("\n") for boot in (first, written, second)]

    (old_id, wrote_id, next_id), (old, wrote, now) = texts("id"), texts("keys")
    answers = sorted((second.out / "answers").read_text().splitlines())
    modes = [(boot.out / "modes").read_text() for boot in (first, second)]
    return Verdict([
        Criterion("the machine ID is the one that was written", old_id != wrote_id == next_id,
                  f"{old_id[0]} {wrote_id[0]} {next_id[0]}"),
        Criterion("the keys are those that were written", now == wrote, str(now)),
        Criterion("of the same types, and no old one", [key.split()[:1] for key in old] == [
            key.split()[:1] for key in now] and not set(filter(None, old)) & set(now), str(old)),
        Criterion("the server answers with all of them", answers == sorted(filter(None, now)), str(answers)),
        Criterion("the modes are the old ones", modes[0] == modes[1], modes[1]),
    ])


def play(trial):
    first = trial.boot("1-install", first_of_all(trial.suite) + INSTALL, {"postclone.deb": trial.deb})
    trial.require_job(first)
    commands = RENEW.format(group=OLD, boot=f"{rescue.rescue_system.GUEST}-part1")
    # ssh-keygen is the rescue system's.
    written = rescue.rescued(trial, "2", commands.strip().splitlines(), trial.disk, ("openssh-client",))
    second = trial.boot("3-next", LOOK)
    trial.require("the next boot", trial.judged("3-next", second, OLD))
    trial.require("what it is known by", trial.verdict("facts", renewed(first, written, second)))
    trial.require_job(second)


SCENARIOS = [
    Scenario("renew-root", "clone-lab",
             "renew --root from a rescue system, and the boot with what it wrote",
             play, needs_deb=True),
]
