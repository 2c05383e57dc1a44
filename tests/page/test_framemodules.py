"""What the frames view is made of, called in the browser: the log, the filter, latencies, code, and the export."""

from __future__ import annotations

import ast
import asyncio
import json
from pathlib import Path
from typing import Any

from fulgurite import Gap, Message, replay
from tests.page.visiting import call
from tests.parsing import parse

TICKER = "lightning_ticker_BTC_JPY"
RPC = (
    f'{{"jsonrpc":"2.0","method":"channelMessage","params":{{"channel":"{TICKER}","message":'
    '{"product_code":"BTC_JPY","timestamp":"2026-01-01T00:00:01.5Z","ltp":105.0,"bids":[{"price":1.0,"size":3.0}]}}}'
)
SIO = f'42["{TICKER}",{{"product_code":"BTC_JPY","ltp":105.0,"bids":[{{"price":1.0,"size":3.0}}]}}]'


async def test_the_log_keeps_the_newest_rows(blank):
    script = """(() => {
        const log = new m.FrameLog();
        for (let n = 0; n < 600; n += 1) {
            log.add(Array.from({length: 100}, (_, k) => ({type: 'frame', text: String(n * 100 + k), direction: 'x'})));
        }
        const [first, last] = [log.slice(0, 1)[0], log.slice(log.count - 1, log.count)[0]];
        return [log.count, first.text, last.text, last.seq - first.seq, log.gone, log.ring.slots.length];
    })()"""
    assert await call(blank, "framelog", script) == [50_000, "10000", "59999", 49_999, 10_000, 50_000]


async def test_the_log_is_bounded_by_characters_too(blank):
    script = """(() => {
        const log = new m.FrameLog();
        for (let n = 0; n < 100; n += 1) log.add([{type: 'frame', text: 'x'.repeat(1_000_000)}]);
        return [log.count, log.ring.characters, log.ring.slots.filter(Boolean).length];
    })()"""
    assert await call(blank, "framelog", script) == [64, 64_000_000, 64]


async def test_what_waits_while_paused_is_bounded_and_its_loss_is_told(blank):
    script = """(() => {
        const log = new m.FrameLog();
        log.add([{type: 'frame', text: 'before'}]);
        log.setPaused(true);
        log.add(Array.from({length: 50_010}, (_, k) => ({type: 'frame', text: String(k)})));
        const during = [log.count, log.waiting, log.held.length];
        log.setPaused(false);
        const rows = log.slice(0, log.count);
        return [...during, log.count, log.waiting, rows[0].text, rows.at(-1).text, log.held.length];
    })()"""
    # The row that says how many were lost has gone itself, as the oldest do.
    assert await call(blank, "framelog", script) == [1, 50_010, 50_000, 50_000, 0, "10", "50009", 0]


async def test_a_short_pause_loses_nothing(blank):
    script = """(() => {
        const log = new m.FrameLog();
        log.add([{type: 'frame', text: 'a'}]);
        log.setPaused(true);
        log.add([{type: 'frame', text: 'b'}]);
        log.setPaused(false);
        log.add([{type: 'frame', text: 'c'}]);
        return log.slice(0, 9).map((row) => row.text);
    })()"""
    assert await call(blank, "framelog", script) == ["a", "b", "c"]


async def test_a_filter_is_applied_in_slices_and_to_what_comes_later(blank):
    script = """(() => {
        const log = new m.FrameLog();
        const add = (from, to) => log.add(
            Array.from({length: to - from}, (_, k) => ({type: 'frame', text: String(from + k)})));
        add(0, 1000);
        log.setFilter((row) => row.text.endsWith('7'));
        let asked = 0;
        const first = [log.scan(() => ++asked > 3), log.count, log.progress];
        const done = [log.scan(() => false), log.count, log.progress];
        add(1000, 1100);
        const later = [log.scan(() => false), log.count, log.slice(0, 2).map((row) => row.text)];
        add(1100, 51_100);
        log.scan(() => false);
        const full = [log.count, log.gone, log.slice(0, 1)[0].text];
        log.setFilter(null);
        return [first, done, later, full, log.count];
    })()"""
    assert await call(blank, "framelog", script) == [
        [False, 6, 0.06], [True, 100, 1], [True, 110, ["7", "17"]], [5000, 110, "1107"], 50_000,
    ]  # fmt: skip


