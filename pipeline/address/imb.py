"""The Intelligent Mail barcode (USPS-B-3200): 20 digits that name a piece, its routing, and the 65 bars that say both.

Everything is looked up: ten divisions give the codewords, thirteen table reads the frame check sequence, ten the bars.
"""

import re

from pipeline.address.imb_tables import PAYLOAD_BYTES, check_tables, strokes

# `[0-9]`, since `\d` and `int` take the digits of every script.
_TRACKING = re.compile(r"[0-9][0-4][0-9]{18}").fullmatch
_STID = re.compile(r"[0-9]{3}").fullmatch
_MAILER_ID = re.compile(r"[0-8][0-9]{5}|9[0-9]{8}").fullmatch
_DIGITS_AFTER_STID = 15
# A shorter routing's values come before all longer ones: how many those are, by length.
_BEFORE = {5: 1, 9: 100_001, 11: 1_000_100_001}
_A_CHECKED = 659

_STROKES, _INVERTED = strokes()
_A, _B, _C, _D, _E, _F, _G, _H, _I = _STROKES[:9]
# The last codeword is always even.
_J = _STROKES[9][::2]
_BASIS, _CHECKS = check_tables()
_K0, _K1, _K2, _K3, _K4, _K5, _K6, _K7, _K8, _K9, _K10, _K11, _K12 = _CHECKS
_LETTERS = bytes.maketrans(b"\0\1\2\3", b"TDAF")


def tracking_code(stid: str, mailer_id: str, serial: int) -> str:
    """The 20 digits of one piece, under barcode identifier 00.

    A mailer id of six digits (0 to 8 first) leaves nine for the serial, one of nine (9 first) leaves six. Raises `ValueError`.
    """
    if not _STID(stid):
        raise ValueError(f"service type {stid!r} is not three digits")
    if not _MAILER_ID(mailer_id):
        raise ValueError(f"mailer id {mailer_id!r} is neither six digits from 0-8 on nor nine digits from 9 on")
    digits = _DIGITS_AFTER_STID - len(mailer_id)
    if not 0 <= serial < 10**digits:
        raise ValueError(f"serial {serial} does not fit the {digits} digits that mailer id {mailer_id} leaves")
    return f"00{stid}{mailer_id}{serial:0{digits}d}"


def encode(tracking: str, routing: str) -> str:
    """The 65 bars as letters: F full, A ascender, D descender, T tracker.

    `routing` has 0, 5, 9 or 11 digits. Raises `ValueError` for anything that is not exactly so.
    """
    if not _TRACKING(tracking):
        raise ValueError(f"tracking code {tracking!r} is not 20 digits of which the second is 0 to 4")
    payload = _routing_value(routing) * 10 + int(tracking[0])
    payload = (payload * 5 + int(tracking[1])) * 10**18 + int(tracking[2:])
    k0, k1, k2, k3, k4, k5, k6, k7, k8, k9, k10, k11, k12 = payload.to_bytes(PAYLOAD_BYTES, "big")
    check = (
        _BASIS ^ _K0[k0] ^ _K1[k1] ^ _K2[k2] ^ _K3[k3] ^ _K4[k4] ^ _K5[k5] ^ _K6[k6]
        ^ _K7[k7] ^ _K8[k8] ^ _K9[k9] ^ _K10[k10] ^ _K11[k11] ^ _K12[k12]
    )  # fmt: skip
    rest, j = divmod(payload, 636)
    rest, i = divmod(rest, 1365)
    rest, h = divmod(rest, 1365)
    rest, g = divmod(rest, 1365)
    rest, f = divmod(rest, 1365)
    rest, e = divmod(rest, 1365)
    rest, d = divmod(rest, 1365)
    rest, c = divmod(rest, 1365)
    a, b = divmod(rest, 1365)
    if check & 0x400:
        a += _A_CHECKED
    bars = _A[a] | _B[b] | _C[c] | _D[d] | _E[e] | _F[f] | _G[g] | _H[h] | _I[i] | _J[j]
    return (bars ^ _INVERTED[check & 0x3FF]).to_bytes(65, "big").translate(_LETTERS).decode()


def _routing_value(routing: str) -> int:
    if not routing:
        return 0
    before = _BEFORE.get(len(routing))
    if before is None or not (routing.isascii() and routing.isdigit()):
        raise ValueError(f"routing {routing!r} is not 0, 5, 9 or 11 digits")
    return int(routing) + before
