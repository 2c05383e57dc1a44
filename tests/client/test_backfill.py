"""Paging of executions, against a plain model of the listing that grows while it is read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.client.backfill import PAGE_ROWS, Backfilled, ExecutionsBackfill
from fulgurite.errors import ConnectError, InputError

PRODUCT = "BTC_JPY"


def row(number: int) -> dict[str, object]:
    """As the HTTP API has it: other order of keys, other format of time."""
    return {
        "id": number,
        "side": "BUY",
        "price": 13_640_000,
        "size": 0.01,
        "exec_date": "2026-09-23T03:31:25.64",
        "buy_child_order_acceptance_id": f"JRF20260923-033125-{number:06}",
        "sell_child_order_acceptance_id": "JRF20260923-033124-000001",
    }


class Listing:
    """The HTTP API's answer: newest first, up to `count` rows, between `after` and `before`."""

    def __init__(self, ids: list[int], limit: int = PAGE_ROWS) -> None:
        self.ids = sorted(ids)
        self.limit = limit
        self.asked: list[dict[str, str]] = []

    def answer(self, query: dict[str, str]) -> bytes:
        self.asked.append(query)
        assert query["product_code"] == PRODUCT
        before, after = int(query.get("before", 10**18)), int(query.get("after", -1))
        ids = [number for number in self.ids if after < number < before]
        return json.dumps([row(number) for number in ids[::-1][: min(int(query["count"]), self.limit)]]).encode()


def run(backfill: ExecutionsBackfill, listing: Listing) -> Backfilled:
    while (query := backfill.query()) is not None:
        backfill.receive(listing.answer(query))
    return backfill.result()


def ids(result: Backfilled) -> list[int]:
    assert [json.loads(text) for text in result.rows] == [row(execution.id) for execution in result.executions]
    return [execution.id for execution in result.executions]


def test_what_lies_between_two_known_executions_takes_one_request():
    listing = Listing([5, 7, 8, 12, 20, 21])
    result = run(ExecutionsBackfill(PRODUCT, 7, 20), listing)
    assert (ids(result), result.problem, result.is_complete) == ([8, 12], "", True)
    assert listing.asked == [{"product_code": PRODUCT, "count": "500", "before": "21", "after": "6"}]


def test_more_than_a_page_is_paged_downwards():
    listing = Listing(list(range(1, 1400)))
    result = run(ExecutionsBackfill(PRODUCT, 10, 1300), listing)
    assert (ids(result), result.is_complete) == (list(range(11, 1300)), True)
    assert [query["before"] for query in listing.asked] == ["1301", "801", "301"]


def test_without_an_end_it_fetches_up_to_the_newest():
    listing = Listing([3, 5, 9])
    result = run(ExecutionsBackfill(PRODUCT, 3), listing)
    assert (ids(result), result.is_complete) == ([5, 9], True)
    assert "before" not in listing.asked[0]


def test_from_the_beginning_it_ends_with_an_empty_page():
    assert ids(run(ExecutionsBackfill(PRODUCT, 0, 9), Listing([3, 5, 9]))) == [3, 5]
    result = run(ExecutionsBackfill(PRODUCT, 0), Listing([]))
    assert (ids(result), result.is_complete) == ([], True)


def test_adjacent_ids_have_nothing_between_them_and_nothing_is_asked():
    backfill = ExecutionsBackfill(PRODUCT, 7, 8)
    assert backfill.query() is None
    assert backfill.result().is_complete


@pytest.mark.parametrize(
    ("listed", "fetched", "may_improve", "problem"),
    [
        # Older than 31 days, or forgotten.
        (
            [12, 20],
            [12],
            False,
            "the execution 7, where the gap begins, is not listed; the list reaches back 31 days",
        ),
        # HTTP lags behind the stream.
        ([7, 12], [12], True, "the execution 20, where the gap ends, is not listed yet"),
    ],
)
def test_a_listing_that_does_not_reach_from_end_to_end_is_told(listed, fetched, may_improve, problem):
    result = run(ExecutionsBackfill(PRODUCT, 7, 20), Listing(listed))
    assert (ids(result), result.problem, result.is_complete) == (fetched, problem, False)
    assert result.may_improve == may_improve


