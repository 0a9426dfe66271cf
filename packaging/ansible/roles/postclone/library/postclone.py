#!/usr/bin/python3
"""An Ansible module around `postclone fixup` and `postclone rename`: check mode is the dry run, the diff its
patch."""

import json

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: postclone
short_description: Make a cloned machine a machine of its own
description:
  - Runs C(postclone fixup) where its dry run says that something would change; with C(old) or C(new),
    C(postclone rename), which renames the volume group alone.
  - In check mode nothing but the dry run is made; the diff is its patch.
options:
  name: {type: str, description: What the machine is called from now on; by default as C(fixup) finds it.}
  only: {type: list, elements: str, default: [], description: The parts of a fixup that change, and no others.}
  except: {type: list, elements: str, default: [], description: Parts of a fixup that are left as they are.}
  with: {type: list, elements: str, default: [], description: Parts that change beside the default ones.}
  if_clone: {type: bool, default: false, description: Do nothing where nothing shows that this is a clone.}
  old: {type: str, description: The group's name now; by default that of the group that holds /.}
  new: {type: str, description: Its new name; by default OLD's pattern with the host's name.}
  root: {type: path, default: /, description: The system whose / is mounted there.}
  files_only: {type: bool, default: false, description: Rewrite files and leave LVM alone.}
  lvm_report: {type: path, description: Take the volumes from this file, with files_only.}
  also: {type: list, elements: path, default: [], description: More files whose names are rewritten.}
  accept_stale: {type: bool, default: false, description: Rename even if the next boot may read the old name.}
  program: {type: path, default: /usr/sbin/postclone, description: The program.}
author: the postclone authors
"""

RETURN = """
outcome: {type: str, returned: success, description: planned, done or nothing-to-do.}
report: {type: dict, returned: success, description: What C(--format json) printed.}
"""

SCHEMA = 1
"""The schema of postclone's JSON that this module reads."""


PARTS = ("only", "except", "with")
"""Options of a fixup that name its parts."""


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str"},
            **{part: {"type": "list", "elements": "str", "default": []} for part in PARTS},
            "if_clone": {"type": "bool", "default": False},
            "old": {"type": "str"},
            "new": {"type": "str"},
            "root": {"type": "path", "default": "/"},
            "files_only": {"type": "bool", "default": False},
            "lvm_report": {"type": "path"},
            "also": {"type": "list", "elements": "path", "default": []},
            "accept_stale": {"type": "bool", "default": False},
            "program": {"type": "path", "default": "/usr/sbin/postclone"},
        },
        required_by={"new": ["old"]},
        mutually_exclusive=[(one, other) for one in ("name", "if_clone") for other in ("old", "new")],
        supports_check_mode=True)
    report = run(module, "--dry-run", "--format", "json")
    changed = report["outcome"] != "nothing-to-do"
    diff = {}
    if changed and module._diff:
        diff = {"diff": {"prepared": run(module, "--dry-run", "--color", "never")}}
    if changed and not module.check_mode:
        report = run(module, "--yes", "--format", "json")
    module.exit_json(changed=changed, outcome=report["outcome"], report=report,
                     warnings=[text(warning) for warning in report["warnings"]], **diff)


def run(module, *how):
    """What a run prints: a document where JSON is asked for. Ends the module where it fails."""
    given = module.params
    names = [name for name in (given["old"], given["new"]) if name]
    verb = "rename" if names else "fixup"
    command = [given["program"], verb, "--quiet", "--root", given["root"], *how]
    if given["files_only"]:
        command.append("--files-only")
    if given["lvm_report"]:
        command += ["--lvm-report", given["lvm_report"]]
    for path in given["also"]:
        command += ["--also", path]
    if given["accept_stale"]:
        command.append("--accept-stale")
    if verb == "fixup":
        if given["name"]:
            command += ["--name", given["name"]]
        if given["if_clone"]:
            command.append("--if-clone")
        for part in PARTS:
            if given[part]:
                command += [f"--{part}", ",".join(given[part])]
    command += ["--", *names] if names else []
    status, out, err = module.run_command(command)
    if status:
        module.fail_json(msg=err.strip() or "postclone failed", rc=status, cmd=command, stdout=out)
    if "json" not in how:
        return out
    report = json.loads(out)
    if report["schema"] != SCHEMA:
        module.fail_json(msg=f"postclone's JSON has schema {report['schema']}, and this module "
                         f"reads {SCHEMA}: take the module that comes with that postclone")
    return report


def text(warning):
    """A warning of the report on one line."""
    place = [str(warning[key]) for key in ("path", "line", "column") if warning.get(key)]
    return ": ".join([*([":".join(place)] if place else []), warning["text"]])


if __name__ == "__main__":
    main()
