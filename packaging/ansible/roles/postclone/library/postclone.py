#!/usr/bin/python3
"""An Ansible module around `postclone fixup` and `postclone rename`: check mode is the dry run, the diff its
patch."""

import json

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: postclone
short_description: Make a cloned machine a machine of its own
description:
  - Runs C(postclone fixup) if its dry run says that something would change. With C(old) or C(new), runs
    C(postclone rename), which renames only the volume group.
  - In check mode, makes only the dry run. The diff is its patch.
options:
  name: {type: str, description: The machine's new name; by default the name that C(fixup) finds.}
  only: {type: list, elements: str, default: [], description: Change these parts of a fixup and no others.}
  except: {type: list, elements: str, default: [], description: Leave these parts of a fixup as they are.}
  with: {type: list, elements: str, default: [], description: Change these parts in addition to the default ones.}
  if_clone: {type: bool, default: false, description: Do nothing if nothing shows that this is a clone.}
  old: {type: str, description: The present name of the group; by default the group that holds /.}
  new: {type: str, description: Its new name; by default OLD with this host's name in it.}
  root: {type: path, default: /, description: The system whose / is mounted there.}
  files_only: {type: bool, default: false, description: Rewrite files and leave LVM alone.}
  lvm_report: {type: path, description: Read the volumes from this file, with files_only.}
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
    """Returns what a run prints: a document if JSON is asked for. Ends the module if the run fails."""
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
        module.fail_json(msg=f"postclone's JSON has schema {report['schema']}, but this module "
                         f"reads {SCHEMA}: use the module that comes with that postclone")
    return report


def text(warning):
    """A warning of the report on one line."""
    place = [str(warning[key]) for key in ("path", "line", "column") if warning.get(key)]
    return ": ".join([*([":".join(place)] if place else []), warning["text"]])


if __name__ == "__main__":
    main()
