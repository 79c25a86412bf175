"""`mailstream`: the command line of the service. Data goes to stdout, talk to stderr."""

import atexit
import gc
import sys

from ops.cli.failure import Exit, explain


def main() -> None:
    if sys.argv[1:] == ["--version"]:
        # Answered before anything is imported that it has no need of.
        from importlib.metadata import version

        sys.stdout.write(f"mailstream {version('mailstream')}\n")
        return
    # Nothing of what is imported is garbage; looking for some takes an eighth of the time. A command that runs turns it on again.
    gc.disable()
    # All that is left at the end goes with the process.
    atexit.register(gc.freeze)
    from ops.cli.apps import app

    try:
        app()
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except Exception as error:
        known = explain(error)
        if known is None:
            raise
        sys.stderr.write(f"mailstream: {known}\n")
        sys.stderr.writelines(f"  {line}\n" for line in known.details)
        sys.exit(known.code)
    finally:
        gc.enable()


if __name__ == "__main__":
    main()
