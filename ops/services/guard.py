"""The last one out: kills the process groups of a parent that died without stopping them.

Run as `python -I -S guard.py`, with a pipe from the parent as stdin. The parent writes `+PGID` when it starts a child
and `-PGID` when the child is gone. When the pipe closes, whatever is still listed gets SIGTERM, and SIGKILL `GRACE_S`
later. A parent that was killed with SIGKILL closes its pipe too, and grandchildren are in the same group: that is what
PR_SET_PDEATHSIG does not give. Imports the standard library only, to start in a few milliseconds.
"""

import contextlib
import os
import select
import signal
import sys
import time

GRACE_S = 5.0


def main() -> None:
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    groups = listen(sys.stdin.fileno(), parent)
    signal_groups(groups, signal.SIGTERM)
    end = time.monotonic() + GRACE_S
    while any(alive(group) for group in groups) and time.monotonic() < end:
        time.sleep(0.05)
    signal_groups(groups, signal.SIGKILL)


def listen(pipe: int, parent: int) -> set[int]:
    """The groups that are left when the parent is gone.

    A copy of the pipe in a forked grandchild would hide the parent's end, so its id is looked at each second too.
    """
    groups: set[int] = set()
    text = b""
    while os.getppid() == parent:
        if not select.select([pipe], [], [], 1.0)[0]:
            continue
        read = os.read(pipe, 4096)
        if not read:
            break
        *lines, text = (text + read).split(b"\n")
        for line in lines:
            note(line.decode(), groups)
    return groups


def note(line: str, groups: set[int]) -> None:
    group = int(line[1:])
    if line[0] == "+":
        groups.add(group)
    else:
        groups.discard(group)


def signal_groups(groups: set[int], number: signal.Signals) -> None:
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    main()
