"""The view of an exchange, simulated or replayed, that the public HTTP API has. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Protocol

import msgspec

from fulgurite.protocol.messages import Board, Execution, Ticker


class MarketInfo(msgspec.Struct, frozen=True):
    """A product."""

    product_code: str
    market_type: Annotated[str, msgspec.Meta(description="`Spot`, `FX` or, until 2023, `Futures`.")]


class BoardState(msgspec.Struct, frozen=True):
    """The state of a market."""

    health: Annotated[str, msgspec.Meta(description="NORMAL, BUSY, VERY BUSY, SUPER BUSY, NO ORDER or STOP.")]
    state: Annotated[str, msgspec.Meta(description="RUNNING, CLOSED, STARTING, PREOPEN or CIRCUIT BREAK.")]


class Health(msgspec.Struct, frozen=True):
    """The load of the exchange."""

    status: Annotated[str, msgspec.Meta(description="NORMAL, BUSY, VERY BUSY, SUPER BUSY, NO ORDER or STOP.")]


class MarketData(Protocol):
    """Read access to the present state of every market.

    All but `markets` take a `product_code` out of `markets()`, in the same spelling. Values are the realtime
    channels' own types; the HTTP API's different forms of number and time are made by `exchange.http`.
    """

    def markets(self) -> Sequence[MarketInfo]:
        """Every product there is, in the order of their listing."""

    def board(self, product_code: str) -> Board:
        """The whole book as far as it is known: bids descending, asks ascending."""

    def ticker(self, product_code: str) -> Ticker | None:
        """The ticker, or None where none is known yet, as at the beginning of a replay."""

    def executions(self, product_code: str) -> Sequence[Execution]:
        """The newest executions, oldest first: as many as the implementation keeps, a bounded number."""

    def state(self, product_code: str) -> str:
        """RUNNING, CLOSED, STARTING, PREOPEN or CIRCUIT BREAK."""

    def health(self, product_code: str) -> str:
        """NORMAL, BUSY, VERY BUSY, SUPER BUSY, NO ORDER or STOP."""
