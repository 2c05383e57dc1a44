"""Throws odd HTTP requests at an exchange over real sockets, several connections at once.

Every answer is below 500, nothing but uvicorn's word about malformed HTTP is logged, and afterwards the exchange still
trades. `test_httpfuzz.py` sends a small fixed number; any number by hand, from the root of the repository:

    .venv/bin/python -m tools.httpfuzz 100000 [SEED]
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from fulgurite.exchange.operations import MAX_BODY_BYTES
from fulgurite.protocol.auth import request_signature
from fulgurite.server.faults import FAULTS
from tests.exchangeprocess import ExchangeProcess, exchange_process
from tools.fuzzreport import FLAT_MIB, FuzzReport
from tools.protocolfuzz import TOKENS, mutilate

CONNECTIONS = 8
LONG_RUN = 50_000
"""From so many requests on memory must be flat: the histories of the accounts are at their bounds, or close to them."""

ANSWER_SECONDS = 60.0
"""A request that is not answered in this time hangs; nothing is measured with it."""

PATIENCE_SECONDS = 0.05
"""After so long a malformed request that is not answered is taken for one that the server waits for the end of."""

PUBLIC = ("markets", "board", "ticker", "executions", "getmarkets/usa", "getboard", "getboardstate", "gethealth")
READING = (
    *("getpermissions", "getbalance", "getcollateral", "getchildorders", "getparentorders", "getparentorder"),
    *("getexecutions", "getpositions", "gettradingcommission"),
)
ORDERING = ("sendchildorder", "sendparentorder", "cancelchildorder", "cancelparentorder", "cancelallchildorders")
CONTROL = ("faults", "faults/1", "faults/0", "faults/x", "published", "connections", "replay", "")
METHODS = ("GET", "GET", "POST", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "get", "X" * 30)
PRODUCTS = ("BTC_JPY", "FX_BTC_JPY", "ETH_BTC", "btc_jpy", "XRP_JPY", "BTCJPY_MAT1WK", "", "../x")
NAMES = (
    *("product_code", "count", "before", "after", "channel", "child_order_state", "parent_order_state"),
    *("child_order_id", "child_order_acceptance_id", "parent_order_id", "parent_order_acceptance_id", "from_date"),
)
# JSON texts that stand where a member's value should.
VALUES = (
    *("null", "true", "NaN", "-Infinity", "0", "-1", "-0.0", "1e-9", "0.123456789", "0.1234567891234567891234567891"),
    *("1e999", "1e-999", "1E400", "9" * 400, "1" + "0" * 30, "1.0", "10", "0.01", '"BUY"', '"sell"', '"MARKET"'),
    *('""', '"13640000"', '"\\ud800"', '"\\u0000"', '"' + "x" * 5_000 + '"', "[]", "{}", "[" * 2_000, '{"a":' * 2_000),
    *("[{}]", "[null,null]", '"LIMIT"', '"STOP_LIMIT"', '"TRAIL"', '"IFDOCO"', '"IOC"', '"FOK"', "43200", "43201"),
)
HEADERS = (
    *("Content-Length: -1", "Content-Length: 99999999999999999999", "Content-Length: x", "Transfer-Encoding: chunked"),
    *("Transfer-Encoding: gzip", "Expect: 100-continue", "Upgrade: websocket\r\nConnection: Upgrade", "Host: evil"),
    *("Origin: http://evil", "Connection: close", "X: " + "y" * 70_000, "A\x00: b", ": ", "Cookie: \xff", "Host:"),
)


class Bait(NamedTuple):
    """A request to send, and the expected fate of the connection."""

    data: bytes
    is_head: bool = False
    may_close: bool = False
    """The server may close the connection without an answer."""


class Baiter:
    """Makes requests; later ones use the answers to earlier ones.

    Args:
        rng: where chance comes from.
        host: for the header.
        credentials: key and secret of each account.
    """

    def __init__(self, rng: Random, host: str, credentials: list[tuple[str, str]]) -> None:
        self._rng = rng
        self._host = host
        self._credentials = credentials
        self._ids = ["JRF1"]
        self._prices = {"BTC_JPY": 13_000_000.0, "FX_BTC_JPY": 13_000_000.0}
        self._last_headers: list[str] = []

    def bait(self) -> Bait:
        """The next request."""
        kind = self._rng.choices((self._public, self._private, self._control, self._malformed), (20, 65, 10, 5))[0]
        return kind()

    def learn(self, body: bytes) -> None:
        """Take ids and prices from an answer."""
        try:
            answer = json.loads(body)
        except ValueError:
            return
        if not isinstance(answer, dict):
            return
        self._ids += [str(answer[name]) for name in NAMES if name in answer]
        del self._ids[:-50]
        if "ltp" in answer and answer.get("product_code") in self._prices:
            self._prices[answer["product_code"]] = answer["ltp"]

    def _public(self) -> Bait:
        rng = self._rng
        target = "/v1/" + rng.choice(PUBLIC) + self._query()
        return self._request(self._method("GET"), self._bent(target), b"", [])

    def _private(self) -> Bait:
        rng = self._rng
        path = rng.choice((*READING, *ORDERING * 3))
        is_order = path in ORDERING
        target = self._bent("/v1/me/" + path + ("" if is_order else self._query()))
        method = self._method("POST" if is_order else "GET")
        body = self._body(path) if is_order or rng.random() < 0.05 else b""
        return self._request(method, target, body, self._signed(method, target, body))

    def _control(self) -> Bait:
        rng = self._rng
        path = rng.choice(CONTROL)
        # All that was published is long, and rarely asked for in full.
        query = f"?after={rng.choice((10**17, 10**18, 'x', '-1', ''))}" if path == "published" else self._query()
        if path == "published" and rng.random() < 0.01:
            query = ""
        members = {"fault": rng.choice(sorted(FAULTS)), rng.choice(("code", "by", "seconds", "chance", "age")): 1}
        if rng.random() < 0.7:
            members["seconds"] = 0
        body = self._mangled(json.dumps(members)) if rng.random() < 0.8 else b""
        method = self._method(rng.choice(("GET", "POST", "DELETE")))
        return self._request(method, self._bent(f"/control/{path}{query}"), body, [])

    def _malformed(self) -> Bait:
        rng = self._rng
        choice = rng.randrange(4)
        if choice == 0:
            data = rng.randbytes(rng.randrange(1, 300))
        elif choice == 1:
            text = mutilate(rng)
            data = (text.encode(errors="surrogatepass") if isinstance(text, str) else text) or b"\r\n"
        elif choice == 2:
            header = rng.choice(HEADERS)
            head = f"{rng.choice(METHODS)} /v1/ticker HTTP/{rng.choice(('1.1', '1.0', '2', '9.9'))}\r\n{header}\r\n\r\n"
            data = head.encode("latin-1")
        else:  # an answer to a request that never ends
            data = b"POST /v1/me/sendchildorder HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
        return Bait(data, may_close=True)

    def _method(self, right: str) -> str:
        return right if self._rng.random() < 0.95 else self._rng.choice(METHODS)

    def _bent(self, target: str) -> str:
        """Now and then a target that is slightly another."""
        rng = self._rng
        if rng.random() < 0.95:
            return target
        place = rng.randrange(1, len(target) + 1)
        return (
            target[:place]
            + rng.choice(("/", "%00", "%ff", "..", "%2e%2e/", "//", "?", "#", "&&", ";", "%"))
            + target[place:]
        )

    def _query(self) -> str:
        rng = self._rng
        values = (
            *PRODUCTS,
            *self._ids[-3:],
            *map(str.strip, TOKENS),
            "1",
            "500",
            "-1",
            "0x10",
            "٣",
            "9" * 30,
            "ACTIVE",
        )
        pairs = [
            f"{rng.choice(NAMES)}={quote(rng.choice(values), errors='replace')}"
            for _ in range(rng.choice((0, 1, 1, 2, 4)))
        ]
        return "?" + "&".join(pairs) if pairs else ""

    def _body(self, path: str) -> bytes:
        rng = self._rng
        code = rng.choice(("BTC_JPY", "FX_BTC_JPY"))
        price = round(self._prices[code] * rng.uniform(0.98, 1.02))
        order: dict[str, object] = {
            "product_code": code,
            "side": rng.choice(("BUY", "SELL")),
            "size": 0.01,
            "price": price,
        }
        if path == "sendchildorder":
            body: dict[str, object] = order | {"child_order_type": rng.choice(("LIMIT", "MARKET", "MARKET"))}
        elif path == "sendparentorder":
            part = order | {
                "condition_type": rng.choice(("LIMIT", "STOP", "TRAIL")),
                "trigger_price": price,
                "offset": 9,
            }
            body = {"order_method": "SIMPLE", "parameters": [part], "minute_to_expire": rng.choice((1, 2, 43_200))}
        else:
            body = {"product_code": code, f"{path[6:].lower()}_acceptance_id": rng.choice(self._ids)}
            body["child_order_acceptance_id"] = body["parent_order_acceptance_id"] = rng.choice(self._ids)
        return self._mangled(json.dumps(body))

    def _mangled(self, body: str) -> bytes:
        """The body, as often as not with something wrong in it."""
        rng = self._rng
        chance = rng.random()
        if chance < 0.5:
            return body.encode()
        if chance < 0.8:  # a member has another value
            members = json.loads(body)
            name = rng.choice(sorted(members))
            members[name] = "the odd value"
            odd = json.dumps(members).replace('"the odd value"', rng.choice(VALUES))
            return odd.encode(errors="replace")
        if chance < 0.9:
            place = rng.randrange(len(body))
            odd = body[:place] + rng.choice(TOKENS) + body[place + rng.randrange(2) :]
            return odd.encode(errors="surrogatepass")
        if chance < 0.91:
            return body.encode() + b" " * rng.choice((MAX_BODY_BYTES - len(body), MAX_BODY_BYTES, 3 * MAX_BODY_BYTES))
        text = mutilate(rng)
        return text.encode(errors="surrogatepass") if isinstance(text, str) else text

    def _signed(self, method: str, target: str, body: bytes) -> list[str]:
        rng = self._rng
        key, secret = rng.choice(self._credentials)
        chance = rng.random()
        if chance < 0.05:
            return self._last_headers  # a signature of another request
        stamp = str(time.time())
        if chance < 0.10:
            odd = (
                "0",
                "-1",
                "NaN",
                "1e9",
                "9" * 30,
                "9" * 10,
                "9" * 13,
                f"{time.time() - 301:.0f}",
                "",
                "١٢٣",
                stamp + "0" * 50,
            )
            stamp = rng.choice(odd)
        elif chance < 0.12:
            key = rng.choice(("", "nobody", "é", "x" * 5_000))
        sign = request_signature(secret, stamp, method, target, body)
        if 0.12 <= chance < 0.14:
            sign = rng.choice(("", "é", sign.upper(), sign[:-1], "0" * 5_000))
        self._last_headers = [f"ACCESS-KEY: {key}", f"ACCESS-TIMESTAMP: {stamp}", f"ACCESS-SIGN: {sign}"]
        return self._last_headers

    def _request(self, method: str, target: str, body: bytes, headers: list[str]) -> Bait:
        rng = self._rng
        length = [f"Content-Length: {len(body)}"] if body else []
        data = body
        if body and rng.random() < 0.05:
            length = ["Transfer-Encoding: chunked"]
            half = len(body) // 2
            data = (
                b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:half], body[half:]) if part)
                + b"0\r\n\r\n"
            )
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._host}", *headers, *length]
        may_close = False
        if rng.random() < 0.01:
            lines.append(rng.choice(HEADERS))
            may_close = True
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")
        # Odd targets, methods and headers may be malformed to the server, which then closes after its answer.
        return Bait(head + data, is_head=method == "HEAD", may_close=may_close)


async def read_answer(reader: asyncio.StreamReader, is_head: bool) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one answer.

    Raises:
        asyncio.IncompleteReadError: the connection ends before it does.
    """
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status, *lines = head.rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    code = int(status.split()[1])
    if is_head or code in (204, 304):
        return code, headers, b""
    if headers.get("transfer-encoding") != "chunked":
        return code, headers, await reader.readexactly(int(headers.get("content-length", 0)))
    chunks = []
    while size := int(await reader.readline(), 16):
        chunks.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return code, headers, b"".join(chunks)


