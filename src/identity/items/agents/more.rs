//! Daemons that know each other, and the machine, by identities of their own.

use super::take::{json, keyed, whole};
use crate::identity::Kind;

/// The rows of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        id: "docker-id",
        hurts: "Docker Swarm and management tools treat both machines' engines as one",
        change: "leave the swarm, stop docker, remove /var/lib/docker/engine-id and \
                 /etc/docker/key.json, and start it",
        find: |view| {
            let mut found = whole(view, &["/var/lib/docker/engine-id"]);
            found.extend(json(view, &["/etc/docker/key.json"], &["/kid"]));
            found
        },
    },
    Kind {
        id: "consul-node-id",
        hurts: "Consul refuses the second machine, or lets the two take each other's place again and again",
        change: "stop consul, remove the file node-id from its data directory, and start it; a server must leave \
                 its cluster first with `consul leave`",
        find: |view| {
            whole(
                view,
                &["/var/lib/consul/node-id", "/opt/consul/node-id", "/opt/consul/data/node-id"],
            )
        },
    },
    Kind {
        id: "nomad-client-id",
        hurts: "Nomad's servers treat both machines as one client, and stop or lose its allocations",
        change: "stop nomad, remove the directory client from its data directory, and start it",
        find: |view| {
            let files = [
                "/var/lib/nomad/client/client-id",
                "/opt/nomad/client/client-id",
                "/opt/nomad/data/client/client-id",
            ];
            whole(view, &files)
        },
    },
    Kind {
        id: "mysql-server-uuid",
        hurts: "a MySQL replica does not replicate from a source that has its own UUID, and of two replicas \
                with one UUID a source keeps disconnecting one",
        change: "stop MySQL, remove /var/lib/mysql/auto.cnf, and start it",
        find: |view| keyed(view, &["/var/lib/mysql/auto.cnf"], Some("auto"), "server-uuid"),
    },
    Kind {
        id: "k3s-node-password",
        hurts: "a k3s or RKE2 server treats the clone as the template's node once both have one name, because \
                their passwords are the same",
        change: "stop the agent, remove /etc/rancher/node/password, and join the cluster again under the \
                 machine's own name",
        find: |view| whole(view, &["/etc/rancher/node/password"]),
    },
    Kind {
        id: "tailscale-key",
        hurts: "Tailscale treats both machines as one: they have one address and knock each other out",
        change: "stop tailscaled, remove /var/lib/tailscale/tailscaled.state, start it, and run \
                 `tailscale up`",
        find: |view| json(view, &["/var/lib/tailscale/tailscaled.state"], &["/_machinekey"]),
    },
    Kind {
        id: "zerotier-identity",
        hurts: "ZeroTier gives both machines one address, and packets reach either of them",
        change: "stop zerotier-one, remove identity.public and identity.secret from \
                 /var/lib/zerotier-one, start it, and authorize the new address",
        find: |view| whole(view, &["/var/lib/zerotier-one/identity.public"]),
    },
    Kind {
        id: "wireguard-key",
        hurts: "WireGuard's peers send to whichever of the two machines spoke last, and both can read what \
                is meant for one",
        change: "make a new key with `wg genkey`, replace the old key with it, and give the peers the new \
                 public key",
        find: |view| {
            let mut found =
                keyed(view, &["/etc/wireguard/*.conf"], Some("Interface"), "PrivateKey");
            let networkd = &["/etc/systemd/network/*.netdev"];
            found.extend(keyed(view, networkd, Some("WireGuard"), "PrivateKey"));
            let manager = &["/etc/NetworkManager/system-connections/*"];
            found.extend(keyed(view, manager, Some("wireguard"), "private-key"));
            found
        },
    },
    Kind {
        id: "tor-onion-service",
        hurts: "both machines publish one onion address, and clients reach either of them",
        change: "stop tor, remove the service's directory below /var/lib/tor, start it, and publish the new \
                 address",
        find: |view| whole(view, &["/var/lib/tor/*/hostname"]),
    },
    Kind {
        id: "zypp-anonymous-id",
        hurts: "openSUSE's download statistics count both machines as one",
        change: "remove /var/lib/zypp/AnonymousUniqueId: zypper makes a new one",
        find: |view| whole(view, &["/var/lib/zypp/AnonymousUniqueId"]),
    },
    Kind {
        id: "popcon",
        hurts: "Debian's popularity contest counts both machines as one",
        change: "remove the line MY_HOSTID from /etc/popularity-contest.conf, and run \
                 `dpkg-reconfigure popularity-contest`",
        find: |view| keyed(view, &["/etc/popularity-contest.conf"], None, "MY_HOSTID"),
    },
];

