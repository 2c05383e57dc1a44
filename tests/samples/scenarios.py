"""The faults and events that a sample must survive: one function each, all with the same argument."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import socket
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple

from fulgurite.protocol.choices import AUTHENTICATION_FAILED
from fulgurite.samples.sample import Parameters
from tests.exchangeprocess import ExchangeProcess
from tests.samples.running import Running, Said

PRODUCT = "FX_BTC_JPY"
CHANNELS = TICKER, BOARD, EXECUTIONS = tuple(
    f"lightning_{kind}_{PRODUCT}" for kind in ("ticker", "board", "executions")
)
PRIVATE = "child_order_events"
SILENCE = 8
"""Seconds. At SPEED they are 48 s of the market, and its calm times are hardly ever so long without a trade."""
SPEED = "6"
HEARTBEAT_MESSAGES = 90
"""Tickers come every 500 ms of the exchange's time at most: these take 7.5 s."""

NO_TERMINAL = "error: no API key was typed: run this in a terminal, with nothing redirected"
LOST = re.compile(r"lost: \S.*; again in (\d+\.\d) s")


class Trial:
    """A sample that runs, and the exchange that it listens to.

    Args:
        exchange: its own.
        run: the sample.
        channels: its subscriptions.
        is_ours: whether it uses our own client, which waits longer, and does not leave a connection as soon.
    """

    def __init__(self, exchange: ExchangeProcess, run: Running, channels: tuple[str, ...], is_ours: bool) -> None:
        self.exchange = exchange
        self.run = run
        self.is_ours = is_ours
        self.said = run.said
        self._channels = channels

    async def ask(self, path: str, body: object = None, method: str | None = None) -> Any:
        """Ask the control API."""
        return json.loads(await asyncio.to_thread(self.exchange.control, path, body, method))

    async def give(self, fault: str, **members: object) -> None:
        """Let something go wrong from now on."""
        await self.ask("faults", {"fault": fault, **members})

    async def end_faults(self) -> None:
        await self.ask("faults", method="DELETE")

    async def connection(self) -> dict[str, Any]:
        """The newest connection, as the exchange knows it."""
        newest: dict[str, Any] = (await self.ask("connections"))[-1]
        return newest

    async def flows(self) -> None:
        """Every channel brings a message from now on."""
        before = len(self.said.messages)
        for channel in self._channels:
            if channel != PRIVATE:
                await self.said.message(channel, before)

    async def event(self, pattern: str, after: int) -> re.Match[str]:
        """The first event that matches, of those after a number of events."""

        def find() -> re.Match[str] | None:
            return next(filter(None, (re.fullmatch(pattern, event) for event in self.said.events[after:])), None)

        await self.said.until(find, repr(pattern))
        found = find()
        assert found
        return found

    async def losses(self, number: int, after: int) -> list[float]:
        """The delays that it announces at so many endings after a number of events, in seconds."""

        def delays() -> list[float]:
            return [float(found[1]) for event in self.said.events[after:] if (found := LOST.fullmatch(event))]

        await self.said.until(lambda: len(delays()) >= number, f"{number} lines that match {LOST.pattern!r}")
        return delays()[:number]

    def stayed(self, after: int) -> None:
        """It has lost no connection after a number of events, other than to an exchange that had no time to trade.

        Then it hears nothing, or nothing answers its next attempts, and the sample itself gives up; one that is cut off
        says how the connection ended.
        """
        ended = [event for event in self.said.events[after:] if event.startswith("lost: ")]
        assert not [event for event in ended if not re.search("silent|no answer|no connection in", event)], (
            self.said.tail()
        )

    async def recovers(self, after: int) -> None:
        """It has lost its connection after a number of events; each channel reports missed messages and flows again."""
        await self.losses(1, after)
        for channel in self._channels:
            if channel != PRIVATE:
                await self.missed(channel, after)
        await self.flows()

    async def missed(self, channel: str, after: int) -> None:
        """A channel says that it missed something, after a number of events."""
        time = r"\d\d:\d\d:\d\d\.\d{3}"
        await self.event(rf"missed {channel}: nothing from {time} to {time} \(\S.*\)", after)

    async def grows(self, number: int, after: int) -> None:
        """The delays grow after a number of events: 1, 2, 4 s, each times 0.5 to 1; only a message begins them anew."""
        first = 2 if self.is_ours else 1
        for nth, delay in enumerate(await self.losses(number, after)):
            assert first * 2**nth / 2 <= delay <= first * 2**nth, self.said.tail()


