"""A new user's way: the package in the template; in the clone `postclone`, its proposal, a reboot, and
`postclone identity`.

What stood on the terminal is man/first-fixup.md, as the scenario leaves it in its logs.
"""

import re
from dataclasses import replace

import qemu
from judge import Criterion, Verdict
from layout import OLD
from scenarios.identity import CLONES, TEMPLATE
from scenarios.matrix import first_of_all
from trial import Scenario

# A terminal of 80 columns; a person reads, leaves the pager, and says yes where it asks.
TERMINAL = r"""
typed() {
	local name=$1 stood pid
	shift
	echo "$*" >"$OUT/$name.typed"
	rm -f keys
	mkfifo keys
	TERM=linux script -qefc "stty cols 80 rows 30; $*" "$OUT/$name" <keys >/dev/null 2>&1 &
	pid=$!
	exec 3>keys
	while sleep 1 && kill -0 $pid 2>/dev/null; do
		stood=$(tail -c 200 "$OUT/$name" | tr -d '\r' | sed 's/\x1b[[][0-9;?]*[A-Za-z]//g' | tail -n 1)
		case $stood in
		*'(END)'*) printf q >&3 ;;
		*:) printf ' ' >&3 ;;
		*'s new name? ') printf 'web01\n' >&3 ;;
		*'[y/N] ') printf 'y\n' >&3 ;;
		*'[Y/n] ') printf 'y\n' >&3 ;;
		esac
	done
	exec 3>&-
	wait $pid
}
"""

# This small guest has no dialog.
INSTALL = TERMINAL + """
export DEBIAN_FRONTEND=teletype
typed 1 apt install ./postclone_0.1.0_amd64.deb || exit
"""

FIRST = TERMINAL + """
typed 2 postclone || exit
proposed=$(tr -d '\\r' <"$OUT/2" | tr '\\n' ' ' | sed -nE 's/.*`(postclone fixup[^`]*)`.*/\\1/p')
echo "proposed: $proposed"
[[ $proposed == postclone\\ fixup* ]] || exit 1
typed 3 "$proposed" || exit
"""

SECOND = TERMINAL + """
typed 4 postclone identity
echo "identity ended with $?"
typed 5 postclone status || exit
lvs
"""

HOST = "web01"
GROUP = f"{HOST}-vg"


def newcomer(trial):
    machine = replace(trial.machine, **TEMPLATE)
    template = trial.boot("1-template", first_of_all(trial.suite) + INSTALL,
                          {"postclone_0.1.0_amd64.deb": trial.deb}, machine=machine)
    trial.require_job(template)
    disk = trial.logs / "clone.qcow2"
    qemu.overlay(machine.disk, disk, "qcow2")
    clone = replace(machine, disk=disk, **CLONES["2-clone"])
    first = trial.boot("2-fixup", FIRST, machine=clone, ending="reboot")
    trial.require_job(first)
    second = trial.boot("3-identity", SECOND, machine=clone)
    trial.require("the next boot", trial.judged("3-identity", second, GROUP, OLD))
    trial.require_job(second)
    said = [shown(file.read_bytes().decode(errors="replace")) for file in [
        first.out / "2", first.out / "3", second.out / "4", second.out / "5"]]
    plain = [" ".join(text.split()) for text in said]
    trial.require("the words", trial.verdict("words", Verdict([
        Criterion("it sees the clone", "This machine is a clone" in plain[0], plain[0][:300]),
        Criterion("it changes the names", f"Volume group {OLD} becomes {GROUP}" in plain[1]
                  and f"becomes {HOST} under /" in plain[1], plain[1][:300]),
        Criterion("it says what is next", "reboot" in plain[1][-400:], plain[1][-400:]),
        Criterion("identity finds nothing of the template's",
                  "Nothing is known to be the template's" in plain[2], plain[2][:300]),
        Criterion("and ends with 0", "identity ended with 0" in second.sections["job"], ""),
        Criterion("then all is well", f"volume group of /: {GROUP}" in plain[3]
                  and said[3].endswith("Nothing to do.\n"), said[3][:300]),
    ])))
    (trial.logs / "first-fixup.md").write_text(page(first.out, second.out, template.out))


def shown(typescript):
    """What a terminal shows in the end: without live lines, colours, and script's own words."""
    # What is written elsewhere on the screen (apt's bar), then colours and the like.
    typescript = re.sub(r"\x1b7.*?\x1b8", "", typescript, flags=re.DOTALL)
    typescript = re.sub(r"\x1b\[[0-9;?]*[A-JL-Za-z]|\x1b[=>]|\x07", "", typescript)
    # less goes to the next row by a blank too many, which it takes back, and asks there at times.
    typescript = re.sub(r"(?<! ) \x08:\x1b\[K\r\x1b\[K", "", typescript)
    typescript = re.sub(r"(?<! ) [\r\x08](?=[^\x1b\r\n])", "", typescript)
    lines = [row(line) for line in typescript.split("\n")
             if not line.startswith(("Script started on", "Script done on"))]
    return "\n".join(lines).strip("\n") + "\n"


def row(written):
    """What stands in a row of the terminal after all that was written there."""
    cells, at = [], 0
    for piece in re.findall(r"\x1b\[K|[^\x1b]", written):
        if piece == "\x1b[K":
            del cells[at:]
        elif piece == "\r":
            at = 0
        elif piece == "\x08":
            at = max(0, at - 1)
        else:
            cells[at:at + 1] = [piece]
            at += 1
    return "".join(cells).rstrip()


PAGE = """# A first fixup, from the package to the boot after

A Debian 13 guest, a copy of its template `svlmon2`, which has the package. The person types what the program says,
and the name of the new machine. Nobody touched this text: `tests/guest/run --deb FILE --suite trixie newcomer` writes
it, and fails where one of the steps needs more than what the one before it says.
"""

BEFORE = {1: "In the template:", 2: "In the clone:", 4: "After the reboot:"}
"""What stands before a step."""


def page(first, second, template):
    """The transcript as a page."""
    parts = [PAGE]
    for folder, number in [(template, 1), (first, 2), (first, 3), (second, 4), (second, 5)]:
        if number in BEFORE:
            parts.append(BEFORE[number] + "\n")
        typed = (folder / f"{number}.typed").read_text().strip()
        text = shown((folder / str(number)).read_bytes().decode(errors="replace"))
        body = "".join(f"    {line}".rstrip() + "\n" for line in [f"# {typed}", *text.splitlines()])
        parts.append(body)
    return "\n".join(parts)


SCENARIOS = [
    Scenario("newcomer", "clone-lab", "a new user follows what postclone says, on a terminal, in a clone",
             newcomer, needs_deb=True),
]