#[cfg(test)]
mod tests {
    use crate::identity::items::agents;
    use crate::identity::items::testing::{tree, words};

    /// What the kind with this word finds in one file.
    fn found(id: &str, path: &str, text: &str) -> String {
        let tree = tree(&[(path, text)]);
        let kind = agents::KINDS.iter().chain(agents::MORE).find(|kind| kind.id == id).unwrap();
        (kind.find)(&tree.view()).iter().flat_map(words).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_program_has_its_identity_and_nothing_that_looks_like_it() {
        for (id, path, text, value) in [
            ("puppet-ssl", "etc/puppetlabs/puppet/ssl/certs/ca.pem", "ca", ""),
            ("puppet-ssl", "etc/puppetlabs/puppet/ssl/certs/tmpl.pem", "own\n", "own"),
            (
                "zabbix-psk",
                "etc/zabbix/zabbix_agent2.conf",
                "# TLSPSKIdentity=no\nTLSPSKFile=/f\nTLSPSKIdentity=PSK 1",
                "PSK 1",
            ),
            (
                "beats-uuid",
                "var/lib/filebeat/meta.json",
                "{\"uuid\":\"0f\",\"first_start\":\"2024\"}",
                "0f",
            ),
            ("beats-uuid", "var/lib/other/meta.json", "{\"uuid\":\"0f\"}", ""),
            (
                "gitlab-runner-token",
                "etc/gitlab-runner/config.toml",
                "token = \"no\"\n[[runners]]\n  token = \"glrt-a\"\n  token_obtained_at = 2024\n  [runners.cache]\n    token = \"no\"\n[[runners]]\n  token = \"glrt-b\"",
                "glrt-a glrt-b",
            ),
            (
                "suseconnect",
                "etc/zypp/credentials.d/SCCcredentials",
                "username=SCC_1\npassword=no",
                "SCC_1",
            ),
            (
                "ubuntu-pro",
                "var/lib/ubuntu-advantage/private/machine-token.json",
                "{\"machineToken\":\"no\",\"machineTokenInfo\":{\"machineId\":\"m1\"}}",
                "m1",
            ),
            (
                "docker-id",
                "etc/docker/key.json",
                "{\"crv\":\"P-256\",\"kid\":\"AAAA:BBBB\",\"d\":\"no\"}",
                "AAAA:BBBB",
            ),
            ("mysql-server-uuid", "var/lib/mysql/auto.cnf", "[auto]\nserver-uuid=0f-1\n", "0f-1"),
            ("mysql-server-uuid", "var/lib/mysql/auto.cnf", "[mysqld]\nserver-uuid=no\n", ""),
            (
                "wireguard-key",
                "etc/wireguard/wg0.conf",
                "[Interface]\n#PrivateKey = no\nprivatekey = YWJj=\n[Peer]\nPublicKey = no\nPresharedKey = no",
                "YWJj=",
            ),
            (
                "wireguard-key",
                "etc/NetworkManager/system-connections/wg.nmconnection",
                "[wireguard]\nprivate-key=YWJj=\nprivate-key-flags=0",
                "YWJj=",
            ),
            (
                "wireguard-key",
                "etc/systemd/network/wg.netdev",
                "[WireGuard]\nPrivateKeyFile=/no\nPrivateKey=YWJj=",
                "YWJj=",
            ),
            (
                "tailscale-key",
                "var/lib/tailscale/tailscaled.state",
                "{\"_machinekey\":\"cHJpdg==\",\"_profiles\":\"no\"}",
                "cHJpdg==",
            ),
            (
                "popcon",
                "etc/popularity-contest.conf",
                "PARTICIPATE=\"yes\"\nMY_HOSTID=\"0f\"\n#MY_HOSTID=\"no\"",
                "0f",
            ),
        ] {
            assert_eq!(found(id, path, text), value, "{id} {path}");
        }
    }

    #[test]
    fn ids_are_words_and_stand_once() {
        let ids: Vec<_> = agents::KINDS.iter().chain(agents::MORE).map(|kind| kind.id).collect();
        for id in &ids {
            assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
            assert_eq!(ids.iter().filter(|other| *other == id).count(), 1, "{id}");
        }
    }
}
