"""The page's pure modules, called in the browser: the texts of frames, numbers, cell states."""

from __future__ import annotations

import json

from fulgurite.client import resolve_endpoint
from fulgurite.errors import InputError
from tests.page.visiting import call

FRAMES = {
    '{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"lightning_ticker_X","message":{}}}': (
        "lightning_ticker_X"
    ),
    '42["lightning_executions_X",[{"id":1}]]': "lightning_executions_X",
    '{"jsonrpc":"2.0","method":"subscribe","params":{"channel":"lightning_ticker_X"},"id":1}': "subscribe",
    '{"jsonrpc":"2.0","id":1,"result":true}': "result",
    '{"jsonrpc":"2.0","id":2,"error":{"code":-32602,"message":"invalid channel"}}': "error",
    '421["subscribe","lightning_ticker_X"]': "subscribe",
    "431[null]": "ack",
    '0{"sid":"x"}': "open",
    "40": "connect",
    "2": "ping",
    "3": "pong",
    "anything": "",
}


async def test_a_row_says_what_the_frame_is(blank):
    labels = await call(blank, "frametext", "a.map((text) => m.summarise(text).label)", list(FRAMES))
    assert dict(zip(FRAMES, labels, strict=True)) == FRAMES


async def test_pretty_printing_changes_nothing_but_space(blank):
    text = (
        '{"a":[{"price":5860832.0,"size":0.00000001},{"price":1e-8,"size":-0.0}],"b":"a, {\\"b\\": 1}","c":{},"d":[]}'
    )
    pretty = await call(blank, "frametext", "m.prettyPrint(a)", text)
    assert "\n" in pretty
    assert '{ "price": 5860832.0, "size": 0.00000001 }' in pretty
    assert json.loads(pretty) == json.loads(text)
    assert await call(blank, "frametext", "m.prettyPrint(a)", f"42{text}") == f"42\n{pretty}"


async def test_what_is_no_json_is_shown_as_it_came(blank):
    texts = ["", "2", "no json", '{"a":', "{]", '{"a" 1}', '{"a":1}}', "[1,]x", '42["a"']
    assert await call(blank, "frametext", "a.map(m.prettyPrint)", texts) == texts


async def test_numbers_are_written_for_people(blank):
    script = """[
        m.formatPrice(13665412), m.formatPrice(31.514), m.formatPrice(0.06218), m.formatPrice(31.5, 3),
        m.formatSize(0.0267539), m.formatSize(0.00000001), m.formatSize(0), m.formatSize(4226.35),
        m.formatBytes(999), m.formatBytes(20700), m.formatSpan(400), m.formatSpan(34_000), m.formatSpan(125_000),
        m.formatRate(0), m.formatRate(0.01), m.formatRate(0.2), m.formatRate(152.4),
    ]"""
    assert await call(blank, "format", script) == [
        "13,665,412", "31.514", "0.06218", "31.500",
        "0.0268", "0.00000001", "0.0000", "4,226.4",
        "999 B", "20.7 kB", "0.4 s", "34 s", "2 min 5 s",
        "0.0", "<0.1", "0.2", "152",
    ]  # fmt: skip


async def test_cells_tell_dead_channels_from_live_ones(blank):
    script = """[
        m.cellState(false, undefined, undefined, 0),
        m.cellState(true, undefined, undefined, 0),
        m.cellState(true, {channel: a, state: 'asked'}, 0, 0),
        m.cellState(true, {channel: a, state: 'acknowledged'}, 0, 1_000),
        m.cellState(true, {channel: a, state: 'acknowledged'}, 0, 20_000),
        m.cellState(true, {channel: a, state: 'receiving', last_ms: 0}, 0, 5_000),
        m.cellState(true, {channel: a, state: 'receiving', last_ms: 0}, 0, 20_000),
        m.cellState(true, {channel: 'lightning_executions_X', state: 'receiving', last_ms: 0}, 0, 20_000),
        m.cellState(true, {channel: a, state: 'refused', detail: 'invalid channel'}, 0, 0),
    ].map((cell) => cell.name)"""
    assert await call(blank, "channels", script, "lightning_ticker_X") == [
        "off", "chosen", "asked", "acknowledged", "silent", "receiving", "quiet", "receiving", "refused",
    ]  # fmt: skip


async def test_rates_come_from_totals_and_start_anew_with_a_connection(blank):
    module = "ratemeter"
    script = """(() => {
        const meter = new m.RateMeter();
        const take = (now_ms, frames, messages) =>
            meter.take({now_ms, frames, bytes: frames * 100, channels: [{channel: 'c', messages}]});
        for (let n = 0; n <= 40; n += 1) take(n * 250, n * 5, n * 2);
        const steady = [meter.channelRates().get('c'), meter.traffic().frames, meter.traffic().bytes];
        take(10_250, 0, 0);
        return [...steady, meter.channelRates().get('c'), meter.traffic().frames];
    })()"""
    assert await call(blank, module, script) == [8, 20, 2000, 0, 0]


async def test_a_channel_that_is_asked_for_again_is_counted_anew(blank):
    script = """a.map((counts) => {
        const meter = new m.RateMeter();
        counts.forEach((messages, n) => meter.take({now_ms: n * 1000, frames: n, bytes: n,
            channels: messages === null ? [] : [{channel: 'c', messages}]}));
        return meter.channelRates().get('c');
    })"""
    counts = [[100, 110, 0, 3, 6], [100, 110, None, 0, 3, 6], [1, 2, None, 0, 3, 6], [100, 110, 0]]
    assert await call(blank, "ratemeter", script, counts) == [3, 3, 3, 0]


