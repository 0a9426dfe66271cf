"""The power goes off while `postclone renew` runs: the next boot comes up by itself, with a machine ID and
an SSH server that answers with a full set of keys; then the run is finished, or taken back. See cuts.py.
"""

import itertools

import cuts
import judge
from layout import OLD
from trial import Scenario

STEPS = ["replace+50", "replace+0", "make systemd+0", "replace+150", "keep+30", "make the SSH+1000", "replace+100", "remove+0",
         "keep+0", "make the SSH+0", "plan+300", "make systemd+3000"]
"""Instants by step: all files are replaced within a fifth of a second."""

RUN = cuts.Run(
    command="postclone renew --yes",
    facts="more() { :; }\n" + cuts.REACHABLE,
    words=("id", "key"),
    steps=lambda _: itertools.cycle(STEPS),
    judge=lambda boot, facts, template: judge.judge(boot, OLD) + cuts.reachable(facts, template),
)

SCENARIOS = [
    Scenario("renew-cuts", "clone-lab",
             "the power goes off in the middle of a renew: the next boot has an ID, keys and a server",
             lambda trial: cuts.play(trial, RUN), needs_deb=True),
]