class Setting(NamedTuple):
    """The means of a scenario to begin its own run."""

    exchange: ExchangeProcess
    begin: Callable[[Parameters, bool], AbstractAsyncContextManager[Running]]
    """Runs the sample with parameters, at a terminal or not."""
    endpoint: str
    is_ours: bool

    @asynccontextmanager
    async def trial(
        self, *, channels: tuple[str, ...] = CHANNELS, auth: bool = False, at_terminal: bool = False
    ) -> AsyncIterator[Trial]:
        """Run the sample."""
        async with self.begin(Parameters(self.endpoint, channels, auth, SILENCE), at_terminal) as run:
            yield Trial(self.exchange, run, channels, self.is_ours)


# --- one run, one after another -----------------------------------------------------------------------------------


async def messages_arrive(trial: Trial) -> None:
    """Every channel is subscribed and brings messages."""
    await trial.event(r"connected (ws|http)://\S+", 0)
    for channel in CHANNELS:
        await trial.event(f"subscribed {channel}", 0)
    await trial.flows()


async def close_1012(trial: Trial) -> None:
    """The server closes as for its daily maintenance."""
    after = len(trial.said.events)
    await trial.give("close", code=1012, reason="scheduled maintenance")
    await trial.recovers(after)


async def reset(trial: Trial) -> None:
    """The connection is cut."""
    after = len(trial.said.events)
    await trial.give("reset")
    await trial.recovers(after)


async def muted_channel(trial: Trial) -> None:
    """One channel dies while the others flow. Our own client subscribes it again first, and leaves the others alone."""
    after = len(trial.said.events)
    await trial.give("mute", channel=BOARD)
    await trial.event(rf"lost: {BOARD} was silent for {SILENCE} s; again in \d+\.\d s|silent {BOARD}: .*", after)
    await trial.end_faults()
    await trial.missed(BOARD, after)
    await trial.flows()


async def refused_handshake(trial: Trial) -> None:
    """Handshakes are refused with HTTP status 503; the delays grow."""
    after = len(trial.said.events)
    await trial.give("refuse", status=503)
    await trial.give("close")
    await trial.grows(3, after)
    await trial.end_faults()
    await trial.recovers(after)


async def close_1000(trial: Trial) -> None:
    """The server closes as if all were said."""
    after = len(trial.said.events)
    await trial.give("close", code=1000)
    await trial.recovers(after)


async def frozen_connection(trial: Trial) -> None:
    """Half-open: nothing comes any more, not even an end."""
    after = len(trial.said.events)
    await trial.give("freeze", connection=(await trial.connection())["number"])
    await trial.recovers(after)
    await trial.end_faults()


async def malformed_frame(trial: Trial) -> None:
    """A frame that is no JSON: a reason to connect again, or, where frames are known apart, only a gap."""
    after = len(trial.said.events)
    await trial.give("invalid-json", channel=TICKER, times=1, connection=(await trial.connection())["number"])
    await trial.missed(TICKER, after)
    await trial.flows()
    await trial.end_faults()


async def broken_frame(trial: Trial) -> None:
    """The connection ends in the middle of a frame, without a reset."""
    after = len(trial.said.events)
    await trial.give("broken-frame", reset=False)
    await trial.recovers(after)


async def wrong_types(trial: Trial) -> None:
    """Members of messages have values of other types: all the same to a program that prints them."""
    await trial.give("wrong-types", seconds=1)
    await trial.flows()
    await trial.end_faults()
    await trial.flows()


async def fragmented_messages(trial: Trial) -> None:
    """Messages come in several frames each, as WebSocket allows."""
    after = len(trial.said.events)
    await trial.give("fragmented", frames=4)
    await trial.flows()
    await trial.end_faults()
    await trial.flows()
    trial.stayed(after)


async def muted_from_the_start(trial: Trial) -> None:
    """It connects to a server that acknowledges all and sends nothing: its delays go on growing."""
    after = len(trial.said.events)
    await trial.give("mute")
    await trial.give("close")
    await trial.grows(2, after)
    await trial.end_faults()
    await trial.recovers(after)


