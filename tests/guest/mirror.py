"""The Debian mirrors that this system's apt is set up with."""

import os
import subprocess


def uri():
    """The address of the main archive, without a closing slash.

    It is read from apt's own list of index targets: the first repository of a
    Debian release that is neither an update nor a security suite. apt keeps no
    such list before its first `apt-get update`, so that is run where needed.
    """
    found = _configured("Debian")
    if not found:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        found = _configured("Debian")
    if not found:
        raise SystemExit("apt on this system is set up with no Debian archive")
    return found[0]


def security_uri():
    """The same of the security archive; None where apt has none."""
    return next(iter(_configured("Debian-Security")), None)


def _configured(wanted):
    """Addresses of Debian's repositories with this label, less updates'."""
    text = subprocess.run(
        ["apt-get", "indextargets", "--format",
         "$(ORIGIN)|$(CODENAME)|$(LABEL)|$(REPO_URI)"],
        check=True, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "LC_ALL": "C"}).stdout
    found = []
    for line in text.splitlines():
        origin, codename, label, address = line.split("|", 3)
        if origin == "Debian" and label == wanted and not codename.endswith("-updates"):
            found.append(address.rstrip("/"))
    return found
