"""The command `fulgurite`. Only this package touches signals, logging, the terminal and the exit status.

Heavy imports are inside the commands, and help is printed without Rich, so that `fulgurite --help` answers at once.
"""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from fulgurite.cli import credentials, doctor, exchange, listen, play, sample
from fulgurite.cli.output import Group, writing
from fulgurite.errors import FulguriteError, InputError
from fulgurite.version import __version__

EXIT_FAILED = 1
EXIT_USAGE = 2

app = typer.Typer(
    name="fulgurite",
    cls=Group,
    help="The sandbox for bitFlyer Lightning's Realtime API. Without a command: play.",
    epilog="Examples: fulgurite | fulgurite exchange --json | fulgurite listen BTC_JPY",
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def main() -> None:
    """Run the command line; mistakes of the user are told in a sentence, never in a traceback."""
    try:
        with writing():
            app()
    except InputError as error:
        _fail(error, EXIT_USAGE)
    except FulguriteError as error:
        _fail(error, EXIT_FAILED)


def _fail(error: FulguriteError, status: int) -> NoReturn:
    print(f"fulgurite: {error}", file=sys.stderr, flush=True)
    sys.exit(status)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"fulgurite {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        play.play()


app.command(epilog="Example: fulgurite play --no-browser --port 8080")(play.play)
app.command(epilog="Example: fulgurite exchange --port 0 --json, or fulgurite exchange --replay day.jsonl --speed 10")(
    exchange.exchange
)
app.command(
    epilog="Examples: fulgurite listen BTC_JPY ticker:ETH_JPY"
    " | fulgurite listen executions:BTC_JPY --endpoint live --json"
    " | fulgurite listen BTC_JPY FX_BTC_JPY --connections 2 --record day.jsonl.zst"
)(listen.listen)
app.command(epilog="Example: fulgurite doctor, or fulgurite doctor --endpoint ws://127.0.0.1:7351 --json")(
    doctor.doctor
)
app.command(
    epilog="Examples: fulgurite sample --list"
    " | fulgurite sample --language go --channel ticker:BTC_JPY --output my-bot"
    " | fulgurite sample --language python --channel child_order_events --auth --endpoint embedded"
)(sample.sample)
app.add_typer(credentials.app, name="credentials")
