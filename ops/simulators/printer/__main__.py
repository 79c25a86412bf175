"""`python -m ops.simulators.printer --folder ACCOUNT --journal FILE --trays DIR`: one printer, until SIGTERM."""

import argparse
import sys
from pathlib import Path

from ops.simulators.printer.journal import JournalInUseError
from ops.simulators.printer.press import Misdeed, Pace
from ops.simulators.printer.service import run


def main() -> int:
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
    parser.add_argument(
        "--fault",
        action="append",
        type=Misdeed,
        choices=list(Misdeed),
        default=[],
        help="what it does wrong; may be repeated",
    )
    asked = parser.parse_args()
    pace = Pace(asked.accept_s, asked.print_s, asked.mail_s, asked.spoil, asked.seed)
    try:
        run(
            asked.folder,
            asked.journal,
            asked.trays,
            name=asked.name,
            pace=pace,
            misdeeds=asked.fault,
            form=asked.acks,
            poll_s=asked.poll_s,
        )
    except JournalInUseError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
