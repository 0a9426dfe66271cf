#!/usr/bin/python3
"""An Ansible module around `postclone identity`: whose a machine's identities are, as facts."""

import json

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: postclone_identity
short_description: Say what in a machine is still its template's
description:
  - Runs C(postclone identity), which changes nothing except its own record.
options:
  root: {type: path, default: /, description: The system whose / is mounted there.}
  program: {type: path, default: /usr/sbin/postclone, description: The program.}
author: the postclone authors
"""

RETURN = """
ansible_facts:
  type: dict
  returned: success
  description:
    - C(postclone) has C(machine) (clone, template, same, unsure or unknown), C(host), the kinds that are
      C(template), C(probably) and C(both_disks) (the template's, and harmful only while disks of both
      machines are in one machine), and C(items), every row of C(--format json).
"""

SCHEMA = 1
"""The schema of postclone's JSON that this module reads."""

TEMPLATE = 5
"""The exit status if something is the template's."""


def main():
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "default": "/"},
            "program": {"type": "path", "default": "/usr/sbin/postclone"},
        },
        supports_check_mode=True)
    given = module.params
    command = [given["program"], "identity", "--format", "json", "--root", given["root"]]
    status, out, err = module.run_command(command)
    if status not in (0, TEMPLATE):
        module.fail_json(msg=err.strip() or "postclone failed", rc=status, cmd=command, stdout=out)
    report = json.loads(out)
    if report["schema"] != SCHEMA:
        module.fail_json(msg=f"postclone's JSON has schema {report['schema']}, but this module "
                         f"reads {SCHEMA}: use the module that comes with that postclone")
    facts = {"machine": report["machine"], "host": report["host"], "items": report["items"]}
    wanted = {"template": ("template", "always"), "both_disks": ("template", "both-disks"),
              "probably": ("probably", None)}
    for name, (state, harm) in wanted.items():
        kinds = [row["item"] for row in report["items"]
                 if row["state"] == state and harm in (None, row["harm"])]
        facts[name] = list(dict.fromkeys(kinds))
    module.exit_json(changed=False, ansible_facts={"postclone": facts})


if __name__ == "__main__":
    main()
