"""Puts files at a printer in a process that does nothing else, and says how much memory it held at most: `VmHWM`, in MB.

`python -m ops.bench.sftp_memory TRANSPORT KEY_FILE FOLDER`, where TRANSPORT is that of a profile, whole and as JSON. Printed are
the most before it connected, which is what Python and the SSH library take, and the most in all.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from adapters.printers.sftp import SftpPrinter


def main() -> None:
    transport, key_file, folder = sys.argv[1:]
    # Not the profile's own model: with it comes pydantic, which is no part of the transport.
    settings: Any = json.loads(transport, object_hook=lambda part: SimpleNamespace(**part))
    before = _most_mb()
    printer = SftpPrinter(settings, Path(key_file))
    try:
        printer.put("bench", sorted(Path(folder).iterdir()))
    finally:
        printer.close()
    print(before, _most_mb())  # noqa: T201


def _most_mb() -> int:
    """Of this process alone; what `getrusage` tells would include the peak of the process that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    [kilobytes] = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    return kilobytes // 1000


if __name__ == "__main__":
    main()
