"""Starts the press process (`zygote`), whose imports take longest."""

import gc


def main() -> None:
    # Nothing of what is imported is garbage; looking for some takes an eighth of the time.
    gc.disable()
    from pipeline.press.process import zygote
    from pipeline.press.process.steps import STEPS

    zygote.main(STEPS, zygote.RUN)


if __name__ == "__main__":
    main()
