"""Keys as text: what is refused without a look into the database."""

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.repository.accounts import MODES, digest, new_secret, well_formed

_BITS = random.Random(7).getrandbits
KEY = new_secret("test", _BITS)


@pytest.mark.parametrize("mode", MODES)
def test_a_new_key_is_well_formed(mode: str) -> None:
    secret = new_secret(mode, _BITS)
    assert well_formed(secret)
    assert secret.startswith(f"ms_{mode}_")
    assert len(secret) == len(f"ms_{mode}_") + 42


@given(st.integers(min_value=8, max_value=len(KEY) - 1), st.sampled_from(string.ascii_letters + string.digits))
def test_one_wrong_character_is_seen(at: int, other: str) -> None:
    mistyped = KEY[:at] + other + KEY[at + 1 :]
    assert well_formed(mistyped) == (mistyped == KEY)


@pytest.mark.parametrize(
    "secret",
    ["", "ms_test_", KEY + "\n", f" {KEY}", KEY[:-1], KEY.replace("ms_test_", "ms_live_"), KEY.replace("s", "ſ", 1)],
)
def test_what_is_not_a_key_is_refused(secret: str) -> None:
    assert not well_formed(secret)


def test_keys_differ_and_their_digests_need_the_pepper() -> None:
    secrets = {new_secret("live", _BITS) for _ in range(1000)}
    assert len(secrets) == 1000
    assert digest(KEY, "a") != digest(KEY, "b")
    assert KEY not in digest(KEY, "a")