async def test_both_languages_have_the_same_texts_with_the_same_values(blank):
    """But for the English sentences that the program gives, which Japanese words by the fields that come with them."""
    script = """import('/static/js/words/ja.js').then(({ja}) => {
        const values = (text) => (text.match(/\\{\\w+\\}/g) ?? []).filter((value) => value !== '{note}').sort();
        const fields = ['{code}', '{detail}', '{meaning}', '{span}', '{words}'];
        const differ = (key) => (m.en[key] === '{detail}'
            ? typeof ja[key] !== 'string' || values(ja[key]).some((value) => !fields.includes(value))
            : !m.en[key] || !ja[key] || values(m.en[key]).join() !== values(ja[key]).join());
        return [...new Set([...Object.keys(m.en), ...Object.keys(ja)])].filter(differ);
    })"""
    assert await call(blank, "words/en", script) == []


async def test_cells_cool_in_steps(blank):
    script = """a.map((ageMs) => m.warmth({name: 'receiving', ageMs}, 'lightning_ticker_X'))
        .concat(m.warmth({name: 'acknowledged', ageMs: 0}, 'lightning_ticker_X'),
            m.warmth({name: 'receiving', ageMs: 30_000}, 'lightning_executions_X'))"""
    ages = [0, 2_400, 2_600, 5_100, 7_600, 10_100, 12_600, 900_000]
    assert await call(blank, "channels", script, ages) == [6, 6, 5, 4, 3, 2, 1, 1, 0, 3]


async def test_a_silent_channel_gets_its_likeliest_reason(blank):
    script = """[
        ['lightning_ticker_X', {isListed: false, othersFlow: true, siblingsFlow: false}],
        ['lightning_ticker_X', {isListed: true, othersFlow: false, siblingsFlow: false}],
        ['lightning_executions_X', {isListed: true, othersFlow: true, siblingsFlow: true}],
        ['lightning_ticker_X', {isListed: true, othersFlow: true, siblingsFlow: true}],
        ['lightning_ticker_X', {isListed: true, othersFlow: true, siblingsFlow: false}],
        ['lightning_ticker_X', {isListed: null, othersFlow: true, siblingsFlow: false}],
    ].map(([channel, known]) => m.whySilent(channel, known))"""
    assert await call(blank, "channels", script) == [
        "silentUnlisted", "silentAll", "silentExecutions", "silentAlone", "silentProduct", "silentMaybeUnlisted",
    ]  # fmt: skip


LINKS = [
    "",
    "view=frames",
    "endpoint=live&dialect=socketio&language=ja",
    "endpoint=wss://example.com:9/json-rpc&http=https://example.com/v1",
    "product=BTC_JPY&channels=BTC_JPY,child_order_events,ticker:XRP_JPY&folded=left,right",
    "channels=",
    "charts=depth,candles&interval=60",
]


async def test_a_link_says_what_it_was_made_of(blank):
    assert await call(blank, "url", "a.map((text) => m.format(m.parse(text)))", LINKS) == LINKS


async def test_what_a_link_says_wrongly_is_as_on_a_first_visit(blank):
    wrong = [
        "view=x&dialect=y&product=no%20code&charts=x,y&interval=7&folded=z&language=fr",
        "channels=x,y:BTC_JPY",
        "%",
        "&&=&",
    ]
    assert await call(blank, "url", "a.map((text) => m.format(m.parse(text)))", wrong) == ["", "channels=", "", ""]


async def test_a_link_takes_no_address_that_may_hold_a_secret(blank):
    secret = [
        "endpoint=ws://me:hunter2@h/",
        "endpoint=ws://me@h/",
        "endpoint=ws://h/?key=hunter2",
        "endpoint=ws://h/%23hunter2",
        "endpoint=javascript:1",
        "endpoint=live&http=http://me:hunter2@h/v1",
    ]
    found = await call(blank, "url", "a.map((text) => m.parse(text)).map((p) => [p.url, p.http, p.refused])", secret)
    assert found == [["", "", True]] * len(secret)


async def test_an_address_that_the_backend_would_refuse_is_not_asked_for(blank):
    """The browser writes an error into its console for each answer with status 400, and none belongs there."""
    typed = [
        *("w", "ws:", "ws://", "ws://h", "ws://h:", "ws://h:0", "ws://h:00/x", "ws://h:7/json-rpc", "ws://h:99999"),
        *("ws://[", "ws://[::1]:7", "ws://me@h/", "ws://@h", "ws://me:pw@h/", "ws://h/#x", "ws://h/#", "ws://h/a b"),
        *("wss://h/json-rpc?token=x", "https://h?x=@", "ftp://h", "javascript:1", "live", "ws:///x", "ws://?x"),
    ]

    def is_taken(text: str) -> bool:
        try:
            resolve_endpoint(text)
        except InputError:
            return False
        return text != "live"

    found = await call(blank, "samples", "a.map(m.isAddress)", typed)
    assert {text for text, asked in zip(typed, found, strict=True) if asked and not is_taken(text)} == set()
    assert found[typed.index("ws://h:7/json-rpc")]
    assert found[typed.index("wss://h/json-rpc?token=x")]
    assert found[typed.index("ws://[::1]:7")]