# --- the filter


PATHS = [
    ("message.ltp > 100", True),
    ("message.ltp>100", True),
    ("message.ltp > 105", False),
    ("message.ltp >= 105", True),
    ("message.ltp < 1e3", True),
    ("message.ltp <= 104.99", False),
    ("message.ltp = 105", True),
    ("message.ltp == 105.0", True),
    ("message.ltp != 105", False),
    ("message.ltp", True),
    ("message.nope", False),
    ("message.nope != 1", False),
    ("message.product_code = BTC_JPY", True),
    ("message.product_code = 'BTC_JPY'", True),
    ('message.product_code = "ETH_JPY"', False),
    ("message.product_code > 100", False),
    (f"channel = {TICKER}", True),
    ("channel ~ TICKER", True),
    ("channel ~ board", False),
    ("message.bids[0].size = 3", True),
    ("message.bids[1].size = 3", False),
    ("message.bids[*].size > 2", True),
    ("message.*.size > 2", False),
    ("message.ltp > 100 and channel ~ ticker", True),
    ("message.ltp > 200 and channel ~ ticker", False),
    ("message.ltp > 200 or channel ~ ticker", True),
    ("message.ltp > 200 && channel ~ x || message.ltp > 1", True),
    ("  ", True),
]


async def test_a_path_finds_frames_of_both_dialects(blank):
    script = """a.map(([text, path]) => {
        const {condition, fault} = m.parseFilter(path);
        return fault ?? (condition === null || condition(m.frameContent(text)));
    })"""
    for frame in (RPC, SIO):
        found = await call(blank, "framepath", script, [(frame, path) for path, _ in PATHS])
        assert list(zip([path for path, _ in PATHS], found, strict=True)) == PATHS


async def test_a_path_from_the_root_is_of_the_frame_as_it_is(blank):
    script = "a.map(([text, path]) => m.parseFilter(path).condition(m.frameContent(text)))"
    cases = [[RPC, "$.params.message.ltp > 100"], [RPC, "$.method = channelMessage"], [RPC, "params.channel ~ ticker"]]
    cases += [[SIO, "$[1].ltp > 100"], [SIO, f"$[0] = {TICKER}"], ["[]", "$"], ["null", "$"], ["[1, null]", "$[1]"]]
    assert await call(blank, "framepath", script, cases) == [True] * len(cases)


FAULTS = [
    ("message.ltp >", "pathValue", ""),
    ("message.ltp > >", "pathValue", ">"),
    ("> 100", "pathName", ">"),
    ("message.ltp > 100 and", "pathEnd", ""),
    ("message.ltp 100", "pathRest", "100"),
    ("message[x]", "pathClose", "message[x]"),
    ("message.bids[", "pathClose", "message.bids["),
    ("(message.ltp)", "pathName", "("),
    ('"a" = 1', "pathName", '"a"'),
]


async def test_what_is_no_path_is_said(blank):
    script = "a.map((path) => m.parseFilter(path)).map(({condition, fault}) => [condition, fault.error, fault.near])"
    found = await call(blank, "framepath", script, [path for path, *_ in FAULTS])
    assert found == [[None, error, near] for _, error, near in FAULTS]


async def test_any_text_in_the_filter_is_a_path_or_a_fault(blank):
    """Whatever is typed, nothing throws and nothing hangs."""
    script = """(() => {
        const parts = ['message', '.', 'ltp', '[', ']', '*', '0', '>', '=', '~', '"', "'", ' ', 'and', 'or', '$',
            '\\\\', '(', 'é'];
        let seed = 7;
        const random = (n) => { seed = (seed * 48271) % 2147483647; return seed % n; };
        let faults = 0;
        for (let n = 0; n < 20_000; n += 1) {
            const text = Array.from({length: random(12)}, () => parts[random(parts.length)]).join('');
            const {condition, fault} = m.parseFilter(text);
            if (condition) condition({params: {channel: 'c', message: {ltp: 1}}});
            faults += fault ? 1 : 0;
            if (fault && condition) return text;
        }
        return faults > 1000 && m.parseFilter('['.repeat(100_000)).fault !== null;
    })()"""
    assert await call(blank, "framepath", script) is True


