"""`python -m ops.simulators.printer --folder ACCOUNT --journal FILE --trays DIR [--sftp PORT]`: one printer, until SIGTERM.

With `--sftp` it has an SSH server of its own, and prints the `transport` of a printer profile that reaches it, as JSON.
"""

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path

from ops.services.process import ServiceError
from ops.simulators.printer.account import Mishap, serve
from ops.simulators.printer.journal import JournalInUseError
from ops.simulators.printer.press import Misdeed, Pace
from ops.simulators.printer.service import run, until_told

_FAULTS = [*Misdeed, *Mishap]


def main() -> int:
    parser = _parser()
    asked = parser.parse_args()
    misdeeds = [Misdeed(one) for one in asked.fault if one in list(Misdeed)]
    mishaps = [Mishap(one) for one in asked.fault if one in list(Mishap)]
    if mishaps and asked.sftp is None:
        parser.error(f"{mishaps[0]} goes wrong with the SSH server: give it one by --sftp PORT")
    stop = until_told()
    try:
        with ExitStack() as stack:
            if asked.sftp is not None:
                keys = asked.sftp_keys or asked.folder.with_name(f"{asked.folder.name}-sshd")
                limits = {"cut_bytes": asked.cut_bytes, "disk_bytes": asked.disk_bytes}
                served = serve(asked.folder, keys, asked.sftp, mishaps=mishaps, **limits)
                sys.stdout.write(json.dumps(stack.enter_context(served)) + "\n")
                sys.stdout.flush()
            run(
                asked.folder,
                asked.journal,
                asked.trays,
                name=asked.name,
                pace=Pace(asked.accept_s, asked.print_s, asked.mail_s, asked.spoil, asked.seed),
                misdeeds=misdeeds,
                form=asked.acks,
                poll_s=asked.poll_s,
                stop=stop,
            )
    except (JournalInUseError, ServiceError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ops.simulators.printer", description="A printer of your own.")
    parser.add_argument("--folder", type=Path, required=True, help="its account, with in/ and out/")
    parser.add_argument("--journal", type=Path, required=True, help="its memory, a file of JSON lines")
    parser.add_argument("--trays", type=Path, required=True, help="where the carrier collects what is mailed")
    parser.add_argument("--name", default="", help="as trays name it (default: the account's folder)")
    parser.add_argument("--accept-s", type=float, default=Pace.accept_s, help="seconds until a drop is accepted")
    parser.add_argument("--print-s", type=float, default=Pace.print_s, help="seconds from there until it is printed")
    parser.add_argument("--mail-s", type=float, default=Pace.mail_s, help="seconds from there until it is mailed")
    parser.add_argument("--spoil", type=float, default=Pace.spoil, help="share of pieces that are spoiled, 0 to 1")
    parser.add_argument("--seed", type=int, default=Pace.seed, help="decides which")
    parser.add_argument("--poll-s", type=float, default=0.1, help="seconds between looks at in/")
    parser.add_argument("--acks", choices=("json", "csv"), default="json", help="the form of its acknowledgements")
    parser.add_argument("--sftp", type=int, metavar="PORT", help="serve the account over SSH there; 0: any free port")
    parser.add_argument("--sftp-keys", type=Path, help="the server's keys and log (default: beside the account)")
    parser.add_argument(
        "--fault", action="append", choices=_FAULTS, default=[], help="what it does wrong; may be repeated"
    )
    parser.add_argument("--cut-bytes", type=int, default=50_000, help="where cut-after cuts (default: 50000)")
    parser.add_argument(
        "--disk-bytes", type=int, default=0, help="what disk-full lets be written of a file (default: 0)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
