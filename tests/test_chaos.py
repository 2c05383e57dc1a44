"""A short run of `tools/chaos.py`, and tests that its judge finds errors."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import pairwise
from random import Random

import msgspec
import pytest

from fulgurite import (
    Gap,
    GapCause,
    Message,
    OrderBook,
    Origin,
    Repaired,
    Status,
    StatusKind,
    connect,
    run_exchange,
    ticker,
)
from fulgurite.protocol.messages import Board
from fulgurite.server.faults import FAULTS, parse_fault
from fulgurite.server.published import Delivered
from fulgurite.server.records import ConnectionReport
from tools.chaos import Round, RoundKind, play
from tools.chaosfaults import MEMBERS, draw, draw_at_one
from tools.chaosjudge import (
    OLD_NS,
    Given,
    Look,
    Published,
    Shot,
    Verdict,
    digest,
    judge_age,
    judge_book,
    judge_executions,
    judge_gaps,
)
from tools.chaosnetwork import Network, NetworkFault

EXECUTIONS = "lightning_executions_FX_BTC_JPY"
ROUNDS: list[tuple[RoundKind, int, str, int]] = [
    ("all", 50, "json-rpc", 1),
    ("traced", 50, "socketio", 1),
    ("all", 50, "socketio", 2),
    ("traced", 50, "json-rpc", 2),
    ("one-sided", 5, "json-rpc", 2),
    ("network", 6, "json-rpc", 1),
    ("network", 6, "socketio", 2),
]


async def test_hundreds_of_faults_lose_nothing_unnoticed() -> None:
    """All combinations of dialects and redundancy at the same time."""
    rounds = [Round(kind, faults, 7, dialect, connections, "before") for kind, faults, dialect, connections in ROUNDS]
    await asyncio.gather(*(play(each) for each in rounds))
    for each in rounds:
        assert not each.verdict.failures, f"{each.name}: {each.verdict.failures[:3]}"
        assert each.verdict.counts["executions given, live"]
        assert each.verdict.counts["books looked at while LIVE"]


async def test_with_its_own_delays_it_connects_once_a_second_at_most() -> None:
    """Told by the exchange, which closes each connection as soon as it is useful."""
    opened: list[int] = []
    async with (
        run_exchange(seed=1, faults=[{"fault": "close", "every": 0.3}]) as exchange,
        connect(ticker("FX_BTC_JPY"), endpoint=exchange, repair="off") as stream,
    ):
        async for item in stream:
            if isinstance(item, Status) and item.kind is StatusKind.CONNECTING:
                opened.append(item.at_ns)
            if len(opened) == 4:
                break
    assert all(later - earlier >= 1_000_000_000 for earlier, later in pairwise(opened))


def test_every_fault_there_is_is_injected() -> None:
    rng = Random(1)
    assert MEMBERS.keys() == FAULTS.keys()
    drawn = [draw(rng, [EXECUTIONS], ["FX_BTC_JPY"], [1, 2], with_silent=True) for _ in range(2000)]
    assert {fault["fault"] for fault in drawn} == FAULTS.keys()
    for fault in [*drawn, *(draw_at_one(rng, 1) for _ in range(500))]:
        parse_fault(fault)


@pytest.mark.parametrize(
    ("fault", "came", "ending"),
    [
        ({"fault": "cut", "after": 3, "reset": False}, b"abc", None),
        ({"fault": "cut", "after": 3, "reset": True}, None, ConnectionResetError),
        ({"fault": "swallow", "ways": "to-client"}, b"", TimeoutError),
        ({"fault": "swallow", "ways": "to-server"}, b"", TimeoutError),
        ({"fault": "crumble", "after": 100}, b"abcdefgh", TimeoutError),
        ({"fault": "stall", "seconds": 0.01, "ways": "both"}, b"abcdefgh", TimeoutError),
        ({"fault": "refuse", "seconds": 3600, "how": "closed"}, b"", None),
        ({"fault": "refuse", "seconds": 3600, "how": "reset"}, b"", ConnectionResetError),
    ],
)
async def test_the_bad_network_does_what_it_says(
    fault: NetworkFault, came: bytes | None, ending: type[Exception] | None
) -> None:
    """`came` has those of eight echoed bytes that arrive; None where it may be some of them."""
    arrived = b""
    async with (
        await asyncio.start_server(_echo, "127.0.0.1", 0) as server,
        Network(server.sockets[0].getsockname()[1]) as network,
    ):
        suffering = asyncio.create_task(network.suffer(fault) if fault["fault"] == "refuse" else asyncio.sleep(0))
        await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection("127.0.0.1", network.port)
        error: Exception | None = None
        try:
            if fault["fault"] != "refuse":
                writer.write(b"-")  # so that the connection is there on both sides
                assert await reader.read(1) == b"-"
                await network.suffer(fault)
                writer.write(b"abcdefgh")
            # Nobody tells that no more will come, so a moment has to do for that; other bytes may take their time.
            is_all = ending is TimeoutError and arrived == came
            while data := await asyncio.wait_for(reader.read(100), 0.2 if is_all else 60):
                arrived += data
                is_all = ending is TimeoutError and arrived == came
        except (OSError, TimeoutError) as caught:
            error = caught
        finally:
            writer.transport.abort()
            suffering.cancel()
    assert came is None or arrived == came
    assert (None if error is None else type(error)) is ending


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(100):
            writer.write(data)
    writer.close()


# --- the judge finds errors


def _row(number: int) -> dict[str, object]:
    return {
        "id": number,
        "side": "BUY",
        "price": 100.0,
        "size": 1.0,
        "exec_date": "2026-11-22T00:00:00.0000000Z",
        "buy_child_order_acceptance_id": f"B{number}",
        "sell_child_order_acceptance_id": f"S{number}",
    }


def _message(*ids: int, at_ns: int = 0) -> Message:
    return Message(EXECUTIONS, at_ns or ids[0], "", msgspec.Raw(msgspec.json.encode([_row(each) for each in ids])))


def _executions(
    *given: Given, delivered: list[tuple[int, int]] | None = None, shots: list[Shot] | None = None
) -> Verdict:
    """The verdict about a client to which the executions 1 to 6 were published, one a message and a nanosecond."""
    published = [
        Published(number, number, EXECUTIONS, msgspec.Raw(msgspec.json.encode([_row(number)])))
        for number in range(1, 7)
    ]
    row = Delivered([(1, 6)], [(1, 6)] if delivered is None else delivered, [])
    report = ConnectionReport(1, "json-rpc", "", 0, None, None, "", "", [], {EXECUTIONS: row})
    verdict = Verdict()
    judge_executions(EXECUTIONS, given, published, [report], shots or [], verdict, is_repairing=False, is_ordered=True)
    judge_gaps(given, verdict)
    return verdict


def test_all_is_well_where_all_was_given() -> None:
    assert not _executions(*(_message(number) for number in range(1, 7))).failures


def test_a_lost_execution_is_found() -> None:
    assert len(_executions(_message(1, 2), _message(4, 5, 6)).failures) == 1


def test_a_gap_that_names_it_excuses_it() -> None:
    gap = Gap(EXECUTIONS, "cut", 2, 4, _message(1, 2), _message(4, 5, 6))
    assert not _executions(_message(1, 2), gap, _message(4, 5, 6)).failures


def test_a_gap_elsewhere_does_not() -> None:
    gap = Gap(EXECUTIONS, "cut", 5, 6, _message(4, 5), _message(6))
    assert len(_executions(_message(1, 2), _message(4, 5), gap, _message(6)).failures) == 1


def test_what_was_withheld_is_found_whatever_fault_was_on() -> None:
    given = _message(1, 2), _message(4, 5, 6)
    withheld = [(1, 2), (4, 6)]
    assert len(_executions(*given, delivered=withheld, shots=[Shot({"fault": "mute"}, 0, 6)]).failures) == 1


def test_what_an_audit_found_may_come_after_later_ones_and_right_after_its_gap_only() -> None:
    late = msgspec.structs.replace(_message(3), origin=Origin.BACKFILLED)
    others = _message(1, 2), _message(4, 5, 6)
    gap = Gap(EXECUTIONS, "withheld", 2, 7, cause=GapCause.WITHHELD)
    found = _executions(*others, gap, late)
    assert not found.failures
    assert found.counts["executions withheld without a trace on the wire, found by an audit"] == 1
    assert len(_executions(*others, late).failures) == 1
    assert len(_executions(*others, msgspec.structs.replace(gap, from_ns=4), late).failures) == 1
    assert len(_executions(*others, gap, Gap(EXECUTIONS, "cut", 7, 8, _message(4, 5, 6)), late).failures) == 1


def test_a_gap_that_says_that_the_exchange_numbers_anew_is_found() -> None:
    everything = _message(1, 2, 3, 4, 5, 6)
    assert len(_executions(everything, Gap(EXECUTIONS, "x", 1, 2, cause=GapCause.RENUMBERED)).failures) == 1


def test_executions_twice_or_out_of_order_are_found() -> None:
    assert len(_executions(_message(1, 2, 3, 4, 5, 6), _message(6)).failures) == 1
    assert len(_executions(_message(1, 2, 4, 3, 5, 6)).failures) == 1


def test_a_gap_that_says_nothing_is_found() -> None:
    everything = _message(1, 2, 3, 4, 5, 6)
    assert len(_executions(everything, Gap(EXECUTIONS, "", 1, 2)).failures) == 1
    assert len(_executions(everything, Gap(EXECUTIONS, "cut", 2, 1, repaired=Repaired.FULL)).failures) == 1


def _board(number: int, channel: str, *prices: float) -> Published:
    bids = [{"price": price, "size": 1.0} for price in prices]
    return Published(
        number, number, channel, msgspec.Raw(msgspec.json.encode({"mid_price": 200.0, "bids": bids, "asks": []}))
    )


BOOK = [
    _board(1, "lightning_board_snapshot_FX_BTC_JPY", 100.0),
    _board(2, "lightning_board_FX_BTC_JPY", 99.0),
    _board(3, "lightning_board_FX_BTC_JPY", 98.0),
    _board(4, "lightning_board_snapshot_FX_BTC_JPY", 100.0, 99.0, 98.0),
    _board(5, "lightning_board_FX_BTC_JPY", 97.0),
]
LOST_DIFFS = Shot({"fault": "lost-diffs"}, 2, 2)


def _book(*numbers: int, lost: int = 0, shots: list[Shot] | None = None) -> Verdict:
    """The verdict about a client that was given these messages of `BOOK`, of which the exchange withheld one."""
    given: list[Given] = []
    book = OrderBook()
    for number in numbers:
        each = BOOK[number - 1]
        board = msgspec.json.decode(each.message, type=Board)
        (book.apply_snapshot if "snapshot" in each.channel else book.apply_diff)(board)
        given += [Message(each.channel, number, "", each.message), Look(True, digest(book), number)]
    row = Delivered([(1, 5)], [(1, lost - 1), (lost + 1, 5)] if lost else [(1, 5)], [])
    report = ConnectionReport(1, "json-rpc", "", 0, None, None, "", "", [], {each.channel: row for each in BOOK})
    verdict = Verdict()
    judge_book("FX_BTC_JPY", given, BOOK, [report], shots or [], verdict, is_merged=False)
    return verdict


def test_a_book_that_is_right_is_not_complained_of() -> None:
    verdict = _book(1, 2, 3, 4, 5)
    assert not verdict.failures
    assert verdict.counts["books looked at while LIVE"] == 5


def test_a_book_that_is_live_and_wrong_is_found() -> None:
    assert len(_book(1, 3, 4, 5).failures) == 1
    assert len(_book(1, 3, 4, 5, lost=2).failures) == 1  # no fault of the kind was on
    assert len(_book(1, 3, 4, 5, shots=[LOST_DIFFS]).failures) == 1  # it was sent, fault or not


def test_a_diff_that_was_lost_without_a_trace_is_an_excuse_until_the_next_snapshot() -> None:
    excused = _book(1, 3, 4, 5, lost=2, shots=[LOST_DIFFS])
    assert not excused.failures
    assert excused.wrong_snapshots == [1]


@pytest.mark.parametrize(
    ("altered", "gaps", "failures"), [([3], [], 0), ([], [(2, 4)], 0), ([], [(1, 2), (4, 5)], 1), ([], [], 1)]
)
def test_a_book_without_a_snapshot_that_was_lost_is_right_by_its_diffs(
    altered: list[int], gaps: list[tuple[int, int]], failures: int
) -> None:
    channel = "lightning_board_snapshot_FX_BTC_JPY"
    published = [
        _board(1, channel, 100.0, 99.0),
        _board(2, "lightning_board_FX_BTC_JPY", 98.0),
        _board(3, channel, 100.0, 98.0),  # 99 is gone, which no diff told
        _board(4, "lightning_board_FX_BTC_JPY", 97.0),
    ]
    given: list[Given] = []
    book = OrderBook()
    for each in (published[0], published[1], published[3]):
        board = msgspec.json.decode(each.message, type=Board)
        (book.apply_snapshot if each.channel == channel else book.apply_diff)(board)
        given += [Message(each.channel, each.number, "", each.message), Look(True, digest(book), each.number)]
    given += [Gap(channel, "silent", from_ns, to_ns) for from_ns, to_ns in gaps]
    rows = {each.channel: Delivered([(1, 4)], [(1, 4)], altered) for each in published}
    report = ConnectionReport(1, "json-rpc", "", 0, None, None, "", "", [], rows)
    verdict = Verdict()
    judge_book("FX_BTC_JPY", given, published, [report], [], verdict, is_merged=False)
    assert len(verdict.failures) == failures


def test_a_book_that_is_live_and_old_is_found() -> None:
    book = OrderBook()
    book.apply_snapshot(msgspec.json.decode(BOOK[0].message, type=Board))
    # The first is the latest until the second comes, one nanosecond later.
    for at_ns, failures in ((2, 0), (1 + OLD_NS, 0), (2 + OLD_NS, 1)):
        verdict = Verdict()
        judge_age("FX_BTC_JPY", [Look(True, digest(book), at_ns)], BOOK, verdict, is_merged=False)
        assert len(verdict.failures) == failures
