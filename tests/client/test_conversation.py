"""The conversation, with the real state machines of both dialects on both ends and no socket between them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fulgurite.client.conversation import Conversation
from fulgurite.client.items import Status
from fulgurite.errors import AuthenticationError, SubscriptionError, UnansweredError
from fulgurite.protocol.auth import AuthChecker, signed_params
from fulgurite.protocol.dialects import DIALECTS, Dialect
from fulgurite.protocol.events import ChannelMessage, ClientProtocol, ServerEvent, Subscribed

TICKER, BOARD, PRIVATE = "lightning_ticker_BTC_JPY", "lightning_board_BTC_JPY", "child_order_events"
UNIX_TIME = 1_800_000_000


class Line:
    """A client's and a server's state machine, back to back."""

    def __init__(
        self,
        dialect: Dialect,
        wanted: list[str],
        sign: Callable[[], dict[str, object]] | None = None,
        is_heard: Callable[[str], bool] = lambda channel: False,
    ) -> None:
        self.client: ClientProtocol = dialect.client(10.0)
        self.conversation = Conversation(self.client, wanted, sign, is_heard, 3)
        checker = AuthChecker({"key": "secret"}, lambda: UNIX_TIME)
        self.server = dialect.server(checker.check, "session", 0.0)
        self.items: list[Status] = []
        self.server_events: list[ServerEvent] = []

    def talk(self, now: float = 0.0) -> list[Status]:
        """Carry frames both ways until there are none; return the items that came of it."""
        self.items = []
        timer = self.client.next_timer()
        if timer is not None and timer <= now:
            self._take(self.client.handle_timer(now), now)
        while True:
            answers = self.server.frames_to_send()
            questions = self.client.frames_to_send()
            if not answers and not questions:
                return self.items
            for answer in answers:
                self._take(self.client.receive(answer, now), now)
            for question in questions:
                self.server_events += self.server.receive(question, now)

    def _take(self, events, now):
        for event in events:
            assert not isinstance(event, ChannelMessage)
            self.items += self.conversation.handle(event, now, int(now * 1e9))


def kinds(items) -> list[tuple[str, str | None]]:
    assert {item.connection for item in items} == {3}
    return [(str(item.kind), item.channel) for item in items]


@pytest.fixture(params=list(DIALECTS))
def dialect(request) -> Dialect:
    return DIALECTS[request.param]


def sign() -> dict[str, object]:
    return signed_params("key", "secret", UNIX_TIME, "0123456789abcdef")


def test_what_is_wanted_is_subscribed_on_opening(dialect):
    line = Line(dialect, [TICKER, BOARD])
    assert kinds(line.talk()) == [("open", None), ("subscribed", TICKER), ("subscribed", BOARD)]
    assert line.server_events == [Subscribed(TICKER), Subscribed(BOARD)]


def test_auth_comes_first_and_is_waited_for(dialect):
    line = Line(dialect, [PRIVATE], sign)
    assert kinds(line.talk()) == [("open", None), ("authenticated", None), ("subscribed", PRIVATE)]


def test_refused_auth_raises_with_the_servers_words(dialect):
    line = Line(dialect, [TICKER], lambda: sign() | {"signature": "0" * 64})
    with pytest.raises(AuthenticationError) as caught:
        line.talk()
    assert caught.value.code == -32008
    assert line.server_events == []


def test_refused_channel_raises_with_the_servers_words(dialect):
    with pytest.raises(SubscriptionError) as caught:
        Line(dialect, [PRIVATE, TICKER]).talk()
    assert (caught.value.channel, caught.value.code) == (PRIVATE, -32007)


def test_channel_that_is_subscribed_already_is_as_good_as_granted(dialect):
    line = Line(dialect, [TICKER])
    line.talk()
    line.conversation.subscribe(TICKER, 1.0)
    assert kinds(line.talk(1.0)) == [("subscribed", TICKER)]


def test_refusal_to_unsubscribe_is_a_status(dialect):
    line = Line(dialect, [TICKER])
    line.talk()
    line.conversation.unsubscribe(PRIVATE, 1.0)
    (item,) = line.talk(1.0)
    assert (item.kind, item.channel) == ("refused", PRIVATE)
    assert item.detail == "unsubscribe refused: authentication required (-32007)"


def test_channels_come_and_go_while_connected(dialect):
    line = Line(dialect, [TICKER])
    line.talk()
    assert line.conversation.subscribe(BOARD, 1.0)
    assert kinds(line.talk(1.0)) == [("subscribed", BOARD)]
    line.conversation.unsubscribe(TICKER, 2.0)
    assert kinds(line.talk(2.0)) == [("unsubscribed", TICKER)]


def test_channels_that_come_before_the_opening_are_asked_for_with_it(dialect):
    wanted = [TICKER]
    line = Line(dialect, wanted)
    wanted.append(BOARD)
    assert not line.conversation.subscribe(BOARD, 0.0)
    assert kinds(line.talk()) == [("open", None), ("subscribed", TICKER), ("subscribed", BOARD)]


class Deaf(Line):
    """The server answers nothing after the opening."""

    def ask_and_wait(self):
        for answer in self.server.frames_to_send():
            self._take(self.client.receive(answer, 0.0), 0.0)
        self._take(self.client.handle_timer(0.0), 0.0)
        self._take(self.client.handle_timer(10.0), 10.0)


def test_unanswered_auth_raises(dialect):
    with pytest.raises(UnansweredError, match="did not answer auth"):
        Deaf(dialect, [TICKER], sign).ask_and_wait()


def test_unanswered_subscription_raises(dialect):
    with pytest.raises(UnansweredError, match=f"did not answer subscribe {TICKER}"):
        Deaf(dialect, [TICKER]).ask_and_wait()


def test_unanswered_subscription_whose_messages_come_is_a_status(dialect):
    line = Deaf(dialect, [TICKER], is_heard=lambda channel: channel == TICKER)
    line.ask_and_wait()
    assert kinds(line.items) == [("open", None), ("unanswered", TICKER)]
