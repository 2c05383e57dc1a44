"""Names of channels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.errors import ChannelError
from fulgurite.protocol import channels
from fulgurite.protocol.channels import PRIVATE_KINDS, PUBLIC_KINDS, Channel, Kind, parse_channel


@pytest.mark.parametrize(
    ("channel", "name"),
    [
        (channels.board_snapshot("BTC_JPY"), "lightning_board_snapshot_BTC_JPY"),
        (channels.board("FX_BTC_JPY"), "lightning_board_FX_BTC_JPY"),
        (channels.ticker("BTCJPY24DEC2021"), "lightning_ticker_BTCJPY24DEC2021"),
        (channels.executions("ETH_BTC"), "lightning_executions_ETH_BTC"),
        (channels.child_order_events(), "child_order_events"),
        (channels.parent_order_events(), "parent_order_events"),
    ],
)
def test_name_and_parse_are_inverse(channel: Channel, name: str):
    assert channel.name == str(channel) == name
    assert parse_channel(name) == channel


def test_a_snapshot_is_not_taken_for_a_diff():
    """Both prefixes fit a snapshot channel's name; the longer one is meant."""
    assert parse_channel("lightning_board_snapshot_BTC_JPY").kind is Kind.BOARD_SNAPSHOT


@given(st.sampled_from(PUBLIC_KINDS), st.text(min_size=1).filter(lambda product: not product.startswith("snapshot_")))
def test_any_product_is_taken_under_a_known_prefix(kind: Kind, product: str):
    """The real service acknowledges products that do not exist (section 1.2)."""
    assert parse_channel(f"{kind}_{product}") == (kind, product)


@given(st.text())
def test_any_text_gives_a_channel_or_an_error_that_names_what_is_accepted(text: str):
    try:
        channel = parse_channel(text)
    except ChannelError as error:
        refusal = error
    else:
        assert channel.name == text
        return
    assert refusal.value == text
    assert "lightning_ticker_PRODUCT" in refusal.accepted
    assert all(kind in refusal.accepted for kind in PRIVATE_KINDS)


@pytest.mark.parametrize("name", ["", "lightning_ticker_", "lightning_ticker", "nope_channel", "child_order_events_X"])
def test_other_names_are_refused(name: str):
    with pytest.raises(ChannelError):
        parse_channel(name)
