"""Another kernel package of a suite, for a guest to install: its security update."""

import os
import re
import subprocess
from pathlib import Path

import cache
import image
import mirror
import rootfs

FLAVOUR = "cloud-amd64"


def another(suite, installed):
    """Path of the newest kernel package of the version line `installed`, but not that one.

    `installed` is a kernel's version as uname(1) says it. The package is as it
    came from the archive, and so are its maintainer scripts.
    """
    folder = cache.entry(f"kernel-{suite}-{cache.key(suite, installed, Path(__file__))}",
                         lambda path: _fetch(suite, installed, path))
    [deb] = folder.glob("*.deb")
    return deb


def installed(trial):
    """The version of the kernel that a trial's image has."""
    names = subprocess.run(
        ["tar", "-tf", rootfs.tar(trial.suite, image.packages(trial.suite, trial.layout))], check=True,
        stdout=subprocess.PIPE, text=True).stdout
    return re.search(r"^\./boot/vmlinuz-(.+)$", names, re.MULTILINE)[1]


def _fetch(suite, installed, path):
    print(f"fetching another kernel of {suite}", flush=True)
    (path / "lists/partial").mkdir(parents=True)
    (path / "cache/archives/partial").mkdir(parents=True)
    sources = [f"deb {mirror.uri()} {suite} {rootfs.COMPONENTS}"]
    if mirror.security_uri():
        sources.append(f"deb {mirror.security_uri()} {suite}-security {rootfs.COMPONENTS}")
    (path / "sources.list").write_text("\n".join(sources) + "\n")
    options = ["Dir::State::Lists=lists", "Dir::State::Status=/dev/null", "Dir::Cache=cache",
               "Dir::Etc::SourceList=sources.list", "Dir::Etc::SourceParts=/dev/null",
               "Acquire::Check-Valid-Until=false", "APT::Sandbox::User=root"]
    options = [f"-o={option.replace('=', f'={path}/', 1)}"
               if option.startswith("Dir::") and "/dev/null" not in option else f"-o={option}"
               for option in options]

    def apt(program, *arguments):
        return subprocess.run([program, *options, *arguments], check=True, cwd=path,
                              stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "LC_ALL": "C"}).stdout

    apt("apt-get", "-qq", "update")
    line = re.escape(".".join(installed.split(".")[:2]))
    names = [name for name in apt("apt-cache", "pkgnames", f"linux-image-{installed[0]}").split()
             if re.fullmatch(rf"linux-image-{line}\.\S*-{FLAVOUR}", name)
             and name != f"linux-image-{installed}"]
    if not names:
        raise RuntimeError(f"{suite} has no second kernel beside {installed}")
    newest = max(names, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])
    apt("apt-get", "-qq", "download", newest)
    for child in ["lists", "cache"]:
        subprocess.run(["rm", "-rf", path / child], check=True)