async def throw(exchange: ExchangeProcess, requests: int, seed: str, report: FuzzReport) -> None:
    """Send so many requests on one connection after the other."""
    rng = Random(seed)
    address = urlsplit(exchange.ready["http"])
    baiter = Baiter(rng, address.netloc, exchange.credentials)
    writer: asyncio.StreamWriter | None = None
    left, bait, is_new = requests, baiter.bait(), False
    while left:
        if writer is None:
            reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=2**20)
            is_new = True
        outcome, is_over = "", False
        try:
            writer.write(bait.data)
            async with asyncio.timeout(ANSWER_SECONDS):
                answering = asyncio.create_task(read_answer(reader, bait.is_head))
                if bait.may_close:
                    await asyncio.wait([answering], timeout=PATIENCE_SECONDS)
                    if not answering.done():
                        writer.write_eof()  # the rest of the request does not come
                code, headers, body = await answering
            outcome = str(code)
            assert code < 500, f"{code} to {bait.data[:2_000]!r}: {body[:500]!r}"
            baiter.learn(body)
            is_over = headers.get("connection") == "close"
        except (ConnectionError, asyncio.IncompleteReadError):
            if not bait.may_close and not is_new:
                # It was idle for uvicorn's 5 seconds; a client sends such a request again (RFC 9112, section 9.3.1).
                report.counts["sent again, since the connection had ended"] += 1
                writer.close()
                writer = None
                continue
            assert bait.may_close, f"no answer to {bait.data[:2_000]!r}"
            outcome, is_over = "closed without an answer", True
        except TimeoutError:
            raise AssertionError(f"no answer in {ANSWER_SECONDS:g} s to {bait.data[:2_000]!r}") from None
        report.counts[outcome] += 1
        report.thrown()
        if is_over or bait.may_close or rng.random() < 0.01:
            writer.close()
            writer = None
        left, bait, is_new = left - 1, baiter.bait(), False
    if writer is not None:
        writer.close()


