"""A signed repository, by apt and over loopback: what was tampered with is refused, and an upgrade from the
version before meets an open run, then an old journal and a record.

The host makes the repository with packaging/repository; the older version is the same package under a lower
number.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from judge import Criterion, Verdict, down_in_time
from layout import NEW, OLD
from scenarios.earlier import CUT_RUN
from scenarios.matrix import by_name
from scenarios.undo import GUARD, MACHINE, SEED, SUMS, same
from trial import Scenario

TREE = Path(__file__).resolve().parent.parent.parent.parent
OLDER = "0.0.9"
URL = "http://127.0.0.1:8000"

SERVE = f"""
export DEBIAN_FRONTEND=noninteractive
trap '[[ -z ${{server-}} ]] || kill "$server"' EXIT
# serve NAME: has one of the repositories at {URL}
serve() {{
	[[ -z ${{server-}} ]] || kill "$server"
	busybox httpd -f -p 127.0.0.1:8000 -h "$LAB/$1" >/dev/null 2>&1 &
	server=$!
	sleep 1
	rm -rf /var/lib/apt/lists/*
}}
# has VERSION: whether that one is installed
has() {{
	[[ $(dpkg-query -W -f '${{Version}}' postclone) == "$1" ]] || {{ echo "not $1"; return 1; }}
}}
install -D -m 644 old/postclone.asc /etc/apt/keyrings/postclone.asc
echo "deb [signed-by=/etc/apt/keyrings/postclone.asc] {URL} stable main" >/etc/apt/sources.list.d/postclone.list
"""

# Each copy is wrong in one place; apt has no earlier lists that it could go on with.
TAMPERED = f"""
refused() {{
	serve "$1"
	apt-get update >said 2>&1 && {{ cat said; echo "$1 was taken"; return 1; }}
	grep -E "$2" said || {{ cat said; return 1; }}
}}
for name in release packages other program; do cp -r old "$name"; done
sed -i 's/^Description: .*/Description: another one/' release/dists/stable/InRelease
refused release 'BADSIG|invalid|not signed|bad signature|Message has been manipulated' || exit
sed -i 's/^Size: .*/Size: 1/' packages/dists/stable/main/binary-amd64/Packages
gzip -9nc packages/dists/stable/main/binary-amd64/Packages >packages/dists/stable/main/binary-amd64/Packages.gz
refused packages 'Hash Sum mismatch|unexpected size' || exit
cp stranger.asc /etc/apt/keyrings/postclone.asc
refused other 'NO_PUBKEY|not signed|Missing key' || exit
cp old/postclone.asc /etc/apt/keyrings/postclone.asc
printf x | dd of=program/pool/main/p/postclone/postclone_{OLDER}_amd64.deb bs=1 seek=4000 conv=notrunc status=none
serve program
timed apt-get update || exit
apt-get install -y postclone >said 2>&1 && {{ echo "a package with other bytes was taken"; exit 1; }}
grep -E 'Hash Sum mismatch' said || {{ cat said; exit 1; }}
! command -v postclone || exit 1
(cd old && sha256sum --check --quiet SHA256SUMS) || exit
"""

OPEN_RUN = f"""
serve old
timed apt-get update || exit
timed apt-get install -y postclone >"$OUT/install" 2>&1 || {{ cat "$OUT/install"; exit 1; }}
has {OLDER} || exit
sums "$OUT/sums"
cut_run || exit
[[ -e /var/lib/postclone/open ]] || exit
serve new
timed apt-get update || exit
timed apt-get install -y postclone || exit
has NEWER || exit
postclone status | tee "$OUT/status"
grep "last run: *{OLD} to {NEW}, interrupted" "$OUT/status" || exit
timed postclone undo --yes || exit
sums "$OUT/sums-undone"
"""

OLD_JOURNAL = f"""
serve old
timed apt-get update || exit
timed apt-get install -y --allow-downgrades postclone={OLDER} || exit
has {OLDER} || exit
timed postclone rename --yes {OLD} {NEW} || exit
"""

UPGRADE = f"""
kept() {{ find /var/lib/postclone -type f ! -name origin.json -exec sha256sum {{}} + | sort; }}
kept >before
grep journal before || exit
cp /var/lib/postclone/origin.json "$OUT/record-before" || exit
serve new
timed apt-get update || exit
timed apt-get upgrade -y || exit
has NEWER || exit
kept | diff before - || exit
cp /var/lib/postclone/origin.json "$OUT/record-after" || exit
postclone status || exit
timed postclone undo --yes || exit
"""

LOOK = SUMS + """
postclone status || exit
sums "$OUT/sums"
"""


def run(*command, **more):
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL, **more)


def older(deb, folder):
    """The package under a lower number."""
    tree = folder / "tree"
    run("dpkg-deb", "--raw-extract", deb, tree)
    control = tree / "DEBIAN" / "control"
    lines = control.read_text().splitlines()
    control.write_text("\n".join(f"Version: {OLDER}" if line.startswith("Version:") else line for line in lines) + "\n")
    run("dpkg-deb", "--root-owner-group", "-Zxz", "-z0", "--build", tree, folder)
    return folder / f"postclone_{OLDER}_amd64.deb"


def repositories(deb, folder):
    """Repositories with the older and with the new package, and the key of somebody else."""
    for name in ["gnupg", "stranger"]:
        (folder / name).mkdir(mode=0o700)
    home = {**os.environ, "GNUPGHOME": str(folder / "gnupg")}
    make = TREE / "packaging" / "repository"
    try:
        run(make, "--make-key", folder / "old", older(deb, folder), env=home)
        run("cp", "--recursive", folder / "old", folder / "new")
        run(make, "--key", "postclone@example.org", folder / "new", deb, env=home)
        stranger = {**os.environ, "GNUPGHOME": str(folder / "stranger")}
        run("gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "a stranger", "ed25519", "sign",
            "never", env=stranger)
        run("gpg", "--batch", "--armor", "--output", folder / "stranger.asc", "--export", env=stranger)
    finally:
        for name in ["gnupg", "stranger"]:
            subprocess.run(["gpgconf", "--homedir", folder / name, "--kill", "all"], check=False)
    return {name: folder / name for name in ["old", "new", "stranger.asc"]}


def grown(before, after):
    """Whether a record has all that it had; an installation adds what it finds new."""
    old, new = (json.loads(file.read_text()) if file.exists() else {} for file in [before, after])
    lost = [entry for entry in old.get("entries", []) if entry not in new.get("entries", [])]
    same_machines = old.get("machines") and old["machines"] == new.get("machines", [])[:len(old["machines"])]
    return Verdict([Criterion("the record has its machines and entries", old and same_machines and not lost,
                              f"lost {lost[:3]}, machines {same_machines}")])


def repository(trial):
    newer = subprocess.run(["dpkg-deb", "--field", trial.deb, "Version"], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.strip()
    named = by_name(trial.layout)
    allowed = [GUARD, SEED, MACHINE]
    with tempfile.TemporaryDirectory(prefix="postclone-repository-") as folder:
        files = repositories(trial.deb, Path(folder))
        script = SUMS + CUT_RUN + SERVE + TAMPERED + OPEN_RUN + OLD_JOURNAL
        first = trial.boot("1-open-run", script.replace("NEWER", newer), files, ending="reboot")
        trial.require_job(first)
        trial.require("files after undo", trial.verdict(
            "sums after undo", same(first.out / "sums", first.out / "sums-undone", allowed)))
        second = trial.boot("2-upgrade", (SERVE + UPGRADE).replace("NEWER", newer), files, ending="reboot")
        trial.require("the boot after the rename", trial.judged("2-upgrade", second, NEW, named=named))
        trial.require_job(second)
        trial.require("the record", trial.verdict(
            "the record", grown(second.out / "record-before", second.out / "record-after")))
        trial.require("the shutdown", trial.verdict("2-upgrade", down_in_time(second)))
        third = trial.boot("3-next", LOOK)
        trial.require("the last boot", trial.judged("3-next", third, OLD, NEW, named))
        trial.require_job(third)


SCENARIOS = [
    Scenario("repository", "debian-bios",
             "apt takes the package from a signed repository, and upgrades it over an open run and an old journal",
             repository, needs_deb=True),
]
