"""What a webhook URL may look like, and to which addresses it may lead.

`parse` says whether it is a URL at all and what breaks the rules of the public net; `judge` says, once its name is resolved,
whether it may be reached. The operator's allow-list lifts the rules of the public net, never those of form.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, quote, urlsplit

import idna

from adapters.webhooks.addresses import Address, AllowList, forbidden, parse_address
from pipeline.errors import Fault

LONGEST_URL = 2_000
_AS_IT_IS = "/%:@!$&'()*+,;=~-._?"  # RFC 3986, with escapes that are there already
_DEFAULT_PORTS = {"https": 443, "http": 80}
_PORTS = {True: (443, 8443), False: (443, 8443, 80)}
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_BRACKETED = re.compile(r"\[[^]]+\](?::[0-9]+)?")
# What WHATWG URL takes for an IPv4 address, however it is written: only the plain form is one here.
_ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?")
# RFC 6761 and 6762, RFC 8375, RFC 9476, and the private zones of clouds and office networks.
_PRIVATE_ZONES = (
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "lan",
    "corp",
    "home.arpa",
    "test",
    "example",
    "invalid",
    "onion",
    "alt",
)


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port: all that decides whether a target may be reached. `host` is ASCII, lower case, without brackets.

    `public_fault` is what forbids it on the public net; only the operator's allow-list lifts it.
    """

    scheme: str
    host: str
    port: int
    public_fault: Fault | None = None

    @property
    def host_header(self) -> str:
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port == _DEFAULT_PORTS[self.scheme] else f"{shown}:{self.port}"


@dataclass(frozen=True)
class Target:
    origin: Origin
    path: str
    """Path and query, percent-encoded."""


@lru_cache(maxsize=4_096)
def parse(url: str, *, livemode: bool) -> Target | Fault:
    """The target that `url` names under the rules of live or test mail, or what is wrong with its form."""
    if len(url) > LONGEST_URL or re.search(r"[\x00-\x20\x7f\\]", url):
        return _fault("invalid_url", "The URL is too long or has spaces, control characters or backslashes.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return _fault("invalid_url", "This is not a URL.")
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return _fault("invalid_url", "A webhook URL begins with https:// and a host.")
    if parts.netloc.startswith("[") and not _BRACKETED.fullmatch(parts.netloc):
        return _fault("invalid_url", "The brackets around an IPv6 address hold nothing else, and only a port follows.")
    if "@" in parts.netloc or "#" in url:
        return _fault("invalid_url", "The URL has a user name, password or fragment.")
    host = _host(parts)
    if host is None:
        return _fault("invalid_host", "The host is neither a plain name nor a plain IP address.")
    origin = Origin(parts.scheme, host, _DEFAULT_PORTS[parts.scheme] if port is None else port)
    origin = Origin(origin.scheme, host, origin.port, _public_fault(origin, livemode))
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return Target(origin, quote(path, safe=_AS_IT_IS))


def judge(origin: Origin, addresses: Sequence[Address], allow: AllowList) -> Fault | None:
    """Why this origin may not be reached at these addresses. One forbidden address among public ones forbids them all."""
    if allow.names(origin.host, origin.port):
        return None
    for address in addresses:
        if not allow.covers(address):
            if origin.public_fault:
                return origin.public_fault
            if forbidden(address):
                return _fault("blocked_address", "The host leads to an address that is not on the public internet.")
    return None if addresses else origin.public_fault


def _host(parts: SplitResult) -> str | None:
    """The host as it is resolved, compared and shown from here on; None where it is an odd one."""
    host = (parts.hostname or "").lower()
    if parts.netloc.startswith("["):
        address = parse_address(host)
        return None if address is None else str(address)
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            return None
        if _ENDS_IN_NUMBER.fullmatch(host):
            return None  # an address in the digits of another script
    if _ENDS_IN_NUMBER.fullmatch(host):
        return host if parse_address(host) is not None else None
    labels = host.removesuffix(".").split(".")
    plain = len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
    return ".".join(labels) if plain else None


def _public_fault(origin: Origin, livemode: bool) -> Fault | None:
    if origin.scheme == "http" and livemode:
        return _fault("https_required", "A live webhook is sent over https only.")
    if origin.port not in _PORTS[livemode]:
        ports = ", ".join(map(str, _PORTS[livemode]))
        return _fault("port_not_allowed", f"Port {origin.port} is not one that webhooks are sent to: {ports}.")
    named = parse_address(origin.host) is None
    if named and ("." not in origin.host or f".{origin.host}".endswith(tuple(f".{zone}" for zone in _PRIVATE_ZONES))):
        return _fault("private_host", "This name is not one of the public internet.")
    return None


def _fault(code: str, detail: str) -> Fault:
    return Fault(code, "/url", detail, "Give an https URL of a public host, such as https://hooks.example.com/mail.")
