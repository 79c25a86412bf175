"""The most that flows through a network (Dinic's method): edges may be added between pushes, and what flows keeps flowing."""

from collections import deque
from collections.abc import Hashable

_LEAST = 1e-7


class Flow:
    """Nodes are whatever names them. Edges lie in pairs: `_to[e ^ 1]` is where edge `e` comes from."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._edges: list[list[int]] = []
        self._to: list[int] = []
        self._left: list[float] = []

    def edge(self, source: Hashable, target: Hashable, most: float) -> None:
        start, end = self._number(source), self._number(target)
        for here, there, room in ((start, end, most), (end, start, 0.0)):
            self._edges[here].append(len(self._to))
            self._to.append(there)
            self._left.append(room)

    def push(self, source: Hashable, target: Hashable) -> float:
        """How much more can flow than flows already."""
        start, end, pushed = self._number(source), self._number(target), 0.0
        while (levels := self._levels(start, end)) is not None:
            self._next = [0] * len(self._edges)
            while path := self._path(start, end, levels):
                least = min(self._left[edge] for edge in path)
                for edge in path:
                    self._left[edge] -= least
                    self._left[edge ^ 1] += least
                pushed += least
        return pushed

    def _number(self, name: Hashable) -> int:
        number = self._numbers.setdefault(name, len(self._edges))
        if number == len(self._edges):
            self._edges.append([])
        return number

    def _levels(self, start: int, end: int) -> list[int] | None:
        levels = [-1] * len(self._edges)
        levels[start] = 0
        ahead = deque([start])
        while ahead:
            here = ahead.popleft()
            for edge in self._edges[here]:
                there = self._to[edge]
                if self._left[edge] > _LEAST and levels[there] < 0:
                    levels[there] = levels[here] + 1
                    ahead.append(there)
        return levels if levels[end] >= 0 else None

    def _path(self, start: int, end: int, levels: list[int]) -> list[int]:
        """A way along which something can flow; empty where there is none any more."""
        path: list[int] = []
        here = start
        while here != end:
            edges, upto = self._edges[here], self._next[here]
            while upto < len(edges):
                edge = edges[upto]
                there = self._to[edge]
                if self._left[edge] > _LEAST and levels[there] == levels[here] + 1:
                    break
                upto += 1
            self._next[here] = upto
            if upto < len(edges):
                path.append(edges[upto])
                here = self._to[edges[upto]]
            elif path:
                back = path.pop()
                here = self._to[back ^ 1]
                self._next[here] += 1
            else:
                return []
        return path
