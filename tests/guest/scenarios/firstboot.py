"""The unit for a clone's first boot, from the template to the boot after the rename."""

from judge import Criterion, Verdict
from layout import HOST, NEW, OLD
from trial import Scenario

UNIT = "postclone-firstboot"

# In the template there is nothing to do, and without a host name it fails, seen and harmless.
TEMPLATE = f"""
name() {{ echo "$1" >/etc/hostname && hostname "$1"; }}
timed apt-get install -y ./postclone.deb || exit
systemctl is-enabled {UNIT} && exit 1
sed -i s/FIRSTBOOT_REBOOT=no/FIRSTBOOT_REBOOT=yes/ /etc/default/postclone
systemctl enable {UNIT} || exit
name {OLD.removesuffix('-vg')}
timed systemctl start {UNIT} || exit
journalctl -b -u {UNIT} | grep 'nothing shows that this machine is a clone' || exit
md5sum /etc/fstab /boot/grub/grub.cfg /boot/initrd.img-* >sums
name localhost
timed systemctl start {UNIT} && exit 1
systemctl --failed | grep {UNIT} || exit
journalctl -b -u {UNIT} | grep 'has no host name: say what this machine is called' || exit
md5sum --check --quiet sums || exit
[[ ! -e /var/lib/postclone/first-boot-done ]] || exit
name {HOST}
"""

LOOK = f"""
systemctl show -p ConditionResult,Result,ExecMainStartTimestampMonotonic {UNIT}
[[ $(systemctl show -P ConditionResult {UNIT}) == no ]] || exit
ls -l /var/lib/postclone || exit
[[ -e /var/lib/postclone/first-boot-done ]] || exit
postclone status
"""


def firstboot(trial):
    template = trial.boot("1-template", TEMPLATE, {"postclone.deb": trial.deb})
    trial.require_job(template)
    # The clone's first boot ends by itself.
    clone = trial.boot("2-clone", "sleep 900", ending="hold")
    trial.require("the first boot", trial.verdict("2-clone", Verdict([
        Criterion("it reboots by itself", clone.ended == "down", f"{clone.ended} {clone.why}")])))
    after = trial.boot("3-next", LOOK)
    trial.require("the next boot", trial.judged("3-next", after, NEW, OLD))
    trial.require_job(after)


SCENARIOS = [
    Scenario("firstboot", "debian-bios", "a template is cloned, and becomes a machine of its own at its first boot",
             firstboot, needs_deb=True),
]
