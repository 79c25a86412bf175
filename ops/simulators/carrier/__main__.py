"""`python -m ops.simulators.carrier --port N --trays DIR --state FILE`: see `--help`."""

import argparse
from pathlib import Path

from ops.simulators.carrier import Counter, Habits, run


def main() -> None:
    parser = argparse.ArgumentParser(prog="carrier", description="A simulated carrier that speaks IV-MTR.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--trays", type=Path, required=True, help="folder in which printers leave trays (*.jsonl)")
    parser.add_argument("--state", type=Path, required=True, help="file that remembers what was inducted")
    parser.add_argument("--username", default=Counter.username)
    parser.add_argument("--password", default=Counter.password)
    parser.add_argument("--speed", type=float, default=3600.0, help="journey seconds per real second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--late", type=_share, default=0.0, help="share of scans told after their successor")
    parser.add_argument("--repeat", type=_share, default=0.0, help="share of scans told twice")
    parser.add_argument("--unscanned", type=_share, default=0.0, help="share of pieces that no machine reads")
    parser.add_argument("--shuffle", action="store_true", help="tell a piece's scans in no order")
    asked = parser.parse_args()
    if asked.speed <= 0:
        parser.error("--speed is how many journey seconds pass in a real one: more than 0")
    habits = Habits(asked.seed, asked.speed, asked.late, asked.repeat, asked.unscanned, asked.shuffle)
    run(Counter(asked.port, asked.trays, asked.state, asked.username, asked.password), habits)


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share from 0 to 1")
    return value


if __name__ == "__main__":
    main()
