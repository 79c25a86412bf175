"""Signatures and answers, without a network."""

from datetime import UTC, datetime

import pytest

from adapters.webhooks.answers import retry_after_s, shown
from adapters.webhooks.signature import sign

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def test_the_signature_is_that_of_the_specification() -> None:
    """The test vector that the libraries of Standard Webhooks share."""
    signature = sign(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_that_is_none_is_told_without_showing_it() -> None:
    with pytest.raises(ValueError, match="rotate the endpoint's secret") as caught:
        sign(["whsec_not base64!"], "ev_1", 1, b"{}")
    assert "not base64" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [
        (b"120", 120.0),
        (b" 0 ", 0.0),
        (b"Mon, 02 Nov 2026 12:01:30 GMT", 90.0),
        (b"Mon, 02 Nov 2026 11:00:00 GMT", 0.0),
        (b"soon", None),
        (b"-5", None),
        (b"1.5", None),
        (b"\xb2", None),
        (b"9" * 400, 999999999.0),
        (b"", None),
    ],
)
def test_retry_after(said: bytes, wait_s: float | None) -> None:
    assert retry_after_s([(b"Retry-After", said)], NOW) == wait_s


def test_kept_bytes_are_text_that_a_database_takes() -> None:
    assert shown([], b"a\x00\xffb") == "a��b"
    assert shown([(b"Content-Encoding", b"gzip")], b"\x1f\x8b") == ""
