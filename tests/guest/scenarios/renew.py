"""postclone renew: a clone gets a machine ID and SSH host keys of its own, and boots with them."""

from dataclasses import replace

import network
from judge import Criterion, Verdict, undisturbed
from layout import OLD
from scenarios.matrix import first_of_all
from trial import Scenario

CARD = "52:54:00:6c:63:01"

OFF = "apt-daily.timer"
"""A unit that is enabled where nobody disables it."""

FACTS = network.CLIENT + r"""
# facts NAME: what the machine is known by, in $OUT/NAME.*
facts() {
	cat /etc/machine-id >"$OUT/$1.id"
	sort /etc/ssh/ssh_host_*_key.pub >"$OUT/$1.keys"
	stat -c '%a %U:%G %n' /etc/ssh/ssh_host_* >"$OUT/$1.modes"
	# From the files: a slow systemd answers a question for all of them too late.
	systemctl --root=/ list-unit-files --no-legend | sort >"$OUT/$1.units"
	# Comments say whom it asked (OpenSSH 10).
	ssh-keyscan -T 30 127.0.0.1 2>/dev/null | grep -v '^#' | cut -d' ' -f2,3 | sort >"$OUT/$1.answers"
	systemctl is-active ssh >"$OUT/$1.ssh"
	lan
	mv "$OUT/client" "$OUT/$1.client"
}
"""

RENEW = FACTS + f"""
[[ $(systemctl is-enabled {OFF}) == enabled ]] || exit
systemctl disable --now {OFF}
""" + r"""
ask_for_address || exit
timed apt-get install -y ./postclone.deb >/dev/null || exit
facts before
postclone renew --dry-run >"$OUT/plan" || exit
! grep -r 'PRIVATE KEY' "$OUT/plan" || exit
snapshot before
timed postclone renew --yes >"$OUT/renew" 2>&1
status=$?
cat "$OUT/renew"
snapshot after
facts after
exit $status
"""

LOOK = FACTS + r"""
facts next
journalctl --no-pager -n 1 >"$OUT/journal"
ls /var/log/journal >"$OUT/journals" 2>/dev/null
systemctl status postclone-forget --no-pager
find /var/lib/postclone -name '*host*key*' >"$OUT/kept"
postclone status --boot || exit
timed postclone undo --yes >"$OUT/undo" 2>&1
status=$?
cat "$OUT/undo"
facts undone
exit $status
"""

LAST = FACTS + """
facts last
postclone status
"""


def text(boot, name):
    """What a job left in $OUT."""
    return (boot.out / name).read_text()


def words(boot, name):
    """The keys of a list of them, without their comments."""
    return sorted(tuple(line.split()[:2]) for line in text(boot, name).splitlines() if line.strip())


def renewed(first, second):
    """Whether the machine has a new ID and new keys, which its server has too, and all else is as before."""
    old, new = words(first, "before.keys"), words(second, "next.keys")
    answers = words(second, "next.answers")
    identity = text(second, "next.id").strip()
    return Verdict([
        Criterion("the machine ID is another", text(first, "before.id") != text(second, "next.id"), identity),
        Criterion("it is one", len(identity) == 32 and set(identity) <= set("0123456789abcdef"), identity),
        Criterion("so is the DHCP client identifier", text(first, "before.client").strip() and
                  text(second, "next.client").strip() not in ("", text(first, "before.client").strip()),
                  text(first, "before.client") + text(second, "next.client")),
        Criterion("no key is an old one", new and not set(old) & set(new), str(new)),
        Criterion("as many keys of the same types", [key[0] for key in old] == [key[0] for key in new], str(new)),
        Criterion("the server answered with the new keys at once",
                  set(words(first, "after.answers")) <= set(words(first, "after.keys")) and
                  words(first, "after.answers"), text(first, "after.answers")),
        Criterion("and does after the boot", answers and set(answers) <= set(new), str(answers)),
        Criterion("the modes are the old ones", text(first, "before.modes") == text(second, "next.modes"),
                  text(second, "next.modes")),
        Criterion("units are enabled and disabled as before",
                  text(first, "before.units") == text(second, "next.units"), text(second, "next.units")[-300:]),
        Criterion(f"{OFF} is still disabled", [OFF, "disabled"] in
                  [line.split()[:2] for line in text(second, "next.units").splitlines()]),
        Criterion("the old keys are dropped after the good boot", not text(second, "kept").strip(),
                  text(second, "kept")),
    ])


def renew(trial):
    with network.Segment(trial.logs / "lan", [CARD]) as lan:
        play(trial, replace(trial.machine, mac=CARD, lan=lan))


def play(trial, machine):
    """All of it, in a machine on a network."""
    first = trial.boot("1-renew", first_of_all(trial.suite) + RENEW, {"postclone.deb": trial.deb},
                       machine=machine, ending="reboot")
    trial.require_job(first)
    trial.require("the running system", trial.verdict(
        "before and after", undisturbed(first.out / "before", first.out / "after")))
    second = trial.boot("2-next", LOOK, machine=machine, ending="reboot")
    trial.require("the boot after it", trial.judged("2-next", second, OLD))
    trial.require("what it is known by", trial.verdict("facts", renewed(first, second)))
    trial.require_job(second)
    third = trial.boot("3-undone", LAST, machine=machine)
    trial.require("the boot after undo", trial.judged("3-undone", third, OLD))
    trial.require_job(third)
    trial.require("after undo", trial.verdict("undone", Verdict([
        Criterion("the old machine ID is back", text(third, "last.id") == text(first, "before.id"),
                  text(third, "last.id")),
        Criterion("and so is the DHCP client identifier",
                  text(third, "last.client") == text(first, "before.client"), text(third, "last.client")),
        Criterion("the new keys stay, for the old ones are gone",
                  words(third, "last.keys") == words(second, "next.keys"), text(third, "last.keys")),
    ])))


SCENARIOS = [
    Scenario("renew", "clone-lab",
             "a new machine ID and new SSH host keys, the boot with them, and undo after the old keys were dropped",
             renew, needs_deb=True),
]
