"""postclone renew where boot entries are named after the machine ID: the next kernel's package finds its
place, the machine boots that kernel by itself, and the removal of the old one leaves no entry of it.

It counts what the boot loader starts, not by which means entries and ID are kept together.
"""

import re

import kernels
from judge import Criterion, Verdict
from layout import OLD
from scenarios.kernel_update import ENTRIES
from scenarios.matrix import by_name, first_of_all
from trial import Failed, Scenario

RENEW = """
timed dpkg -i postclone.deb >/dev/null || exit
ls /boot/efi/loader/entries | tee "$OUT/files"
cat /etc/machine-id | tee "$OUT/id"
grep -q "^$(cat /etc/machine-id)-" "$OUT/files" || exit
timed postclone renew --yes
status=$?
cat /etc/machine-id | tee "$OUT/next-id"
exit $status
"""

# Debian 11 has no hook that calls kernel-install.
UPDATE = ENTRIES + """
cat /etc/machine-id | tee "$OUT/id"
uname -r | tee "$OUT/kernel"
postclone status --boot || exit
timed install_kernel
! grep -v ^0 "$OUT/attempts" || exit
compgen -G '/etc/kernel/postinst.d/*systemd-boot' ||
	timed kernel-install add VERSION /boot/vmlinuz-VERSION /boot/initrd.img-VERSION || exit
ls /boot/efi/loader/entries | tee "$OUT/files"
entries | tee "$OUT/entries"
"""

# The metapackage goes with it.
REMOVE = ENTRIES + """
uname -r | tee "$OUT/kernel"
postclone status --boot || exit
timed dpkg --purge --force-depends linux-image-OLD || exit
compgen -G '/etc/kernel/postrm.d/*systemd-boot' || timed kernel-install remove OLD || exit
ls /boot/efi/loader/entries | tee "$OUT/files"
entries | tee "$OUT/entries"
"""

LAST = """
uname -r | tee "$OUT/kernel"
"""


def lines(boot, name):
    """What a job left in $OUT."""
    return (boot.out / name).read_text().splitlines()


def menu(boot, *versions):
    """Whether the menu has one entry for each of these kernels, all of them under one name."""
    found = sorted(line.split()[1] for line in lines(boot, "entries"))
    names = {re.sub(rf"-?({'|'.join(map(re.escape, versions))}).*", "", file) for file in lines(boot, "files")}
    return Verdict([
        Criterion("one entry for each kernel", found == sorted(versions), " ".join(found)),
        Criterion("all are named after the same", len(names) == 1, " ".join(lines(boot, "files"))),
    ])


def booted(trial, label, boot, version):
    """Demand a good boot of that kernel by itself."""
    trial.require(f"the boot {label}", trial.judged(label, boot, OLD, named=by_name(trial.layout)))
    trial.require_job(boot)
    running, = lines(boot, "kernel")
    if running != version:
        raise Failed(f"{label}: {running} runs, not {version}")


def play(trial):
    old = kernels.installed(trial)
    package = kernels.another(trial.suite, old)
    version = re.match(r"linux-image-(.+?)_", package.name)[1]
    first = trial.boot("1-renew", first_of_all(trial.suite) + RENEW, {"postclone.deb": trial.deb},
                       ending="reboot")
    trial.require_job(first)
    second = trial.boot("2-kernel", UPDATE.replace("VERSION", version), {"kernel.deb": package}, ending="reboot")
    booted(trial, "2-kernel", second, old)
    was, planned, now = lines(first, "id"), lines(first, "next-id"), lines(second, "id")
    trial.require("the machine ID", trial.verdict("machine ID", Verdict([
        Criterion("it is another, which the run wrote", was != now == planned, f"{was} {planned} {now}")])))
    trial.require("the menu with both", trial.verdict("both kernels", menu(second, old, version)))
    third = trial.boot("3-new-kernel", REMOVE.replace("OLD", old), ending="reboot")
    booted(trial, "3-new-kernel", third, version)
    trial.require("the menu without the old one", trial.verdict("one kernel", menu(third, version)))
    booted(trial, "4-last", trial.boot("4-last", LAST), version)


SCENARIOS = [
    Scenario("renew-entries", "systemd-boot",
             "renew where entries bear the machine ID: the next kernel is booted, the old one can be removed",
             play, needs_deb=True),
]
