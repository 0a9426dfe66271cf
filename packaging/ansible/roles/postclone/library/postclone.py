#!/usr/bin/python3
"""An Ansible module around `postclone rename`: check mode is its dry run, the diff its patch."""

import json

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: postclone
short_description: Rename an LVM volume group and everything that names it
description:
  - Runs C(postclone rename) where its dry run says that something would change.
  - In check mode nothing but the dry run is made; the diff is its patch.
options:
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


def main():
    module = AnsibleModule(
        argument_spec={
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
    """What a rename prints: a document where JSON is asked for. Ends the module where it fails."""
    given = module.params
    command = [given["program"], "rename", "--quiet", "--root", given["root"], *how]
    if given["files_only"]:
        command.append("--files-only")
    if given["lvm_report"]:
        command += ["--lvm-report", given["lvm_report"]]
    for path in given["also"]:
        command += ["--also", path]
    if given["accept_stale"]:
        command.append("--accept-stale")
    command += ["--", *(name for name in (given["old"], given["new"]) if name)]
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
