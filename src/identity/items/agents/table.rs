//! Agents by which a management or monitoring server knows the machine.

use super::take::{json, keyed, landscape, top, wazuh, whole};
use crate::identity::Kind;

/// The rows of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        id: "salt-minion-key",
        hurts: "the Salt master accepts both machines as one minion, and each answers only some of its \
                commands",
        change: "stop salt-minion, remove /etc/salt/pki/minion/minion.pem and minion.pub, start it, and \
                 accept the new key on the master with `salt-key`",
        find: |view| whole(view, &["/etc/salt/pki/minion/minion.pub"]),
    },
    Kind {
        id: "puppet-ssl",
        hurts: "the Puppet server treats both machines as one node and gives both that node's catalog",
        change: "set `certname`, run `puppet ssl clean`, and have the server sign the new certificate",
        find: |view| {
            let dirs =
                ["/var/lib/puppet/ssl/certs/*.pem", "/etc/puppetlabs/puppet/ssl/certs/*.pem"];
            let mut found = whole(view, &dirs);
            found.retain(|found| !found.place.ends_with("/ca.pem"));
            found
        },
    },
    Kind {
        id: "zabbix-psk",
        hurts: "whoever holds the template's key can read and send what this machine's Zabbix agent does",
        change: "make a new key with `openssl rand -hex 32`, and set it and a new identity in the agent's \
                 configuration and on the Zabbix server",
        find: |view| {
            let places = [
                "/etc/zabbix/zabbix_agent*.conf",
                "/etc/zabbix/zabbix_agentd.d/*.conf",
                "/etc/zabbix/zabbix_agentd.conf.d/*.conf",
                "/etc/zabbix/zabbix_agent2.d/*.conf",
                "/etc/zabbix/zabbix_proxy.conf",
            ];
            keyed(view, &places, None, "TLSPSKIdentity")
        },
    },
    Kind {
        id: "netdata-guid",
        hurts: "Netdata's parents and its cloud treat both machines as one node, and their charts mix",
        change: "stop netdata, remove /var/lib/netdata/registry/netdata.public.unique.id and \
                 /var/lib/netdata/cloud.d, start it, and claim the node again",
        find: |view| {
            let files = [
                "/var/lib/netdata/registry/netdata.public.unique.id",
                "/var/lib/netdata/cloud.d/claimed_id",
            ];
            whole(view, &files)
        },
    },
    Kind {
        id: "wazuh-agent",
        hurts: "the Wazuh manager treats both machines as one agent, and drops what one of them reports",
        change: "stop wazuh-agent, empty /var/ossec/etc/client.keys, enrol with \
                 `/var/ossec/bin/agent-auth -m MANAGER`, and start it",
        find: wazuh,
    },
    Kind {
        id: "elastic-agent",
        hurts: "Fleet treats both machines as one Elastic Agent, and each overwrites the other's state",
        change: "run `elastic-agent unenroll`, or uninstall it, and enrol it with `elastic-agent enroll`",
        find: |view| {
            let files = [
                "/etc/elastic-agent/fleet.enc",
                "/opt/Elastic/Agent/fleet.enc",
                "/var/lib/elastic-agent/fleet.enc",
            ];
            whole(view, &files)
        },
    },
    Kind {
        id: "beats-uuid",
        hurts: "Elasticsearch and Kibana's monitoring count both machines' Beats as one",
        change: "stop the Beat, remove its meta.json, and start it: it makes a new UUID",
        find: |view| json(view, &["/var/lib/*beat/meta.json"], &["/uuid"]),
    },
    Kind {
        id: "teleport-host-uuid",
        hurts: "Teleport shows one of the two machines only, and sessions end up on either",
        change: "stop teleport, remove /var/lib/teleport, and join the cluster with a new token",
        find: |view| whole(view, &["/var/lib/teleport/host_uuid"]),
    },
    Kind {
        id: "crowdsec-login",
        hurts: "CrowdSec's local API treats both machines as one watcher, and mixes up their alerts",
        change: "run `cscli machines add --auto --force` and restart crowdsec; register with the central API \
                 with `cscli capi register`",
        find: |view| {
            let files = [
                "/etc/crowdsec/local_api_credentials.yaml",
                "/etc/crowdsec/online_api_credentials.yaml",
            ];
            top(view, &files, "login")
        },
    },
    Kind {
        id: "gitlab-runner-token",
        hurts: "GitLab treats both machines as one runner, and their jobs and caches mix",
        change: "register a new runner with `gitlab-runner register` and remove the old one from \
                 /etc/gitlab-runner/config.toml",
        find: |view| keyed(view, &["/etc/gitlab-runner/config.toml"], Some("runners"), "token"),
    },
    Kind {
        id: "subscription-manager",
        hurts: "Red Hat's subscription service or Katello treats both machines as one system, and the \
                errata and content of one are given to both",
        change: "run `subscription-manager clean` and `subscription-manager register`",
        find: |view| whole(view, &["/etc/pki/consumer/cert.pem"]),
    },
    Kind {
        id: "insights-client",
        hurts: "Red Hat Insights treats both machines as one system",
        change: "remove /etc/insights-client/machine-id, and run `insights-client --register`; \
                 `insights-client --unregister` would remove the template as well",
        find: |view| whole(view, &["/etc/insights-client/machine-id"]),
    },
    Kind {
        id: "rhn-systemid",
        hurts: "Spacewalk, Uyuni or SUSE Manager treats both machines as one system",
        change: "remove /etc/sysconfig/rhn/systemid, and register the machine again",
        find: |view| whole(view, &["/etc/sysconfig/rhn/systemid"]),
    },
    Kind {
        id: "suseconnect",
        hurts: "the SUSE Customer Center treats both machines as one system, and removing one cuts the other off \
                from updates",
        change: "run `SUSEConnect --cleanup`, and register with `SUSEConnect -r CODE`",
        find: |view| keyed(view, &["/etc/zypp/credentials.d/SCCcredentials"], None, "username"),
    },
    Kind {
        id: "ubuntu-pro",
        hurts: "Ubuntu Pro treats both machines as one, and detaching one detaches the other",
        change: "remove /var/lib/ubuntu-advantage/private, and run `pro attach TOKEN`; `pro detach` would \
                 detach the template",
        find: |view| {
            let token = "/var/lib/ubuntu-advantage/private/machine-token.json";
            json(view, &[token], &["/machineTokenInfo/machineId", "/machineId"])
        },
    },
    Kind {
        id: "landscape",
        hurts: "Landscape treats both machines as one computer, and mixes up what they report",
        change: "stop landscape-client, remove /var/lib/landscape/client/broker.bpickle, and run \
                 `landscape-config`",
        find: landscape,
    },
];
