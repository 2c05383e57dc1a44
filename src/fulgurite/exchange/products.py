"""The nine products of the Japanese exchange: their rules, and the look of their markets. Pure.

Tick sizes and minimum orders are from section 4 of the protocol reference, the ticker's decimals from the captures
of 2021 (section 3.3). The markets follow the same captures in depth, spread and activity.

The named unknowns: ELF_JPY is in no capture, so it has the rules of MONA_JPY and next to no activity. The captures
last two minutes, too short for the volume of a day; the 24 hours before the start have the volume that the
order flow itself goes on to make. FX and BTC prices are those of September 2026; the
others are round choices in proportion to them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Typical:
    """The typical market of a product. Nothing here limits anything: the order flow aims at it."""

    price: int
    """Ticks; the market returns to it over days."""
    spread_bp: float
    """Best ask minus best bid, in 1/10000 of the price."""
    near_bp: float
    """Mean distance from there of the orders that come and go all the time."""
    far_bp: float
    """Median distance from the middle of the orders that wait."""
    near_orders: int
    """Orders a side that come and go."""
    far_orders: int
    """Orders a side that wait."""
    lots: int
    """Median size of an order that comes and goes, in lots of 1e-8."""
    size_decimals: int = 8
    """The finest size that comes up."""
    volatility_bp: float
    """The price's own move in one second, beside the move that all products share."""
    events_per_second: float
    """Orders and cancellations."""
    clustering: float = 0.45
    """The average number of further ones that each leads to; below 1."""
    taker_share: float
    """The part of these that are market orders."""
    daily_lots: int
    """The volume of the 24 hours before the start."""


@dataclass(frozen=True, kw_only=True)
class Product:
    """One product."""

    code: str
    market_type: str = "Spot"
    """`Spot` or `FX`, as `/v1/markets` says."""
    price_decimals: int
    """The tick is 10^-price_decimals of the second currency."""
    min_lots: int
    """The smallest order, in lots of 1e-8."""
    ticker_price_decimals: int = 1
    """The decimals that `best_bid`, `best_ask` and `ltp` show at least."""
    depth_decimals: tuple[int, int]
    """The decimals that `total_bid_depth` and `total_ask_depth` show at least."""
    six_decimals_percent: int = 0
    """Of how many orders in 100 the ticker shows price and size with 6 decimals, as their senders wrote them."""
    typical: Typical


BTC_JPY = Product(
    code="BTC_JPY", price_decimals=0, min_lots=100_000, depth_decimals=(8, 12), six_decimals_percent=10,
    typical=Typical(
        price=13_640_000, spread_bp=1.5, near_bp=6.0, far_bp=150.0, near_orders=45, far_orders=580, lots=3_000_000,
        volatility_bp=0.1, events_per_second=11.4, taker_share=0.015, daily_lots=38_000_000_000,
    ),
)  # fmt: skip
XRP_JPY = Product(
    code="XRP_JPY", price_decimals=2, min_lots=10_000_000, depth_decimals=(8, 6),
    typical=Typical(
        price=38_000, spread_bp=14.0, near_bp=25.0, far_bp=1500.0, near_orders=7, far_orders=210, lots=50_000_000_000,
        size_decimals=6, volatility_bp=0.5, events_per_second=3.6, taker_share=0.005, daily_lots=59_000_000_000_000,
    ),
)  # fmt: skip
ETH_JPY = Product(
    code="ETH_JPY", price_decimals=0, min_lots=1_000_000, depth_decimals=(12, 12), six_decimals_percent=35,
    typical=Typical(
        price=464_000, spread_bp=8.0, near_bp=12.0, far_bp=450.0, near_orders=28, far_orders=400, lots=30_000_000,
        size_decimals=7, volatility_bp=0.3, events_per_second=9.9, taker_share=0.02, daily_lots=380_000_000_000,
    ),
)  # fmt: skip
XLM_JPY = Product(
    code="XLM_JPY", price_decimals=3, min_lots=10_000_000, depth_decimals=(8, 7),
    typical=Typical(
        price=45_000, spread_bp=17.0, near_bp=25.0, far_bp=1800.0, near_orders=10, far_orders=130, lots=150_000_000_000,
        size_decimals=7, volatility_bp=0.5, events_per_second=3.5, taker_share=0.003, daily_lots=99_000_000_000_000,
    ),
)  # fmt: skip
MONA_JPY = Product(
    code="MONA_JPY", price_decimals=3, min_lots=10_000_000, ticker_price_decimals=3, depth_decimals=(8, 8),
    typical=Typical(
        price=25_000, spread_bp=6.0, near_bp=40.0, far_bp=800.0, near_orders=7, far_orders=130, lots=8_000_000_000,
        volatility_bp=0.5, events_per_second=0.3, taker_share=0.02, daily_lots=3_300_000_000_000,
    ),
)  # fmt: skip
ELF_JPY = Product(
    code="ELF_JPY", price_decimals=3, min_lots=10_000_000, ticker_price_decimals=3, depth_decimals=(8, 8),
    typical=Typical(
        price=31_000, spread_bp=25.0, near_bp=60.0, far_bp=800.0, near_orders=8, far_orders=55, lots=8_000_000_000,
        volatility_bp=0.5, events_per_second=0.2, taker_share=0.01, daily_lots=1_100_000_000_000,
    ),
)  # fmt: skip
ETH_BTC = Product(
    code="ETH_BTC", price_decimals=5, min_lots=1_000_000, ticker_price_decimals=5, depth_decimals=(7, 7),
    typical=Typical(
        price=3_402, spread_bp=28.0, near_bp=60.0, far_bp=2000.0, near_orders=7, far_orders=70, lots=20_000_000,
        size_decimals=7, volatility_bp=0.5, events_per_second=1.2, taker_share=0.002, daily_lots=3_000_000_000,
    ),
)  # fmt: skip
BCH_BTC = Product(
    code="BCH_BTC", price_decimals=5, min_lots=1_000_000, ticker_price_decimals=5, depth_decimals=(7, 7),
    typical=Typical(
        price=545, spread_bp=115.0, near_bp=120.0, far_bp=2500.0, near_orders=5, far_orders=60, lots=60_000_000,
        size_decimals=7, volatility_bp=0.5, events_per_second=1.4, taker_share=0.002, daily_lots=10_000_000_000,
    ),
)  # fmt: skip
FX_BTC_JPY = Product(
    code="FX_BTC_JPY", market_type="FX", price_decimals=0, min_lots=100_000, depth_decimals=(12, 12),
    six_decimals_percent=20,
    typical=Typical(
        price=13_634_000, spread_bp=2.5, near_bp=9.0, far_bp=100.0, near_orders=120, far_orders=480, lots=3_000_000,
        volatility_bp=0.2, events_per_second=50.0, clustering=0.7, taker_share=0.012, daily_lots=120_000_000_000,
    ),
)  # fmt: skip

PRODUCTS = (BTC_JPY, XRP_JPY, ETH_JPY, XLM_JPY, MONA_JPY, ELF_JPY, ETH_BTC, BCH_BTC, FX_BTC_JPY)
"""All products, in the order of `/v1/markets`."""
