"""postclone rename-host: the host gets another name, the next boot has it, and undo takes it back."""

from judge import Criterion, Verdict, undisturbed
from layout import HOST, OLD
from scenarios.undo import GUARD, MACHINE, SEED, SUMS, same
from trial import Scenario

NAME, DOMAIN = "web01", "example.org"
"""The host's new name, and the domain that its files give it."""

PLACES = f"""
# Some of the places in which a template has its host's name, and what only looks like it.
sed -i '/^127\\.0\\.1\\.1/d' /etc/hosts
printf '127.0.1.1\\t{HOST}.{DOMAIN} {HOST}\\n192.0.2.7 {HOST}2 my-{HOST}\\n' >>/etc/hosts
echo {HOST}.{DOMAIN} >/etc/mailname
mkdir -p /etc/postfix /etc/salt
printf 'myhostname = {HOST}.{DOMAIN}\\nmail_owner = {HOST}\\nmydestination = {HOST}, localhost\\n' >/etc/postfix/main.cf
printf {HOST}.{DOMAIN} >/etc/salt/minion_id
echo "Welcome to {HOST}" >/etc/motd
"""

LOOK = """
hostname | tee "$OUT/kernel"
hostname -f | tee "$OUT/full"
{ cat /etc/hostname /etc/mailname /etc/salt/minion_id; echo; } | tee "$OUT/named"
cp /etc/hosts "$OUT/hosts"
cp /etc/postfix/main.cf "$OUT/postfix"
cp /etc/motd "$OUT/motd"
"""

RENAME = SUMS + PLACES + f"""
timed apt-get install -y ./postclone.deb >/dev/null || exit
sums "$OUT/sums"
postclone rename-host {NAME} --dry-run | grep '^# Host name {HOST} becomes {NAME}' || exit
snapshot before
timed postclone rename-host --yes {NAME} >"$OUT/rename" 2>&1
status=$?
cat "$OUT/rename"
snapshot after
postclone rename-host --yes {NAME} | grep '^# Nothing to do' || exit
{LOOK}
exit $status
"""

UNDO = SUMS + LOOK + r"""
snapshot before
timed postclone undo --yes >"$OUT/undo" 2>&1
status=$?
cat "$OUT/undo"
snapshot after
hostname | tee "$OUT/kernel-undone"
sums "$OUT/sums"
exit $status
"""

NEXT = SUMS + LOOK + """
sums "$OUT/sums"
"""


def bears(out, name, other):
    """Whether the host has that name in the kernel, by `hostname -f` and in all places, and not the other."""
    def text(file):
        return (out / file).read_text()

    full = f"{name}.{DOMAIN}"
    hosts, postfix = text("hosts"), text("postfix")
    return Verdict([
        Criterion(f"the kernel calls it {name}", text("kernel").strip() == name, text("kernel")),
        Criterion(f"hostname -f says {full}", text("full").strip() == full, text("full")),
        Criterion("files that are a name have it", text("named").split() == [name, full, full],
                  text("named")),
        Criterion("/etc/hosts has it, and its neighbours stay",
                  f"127.0.1.1\t{full} {name}\n" in hosts and f"192.0.2.7 {HOST}2 my-{HOST}\n" in hosts
                  and f"\t{other}." not in hosts, hosts),
        Criterion("postfix has it, and its owner stays",
                  postfix == f"myhostname = {full}\nmail_owner = {HOST}\nmydestination = {name}, localhost\n",
                  postfix),
        Criterion("prose stays", text("motd") == f"Welcome to {HOST}\n", text("motd")),
    ])


def play(trial):
    first = trial.boot("1-rename", RENAME, {"postclone.deb": trial.deb}, ending="reboot")
    trial.require_job(first)
    trial.require("the running system", trial.verdict(
        "before and after", undisturbed(first.out / "before", first.out / "after")))
    trial.require("the names before the reboot", trial.verdict("names", bears(first.out, NAME, HOST)))
    second = trial.boot("2-undo", UNDO, ending="reboot")
    trial.require("the boot after the rename", trial.judged("2-undo", second, OLD))
    trial.require_job(second)
    trial.require("the names after it", trial.verdict("names", bears(second.out, NAME, HOST)))
    trial.require("the running system under undo", trial.verdict(
        "before and after", undisturbed(second.out / "before", second.out / "after")))
    kernel = (second.out / "kernel-undone").read_text().strip()
    trial.require("the running name after undo", trial.verdict(
        "name", Verdict([Criterion(f"the kernel calls it {HOST}", kernel == HOST, kernel)])))
    third = trial.boot("3-next", NEXT)
    trial.require("the boot after undo", trial.judged("3-next", third, OLD))
    trial.require_job(third)
    trial.require("the names after undo", trial.verdict("names", bears(third.out, HOST, NAME)))
    trial.require("files at the next boot", trial.verdict(
        "sums", same(first.out / "sums", third.out / "sums", [GUARD, SEED, MACHINE])))


SCENARIOS = [
    Scenario("rename-host", "debian-bios",
             "the host is renamed by rename-host, boots under its new name, and gets the old one back",
             play, needs_deb=True),
]