# --- latencies


async def test_answers_are_told_from_their_requests(blank):
    script = """(() => {
        const times = new m.AnswerTimes();
        return a.map(([direction, at_ms, text, by_hand]) => times.take({direction, at_ms, text, by_hand: !!by_hand}));
    })()"""
    frames = [
        ("sent", 0, '{"jsonrpc":"2.0","method":"subscribe","params":{"channel":"c"},"id":1}'),
        ("sent", 1, '{"jsonrpc":"2.0","method":"subscribe","params":{"channel":"c"},"id":1}', True),
        ("received", 5, '{"jsonrpc":"2.0","id":1,"result":true}'),
        ("received", 9, '{"jsonrpc":"2.0","id":1,"error":{"code":-32602}}', True),
        ("received", 10, '{"jsonrpc":"2.0","id":1,"result":true}'),
        ("received", 11, '{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"c","message":{"id":1}}}'),
        ("sent", 20, '421["subscribe","c"]'),
        ("received", 22, "431[null]"),
        ("received", 23, "432[null]"),
        ("sent", 30, "2"),
        ("received", 31.5, "3"),
        ("received", 32, "3"),
    ]
    wanted = [None, None, 5, 8, None, None, None, 2, None, None, 1.5, None]
    assert await call(blank, "latency", script, frames) == wanted


async def test_requests_that_are_never_answered_are_forgotten(blank):
    script = """(() => {
        const times = new m.AnswerTimes();
        for (let id = 0; id < 5000; id += 1) times.take({direction: 'sent', at_ms: 0, text: `{"id":${id}}`});
        return times.sent.size;
    })()"""
    assert await call(blank, "latency", script) == 1000


async def test_a_message_has_the_latency_of_its_newest_time(blank):
    at_ms = 1_767_225_601_750  # a quarter of a second after the ticker's time
    executions = '42["c",[{"id":1,"exec_date":"2026-01-01T00:00:00.0Z"},{"id":2,"exec_date":"2026-01-01T00:00:01.7Z"}]]'
    texts = [RPC, executions, "3", '42["c",{"mid_price":1.0}]', '42["c",{"timestamp":"1999-01-01T00:00:00"}]']
    script = "a[1].map((text) => m.messageLatency({direction: 'received', at_ms: a[0], text}))"
    assert await call(blank, "latency", script, [at_ms, texts]) == [250, 50, None, None, None]


# --- code


async def test_a_frame_is_code_that_holds_it_exactly(blank):
    text = '421["subscribe","it\'s \\"日本\\" \\\\ \\n"]'
    python = await call(blank, "copycode", "m.asCode('python', a, 'ws://x/')", text)
    sent = next(node for node in ast.walk(parse(python)) if isinstance(node, ast.Call) and _is_send(node))
    assert ast.literal_eval(sent.args[0]) == text
    value = await call(blank, "copycode", "m.asCode('python', a, '')", text)
    names: dict[str, Any] = {}
    exec(value, names)
    assert names["content"] == json.loads(text[3:])
    shell = await call(blank, "copycode", "m.asCode('shell', a, 'ws://x/')", text)
    printing = await asyncio.create_subprocess_exec("sh", "-c", shell.split(" | ")[0], stdout=asyncio.subprocess.PIPE)
    assert (await printing.communicate())[0].decode() == text + "\n"
    script = await call(blank, "copycode", "m.asCode('javascript', a, '')", text)
    assert await blank.evaluate(f"(() => {{ {script}; return content; }})()") == json.loads(text[3:])


