"""A person at an address as a keyed hash: what is left of a recipient where the name and the address may not go."""

import hmac
from collections.abc import Mapping

_FIELDS = ("name", "company", "line1", "line2", "city", "state", "zip")


def recipient_hash(to: Mapping[str, str], pepper: bytes) -> str:
    """The same for the same person at the same address, however spaced and capitalized; useless without the pepper."""
    text = "\x1f".join([" ".join(to.get(name, "").split()) for name in _FIELDS]).casefold()
    return hmac.digest(pepper, text.encode(), "sha256").hex()
