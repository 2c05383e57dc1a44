"""A sample that asks for a key, and gets no answer."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from fulgurite.samples.sample import Parameters
from tests.samples.installing import Installer, reason_to_skip
from tests.samples.running import running
from tests.samples.scenarios import CHANNELS, NO_TERMINAL, PRIVATE
from tests.samples.test_samples import SAMPLES


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("folder", ["node-json-rpc", "node-socketio", "typescript-json-rpc", "typescript-socketio"])
async def test_ctrl_d_at_the_prompt_ends_it_with_a_line(folder: str, tmp_path: Path) -> None:
    sample = SAMPLES[folder]
    if reason := await asyncio.to_thread(reason_to_skip, sample.manifest):
        pytest.skip(reason)
    installer = Installer(tmp_path)
    parameters = Parameters("ws://127.0.0.1:9/", (*CHANNELS, PRIVATE), True, 8)  # nothing is there, nor asked for
    place = await installer.install(sample, parameters)
    command = await installer.prepare(sample, parameters)
    async with running(*command, folder=place, environment=installer.environment, at_terminal=True) as run:
        await run.said.text_of("API key: ")
        assert run._master is not None
        os.write(run._master, b"\x04")
        assert await run.ended() == 1, run.said.tail()
    assert run.said.text.replace("API key: ", "").split("\n") == ["", NO_TERMINAL, ""], run.said.text
