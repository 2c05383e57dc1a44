"""`python -m fulgurite` is `fulgurite`."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C ends it without a traceback, also while it is still being imported."""
    try:
        from fulgurite.cli import main as run
        from fulgurite.cli.output import settle_streams

        settle_streams()
        run()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
