"""The Ansible role, played by the guest on itself: check, run, run again."""

import json
import re
from pathlib import Path

from judge import Criterion, Verdict
from layout import NEW, OLD
from trial import Scenario

ROLES = Path(__file__).resolve().parents[3] / "packaging" / "ansible" / "roles"

PLAY = f"""
timed apt-get install -y ./postclone.deb || exit
export ANSIBLE_ROLES_PATH=$LAB/roles ANSIBLE_LOCALHOST_WARNING=0 ANSIBLE_NOCOLOR=1 PYTHONDONTWRITEBYTECODE=1
cat >play.yml <<END
- hosts: localhost
  connection: local
  gather_facts: false
  roles:
    - role: postclone
      postclone_reboot: true
  post_tasks:
    - ansible.builtin.copy:
        content: "{{{{ postclone_result.report | to_json }}}}"
        dest: "{{{{ lookup('env', 'OUT') }}}}/{{{{ name }}}}.json"
      check_mode: false
      changed_when: false
END
play() {{
	local name=$1
	shift
	timed ansible-playbook -i localhost, -e "name=$name" "$@" play.yml >"$OUT/$name" 2>&1
	local rc=$?
	cat "$OUT/$name"
	return $rc
}}
md5sum /etc/fstab /boot/grub/grub.cfg /boot/initrd.img-* >sums
play check --check --diff || exit
md5sum --check --quiet sums || exit
[[ $(vgs --noheadings -o vg_name | tr -d ' ') == {OLD} ]] || exit
[[ ! -e /run/systemd/shutdown/scheduled ]] || exit
play run || exit
cat /run/systemd/shutdown/scheduled || exit
shutdown -c
[[ $(vgs --noheadings -o vg_name | tr -d ' ') == {NEW} ]] || exit
play again || exit
[[ ! -e /run/systemd/shutdown/scheduled ]]
"""


def recapped(out, name, changed, outcome):
    """Whether a play ended as it was to, by its recap and by the report that it kept."""
    said = (out / name).read_text()
    recap = re.search(r"^localhost .*$", said, re.M)
    line = recap.group() if recap else "no recap"
    report = json.loads((out / f"{name}.json").read_text())
    return Verdict([
        Criterion(f"{name}: changed={changed}", re.search(rf"changed={changed} .*failed=0", line), line),
        Criterion(f"{name}: {outcome}", report["outcome"] == outcome, report["outcome"]),
    ])


def ansible(trial):
    first = trial.boot("1-play", PLAY, {"postclone.deb": trial.deb, "roles": ROLES}, ending="reboot")
    trial.require_job(first)
    # The handler's own task is the second change.
    for name, changed, outcome in [("check", 1, "planned"), ("run", 2, "done"), ("again", 0, "nothing-to-do")]:
        trial.require(name, trial.verdict(name, recapped(first.out, name, changed, outcome)))
    patch = "+/dev/mapper/" + NEW.replace("-", "--") + "-root"
    trial.require("the diff", trial.verdict("diff", Verdict([
        Criterion("the patch is shown", patch in (first.out / "check").read_text(), patch)])))
    second = trial.boot("2-next")
    trial.require("the next boot", trial.judged("2-next", second, NEW, OLD))


SCENARIOS = [
    Scenario("ansible", "ansible", "the Ansible role: check, run, run again, and the boot after it",
             ansible, needs_deb=True),
]
