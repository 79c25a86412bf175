"""Which IP addresses no webhook may reach, as an explicit table.

`ipaddress.is_global` is not used: it changes between patch releases of Python, and lets through multicast, 6to4, NAT64 and what
clouds answer on public addresses. The table is that of the IANA IPv4 and IPv6 special-purpose registries (RFC 6890) and the
multicast and reserved blocks, and the metadata services of clouds.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

_V4 = {
    "168.63.129.16/32": "Azure's host agent",
    "100.100.100.200/32": "Alibaba Cloud's metadata service",
    "0.0.0.0/8": "this network",
    "10.0.0.0/8": "private use",
    "100.64.0.0/10": "shared by carrier-grade NAT",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local, and most clouds' metadata service",
    "172.16.0.0/12": "private use",
    "192.0.0.0/24": "IETF protocol assignments, and Oracle Cloud's metadata service",
    "192.0.2.0/24": "documentation",
    "192.31.196.0/24": "AS112",
    "192.52.193.0/24": "AMT",
    "192.88.99.0/24": "6to4 relay, withdrawn",
    "192.168.0.0/16": "private use",
    "192.175.48.0/24": "AS112",
    "198.18.0.0/15": "benchmarking",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved, and broadcast",
}
_V6 = {
    "::/128": "unspecified",
    "::1/128": "loopback",
    "::/96": "IPv4-compatible, withdrawn",
    "::ffff:0:0:0/96": "IPv4-translated",
    "64:ff9b:1::/48": "local-use NAT64",
    "100::/64": "discard only",
    "100:0:0:1::/64": "dummy prefix",
    "2001::/23": "IETF protocol assignments: Teredo, ORCHID, AMT, benchmarking",
    "2001:db8::/32": "documentation",
    "2002::/16": "6to4",
    "2620:4f:8000::/48": "AS112",
    "3fff::/20": "documentation",
    "5f00::/16": "segment routing",
    "fd00:ec2::/32": "AWS metadata services",
    "fc00::/7": "unique local",
    "fe80::/10": "link-local",
    "fec0::/10": "site-local, withdrawn",
    "ff00::/8": "multicast",
}
_V4_TABLE = [(IPv4Network(block), why) for block, why in _V4.items()]
_V6_TABLE = [(IPv6Network(block), why) for block, why in _V6.items()]
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# Forms that carry an IPv4 address to which the packets go: they are judged as that address.
_NAT64 = IPv6Network("64:ff9b::/96")


def forbidden(address: Address) -> str | None:
    """Why this address may not be reached, or None when it is a public one."""
    if isinstance(address, IPv4Address):
        return next((why for block, why in _V4_TABLE if address in block), None)
    inner = address.ipv4_mapped
    if inner is None and address in _NAT64:
        inner = IPv4Address(int(address) & 0xFFFF_FFFF)
    if inner is not None:
        return forbidden(inner)
    named = next((why for block, why in _V6_TABLE if address in block), None)
    return named or (None if address in _GLOBAL_UNICAST else "not global unicast")


class AllowList:
    """What the operator lets webhooks reach beyond the public net: entries `host`, `host:port`, an address or a CIDR block."""

    def __init__(self, entries: tuple[str, ...] = ()) -> None:
        self._blocks: list[IPv4Network | IPv6Network] = []
        self._names: set[str] = set()
        for entry in entries:
            try:
                self._blocks.append(ip_network(entry.strip()))
            except ValueError:
                self._names.add(_checked_name(entry.strip().lower()))

    def names(self, host: str, port: int) -> bool:
        """Whether an entry names this host, with this port or with none."""
        shown = f"[{host}]" if ":" in host else host
        return host in self._names or f"{shown}:{port}" in self._names

    def covers(self, address: Address) -> bool:
        """Whether a CIDR block of the list holds this address."""
        plain = address.ipv4_mapped if isinstance(address, IPv6Address) and address.ipv4_mapped else address
        return any(plain in block for block in self._blocks)


def _checked_name(entry: str) -> str:
    host, _, port = entry.rpartition(":")
    name = host if host and port.isdecimal() else entry
    if not name or "/" in name or "*" in name or (":" in name and not name.startswith("[")):
        raise ValueError(f"{entry!r} allows nothing: give host, host:port, an address or a block such as 10.1.0.0/16")
    return entry


def parse_address(text: str) -> Address | None:
    """The address that a host writes, None where it is a name. Zone ids (`fe80::1%eth0`) are no address of a URL."""
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None
