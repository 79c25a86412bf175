"""Tasks that each write a file of their own, in forks of one process."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable

Task = Callable[[], None]


def side_by_side(tasks: Iterable[Task], at_once: int) -> None:
    """Run all tasks, `at_once` at a time: one here, the others in forks, which need this process to have one thread.

    What fails in a fork is done again here, where it can say what is wrong. Raises what a task raises; no fork is left then.
    """
    waiting = deque(tasks)
    running: dict[int, Task] = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once - 1:
                task = waiting.popleft()
                running[_fork(task)] = task
            if waiting:
                waiting.popleft()()
            _reap(running, wait=not waiting)
    finally:
        for pid in running:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _fork(task: Task) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        task()
        os._exit(0)
    finally:
        os._exit(1)


def _reap(running: dict[int, Task], *, wait: bool) -> None:
    for pid in list(running):
        ended, status = os.waitpid(pid, 0 if wait else os.WNOHANG)
        if ended:
            task = running.pop(pid)
            if status:
                task()
