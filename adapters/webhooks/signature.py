"""Standard Webhooks 1.0.0 signatures: HMAC-SHA256 over `id.timestamp.body`, one for each secret in force."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence


def sign(secrets: Sequence[str], event_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header: `v1,BASE64` for each secret, in their order, separated by spaces."""
    signed = f"{event_id}.{timestamp}.".encode() + body
    digests = (hmac.new(_key(secret), signed, hashlib.sha256).digest() for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise ValueError("a signing secret is not whsec_ and base64: rotate the endpoint's secret") from error
