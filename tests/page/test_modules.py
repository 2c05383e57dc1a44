"""The page's pure modules: their tests in JavaScript, and those that hold them to the Python beside them."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fulgurite import Gap, Message, playground, replay
from fulgurite.client import resolve_endpoint
from fulgurite.errors import InputError
from fulgurite.server.faults import FAULTS, parse_fault
from tests.parsing import parse

TESTS = Path(__file__).parent / "modules"
MODULES = Path(playground.__file__).parent / "static" / "js"
NODE = ("node", "--import", str(TESTS / "browser.mjs"))
TICKER = "lightning_ticker_BTC_JPY"

pytestmark = pytest.mark.usefixtures("node")


def run(*arguments: str, text: str = "") -> str:
    """The output of a program; where it fails, it is the error."""
    ended = subprocess.run(arguments, input=text, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def call(module: str, expression: str, argument: Any = None) -> Any:
    """Evaluate an expression in Node.js, with a module of the page as `m` and the argument as `a`."""
    script = f"""
        import * as m from {json.dumps((MODULES / f"{module}.js").as_uri())};
        const a = {json.dumps(argument)};
        console.log(JSON.stringify({expression}));
    """
    return json.loads(run(*NODE, "--input-type=module", "-", text=script))


@pytest.mark.parametrize("name", sorted(path.name for path in TESTS.glob("*.test.mjs")))
def test_a_module_passes_its_tests(name):
    run(*NODE, "--test", str(TESTS / name))


def test_an_address_that_the_backend_would_refuse_is_not_asked_for():
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

    found = call("address", "a.map(m.isAddress)", typed)
    assert {text for text, asked in zip(typed, found, strict=True) if asked and not is_taken(text)} == set()
    assert found[typed.index("ws://h:7/json-rpc")]
    assert found[typed.index("wss://h/json-rpc?token=x")]
    assert found[typed.index("ws://[::1]:7")]


def test_a_frame_is_code_that_holds_it_exactly():
    text = '421["subscribe","it\'s \\"日本\\" \\\\ \\n"]'
    sending, value, shell, script = call(
        "copycode",
        "[['python', 'ws://x/'], ['python', ''], ['shell', 'ws://x/'], ['javascript', '']]"
        ".map(([form, url]) => m.asCode(form, a, url))",
        text,
    )
    sent = next(node for node in ast.walk(parse(sending)) if isinstance(node, ast.Call) and _is_send(node))
    assert ast.literal_eval(sent.args[0]) == text
    names: dict[str, Any] = {}
    exec(value, names)
    assert names["content"] == json.loads(text[3:])
    assert run("sh", "-c", shell.split(" | ")[0]) == text + "\n"
    assert json.loads(run("node", "-e", f"{script}; console.log(JSON.stringify(content))")) == json.loads(text[3:])


def _is_send(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and node.func.attr == "send"


async def test_an_export_is_a_frame_log_without_keys(tmp_path: Path):
    message = f'{{"jsonrpc":"2.0","method":"channelMessage","params":{{"channel":"{TICKER}","message":' + (
        '{"product_code":"BTC_JPY","timestamp":"2026-01-01T00:00:01.5Z","ltp":105.0}}}'
    )
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
        {"type": "frame", "direction": "received", "at_ms": 1_767_225_601_750.125, "text": message},
        {"type": "frame", "direction": "received", "at_ms": 3.0, "text": message, "by_hand": True},
        {"type": "gap", "gaps": [gap]},
        {"type": "dropped", "count": 3},
    ]
    text = "".join(call("framelogfile", "a.map(m.logLines)", rows))
    assert "KEY" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line.get("event") for line in lines] == ["connecting", "closed", None, None, None, "gap"]
    assert (lines[1]["close_code"], lines[1]["close_reason"], lines[5]["close_code"]) == (1012, "", 1012)
    assert lines[4] == {"received_ns": 1_767_225_601_750_125_000, "frame": message}
    path = tmp_path / "export.jsonl"
    path.write_text(text)
    items = [item async for item in replay(path)]
    assert [item.channel for item in items if isinstance(item, Message | Gap)] == [TICKER, TICKER]


def test_every_preset_and_example_is_accepted_and_has_its_words():
    presets = call("presets", "m.PRESETS.map((p) => [p.id, p.faults?.('FX_BTC_JPY') ?? []])")
    for _, faults in presets:
        for fault in faults:
            parse_fault(fault)
    examples = call("presets", "m.EXAMPLES")
    for example in examples:
        parse_fault(example)
    assert {example["fault"] for example in examples} == set(FAULTS), "each fault of docs/faults.md has an example"
    for language in ("en", "ja"):
        words = call("words/all", f"m.{language}")
        for preset, _ in presets:
            assert all(words.get(f"flt{what}_{preset}") for what in "NRS"), preset
