"""A network of its own for guests: a bridge in a namespace, and dnsmasq on it, which gives addresses.

dnsmasq takes a client for the one that it knows by the client identifier that it sends, where it sends one,
and not by the address of its card (dnsmasq(8), --dhcp-ignore-clid). The namespace is gone with it and
the guests.
"""

import re
import subprocess
import time
from pathlib import Path

SERVER = "192.168.77.1"
RANGE = "192.168.77.50,192.168.77.150,1h"

CLIENT = r"""
# ask_for_address: has systemd-networkd ask for one on each card, in this boot and the next ones
ask_for_address() {
	cat >/etc/systemd/network/lan.network <<'END'
[Match]
Type=ether

[Network]
DHCP=yes
END
	systemctl enable --now systemd-networkd
}
# lan: waits for the address, and leaves in $OUT what the network knows the machine by
lan() {
	local _ address
	for _ in {1..240}; do
		address=$(ip -4 -oneline address show scope global dynamic | awk '{ print $4 }')
		[[ -z $address ]] || break
		sleep 0.5
	done
	echo "${address%/*}" >"$OUT/address"
	hostname >"$OUT/name"
	sed -n 's/^CLIENTID=//p' /run/systemd/netif/leases/* >"$OUT/client"
	grep . "$OUT"/{name,address,client}
	[[ -n $address ]] || { networkctl status --all --no-pager; false; }
}
"""
"""For guests' jobs."""

START = """
ip link add lan type bridge
ip addr add {server}/24 dev lan
ip link set lo up
ip link set lan up
for tap in {taps}; do
	ip tuntap add dev "$tap" mode tap
	ip link set "$tap" master lan up
done
exec dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --pid-file= --port=0 --no-ping \\
	--interface=lan --bind-interfaces --dhcp-range={range} --dhcp-authoritative \\
	--dhcp-leasefile={logs}/leases --log-dhcp --log-facility={logs}/dnsmasq
"""


class Segment:
    """The network, with a port for each card's address."""

    def __init__(self, logs, cards):
        self.logs, self.cards = Path(logs), list(cards)
        self.process = None

    def __enter__(self):
        self.logs.mkdir(parents=True)
        script = START.format(server=SERVER, range=RANGE, logs=self.logs.resolve(),
                              taps=" ".join(_tap(card) for card in self.cards))
        with open(self.logs / "errors", "w") as errors:
            self.process = subprocess.Popen(["unshare", "--net", "sh", "-ec", script],
                                            stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        for _ in range(100):
            if "DHCP, sockets bound" in self._log():
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        self.__exit__()
        raise RuntimeError(f"there is no network: {(self.logs / 'errors').read_text()}{self._log()}")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def netdev(self, card):
        """What QEMU's -netdev says of the card's port."""
        return f"tap,ifname={_tap(card)},script=no,downscript=no"

    def inside(self, command):
        """The command, as it is run within the namespace."""
        return ["nsenter", "--net", "--target", str(self.process.pid), *command]

    def acks(self):
        """What the server said of each address that it gave."""
        return re.findall(r"DHCPACK\(lan\).*", self._log())

    def given(self):
        """The address that each card was given last."""
        return {line.split()[2]: line.split()[1] for line in self.acks()}

    def leases(self):
        """The server's table, a list for each lease: its end, card, address, name and client identifier."""
        return [line.split() for line in (self.logs / "leases").read_text().splitlines()]

    def host_keys(self, address):
        """The keys with which the SSH server at an address answers: pairs of a type and a key."""
        for _ in range(10):
            done = subprocess.run(self.inside(["ssh-keyscan", "-T", "60", address]), text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            found = {tuple(line.split()[1:3]) for line in done.stdout.splitlines() if not line.startswith("#")}
            if found:
                return found
            time.sleep(2)
        return set()

    def _log(self):
        file = self.logs / "dnsmasq"
        return file.read_text(errors="replace") if file.exists() else ""


def _tap(card):
    return "tap" + card.replace(":", "")[-6:]
