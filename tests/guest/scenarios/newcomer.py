"""A new user's way: the package, `postclone`, its proposal, a reboot, `postclone status`.

What stood on the terminal is man/first-rename.md: `newcomer.page(logs)` writes it.
"""

import re

from judge import Criterion, Verdict
from layout import HOST, NEW, OLD
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
		*'[y/N] ') printf 'y\n' >&3 ;;
		*'[Y/n] ') printf 'y\n' >&3 ;;
		esac
	done
	exec 3>&-
	wait $pid
}
"""

# This small guest has no dialog.
FIRST = TERMINAL + """
export DEBIAN_FRONTEND=teletype
typed 1 apt install ./postclone_0.1.0_amd64.deb || exit
typed 2 postclone || exit
proposed=$(tr -d '\\r' <"$OUT/2" | tr '\\n' ' ' | sed -nE 's/.*`(postclone fixup[^`]*)`.*/\\1/p')
echo "proposed: $proposed"
[[ $proposed == postclone\\ fixup* ]] || exit 1
typed 3 "$proposed" || exit
"""

SECOND = TERMINAL + """
typed 4 postclone status || exit
lvs
"""


def newcomer(trial):
    first = trial.boot("1-rename", FIRST, {"postclone_0.1.0_amd64.deb": trial.deb}, ending="reboot")
    trial.require_job(first)
    second = trial.boot("2-status", SECOND)
    trial.require("the next boot", trial.judged("2-status", second, NEW, OLD))
    trial.require_job(second)
    said = [shown(file.read_bytes().decode(errors="replace")) for file in [
        first.out / "2", first.out / "3", second.out / "4"]]
    trial.require("the words", trial.verdict("words", Verdict([
        Criterion("it sees the mismatch", OLD in said[0] and HOST in said[0], said[0][:300]),
        Criterion("it proposes the host's name", NEW in said[1], said[1][:300]),
        Criterion("it says what is next", "reboot" in said[1][-300:], said[1][-300:]),
        Criterion("then all is well", f"volume group of /:   {NEW}" in said[2]
                  and said[2].endswith("Nothing to do.\n"), said[2][:300]),
    ])))
    (trial.logs / "first-rename.md").write_text(page(first.out, second.out))


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


PAGE = """# A first fixup, from the package to the next boot

A Debian 13 guest, cloned from the template `svlmon2` and named `svlinuxtest`. Nobody touched this
text: `tests/guest/run --deb FILE --suite trixie newcomer` writes it, and fails where one of the
steps needs more than what the one before it says.
"""


def page(first, second):
    """The transcript as a page."""
    parts = [PAGE]
    for folder, number in [(first, 1), (first, 2), (first, 3), (second, 4)]:
        typed = (folder / f"{number}.typed").read_text().strip()
        text = shown((folder / str(number)).read_bytes().decode(errors="replace"))
        if number == 4:
            parts.append("    # reboot\n")
        body = "".join(f"    {line}".rstrip() + "\n" for line in [f"# {typed}", *text.splitlines()])
        parts.append(body)
    return "\n".join(parts)


SCENARIOS = [
    Scenario("newcomer", "debian-bios", "a new user follows what postclone says, on a terminal",
             newcomer, needs_deb=True),
]
