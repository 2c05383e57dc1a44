from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.exchange.numbers import LOT_DECIMALS, acceptance_id, http_time, js_number, wire_number, wire_time
from fulgurite.exchange.products import PRODUCTS
from fulgurite.exchange.publisher import VOLUME_DECIMALS
from fulgurite.protocol.channels import Kind
from fulgurite.protocol.messages import parse_time
from tests.captures import SESSIONS, received_messages

PRICE_DECIMALS = {product.code: product.price_decimals for product in PRODUCTS}


@pytest.mark.parametrize(
    ("units", "decimals", "at_least", "text"),
    [
        (5860832, 0, 1, "5860832.0"),
        (471501, 0, 6, "471501.000000"),
        (31514, 3, 1, "31.514"),
        (31500, 3, 1, "31.5"),
        (1030, 5, 5, "0.01030"),
        (1_000_000, 8, 1, "0.01"),
        (1, 8, 1, "0.00000001"),
        (0, 8, 1, "0.0"),
        (120_000_000, 8, 7, "1.2000000"),
        (110_426_623_052, 8, 12, "1104.266230520000"),
    ],
)
def test_the_realtime_channels_always_have_a_decimal_point_and_never_an_exponent(units, decimals, at_least, text):
    assert wire_number(units, decimals, at_least) == text


@given(st.integers(0, 10**15), st.integers(0, 8), st.integers(1, 12))
def test_a_wire_number_is_exact(units, decimals, at_least):
    text = wire_number(units, decimals, at_least)
    assert Decimal(text) == Decimal(units).scaleb(-decimals)
    assert re.fullmatch(r"(0|[1-9]\d*)\.\d+", text)
    assert len(text.partition(".")[2]) >= at_least
    assert not text.endswith("0") or len(text.partition(".")[2]) == at_least


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5860832.0, "5860832"),
        (0.01, "0.01"),
        (0.0, "0"),
        (-0.0, "0"),
        (7, "7"),
        (-0.5, "-0.5"),
        (1e-4, "0.0001"),
        (1e-5, "0.00001"),
        (-1.25e-5, "-0.0000125"),
        (1e-6, "0.000001"),
        (1.23e-6, "0.00000123"),
        (1e-7, "1e-7"),
        (1e-8, "1e-8"),
        (2.5e-7, "2.5e-7"),
        (1104.26623052, "1104.26623052"),
        (123456789012345680.0, "123456789012345680"),
        (-1.5e20, "-150000000000000000000"),
        (1e21, "1e+21"),
    ],
)
def test_the_http_api_prints_numbers_as_javascript_does(value, text):
    assert js_number(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_javascript_number_reads_back_as_the_same_float(value):
    assert float(js_number(value)) == value


@pytest.mark.parametrize(
    ("fraction_ns", "text"),
    [
        (398_328_700, "2021-07-22T22:29:24.3983287Z"),
        (478_713_000, "2021-07-22T22:29:24.478713Z"),
        (500_000_000, "2021-07-22T22:29:24.5Z"),
        (99, "2021-07-22T22:29:24Z"),
        (100, "2021-07-22T22:29:24.0000001Z"),
    ],
)
def test_times_have_up_to_seven_fraction_digits_without_trailing_zeros(fraction_ns, text):
    assert wire_time(parse_time("2021-07-22T22:29:24Z") + fraction_ns) == text


@pytest.mark.parametrize(
    ("wire", "http"),
    [
        ("2021-07-22T22:29:24.3983287Z", "2021-07-22T22:29:24.398"),
        ("2021-07-22T22:29:24.0003287Z", "2021-07-22T22:29:24"),
        ("2021-07-22T22:29:24.5003287Z", "2021-07-22T22:29:24.5"),
        ("2021-07-22T22:29:24Z", "2021-07-22T22:29:24"),
        ("", ""),
    ],
)
def test_http_times_have_at_most_three_fraction_digits_and_no_z(wire, http):
    assert http_time(wire) == http


def test_an_acceptance_id_holds_the_time_and_six_digits():
    at_ns = parse_time("2021-07-22T22:29:24.9Z")
    assert acceptance_id(at_ns, 155235) == "JRF20210722-222924-155235"
    assert acceptance_id(at_ns, 7_000_042) == "JRF20210722-222924-000042"


@pytest.mark.parametrize("session", SESSIONS)
class TestEveryCapturedText:
    """The real service's numbers come out of our formatting again, byte for byte."""

    def test_prices_and_sizes_of_boards_and_executions(self, captures: Path, session):
        checked = 0
        for channel, text in received_messages(captures / session):
            if channel.kind is Kind.TICKER or channel.product_code not in PRICE_DECIMALS:
                continue
            price_decimals = PRICE_DECIMALS[channel.product_code]
            for name, number in re.findall(rb'"(price|size|mid_price)":([^,}\]]+)', text):
                decimals = LOT_DECIMALS if name == b"size" else price_decimals
                assert again(number.decode(), decimals) == number.decode()
                checked += 1
        assert checked > 10_000

    def test_numbers_of_tickers(self, captures: Path, session):
        checked = 0
        for channel, text in received_messages(captures / session):
            if channel.kind is not Kind.TICKER:
                continue
            numbers = dict(re.findall(r'"(\w+)":(\d+\.\d+)', text.decode()))
            for name, number in numbers.items():
                decimals = 2 if name in ("best_bid", "best_ask", "ltp") else LOT_DECIMALS
                decimals = PRICE_DECIMALS.get(channel.product_code, 2) if decimals == 2 else decimals
                shown = len(number.partition(".")[2])
                if name in ("volume", "volume_by_product") and channel.product_code in PRICE_DECIMALS:
                    assert shown == VOLUME_DECIMALS
                assert again(number, decimals, shown) == number
                checked += 1
        assert checked > 2000

    def test_times(self, captures: Path, session):
        times = {
            time
            for _, text in received_messages(captures / session)
            for time in re.findall(r'"(?:timestamp|exec_date)":"([^"]+)"', text.decode())
        }
        assert len(times) > 100
        for time in times:
            assert wire_time(parse_time(time)) == time

    def test_acceptance_ids(self, captures: Path, session):
        ids = {
            acceptance
            for channel, text in received_messages(captures / session)
            if channel.kind is Kind.EXECUTIONS
            for row in msgspec.json.decode(text)
            for acceptance in (row["buy_child_order_acceptance_id"], row["sell_child_order_acceptance_id"])
        }
        assert ids
        for text in ids:
            match = re.fullmatch(r"JRF(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-(\d{6})", text)
            assert match is not None
            year, month, day, hour, minute, second, serial = match.groups()
            at_ns = parse_time(f"{year}-{month}-{day}T{hour}:{minute}:{second}Z")
            assert acceptance_id(at_ns, int(serial)) == text


def again(text: str, decimals: int, at_least: int = 1) -> str:
    units = Decimal(text).scaleb(decimals)
    assert units == int(units)
    return wire_number(int(units), decimals, at_least)