async def closed_at_once(trial: Trial) -> None:
    """Connections are accepted and closed before anything else: no storm, its delays go on growing."""
    after = len(trial.said.events)
    await trial.give("close-at-once")
    await trial.give("close")
    await trial.grows(3, after)
    await trial.end_faults()
    await trial.recovers(after)


async def unanswered_subscribe(trial: Trial) -> None:
    """Requests are carried out and never answered. Our own client says so, and keeps the connection: messages come."""
    after = len(trial.said.events)
    await trial.give("no-ack")
    await trial.give("close")
    if trial.is_ours:
        await trial.event(f"unanswered {TICKER}: no answer to subscribe", after)
    else:
        await trial.losses(2, after)
    await trial.end_faults()
    await trial.recovers(after)


async def unanswered_handshake(trial: Trial) -> None:
    """A handshake takes for ever."""
    after = len(trial.said.events)
    await trial.give("slow-handshake", by=60)
    await trial.give("close")
    await trial.losses(2, after)
    await trial.end_faults()
    await trial.recovers(after)


async def heartbeats(trial: Trial) -> None:
    """Pings come, or are due, every 3 s: a client that does not take part is cut off within another 3."""
    await trial.give("pings", interval=3, timeout=3)
    after = len(trial.said.events)
    await trial.give("close")  # Socket.IO names both times when it opens
    await trial.recovers(after)
    after = len(trial.said.events)
    for _ in range(HEARTBEAT_MESSAGES):
        await trial.said.message(TICKER, len(trial.said.messages))
    trial.stayed(after)
    await trial.end_faults()


async def ctrl_c(trial: Trial) -> None:
    """Ctrl-C ends it with status 0, and nothing more is said; the last of its run."""
    await trial.flows()
    after = len(trial.said.events)
    assert await trial.run.interrupt() == 0, trial.said.tail()
    assert trial.said.events[after:] in ([], ["ended 0"]), trial.said.tail()
    started = next(number for number, event in enumerate(trial.said.events) if event.startswith("connected "))
    for event in trial.said.events[started:]:
        assert re.match("(connected |subscribed |missed |lost: |silent |unanswered |malformed: |ended 0)", event), event
    lost = sum(bool(re.match("lost: |silent |malformed: ", event)) for event in trial.said.events)
    for channel in CHANNELS:
        missed = sum(event.startswith(f"missed {channel}: ") for event in trial.said.events)
        assert missed <= lost, f"{channel} was missed {missed} times in {lost} interruptions"


# --- runs of their own --------------------------------------------------------------------------------------------


async def ctrl_c_while_waiting(setting: Setting) -> None:
    """Ctrl-C ends it with status 0 while it waits for its next attempt."""
    async with setting.trial() as trial:
        await trial.flows()
        await trial.give("refuse")
        await trial.give("close")
        await trial.losses(3, 0)
        said = len(trial.said.events)
        assert await trial.run.interrupt() == 0, trial.said.tail()
        # It may have tried once more before that.
        assert all(LOST.fullmatch(event) or event == "ended 0" for event in trial.said.events[said:]), trial.said.tail()


async def wrong_key(setting: Setting) -> None:
    """A wrong key ends it with the server's words and status 1, and it does not try again."""
    before = len(json.loads(await asyncio.to_thread(setting.exchange.control, "connections")))
    async with setting.trial(channels=(*CHANNELS, PRIVATE), auth=True, at_terminal=True) as trial:
        await type_credentials(trial, setting.exchange.credentials[0][0], "a wrong secret")
        assert await trial.run.ended() == 1, trial.said.tail()
        assert re.search(f"^error: .*{AUTHENTICATION_FAILED.message}", trial.said.text, re.MULTILINE), trial.said.tail()
        assert "subscribed" not in trial.said.text
        assert len(await trial.ask("connections")) == before + 1


async def no_terminal(setting: Setting) -> None:
    """Without a terminal to type the key at, it ends with status 1 and one line that names the next step."""
    async with setting.trial(channels=(*CHANNELS, PRIVATE), auth=True) as trial:
        if trial.said.prompt:  # a page has its form
            return
        assert await trial.run.ended() == 1, trial.said.tail()
        assert own_events(trial.said) == [NO_TERMINAL], trial.said.tail()