def test_pages_are_limited_and_the_older_ones_stay_missing():
    result = run(ExecutionsBackfill(PRODUCT, 1, 2001, max_pages=2), Listing(list(range(1, 2002))))
    assert ids(result) == list(range(1002, 2001))
    assert result.problem == "only the newest 1000 were requested, back to 1002"


def test_rows_without_id_and_rows_that_cannot_be_read_are_counted():
    page = [row(20), row(0), {"id": 13}, row(12), row(12), "?", row(7)]
    backfill = ExecutionsBackfill(PRODUCT, 7, 20)
    backfill.receive(json.dumps(page).encode())
    assert backfill.query() is None
    result = backfill.result()
    assert ids(result) == [12]
    assert result.problem == "2 rows could not be read; 1 executions without an id cannot be placed"


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"[1,", b"\xff", b"[" * 100_000, b'[{"id":1}]\x00'])
def test_an_answer_that_is_no_list_ends_it(body):
    backfill = ExecutionsBackfill(PRODUCT, 7, 20)
    backfill.receive(body)
    assert backfill.query() is None
    assert "no list" in backfill.result().problem


def test_a_server_that_ignores_before_is_not_asked_for_ever():
    listing = Listing(list(range(1, 1400)))
    backfill = ExecutionsBackfill(PRODUCT, 10, 1300)
    asked = 0
    while (query := backfill.query()) is not None:
        backfill.receive(listing.answer({key: value for key, value in query.items() if key != "before"}))
        asked += 1
    assert asked == 2
    assert not backfill.result().is_complete


def test_a_request_that_failed_keeps_what_came_before_it():
    backfill = ExecutionsBackfill(PRODUCT, 1, 1000)
    query = backfill.query()
    assert query
    assert "not all pages" in backfill.result().problem
    backfill.receive(Listing(list(range(1, 1001))).answer(query))
    error = ConnectError("http://127.0.0.1:1/v1", "refused")
    backfill.fail(error)
    assert backfill.query() is None
    result = backfill.result()
    assert (ids(result), result.error, result.problem) == (list(range(501, 1000)), error, str(error))
    assert result.may_improve


@pytest.mark.parametrize(
    ("field", "arguments"), [("after", (-1, 5)), ("before", (5, 5)), ("before", (5, 4)), ("max_pages", (5, 6, 0))]
)
def test_what_cannot_be_meant_is_refused(field, arguments):
    with pytest.raises(InputError) as raised:
        ExecutionsBackfill(PRODUCT, *arguments)
    assert raised.value.field == field


@given(st.data())
def test_nothing_is_lost_or_doubled_while_the_listing_grows(data):
    """It is complete exactly if both bounds are listed and the pages suffice, and its executions are always true."""
    listed = data.draw(st.lists(st.integers(1, 60), unique=True, max_size=60))
    after = data.draw(st.integers(0, 60))
    before = data.draw(st.none() | st.integers(after + 1, 61))
    limit, max_pages = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 70))
    listing = Listing(listed, limit)
    newest = max(listed, default=0)
    backfill = ExecutionsBackfill(PRODUCT, after, before, max_pages)
    asked = 0
    while (query := backfill.query()) is not None:
        backfill.receive(listing.answer(query))
        asked += 1
        # New executions are newer than the gap.
        listing.ids += [max(newest, 61) + asked]
    result = backfill.result()
    between = [number for number in sorted(listed) if after < number and (before is None or number < before)]
    assert asked <= max_pages
    found = ids(result)
    # Without gaps in between: only the older end may be missing.
    assert found == between[len(between) - len(found) :]
    if result.is_complete:
        assert found == between
        assert before == after + 1 or ((not after or after in listed) and (before is None or before in listed))
    elif (not after or after in listed) and (before is None or before in listed):
        assert asked == max_pages
