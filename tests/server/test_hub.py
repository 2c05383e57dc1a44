"""The hub: each subscriber's messages, their order, and the number of writes."""

from collections.abc import Collection

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fulgurite.protocol.dialects import DIALECTS, DialectName
from fulgurite.server.frames import frame
from fulgurite.server.hub import Hub

A, B = "lightning_ticker_A", "lightning_ticker_B"


class Deliveries:
    """Each subscriber's messages, and the number of writes."""

    def __init__(self) -> None:
        self.bytes: dict[str, bytes] = {}
        self.writes: dict[str, int] = {}

    def __call__(self, subscribers: Collection[str], frames: bytes) -> None:
        for subscriber in subscribers:
            self.bytes[subscriber] = self.bytes.get(subscriber, b"") + frames
            self.writes[subscriber] = self.writes.get(subscriber, 0) + 1


def framed(dialect: DialectName, channel: str, message: bytes) -> bytes:
    return frame(DIALECTS[dialect].encode_message(channel, message))


def test_each_dialect_gets_the_message_its_own_way_and_unchanged():
    deliveries = Deliveries()
    hub: Hub[str] = Hub(deliveries)
    for dialect in DialectName:
        hub.add(dialect, dialect)
        hub.subscribe(dialect, A)
    hub.publish(A, b'{"price":1.00}')
    hub.flush()
    assert deliveries.bytes["json-rpc"][2:] == (
        b'{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"lightning_ticker_A","message":{"price":1.00}}}'
    )
    assert deliveries.bytes["socketio"][2:] == b'42["lightning_ticker_A",{"price":1.00}]'


def test_what_is_published_between_two_flushes_costs_one_write():
    deliveries = Deliveries()
    hub: Hub[str] = Hub(deliveries)
    for name in ("x", "y"):
        hub.add(name, DialectName.JSON_RPC)
        hub.subscribe(name, A)
    for number in range(10):
        hub.publish(A, b"%d" % number)
        hub.publish(B, b"nobody hears this")
    hub.flush()
    hub.flush()
    expected = b"".join(framed(DialectName.JSON_RPC, A, b"%d" % number) for number in range(10))
    assert deliveries.bytes == {"x": expected, "y": expected}
    assert deliveries.writes == {"x": 1, "y": 1}


def test_a_message_of_one_account_goes_to_its_subscribers_alone():
    deliveries = Deliveries()
    hub: Hub[str] = Hub(deliveries)
    for name, account in (("mine", "me"), ("mine too", "me"), ("theirs", "them"), ("nobody's", "")):
        hub.add(name, DialectName.JSON_RPC)
        hub.subscribe(name, A)
        if account:
            hub.authenticate(name, account)
    hub.publish(A, b"1", "me")
    hub.publish(A, b"2")
    hub.flush()
    both, public = (framed(DialectName.JSON_RPC, A, b"1"), framed(DialectName.JSON_RPC, A, b"2"))
    assert deliveries.bytes == {"mine": both + public, "mine too": both + public, "theirs": public, "nobody's": public}


def test_it_asks_to_be_flushed_once_and_only_where_somebody_listens():
    asked: list[None] = []
    hub: Hub[str] = Hub(Deliveries(), lambda: asked.append(None))
    hub.publish(A, b"1")
    assert not asked
    hub.add("x", DialectName.JSON_RPC)
    hub.subscribe("x", A)
    hub.publish(A, b"1")
    hub.publish(A, b"2")
    assert len(asked) == 1
    hub.flush()
    hub.publish(A, b"3")
    assert len(asked) == 2


def test_a_subscriber_that_delivery_removes_disturbs_nobody():
    """That is how a slow consumer is dropped."""
    given_to: list[str] = []

    def deliver(subscribers: Collection[str], frames: bytes) -> None:
        for subscriber in subscribers:
            given_to.append(subscriber)
            hub.remove("x")
            hub.remove("y")

    hub: Hub[str] = Hub(deliver)
    for name in ("x", "y", "z"):
        hub.add(name, DialectName.JSON_RPC)
        hub.subscribe(name, A)
    hub.publish(A, b"1")
    hub.flush()
    hub.publish(A, b"2")
    hub.flush()
    assert given_to.count("z") == 2
    assert given_to.count("x") <= 1


class AnySequence(RuleBasedStateMachine):
    """After any sequence of changes every subscriber was given exactly the messages published while it subscribed."""

    names = st.sampled_from(["x", "y", "z"])
    channels = st.sampled_from([A, B])

    def __init__(self) -> None:
        super().__init__()
        self.deliveries = Deliveries()
        self.hub: Hub[str] = Hub(self.deliveries)
        self.subscribed: dict[str, tuple[DialectName, set[str]]] = {}
        self.expected: dict[str, bytes] = {}
        self.number = 0

    @rule(name=names, dialect=st.sampled_from(list(DialectName)))
    def add(self, name, dialect):
        if name not in self.subscribed:
            self.hub.add(name, dialect)
            self.subscribed[name] = (dialect, set())

    @rule(name=names)
    def remove(self, name):
        self.hub.remove(name)
        self.subscribed.pop(name, None)

    @rule(name=names, channel=channels)
    def subscribe(self, name, channel):
        if name in self.subscribed:
            self.hub.subscribe(name, channel)
            self.subscribed[name][1].add(channel)

    @rule(name=names, channel=channels)
    def unsubscribe(self, name, channel):
        if name in self.subscribed:
            self.hub.unsubscribe(name, channel)
            self.subscribed[name][1].discard(channel)

    @rule(channel=channels)
    def publish(self, channel):
        self.number += 1
        self.hub.publish(channel, b"%d" % self.number)
        for name, (dialect, channels) in self.subscribed.items():
            if channel in channels:
                published = framed(dialect, channel, b"%d" % self.number)
                self.expected[name] = self.expected.get(name, b"") + published

    @rule()
    def flush(self):
        self.hub.flush()
        assert self.deliveries.bytes == self.expected

    @invariant()
    def it_knows_whether_anybody_listens(self):
        assert self.hub.has_subscribers() == any(channels for _, channels in self.subscribed.values())

    def teardown(self):
        self.flush()


TestAnySequence = AnySequence.TestCase


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_channel_of_any_name_is_delivered(product: str):
    deliveries = Deliveries()
    hub: Hub[str] = Hub(deliveries)
    hub.add("x", DialectName.SOCKETIO)
    hub.subscribe("x", f"lightning_ticker_{product}")
    hub.publish(f"lightning_ticker_{product}", b"1")
    hub.flush()
    assert deliveries.bytes["x"]
