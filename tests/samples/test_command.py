"""`fulgurite sample` as a user runs it."""

from __future__ import annotations

import json

import pytest

from fulgurite.samples.folders import find_samples
from tests.test_cli import finished


async def test_the_list_has_every_language_and_says_what_is_verified():
    status, output, _ = await finished("sample", "--list")
    assert status == 0
    rows = [line.split() for line in output.splitlines()]
    for sample in find_samples():
        row = next(row for row in rows if row[:2] == [sample.manifest.language, sample.manifest.dialect])
        assert sample.verified or row[-2:] == ["not", "verified"]
    status, output, _ = await finished("sample", "--list", "--json")
    assert (status, len(json.loads(output))) == (0, len(find_samples()))


async def test_without_output_the_source_is_printed():
    status, output, errors = await finished("sample", "--language", "python")
    assert (status, errors) == (0, "")
    assert 'ENDPOINT = "wss://ws.lightstream.bitflyer.com/json-rpc"\n' in output
    assert 'CHANNELS = ["lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"]\n' in output
    assert "AUTHENTICATE = False\nSILENCE_SECONDS = 60\n" in output


async def test_a_folder_gets_all_files_and_nothing_is_overwritten(tmp_path):
    folder = tmp_path / "my bot"
    arguments = ["sample", "--language", "python", "--channel", "board:FX_BTC_JPY", "--channel", "child_order_events"]
    arguments += ["--auth", "--endpoint", "embedded", "--silence", "9", "--output", str(folder)]
    status, output, errors = await finished(*arguments)
    assert status == 0, errors
    assert sorted(path.name for path in folder.iterdir()) == ["requirements.txt", "sample.py"]
    source = (folder / "sample.py").read_text()
    assert 'ENDPOINT = "ws://127.0.0.1:7351/json-rpc"\n' in source
    assert 'CHANNELS = ["lightning_board_FX_BTC_JPY", "child_order_events"]\n' in source
    assert "AUTHENTICATE = True\nSILENCE_SECONDS = 9\n" in source
    assert output.splitlines() == [
        f"cd '{folder}'",
        "python3 -m venv .venv",
        ".venv/bin/pip install -r requirements.txt",
        ".venv/bin/python sample.py",
    ]
    (folder / "sample.py").write_text("mine")
    status, output, errors = await finished(*arguments)
    assert (status, output) == (2, "")
    assert "sample.py" in errors
    assert (folder / "sample.py").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "accepted"),
    [
        ([], "python"),
        (["--language", "cobol"], "python"),
        (["--language", "python", "--channel", "nonsense"], "ticker:BTC_JPY"),
        (["--language", "python", "--channel", "child_order_events"], "auth"),
        (["--language", "python", "--endpoint", "ftp://x"], "embedded"),
        (["--language", "python", "--silence", "0"], "greater than or equal to 1"),
        (["--language", "python", "--json"], "--list"),
        (["--language", "python", "--output", "/dev/null/x"], "written to"),
    ],
)
async def test_what_cannot_be_meant_is_told_with_what_can(arguments, accepted):
    status, output, errors = await finished("sample", *arguments)
    assert (status, output) == (2, "")
    assert accepted in errors
    assert "Traceback" not in errors
