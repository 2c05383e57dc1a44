"""The samples as the page gets them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator

import httpx
import pytest

from fulgurite import playground
from fulgurite.client import Endpoint

WHAT = {"language": "python", "endpoint": "live", "channel": "lightning_ticker_BTC_JPY"}
EMBEDDED = Endpoint("embedded", "ws://127.0.0.1:7777/json-rpc", "http://127.0.0.1:7777")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with playground.run(EMBEDDED) as page, httpx.AsyncClient(base_url=page.plain_origin) as client:
        await client.get(page.plain_url)
        yield client


async def test_the_list_has_every_sample_with_what_it_takes(client):
    samples = (await client.get("samples.json")).json()
    python = next(each for each in samples if (each["language"], each["dialect"]) == ("python", "json-rpc"))
    assert python["title"] == "Python"
    assert python["requires"]
    assert python["is_page"] is False
    assert set(python) == {"language", "title", "dialect", "requires", "is_page", "verified", "cannot_verify"}


async def test_a_sample_has_its_parameters_its_files_and_its_steps(client):
    query = {
        "language": "python",
        "endpoint": "embedded",
        "channel": ["lightning_ticker_ETH_JPY", "child_order_events"],
    }
    sample = (await client.get("sample", params=query | {"auth": "true", "silence": "5"})).json()
    assert 'ENDPOINT = "ws://127.0.0.1:7777/json-rpc"\n' in sample["source"]
    assert 'CHANNELS = ["lightning_ticker_ETH_JPY", "child_order_events"]\n' in sample["source"]
    assert "AUTHENTICATE = True\nSILENCE_SECONDS = 5\n" in sample["source"]
    assert sample["files"][sample["name"]] == sample["source"]
    assert sample["steps"][-1] == ".venv/bin/python sample.py"


async def test_the_archive_is_the_folder(client):
    answer = await client.get("sample.zip", params=WHAT)
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    sample = (await client.get("sample", params=WHAT)).json()
    assert files == {f"python-json-rpc/{name}": text for name, text in sample["files"].items()}


@pytest.mark.parametrize("path", ["sample", "sample.zip"])
@pytest.mark.parametrize(
    ("field", "query"),
    [
        ("language", {}),
        ("language", {"language": "cobol"}),
        ("dialect", WHAT | {"dialect": "morse"}),
        ("channel", WHAT | {"channel": 'lightning_ticker_"'}),
        ("channel", WHAT | {"channel": "child_order_events"}),
        ("channel", WHAT | {"channel": ""}),
        ("channel", {"language": "python", "endpoint": "live"}),
        ("endpoint", {"language": "python", "channel": "lightning_ticker_BTC_JPY"}),
        ("endpoint", WHAT | {"endpoint": ""}),
        ("endpoint", WHAT | {"endpoint": "ftp://127.0.0.1"}),
        ("endpoint", WHAT | {"endpoint": 'ws://127.0.0.1/"+'}),
        ("auth", WHAT | {"auth": "yes"}),
        ("silence", WHAT | {"silence": "0"}),
        ("silence", WHAT | {"silence": "-1"}),
        ("query", WHAT | {"chanel": "lightning_ticker_BTC_JPY"}),
    ],
)
async def test_what_cannot_be_meant_is_answered_with_the_field_and_what_is_accepted(client, path, field, query):
    answer = await client.get(path, params=query)
    assert answer.status_code == 400
    assert answer.json()["field"] == field
    assert answer.json()["accepted"] in answer.json()["error"]


async def test_other_host_names_get_no_samples(client):
    assert (await client.get("samples.json", headers={"Host": "evil.example"})).status_code == 421