def own_events(said: Said) -> list[str]:
    """All but those of `cargo run`, which are indented; the output of a crash begins with a line that is not."""
    return [event for event in said.events if not event.startswith("  ")]


async def right_key(setting: Setting) -> None:
    """A private channel is acknowledged and brings the account's events, also on the next connection."""
    async with setting.trial(channels=(*CHANNELS, PRIVATE), auth=True, at_terminal=True) as trial:
        await type_credentials(trial, *setting.exchange.credentials[0])
        for number in (1, 2):
            await trial.said.text_of(f"subscribed {PRIVATE}\n", number)
            before = len(trial.said.messages)
            await asyncio.to_thread(place_order, setting.exchange)
            await trial.said.message(PRIVATE, before)
            await trial.flows()
            if number == 1:
                after = len(trial.said.events)
                await trial.give("reset")
                await trial.recovers(after)
        assert await trial.run.interrupt() == 0, trial.said.tail()


async def type_credentials(trial: Trial, key: str, secret: str) -> None:
    for prompt, typed in (("API key: ", key), ("API secret: ", secret)):
        await trial.said.text_of(prompt)
        await trial.run.type_secretly(typed)
    await trial.said.text_of("connected ")
    assert key not in trial.said.text
    assert secret not in trial.said.text


def place_order(exchange: ExchangeProcess) -> None:
    """A small order far below the market."""
    key, secret = exchange.credentials[0]
    path, timestamp = "/v1/me/sendchildorder", str(int(time.time() * 1000))
    order = {"product_code": PRODUCT, "child_order_type": "LIMIT", "side": "BUY", "price": 1_000_000, "size": 0.01}
    body = json.dumps(order)
    signature = hmac.new(secret.encode(), f"{timestamp}POST{path}{body}".encode(), "sha256").hexdigest()
    headers = {"ACCESS-KEY": key, "ACCESS-TIMESTAMP": timestamp, "ACCESS-SIGN": signature}
    headers["Content-Type"] = "application/json"
    url = exchange.ready["http"].removesuffix("/v1") + path
    with urllib.request.urlopen(urllib.request.Request(url, body.encode(), headers)) as answer:
        assert answer.status == 200


async def refused_channel(setting: Setting) -> None:
    """A channel that the server refuses ends it with status 1."""
    async with setting.trial(channels=(TICKER, "nope_channel")) as trial:
        assert await trial.run.ended() == 1, trial.said.tail()
        await_error = [event for event in trial.said.events if event.startswith("error: ")]
        assert len(await_error) == 1, trial.said.tail()
        assert "nope_channel" in await_error[0]


async def refused_connection(setting: Setting) -> None:
    """Where nobody listens, each attempt is one line that says why, and Ctrl-C ends it with status 0."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # without `listen`
        endpoint = re.sub(r":\d+", f":{nobody.getsockname()[1]}", setting.endpoint)
        async with setting.begin(Parameters(endpoint, CHANNELS, False, SILENCE), False) as run:
            await run.said.until(lambda: len(own_events(run.said)) >= 2, "two attempts")
            assert all(LOST.fullmatch(event) for event in own_events(run.said)), run.said.tail()
            assert await run.interrupt() == 0, run.said.tail()


ONE_RUN: dict[str, Callable[[Trial], Awaitable[None]]] = {
    scenario.__name__.replace("_", "-"): scenario
    for scenario in (
        messages_arrive,
        close_1012,
        reset,
        muted_channel,
        refused_handshake,
        close_1000,
        frozen_connection,
        malformed_frame,
        broken_frame,
        wrong_types,
        fragmented_messages,
        muted_from_the_start,
        closed_at_once,
        unanswered_subscribe,
        unanswered_handshake,
        heartbeats,
        ctrl_c,
    )
}
"""Scenarios of a sample that flows and flows again afterwards, in this order."""

OWN_RUN: dict[str, Callable[[Setting], Awaitable[None]]] = {
    scenario.__name__.replace("_", "-"): scenario
    for scenario in (ctrl_c_while_waiting, wrong_key, no_terminal, right_key, refused_channel, refused_connection)
}
"""Scenarios that begin a run and end it."""
