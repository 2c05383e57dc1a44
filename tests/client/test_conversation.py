"""The conversation, with the real state machines of both dialects on both ends and no socket between them."""

from __future__ import annotations

import pytest

from fulgurite.client.conversation import Conversation
from fulgurite.client.items import Gap, Status
from fulgurite.errors import AuthenticationError, UnansweredError
from fulgurite.protocol.auth import AuthChecker, signed_params
from fulgurite.protocol.dialects import DIALECTS, Dialect
from fulgurite.protocol.events import ChannelMessage, ClientProtocol, ServerEvent, Subscribed

TICKER, BOARD, PRIVATE = "lightning_ticker_BTC_JPY", "lightning_board_BTC_JPY", "child_order_events"
UNIX_TIME = 1_800_000_000


class Line:
    """A client's and a server's state machine, back to back."""

    def __init__(self, dialect: Dialect, conversation: Conversation) -> None:
        self.conversation = conversation
        self.client: ClientProtocol = dialect.client(10.0)
        checker = AuthChecker({"key": "secret"}, lambda: UNIX_TIME)
        self.server = dialect.server(checker.check, "session", 0.0)
        self.items: list[Status | Gap] = []
        self.server_events: list[ServerEvent] = []

    def talk(self, now: float = 0.0) -> list[Status | Gap]:
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
            self.items += self.conversation.handle(self.client, event, now, int(now * 1e9))


def kinds(items) -> list[tuple[str, str | None]]:
    return [(str(item.kind), item.channel) for item in items if isinstance(item, Status)]


@pytest.fixture(params=list(DIALECTS))
def dialect(request) -> Dialect:
    return DIALECTS[request.param]


def sign() -> dict[str, object]:
    return signed_params("key", "secret", UNIX_TIME, "0123456789abcdef")


def test_what_is_wanted_is_subscribed_on_opening(dialect):
    line = Line(dialect, Conversation([TICKER, BOARD], None))
    assert kinds(line.talk()) == [("open", None), ("subscribed", TICKER), ("subscribed", BOARD)]
    assert line.server_events == [Subscribed(TICKER), Subscribed(BOARD)]


def test_auth_comes_first_and_is_waited_for(dialect):
    line = Line(dialect, Conversation([PRIVATE], sign))
    assert kinds(line.talk()) == [("open", None), ("authenticated", None), ("subscribed", PRIVATE)]


def test_refused_auth_raises_with_the_servers_words(dialect):
    line = Line(dialect, Conversation([TICKER], lambda: sign() | {"signature": "0" * 64}))
    with pytest.raises(AuthenticationError) as caught:
        line.talk()
    assert caught.value.code == -32008
    assert line.server_events == []


def test_refused_channel_is_reported_with_code_and_text_and_the_others_go_on(dialect):
    line = Line(dialect, Conversation([PRIVATE, TICKER], None))
    items = line.talk()
    assert kinds(items) == [("open", None), ("refused", PRIVATE), ("subscribed", TICKER)]
    assert [item.detail for item in items if isinstance(item, Status)][1] == (
        "subscribe refused: authentication required (-32007)"
    )


def test_channels_come_and_go_while_connected(dialect):
    conversation = Conversation([TICKER], None)
    line = Line(dialect, conversation)
    line.talk()
    conversation.subscribe([BOARD, TICKER], 1.0)
    assert kinds(line.talk(1.0)) == [("subscribed", BOARD)]
    assert conversation.unsubscribe([TICKER, "lightning_ticker_ETH_JPY"], 2.0, 2) == []
    assert kinds(line.talk(2.0)) == [("unsubscribed", TICKER)]


def test_channels_that_come_and_go_while_not_connected_are_remembered(dialect):
    conversation = Conversation([TICKER], None)
    conversation.subscribe([BOARD], 0.0)
    conversation.unsubscribe([TICKER], 0.0, 0)
    assert kinds(Line(dialect, conversation).talk()) == [("open", None), ("subscribed", BOARD)]


def test_new_connection_asks_again_and_ends_the_interruption(dialect):
    conversation = Conversation([TICKER], None)
    Line(dialect, conversation).talk(1.0)
    conversation.interrupt("it broke")
    items = Line(dialect, conversation).talk(5.0)
    assert kinds(items) == [("open", None), ("subscribed", TICKER)]
    assert items[2] == Gap(TICKER, "it broke", 1_000_000_000, 5_000_000_000)


def test_unsubscribing_ends_an_open_interruption(dialect):
    conversation = Conversation([TICKER], None)
    Line(dialect, conversation).talk(1.0)
    conversation.interrupt("it broke")
    assert conversation.unsubscribe([TICKER], 2.0, 2_000_000_000) == [
        Gap(TICKER, "it broke", 1_000_000_000, 2_000_000_000)
    ]


class Deaf(Line):
    """The server answers nothing after the opening."""

    def ask_and_wait(self):
        for answer in self.server.frames_to_send():
            self._take(self.client.receive(answer, 0.0), 0.0)
        self._take(self.client.handle_timer(0.0), 0.0)
        self._take(self.client.handle_timer(10.0), 10.0)


def test_unanswered_auth_raises(dialect):
    with pytest.raises(UnansweredError, match="did not answer auth"):
        Deaf(dialect, Conversation([TICKER], sign)).ask_and_wait()


def test_unanswered_subscription_raises(dialect):
    with pytest.raises(UnansweredError, match=f"did not answer subscribe {TICKER}"):
        Deaf(dialect, Conversation([TICKER], None)).ask_and_wait()


def test_unanswered_subscription_whose_messages_come_is_a_status(dialect):
    conversation = Conversation([TICKER], None)
    conversation.gaps.alive(TICKER, 5)
    line = Deaf(dialect, conversation)
    line.ask_and_wait()
    assert kinds(line.items) == [("open", None), ("unanswered", TICKER)]
