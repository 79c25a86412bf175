"""The post's scan data by pull: Informed Visibility Mail Tracking & Reporting (IV-MTR), one request per full IMb.

Paths, the password grant with its fixed client id and scope, and a miss being HTTP 200 with `data` null are those of USPS's IV-MTR
developer toolkit (version 2.5). A token lives about 15 minutes; the password is given again rather than the refresh token, which
may be absent.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx2
import structlog

from adapters.carriers.scan_records import UnreadableError, read_scans, serial
from adapters.carriers.token import Token, Tokens
from pipeline.clock import Clock
from pipeline.errors import Permanent, Transient
from pipeline.ports import Scan

log = structlog.get_logger()

CLIENT_ID = "687b8a36-db61-42f7-83f7-11c79bf7785e"
"""Names the toolkit's interface, not a mailer: the same for all."""
SCOPE = "user.info.ereg,iv1.apis"
_TOKEN_S = 900
_OVERLOADED = (429, 503)
_BROKEN = (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError, httpx2.DecodingError)
_UNREACHED: tuple[type[Exception], ...] = (httpx2.TimeoutException, httpx2.ConnectError)


class _PieceError(Exception):
    """One piece could not be asked for; the next one may."""


class IvMtrCarrier:
    """The `Carrier` port. `in_flight` requests run side by side on kept-alive connections."""

    name = "usps"

    def __init__(
        self,
        *,
        base_url: str,
        auth_url: str,
        username: str,
        password: str,
        machine_clock: Clock,
        in_flight: int = 32,
        timeout_s: float = 15.0,
    ) -> None:
        self._pieces = f"{base_url.rstrip('/')}/api/mt/get/piece/imb/"
        self._authenticate = f"{auth_url.rstrip('/')}/oauth/authenticate"
        self._username = username
        self._password = password
        self._clock = machine_clock
        self._in_flight = in_flight
        self._tokens = Tokens(self._obtain, machine_clock)
        limits = httpx2.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
        self._http = httpx2.Client(timeout=timeout_s, limits=limits, trust_env=False)

    def scans(self, imbs: Sequence[str]) -> dict[str, list[Scan]]:
        """All scans known of each full IMb (20 digits and routing). An IMb never scanned has an empty list.

        A piece whose own answer is broken, twice, is logged and left out, to be asked for again at its next turn; if that is so of
        all pieces, it is `Transient`. Overload and network errors are `Transient` at once.
        """
        asked = list(dict.fromkeys(imbs))
        if not asked:
            return {}
        self._tokens.current()  # once, before threads would queue for it
        with ThreadPoolExecutor(min(self._in_flight, len(asked)), thread_name_prefix="ivmtr") as threads:
            futures = [threads.submit(self._piece_or_none, imb) for imb in asked]
            try:
                answers = [future.result() for future in futures]
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise
        found = {imb: scans for imb, scans in zip(asked, answers, strict=True) if scans is not None}
        if not found:
            raise Transient("carrier_unavailable", "IV-MTR gave no readable answer for any piece")
        return found

    def close(self) -> None:
        self._http.close()

    def _piece_or_none(self, imb: str) -> list[Scan] | None:
        try:
            return self._piece(imb)
        except _PieceError:
            pass
        try:
            return self._piece(imb)
        except _PieceError as error:
            log.warning("carrier.piece_left_out", serial=serial(imb), reason=str(error))
            return None

    def _piece(self, imb: str) -> list[Scan]:
        token = self._tokens.current()
        answer = self._get(imb, token)
        if answer.status_code in (401, 403):
            answer = self._get(imb, self._tokens.after(token))
        _raise_for(answer)
        try:
            return read_scans(imb, answer.json())
        except (UnreadableError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise _PieceError(type(error).__name__) from error

    def _get(self, imb: str, token: Token) -> httpx2.Response:
        try:
            with _reaching("IV-MTR"):
                return self._http.get(self._pieces + imb, headers={"Authorization": token.header})
        except _BROKEN as error:  # a kept connection may be closed just as we use it
            raise _PieceError(type(error).__name__) from None

    def _obtain(self) -> Token:
        """Raises `Permanent` where the post refuses the user, `Transient` where it does not answer."""
        grant = {
            "username": self._username,
            "password": self._password,
            "grant_type": "authorization",
            "response_type": "token",
            "scope": SCOPE,
            "client_id": CLIENT_ID,
        }
        with _reaching("the post's sign-on", _BROKEN):
            answer = self._http.post(self._authenticate, json=grant)
        if answer.status_code in (400, 401, 403):
            raise _refused()
        if answer.status_code != 200:
            raise _busy("the post's sign-on", answer)
        return self._token(answer)

    def _token(self, answer: httpx2.Response) -> Token:
        try:
            body: Mapping[str, Any] = answer.json()
            lives = timedelta(seconds=float(body.get("expires_in") or _TOKEN_S))
            header = f"{body.get('token_type') or 'Bearer'} {body['access_token']}"
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise Transient("carrier_unavailable", "the post's sign-on gave no readable token") from error
        return Token(header, self._clock() + lives)


def _raise_for(answer: httpx2.Response) -> None:
    if answer.status_code in (401, 403):
        raise _refused()
    if answer.status_code in _OVERLOADED:
        raise _busy("IV-MTR", answer)
    if answer.status_code != 200:
        raise _PieceError(f"HTTP {answer.status_code}")


def _refused() -> Permanent:
    return Permanent(
        "carrier_refused_credentials",
        "the post refuses our user: check MAILSTREAM_IVMTR_USERNAME and MAILSTREAM_IVMTR_PASSWORD, and its IV-MTR role",
    )


def _busy(what: str, answer: httpx2.Response) -> Transient:
    """`Retry-After` in seconds is heeded; the post has not been seen to send a date."""
    said = answer.headers.get("Retry-After", "")
    wait_s = float(said) if said.isascii() and said.isdecimal() else None
    return Transient("carrier_busy", f"{what} answered {answer.status_code}", retry_after_s=wait_s)


@contextmanager
def _reaching(what: str, also: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    try:
        yield
    except _UNREACHED + also as error:
        # `from None`: the cause names the URL, which ends in the IMb.
        raise Transient("carrier_unreachable", f"{what}: {type(error).__name__}") from None
