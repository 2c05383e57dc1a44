"""Orders and faults from the program that runs the exchange; and that it has all options of the command."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, get_args

import pytest

from fulgurite import (
    ChildOrderEvent,
    InputError,
    Message,
    RequestRefusedError,
    Status,
    board,
    child_order_events,
    connect,
    run_exchange,
    run_replay,
)
from fulgurite.cli import exchange as command
from fulgurite.exchange.trader import FaultMembers, Trader
from fulgurite.server.faults import FAULTS, FaultName, Reset

PRODUCT = "BTC_JPY"
FAR_BELOW = {"product_code": PRODUCT, "child_order_type": "LIMIT", "side": "BUY", "price": 1000.0, "size": 0.01}

# Options with another name on the command line, and those that only a command has.
RENAMED = {"at": "start_ns", "product": "products", "replay": "path"}
ONLY_THERE = {"context", "list_scenarios", "as_json"}


def test_run_exchange_and_run_replay_take_everything_that_the_command_takes():
    options = set(inspect.signature(command.exchange).parameters) - ONLY_THERE
    # A secret is no option: other programs could see it.
    taken = inspect.signature(run_exchange).parameters | inspect.signature(run_replay).parameters
    assert {RENAMED.get(name, name) for name in options} | {"demo_key"} == set(taken)


async def listed(account: Trader, path: str) -> dict[str, Any]:
    """An account's only order, once the exchange has taken it up, which takes some milliseconds."""
    while not (rows := account.ask(path, product_code=PRODUCT)):  # noqa: ASYNC110  # only asking tells
        await asyncio.sleep(0.01)
    (row,) = rows
    return dict(row)


async def test_an_order_is_placed_and_cancelled_and_its_events_come():
    async with run_exchange(products=[PRODUCT], seed=1) as exchange:
        account = exchange.accounts[0]
        async with connect(child_order_events(), endpoint=exchange, credentials=account) as stream:
            events: list[ChildOrderEvent] = []
            placed = ""
            async for item in stream:
                if isinstance(item, Status) and item.kind == "subscribed":
                    placed = account.send_child_order(**FAR_BELOW)  # type: ignore[arg-type]  # of a dict's values
                if isinstance(item, Message) and isinstance(item.data, list):
                    events += [row for row in item.data if isinstance(row, ChildOrderEvent)]
                    if len(events) == 2:
                        break
                    (listed,) = account.ask("getchildorders", product_code=PRODUCT)
                    assert (listed["child_order_acceptance_id"], listed["price"]) == (placed, 1000)
                    account.cancel_child_order(product_code=PRODUCT, child_order_acceptance_id=placed)
        assert [(event.event_type, event.child_order_acceptance_id) for event in events] == [
            ("ORDER", placed),
            ("CANCEL", placed),
        ]
        assert {row["currency_code"] for row in account.ask("getbalance")} >= {"JPY", "BTC"}


async def test_every_account_has_its_keys_and_orders_of_its_own():
    async with run_exchange(products=[PRODUCT], accounts=3, seed=5) as exchange:
        assert exchange.seed == 5
        assert [account() for account in exchange.accounts] == [
            (exchange.api_key, exchange.api_secret),
            *((each.api_key, each.api_secret) for each in exchange.more_accounts),
        ]
        exchange.accounts[1].send_child_order(**FAR_BELOW)  # type: ignore[arg-type]
        await listed(exchange.accounts[1], "getchildorders")
        counts = [len(each.ask("getchildorders", product_code=PRODUCT)) for each in exchange.accounts]
        assert counts == [0, 1, 0]
        exchange.accounts[1].cancel_all_child_orders(product_code=PRODUCT)
        assert exchange.api_secret not in repr(exchange.accounts) + repr(exchange)


async def test_a_special_order_is_placed_and_cancelled():
    async with run_exchange(products=[PRODUCT], seed=1) as exchange:
        account = exchange.accounts[0]
        part = {"product_code": PRODUCT, "condition_type": "LIMIT", "side": "BUY", "price": 1000.0, "size": 0.01}
        placed = account.send_parent_order(order_method="SIMPLE", parameters=[part])
        assert (await listed(account, "getparentorders"))["parent_order_acceptance_id"] == placed
        account.cancel_parent_order(product_code=PRODUCT, parent_order_acceptance_id=placed)


