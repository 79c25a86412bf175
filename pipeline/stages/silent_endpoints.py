"""Which endpoints keep us waiting, as this process has seen it: they are tried one delivery at a time, and rarely.

Only a hint for fairness: what is due stands in the rows, and a process that knows nothing merely learns it again.
"""

import threading
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from pipeline.ports import Attempt

_FIRST_REST_S = 5.0
_LONGEST_REST_S = 300.0
_NO_ANSWER = frozenset({"timeout", "connection_refused", "tls_error", "blocked_address", "bad_response"})


class SilentEndpoints:
    """Safe to use from many threads. An endpoint is forgotten with its first answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()
        self._failures: dict[str, int] = {}
        self._rests_until: dict[str, datetime] = {}

    def away(self, now: datetime) -> list[str]:
        """Endpoints that nothing new is to be sent to: one that is being waited for, and one that failed and rests."""
        with self._lock:
            resting = {endpoint for endpoint, until in self._rests_until.items() if until > now}
            return sorted(resting | {endpoint for endpoint, count in self._held.items() if count > 0})

    def suspect(self, endpoint_id: str) -> bool:
        """Whether its last attempt went unanswered: the next one is a probe."""
        with self._lock:
            return endpoint_id in self._failures

    def hold(self, endpoint_id: str) -> None:
        with self._lock:
            self._held[endpoint_id] += 1

    def let_go(self, endpoint_id: str) -> None:
        with self._lock:
            self._held[endpoint_id] -= 1

    def learn(self, endpoint_id: str, results: Iterable[Attempt], now: datetime) -> None:
        """Silence lets it rest, each time twice as long, up to five minutes; `Retry-After` as long as it asks, up to an hour."""
        asked_s = 0.0
        silent = answered = False
        for result in results:
            silent |= result.error in _NO_ANSWER
            answered |= result.error not in _NO_ANSWER
            asked_s = max(asked_s, result.retry_after_s or 0.0)
        with self._lock:
            if answered:
                self._failures.pop(endpoint_id, None)
                self._rests_until.pop(endpoint_id, None)
            elif silent:
                failures = self._failures[endpoint_id] = self._failures.get(endpoint_id, 0) + 1
                asked_s = max(asked_s, min(_LONGEST_REST_S, _FIRST_REST_S * 2 ** (min(failures, 10) - 1)))
            if asked_s:
                self._rests_until[endpoint_id] = now + timedelta(seconds=min(asked_s, 3_600.0))
