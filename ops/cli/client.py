"""The HTTP API as the client commands use it: at `MAILSTREAM_URL`, with the key in `MAILSTREAM_KEY`.

A problem that the API tells becomes a `CommandError` with its faults; one that may pass is tried again first.
"""

import os
import time
from collections.abc import Iterator, Mapping
from typing import Any, Self

import httpx2

from ops.cli.failure import CommandError, Exit

DEFAULT_URL = "http://127.0.0.1:8000"
PAGE = 100
_TRIES = 4
_LONGEST_WAIT_S = 10.0
_TIMEOUT_S = 60.0
_CODES = {401: Exit.AUTH, 403: Exit.AUTH, 404: Exit.NOT_FOUND, 409: Exit.CONFLICT}


class UnreachableError(CommandError):
    """Nobody answered."""


class Client:
    """One service, as one key sees it; a `with` block closes its connections."""

    def __init__(self) -> None:
        self.url = os.environ.get("MAILSTREAM_URL") or DEFAULT_URL
        key = os.environ.get("MAILSTREAM_KEY")
        if not key:
            made = "`mailstream keys create --mode test --account NAME` makes one"
            raise CommandError(f"no API key is given: set MAILSTREAM_KEY ({made})", Exit.AUTH)
        headers = {"Authorization": f"Bearer {key}", "User-Agent": "mailstream-cli"}
        try:
            self._http = httpx2.Client(base_url=self.url, headers=headers, timeout=_TIMEOUT_S)
        except (httpx2.InvalidURL, UnicodeEncodeError, ValueError) as error:
            raise CommandError(f"MAILSTREAM_URL or MAILSTREAM_KEY cannot be used: {error}", Exit.USAGE) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        return self._ask("GET", path, params=params)

    def post(self, path: str, **content: Any) -> Any:
        """`content` as httpx2 takes it: `json`, or `data` and `files`. Give an Idempotency-Key in `headers`: it may be repeated."""
        return self._ask("POST", path, **content)

    def delete(self, path: str) -> None:
        self._ask("DELETE", path)

    def pages(self, path: str, params: Mapping[str, str], limit: int) -> Iterator[dict[str, Any]]:
        """Up to `limit` items of a list, over as many pages as that takes."""
        cursor: str | None = None
        while limit > 0:
            more = {"limit": str(min(limit, PAGE))} | ({} if cursor is None else {"cursor": cursor})
            page = self.get(path, {**params, **more})
            yield from page["data"]
            limit -= len(page["data"])
            cursor = page["next_cursor"]
            if not page["has_more"]:
                return

    def _ask(self, method: str, path: str, **content: Any) -> Any:
        for last in (False,) * (_TRIES - 1) + (True,):
            answer = self._send(method, path, **content)
            if answer.is_success:
                return _json(answer)
            problem = _problem(answer)
            if last or not problem.get("retryable"):
                raise _told(answer, problem)
            time.sleep(_wait_s(answer))
        raise AssertionError("the last try returns or raises")

    def _send(self, method: str, path: str, **content: Any) -> httpx2.Response:
        try:
            return self._http.request(method, path, **content)
        except httpx2.TimeoutException as error:
            raise UnreachableError(f"{self.url} did not answer within {_TIMEOUT_S:.0f} s: try again") from error
        except (httpx2.TransportError, httpx2.UnsupportedProtocol) as error:
            remedy = "start it by `mailstream up`, or set MAILSTREAM_URL"
            raise UnreachableError(f"no MailStream answers at {self.url} ({error}): {remedy}") from error


def _json(answer: httpx2.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise CommandError(f"what answers at {answer.url.host} is not MailStream: set MAILSTREAM_URL") from error


def _problem(answer: httpx2.Response) -> dict[str, Any]:
    """The body of a problem+json; empty for any other."""
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return {}
    problem: dict[str, Any] = _json(answer)
    return problem


def _told(answer: httpx2.Response, problem: Mapping[str, Any]) -> CommandError:
    code = _CODES.get(answer.status_code, Exit.FAILURE)
    if not problem:
        return CommandError(f"{answer.url.host} answers {answer.status_code}, which is not MailStream's way", code)
    faults = tuple(
        f"{fault['pointer'] or '/'}: {fault['detail']} {fault['remedy']}" for fault in problem.get("errors", ())
    )
    remedy = () if faults else (problem["remedy"],)
    detail = str(problem["detail"]).rstrip(".")
    request = f"code {problem['code']}, request {problem['request_id']}"
    return CommandError(f"{detail} ({request})", code, details=(*faults, *remedy))


def _wait_s(answer: httpx2.Response) -> float:
    asked = answer.headers.get("retry-after", "")
    return min(float(asked) if asked.isdigit() else 1.0, _LONGEST_WAIT_S)