def _is_send(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and node.func.attr == "send"


async def test_the_address_is_that_of_the_dialect(blank):
    script = "a.map(([address, dialect]) => m.socketUrl(address, dialect))"
    live, query = "wss://ws.lightstream.bitflyer.com/json-rpc", "EIO=3&transport=websocket"
    cases = [
        (live, "json-rpc"), (live, "socketio"), ("http://127.0.0.1:9", "json-rpc"), ("ws://h:9/json-rpc", "socketio"),
    ]  # fmt: skip
    assert await call(blank, "copycode", script, cases) == [
        live, f"wss://io.lightstream.bitflyer.com/socket.io/?{query}", "ws://127.0.0.1:9/json-rpc",
        f"ws://h:9/socket.io/?{query}",
    ]  # fmt: skip


# --- export


async def test_an_export_is_a_frame_log_without_keys(blank, tmp_path: Path):
    gap = {
        "channel": TICKER,
        "reason": "r",
        "from_ms": 1.0,
        "to_ms": 2.5,
        "repaired": "none",
        "recovered": 0,
        "code": 1012,
    }
    rows = [
        {"type": "status", "kind": "connecting", "at_ms": 1.0, "detail": "ws://x", "code": None, "words": None},
        {"type": "status", "kind": "unreachable", "at_ms": 1.5, "detail": "no", "code": 1012, "words": ""},
        {"type": "status", "kind": "hand_open", "at_ms": 1.5, "detail": "no"},
        {"type": "frame", "direction": "sent", "at_ms": 1.25, "text": '420["auth",{"api_key":"KEY"}]'},
        {"type": "frame", "direction": "sent", "at_ms": 1.25, "text": '{"method":"auth","params":{"api_key":"KEY"}}'},
        {"type": "frame", "direction": "received", "at_ms": 1_767_225_601_750.125, "text": RPC},
        {"type": "frame", "direction": "received", "at_ms": 3.0, "text": RPC, "by_hand": True},
        {"type": "gap", "gaps": [gap]},
        {"type": "dropped", "count": 3},
    ]
    text = "".join(await call(blank, "exportlog", "a.map(m.logLines)", rows))
    assert "KEY" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line.get("event") for line in lines] == ["connecting", "closed", None, None, None, "gap"]
    assert (lines[1]["close_code"], lines[1]["close_reason"], lines[5]["close_code"]) == (1012, "", 1012)
    assert lines[4] == {"received_ns": 1_767_225_601_750_125_000, "frame": RPC}
    path = tmp_path / "export.jsonl"
    path.write_text(text)
    items = [item async for item in replay(path)]
    assert [item.channel for item in items if isinstance(item, Message | Gap)] == [TICKER, TICKER]


EXECUTIONS = (
    '{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"lightning_executions_BTC_JPY","message":'
    '[{"id":7,"side":"BUY","price":100.0,"size":"0.10"},{"id":8,"side":"SELL","price":99.0,"size":"0.2"}]}}'
)
SAME = [
    ("price=100", ['"price":100.0']),
    ("price == 100.00", ['"price":100.0']),
    ("price = '100'", ['"price":100.0']),
    ("side=BUY", ['"side":"BUY"']),
    ('side == "SELL"', ['"side":"SELL"']),
    ("size = 0.1", ['"size":"0.10"']),
    ("message[1].id", ['"id":8']),
    ("$.params.message[*].price < 100", ['"price":99.0']),
    ("channel ~ executions", ['"channel":"lightning_executions_BTC_JPY"']),
    ("side=BUY and id = 8", ['"side":"BUY"', '"id":8']),
    ("message", ['"message":']),
    ("price = 1", []),
]


async def test_equal_is_equal_for_numbers_and_text_and_what_is_found_is_marked(blank):
    script = """(async () => {
        const fields = await import('/static/js/framefields.js');
        return a[1].map((path) => {
            const {condition, comparisons} = m.parseFilter(path);
            const spans = fields.foundSpans(a[0], '', comparisons);
            return [condition(m.frameContent(a[0])), spans.map(([from, to]) => a[0].slice(from, to))];
        });
    })()"""
    found = await call(blank, "framepath", f"await {script}", [EXECUTIONS, [path for path, _ in SAME]])
    assert found == [[bool(marked), marked] for _, marked in SAME]