async def test_what_the_http_api_refuses_is_refused_with_an_error_of_its_type():
    async with run_exchange(products=[PRODUCT], seed=1) as exchange:
        account = exchange.accounts[0]
        with pytest.raises(InputError) as wrong:
            account.send_child_order(**{**FAR_BELOW, "side": "buy"})  # type: ignore[arg-type]
        assert wrong.value.field == "side"
        with pytest.raises(InputError):
            account.send_child_order(**{**FAR_BELOW, "size": -1})  # type: ignore[arg-type]
        with pytest.raises(InputError, match="path"):
            account.ask("getnonsense")
        with pytest.raises(RequestRefusedError) as refused:
            account.send_child_order(**{**FAR_BELOW, "size": 1000.0, "price": 10_000_000.0})  # type: ignore[arg-type]
        assert refused.value.code is not None


async def test_a_fault_is_given_and_taken_back():
    async with run_exchange(products=[PRODUCT], seed=1) as exchange:
        with pytest.raises(InputError, match="give one of"):
            await exchange.fault("nonsense")  # type: ignore[arg-type]
        with pytest.raises(InputError, match="nonsense"):
            await exchange.fault("mute", nonsense=1)  # type: ignore[call-arg]
        number = await exchange.fault("mute", channel=board(PRODUCT).name)
        assert await exchange.end_fault(number) == 1
        assert await exchange.end_fault(number) == 0
        with pytest.raises(InputError, match="nothing beside an object"):
            await exchange.fault(Reset(), after=1.0)
        await exchange.fault(Reset(after=3600.0))
        await exchange.fault("freeze", after=3600.0, seconds=1.0)
        assert await exchange.end_fault() == 2


async def test_a_fault_happens():
    async with run_exchange(products=[PRODUCT], seed=1) as exchange:
        async with connect(board(PRODUCT), endpoint=exchange) as stream:
            async for item in stream:
                if isinstance(item, Message):
                    await exchange.fault("close", code=4001, reason="as you like")
                if isinstance(item, Status) and item.kind == "closed":
                    break
        assert isinstance(item, Status)
        assert (item.close_code, item.close_reason) == (4001, "as you like")


async def test_a_scenario_begins_at_its_time_unless_another_is_given(tmp_path):
    async with run_exchange(products=[PRODUCT], scenario="daily-maintenance") as exchange:
        account = exchange.accounts[0]
        account.send_child_order(**FAR_BELOW)  # type: ignore[arg-type]
        order = await listed(account, "getchildorders")
        assert "T18:59:3" in order["child_order_date"]
    (tmp_path / "plan.toml").write_text('[[fault]]\nfault = "reset"\nafter = 3600\n')
    async with run_exchange(products=[PRODUCT], faults=str(tmp_path / "plan.toml")) as exchange:
        assert await exchange.end_fault() == 1


def test_the_types_know_every_fault_and_every_member():
    assert set(get_args(FaultName)) == set(FAULTS)
    fields = {name for kind in FAULTS.values() for name in kind.__struct_fields__}
    assert set(FaultMembers.__annotations__) == fields


def test_the_fixture_trades_too(fulgurite_exchange):
    """From another thread than the exchange's."""
    exchange = fulgurite_exchange(products=[PRODUCT], accounts=2, seed=7)
    assert exchange.seed == 7
    placed = exchange.accounts[1].send_child_order(**FAR_BELOW)
    orders: list[Any] = []
    while not orders:  # each round is a request, so this does not spin
        orders = exchange.accounts[1].ask("getchildorders", product_code=PRODUCT)
    assert orders[0]["child_order_acceptance_id"] == placed
    with pytest.raises(InputError, match="side"):
        exchange.accounts[1].send_child_order(**{**FAR_BELOW, "side": "buy"})
