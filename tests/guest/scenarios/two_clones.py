"""Two clones of one template on one network, at the same time: at first they share everything by which a
network knows a machine, and with `postclone rename-host` and `postclone renew` each gets its own.

systemd-networkd makes its DHCP client identifier of the machine ID and the card's place on the bus
(systemd.network(5), ClientIdentifier=; systemd src/libsystemd-network/dhcp-identifier.c). A hypervisor puts
the cards of all clones into the same place, and each card's own address is not part of it.
"""

import base64
import hashlib
import itertools
from dataclasses import dataclass, replace

import network
import qemu
from judge import Criterion, Verdict
from layout import OLD
from scenarios.identity import TEMPLATE
from scenarios.matrix import first_of_all
from trial import Failed, Scenario

CLONES = {
    "web01": {"uuid": "a4d27c3e-91b8-4f66-8a1c-0e7f2b9c4d02", "product": "PCLAB-2000",
              "serial": "system-2000", "mac": "52:54:00:6c:62:02"},
    "web02": {"uuid": "5e90b7d1-2f4a-4c83-b6de-71c8a3f05e03", "product": "PCLAB-3000",
              "serial": "system-3000", "mac": "52:54:00:6c:62:03"},
}
"""What a hypervisor gives each clone, by the name that the clone gets."""

KNOWN = network.CLIENT + r"""
# known: waits for an address, and leaves in $OUT what the machine is known by
known() {
	cat /etc/machine-id >"$OUT/id"
	cut -d' ' -f1,2 /etc/ssh/ssh_host_*_key.pub >"$OUT/keys"
	lan
}
"""

INSTALL = KNOWN + """
timed apt-get install -y ./postclone.deb >/dev/null || exit
ask_for_address || exit
known
"""

RENEW = KNOWN + r"""
# typed COMMAND...: as a person would see it
typed() {
	echo "# $*" >>"$OUT/transcript"
	"$@" </dev/null >>"$OUT/transcript" 2>&1
}
known || exit
meet before || exit
typed postclone rename-host --yes NAME || exit
typed postclone renew --yes
status=$?
cat "$OUT/transcript"
exit $status
"""

NEXT = KNOWN + """
known || exit
meet after || exit
postclone status --boot
"""


@dataclass
class Known:
    """What a machine is known by."""

    name: str
    address: str
    client: str
    machine_id: str
    keys: set
    given: str
    """The address that the server gave to its card."""
    answered: set
    """The keys with which its SSH server answered, over the network."""


def known(boot, card, lan, answered):
    """Of a boot whose job left it in $OUT."""
    def text(name):
        return (boot.out / name).read_text().strip()

    keys = {tuple(line.split()) for line in text("keys").splitlines()}
    return Known(text("name"), text("address"), text("client"), text("id"), keys,
                 lan.given().get(card, "none"), answered)


def apart(machines):
    """Whether nothing by which a network knows one of the machines is another's."""
    def differ(what, values):
        return Criterion(what, all(values) and len(set(values)) == len(values), " | ".join(values))

    def share(sets):
        return [len(one & other) for one, other in itertools.combinations(sets, 2)]

    keys, answered = [m.keys for m in machines], [m.answered for m in machines]
    return Verdict([
        differ("each has an address of its own", [m.address for m in machines]),
        differ("the server gave each card one of its own", [m.given for m in machines]),
        differ("each sends a client identifier of its own", [m.client for m in machines]),
        differ("each has a name of its own", [m.name for m in machines]),
        differ("each has a machine ID of its own", [m.machine_id for m in machines]),
        Criterion("no two have an SSH host key in common", all(keys) and not any(share(keys)),
                  f"in common: {share(keys)}"),
        Criterion("no two answer with one", all(answered) and not any(share(answered)),
                  f"in common: {share(answered)}, of {[len(keys) for keys in answered]}"),
    ])


def alike(machines):
    """Whether `apart` denies every one of its criteria."""
    return Verdict(Criterion(f"not: {c.name}", not c.met, c.evidence) for c in apart(machines))


def served(machines, names, lan):
    """Whether the SSH servers answered with the keys that the machines have, and the names are the ones
    that were asked for, in the server's table as well."""
    table = {row[2]: row[3] for row in lan.leases()}
    verdict = Verdict()
    for machine, name in zip(machines, names):
        verdict += [
            Criterion(f"{name} is called so", machine.name == name, machine.name),
            Criterion(f"the server knows {machine.address} as {name}", table.get(machine.address) == name,
                      str(table)),
            Criterion(f"{name} answers with all its keys", machine.answered == machine.keys,
                      f"{len(machine.answered)} of {len(machine.keys)}"),
        ]
    return verdict


def two_clones(trial):
    cards = [TEMPLATE["mac"], *(clone["mac"] for clone in CLONES.values())]
    with network.Segment(trial.logs / "lan", cards) as lan:
        play(trial, lan)