async def test_text_is_marked_wherever_it_stands_set_out_or_not(blank):
    script = "a[1].map((part) => m.foundSpans(a[0], part, []).map(([from, to]) => a[0].slice(from, to)))"
    text = '{"side": "BUY", "price": 100.0, "note": "buy (1.5)"}'
    parts = ["buy", '"side":"BUY","price"', "(1.5)", "nothing"]
    assert await call(blank, "framefields", script, [text, parts]) == [
        ["BUY", "buy"], ['"side": "BUY", "price"'], ["(1.5)"], [],
    ]  # fmt: skip


async def test_the_fields_that_frames_have_are_told_as_one_writes_them(blank):
    script = "m.fieldsOf(a).concat(m.likeliest('message.best_bit', m.fieldsOf(a)).slice(0, 1))"
    rpc = RPC.replace('"ltp"', '"best_bid":1,"ltp"')
    fields = ["jsonrpc", "method", "channel", "message.product_code", "message.timestamp", "message.best_bid"]
    fields += ["message.ltp", "message.bids[*].price", "message.bids[*].size", "message.best_bid"]
    assert await call(blank, "framefields", script, [rpc, "3", "no JSON", '{"a":']) == fields
    assert await call(blank, "framefields", "m.fieldsOf(a)", [SIO, '421["subscribe","x"]', "[[[["]) == [
        "channel", "message.product_code", "message.ltp", "message.bids[*].price", "message.bids[*].size", "message",
    ]  # fmt: skip


async def test_a_text_is_compared_whatever_its_case_unless_it_is_quoted(blank):
    script = "a.map((path) => m.parseFilter(path).condition({side: 'BUY'}))"
    paths = ["side = buy", "side = Buy", "side == BUY", 'side = "BUY"', 'side = "buy"', "side != buy", "side != sell"]
    assert await call(blank, "framepath", script, paths) == [True, True, True, True, False, False, True]


async def test_the_fields_most_like_what_was_written_come_first(blank):
    fields = [
        "jsonrpc", "id", "method", "channel", "message.product_code", "message.state", "message.best_bid",
        "message.best_ask", "message.total_bid_depth", "message.ltp", "message.bids[*].price", "message.bids[*].size",
        "message[*].side", "message[*].price", "message[*].exec_date",
    ]  # fmt: skip
    script = "a[0].map((path) => m.likeliest(path, a[1]))"
    found = await call(
        blank, "framefields", script, [["bid", "message.LTP", "pirce", "params.side", "ask", "zzzzzz"], fields]
    )
    assert found[0][:2] == ["message.best_bid", "message.total_bid_depth"]
    assert "id" not in found[0][:2]
    assert found[1][0] == "message.ltp"
    assert set(found[2][:2]) == {"message.bids[*].price", "message[*].price"}
    assert found[3][0] == "message[*].side"
    assert found[4][0] == "message.best_ask"
    assert found[5]  # nothing is like it: some are shown all the same


async def test_nothing_unseen_is_shown_as_it_is(blank):
    texts = ["abc\u202edcba", "a\u200bb\ufeff", "\x00\x1b[31m", "\ud800x", "a\nb\tc", "日本 é 😀", "e" + "\u0301" * 50]
    texts += ["\U000e0041", "\u3164", "\u2066x\u2069", "\u061c"]
    assert await call(blank, "visible", "a.map(m.visible)", texts) == [
        "abc\\u202edcba", "a\\u200bb\\ufeff", "\\u0000\\u001b[31m", "\\ud800x", "a\nb\tc", "日本 é 😀",
        "e\u0301\u0301…", "\\udb40\\udc41", "\\u3164", "\\u2066x\\u2069", "\\u061c",
    ]  # fmt: skip
