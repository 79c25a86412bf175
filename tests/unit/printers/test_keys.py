"""Private keys of printers' accounts, as operators give them."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from adapters.printers.ssh import parse_key
from pipeline.errors import Permanent

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).private_bytes(
    Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
)
HEAD, *BODY, FOOT = KEY.splitlines()


def written(data: bytes) -> bytes:
    return b"\n".join([HEAD, base64.b64encode(data), FOOT, b""])


def test_a_key_is_read_wherever_its_lines_end() -> None:
    data = base64.b64decode(b"".join(BODY))
    assert parse_key(written(data), "shop") == parse_key(KEY, "shop")


def test_a_key_that_is_damaged_anywhere_is_told_as_that_or_is_the_key_all_the_same() -> None:
    data = base64.b64decode(b"".join(BODY))
    whole, codes = parse_key(KEY, "shop"), list[str]()
    damaged = [data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :] for at in range(len(data))]
    for one in [*damaged, *(data[:at] for at in range(len(data)))]:
        try:
            assert parse_key(written(one), "shop") == whole
        except Permanent as error:
            codes.append(error.code)
    assert set(codes) == {"printer_key_unreadable"}
    assert len(codes) > len(data)


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", KEY[:100], b"ssh-ed25519 AAAA shop"])
def test_what_is_no_key_is_told_as_that(text: bytes) -> None:
    with pytest.raises(Permanent, match="shop cannot be read") as caught:
        parse_key(text, "shop")
    assert caught.value.code == "printer_key_unreadable"