async def trade(exchange: ExchangeProcess) -> None:
    """An order is accepted, executed and reported: the exchange has survived."""
    key, secret = exchange.credentials[-1]
    address = urlsplit(exchange.ready["http"])

    async def ask(method: str, path: str, body: bytes = b"") -> Any:
        stamp, target = str(time.time()), f"/v1/me/{path}"
        sign = request_signature(secret, stamp, method, target, body)
        lines = [f"{method} {target} HTTP/1.1", f"Host: {address.netloc}", f"ACCESS-KEY: {key}", f"ACCESS-SIGN: {sign}"]
        lines += [f"ACCESS-TIMESTAMP: {stamp}", f"Content-Length: {len(body)}", "Connection: close"]
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        code, _, answer = await read_answer(reader, is_head=False)
        writer.close()
        assert code == 200, answer
        return json.loads(answer)

    order = b'{"product_code":"BTC_JPY","child_order_type":"MARKET","side":"SELL","size":0.001}'
    accepted = await ask("POST", "sendchildorder", order)
    assert isinstance(accepted, dict)
    async with asyncio.timeout(ANSWER_SECONDS):
        accepted_id = accepted["child_order_acceptance_id"]
        # No event tells of it, so it is polled.
        while not await ask("GET", f"getexecutions?child_order_acceptance_id={accepted_id}"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def fuzz(exchange: ExchangeProcess, requests: int, seed: int, *, is_shown: bool) -> FuzzReport:
    """Send so many requests, see that nothing was amiss, and trade."""
    with FuzzReport(f"{requests:,} HTTP requests", requests, exchange, is_shown=is_shown) as report:
        async with asyncio.TaskGroup() as group:
            for number in range(CONNECTIONS):
                share = requests // CONNECTIONS + (number < requests % CONNECTIONS)
                group.create_task(throw(exchange, share, f"{seed} {number}", report))
    await trade(exchange)
    logged = set(exchange.errors().splitlines()) - {"WARNING: Invalid HTTP request received.", ""}
    assert not logged, "\n".join(sorted(logged))
    assert requests < LONG_RUN or report.growth_mib() < FLAT_MIB, report.memory
    return report


def run(requests: int, seed: int, *, is_shown: bool = False) -> FuzzReport:
    """Fuzz an exchange of its own."""
    # One account, so that all that is kept of it is soon at its bounds.
    with exchange_process("--seed", str(seed), "--no-rate-limits") as exchange:
        try:
            return asyncio.run(fuzz(exchange, requests, seed, is_shown=is_shown))
        except BaseException as error:
            error.add_note(exchange.errors()[-5_000:])
            raise


if __name__ == "__main__":
    run(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0, is_shown=True).show()