def play(trial, lan):
    """All of it, on a network that is there."""
    machine = replace(trial.machine, **TEMPLATE, lan=lan)
    template = trial.boot("1-template", first_of_all(trial.suite) + INSTALL, {"postclone.deb": trial.deb},
                          machine=machine)
    trial.require_job(template)
    trial.require("the template", trial.judged("1-template", template, OLD))
    clones = {}
    for name, differs in CLONES.items():
        disk = trial.logs / f"{name}.qcow2"
        qemu.overlay(machine.disk, disk, "qcow2")
        clones[name] = replace(machine, disk=disk, **differs)
    before, seen_before = both(trial, lan, "2-before", clones, RENEW, "before", ending="reboot")
    # The template is off, but what it is known by is not free.
    origin = known(template, TEMPLATE["mac"], lan, seen_before[0].answered)
    trial.require("the clones as they came", trial.verdict("as they came", alike([origin, *seen_before])))
    after, seen_after = both(trial, lan, "3-after", clones, NEXT, "after")
    for label, boot in {**before, **after}.items():
        trial.require(label, trial.judged(label, boot, OLD))
    trial.require("the clones", trial.verdict("apart", apart([origin, *seen_after])))
    trial.require("what they are served as", trial.verdict("served", served(seen_after, CLONES, lan)))
    left_out = trial.verdict("one of them left out", apart([origin, seen_after[0], *seen_before[1:]]))
    if left_out.good:
        raise Failed("a clone that nothing was done to is taken for one with an identity of its own")
    (trial.logs / "two-clones.md").write_text(page(
        trial.suite, lan, origin, seen_before, seen_after, (before["2-before-web01"].out / "transcript").read_text()))
    for machine in clones.values():
        machine.disk.unlink()


def both(trial, lan, stage, clones, script, meeting, **job):
    """Boot the clones at once; the boots by label, and what each machine was known by while both ran."""
    answered = []

    def look():
        given = lan.given()
        for machine in clones.values():
            answered.append(lan.host_keys(given[machine.mac]))

    boots = trial.together(
        {f"{stage}-{name}": dict(script=script.replace("NAME", name), machine=machine, **job)
         for name, machine in clones.items()}, {meeting: look})
    for boot in boots.values():
        trial.require_job(boot)
    return boots, [known(boot, machine.mac, lan, keys)
                   for boot, machine, keys in zip(boots.values(), clones.values(), answered)]


PAGE = """# Two clones on one network

The template is a guest with Debian's {suite}. It is called `svlmon2`, and systemd-networkd asks for its address,
with `DHCP=yes` and nothing else set. Two copies of its disk run at the same time beside a dnsmasq, in machines
with UUIDs, serial numbers and network cards of their own. Nobody touched this text:
`tests/guest/run --deb FILE two-clones` writes it, and fails where the clones have one of these in common in
the end.

## As they were cloned

The server gives one address to both, although it sees two cards: dnsmasq goes by the client identifier, and
networkd makes that of the machine ID and of the card's place in the machine.

{acks_before}
{before}
Whoever connects to {address} cannot tell which of the two answers: they have the same host keys.

## In each of them

Of what is printed, only the reports are shown here, without the proof of the next boot.

{typed}
    # reboot

In the other one, the same with `web02`.

## After the reboot

{acks_after}
{after}
Each SSH server answered over the network with the keys of its own column, and with no others.
"""


def page(suite, lan, origin, before, after, transcript):
    """What was seen, as a page."""
    gave = [line for line in lan.acks() if TEMPLATE["mac"] not in line]
    half = len(CLONES)

    def table(machines, titles):
        rows = [("card", ["-", *(clone["mac"] for clone in CLONES.values())][-len(machines):]),
                ("address", [m.address for m in machines]),
                ("client identifier", [m.client for m in machines]),
                ("machine ID", [m.machine_id for m in machines]),
                ("host name", [m.name for m in machines]),
                *((f"`{kind}` host key", [fingerprint(m.answered, kind) for m in machines])
                  for kind in sorted(kind for kind, _ in origin.keys))]
        return "".join(f"| {' | '.join(cells)} |\n" for cells in [
            ["", *titles], ["---"] * (len(titles) + 1), *([what, *cells] for what, cells in rows)])

    return PAGE.format(suite=suite, address=before[0].address,
        acks_before=quoted(gave[:half]), acks_after=quoted(gave[-half:]), typed=quoted(reports(transcript)),
        before=table(before, ["the one", "the other"]),
        after=table([origin, *after], ["the template had", *CLONES]))


def quoted(lines):
    """Lines as a page shows them."""
    return "".join(f"    {line}".rstrip() + "\n" for line in lines)


def reports(transcript):
    """What was typed, and the reports on it."""
    shown, keep = [], False
    for line in transcript.splitlines():
        if line.startswith("# postclone "):
            shown, keep = [*shown, *([""] if shown else []), line], False
        elif line.startswith(("# Done in", "# The old files are in")):
            keep = True
        elif line.startswith("# Proof of"):
            keep = False
        if keep:
            shown.append(line)
    return shown


def fingerprint(keys, kind):
    """Of the key of that kind, as ssh-keygen(1) prints it."""
    key = dict(keys)[kind]
    digest = hashlib.sha256(base64.b64decode(key)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


SCENARIOS = [
    Scenario("two-clones", "clone-lab",
             "two clones on one network share one address, and have two after rename-host and renew",
             two_clones, needs_deb=True),
]
