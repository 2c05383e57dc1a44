"""Keys in a keychain: saved keys, refused keychains, and errors without secrets."""

import traceback

import httpx
import keyring
import keyring.backends.fail
import keyring.backends.null
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordSetError
from keyrings.alt.file import EncryptedKeyring, PlaintextKeyring

import fulgurite
from fulgurite.client import LIVE, Endpoint, Status, StatusKind, resolve_endpoint
from fulgurite.client.credentials import KeychainKey, bound, kept_for, keychain, remove, save, saved_keys
from fulgurite.errors import InputError, KeychainError, KeyEndpointError
from fulgurite.exchange.run import Exchange
from fulgurite.exchange.run import run as run_exchange
from fulgurite.protocol.channels import child_order_events
from tests.keychains import MemoryKeychain

SECRET = "canarysecret/=+"


def take(name: str, endpoint: Endpoint = LIVE) -> tuple[str, str]:
    """The key and the secret for signing at an endpoint."""
    credentials: object = bound(keychain(name), endpoint)
    assert callable(credentials)
    pair: tuple[str, str] = credentials()
    return pair


@pytest.fixture(autouse=True)
def kept(monkeypatch):
    backend = MemoryKeychain()
    monkeypatch.setattr(keyring.core, "_keyring_backend", backend)
    return backend.entries


def use(backend: KeyringBackend) -> None:
    keyring.set_keyring(backend)


def test_a_key_is_given_as_it_was_kept():
    save("main", "key", SECRET)
    credentials = fulgurite.keychain("main").at(LIVE)
    assert credentials() == ("key", SECRET)
    save("main", "newer", SECRET)
    assert credentials() == ("newer", SECRET)


def test_names_are_listed_and_a_removed_key_is_gone(kept):
    assert saved_keys() == {}
    save("b", "key", SECRET)
    save("a.b-c_1", "key", SECRET)
    assert list(saved_keys().items()) == [("a.b-c_1", "live"), ("b", "live")]
    remove("b")
    assert saved_keys() == {"a.b-c_1": "live"}
    assert SECRET in str(kept)
    remove("a.b-c_1")
    assert SECRET not in str(kept)
    with pytest.raises(KeychainError, match="no key called 'b'"):
        remove("b")
    with pytest.raises(KeychainError, match="fulgurite credentials add b"):
        take("b")


def test_a_name_whose_key_was_removed_by_other_means_can_be_removed(kept):
    save("main", "key", SECRET)
    del kept["fulgurite", "main"]
    remove("main")
    assert saved_keys() == {}


def test_an_entry_of_another_program_is_not_repeated(kept):
    kept["fulgurite", "main"] = SECRET
    with pytest.raises(KeychainError, match="not written by this program") as caught:
        take("main")
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    kept["fulgurite: names of keys", "names"] = SECRET
    assert saved_keys() == {}


@pytest.mark.parametrize("name", ["", "a b", "-a", "ü", "a/b", "a" * 65, "a\n"])
def test_other_names_are_refused(name):
    for use_name in (keychain, remove, lambda name: save(name, "key", SECRET)):
        with pytest.raises(InputError, match="1 to 64"):
            use_name(name)


@pytest.mark.parametrize("value", ["", "canary secret", "canary\tsecret", "canary\x00secret", "ｃanary", "c" * 257])
@pytest.mark.parametrize("field", ["API key", "API secret"])
def test_a_key_or_secret_of_another_shape_is_refused_and_not_repeated(kept, field, value):
    pair = (value, SECRET) if field == "API key" else ("key", value)
    with pytest.raises(InputError, match=f"^{field}: .* without a space") as caught:
        save("main", *pair)
    assert not value or value not in "".join(traceback.format_exception(caught.value))
    assert kept == {}


ELSEWHERE = "wss://exchange.example/json-rpc"


def test_a_key_signs_for_the_endpoint_that_it_is_kept_for_and_no_other():
    save("live", "key", SECRET)
    save("other", "key", SECRET, ELSEWHERE)
    save("both", "key", SECRET, f" {ELSEWHERE} ", "https://api.example/v1")
    save("embedded", "key", SECRET, "embedded")
    assert saved_keys() == {
        "both": f"{ELSEWHERE} with https://api.example/v1",
        "embedded": "embedded",
        "live": "live",
        "other": ELSEWHERE,
    }
    assert kept_for("both") == (ELSEWHERE, "https://api.example/v1")
    embedded = Endpoint(
        "embedded", "ws://127.0.0.1:40001/json-rpc", "http://127.0.0.1:40001", "http://127.0.0.1:40002/v1"
    )
    right = [
        ("live", LIVE),
        ("live", Endpoint("mine", LIVE.json_rpc, LIVE.socketio, "https://API.bitflyer.com:443/v1")),
        ("other", resolve_endpoint(ELSEWHERE)),
        ("other", resolve_endpoint("https://exchange.example:443/socket.io/")),
        ("both", resolve_endpoint(ELSEWHERE, "https://api.example/v2")),
        ("both", resolve_endpoint(ELSEWHERE)),
        ("embedded", embedded),
        ("embedded", resolve_endpoint("embedded")),
    ]
    for name, endpoint in right:
        assert take(name, endpoint) == ("key", SECRET)
    wrong = [
        ("live", resolve_endpoint("live", "https://evil.example/v1"), "https://evil.example"),
        ("live", resolve_endpoint("ws://127.0.0.1:7351"), "ws://127.0.0.1:7351"),
        ("live", Endpoint("live", "wss://evil.example", LIVE.socketio, LIVE.http), "wss://evil.example"),
        ("live", Endpoint("live", LIVE.json_rpc, "https://evil.example"), "https://evil.example"),
        ("live", resolve_endpoint("ws://ws.lightstream.bitflyer.com"), "ws://ws.lightstream.bitflyer.com"),
        ("live", resolve_endpoint("wss://ws.lightstream.bitflyer.com.evil.example"), None),
        ("live", embedded, None),
        ("other", LIVE, None),
        ("other", resolve_endpoint("wss://exchange.example:8443"), "wss://exchange.example:8443"),
        ("other", resolve_endpoint(ELSEWHERE, "https://api.example/v1"), "https://api.example"),
        ("both", resolve_endpoint(ELSEWHERE, "http://api.example/v1"), "http://api.example"),
        # Another user of this machine may have put these there, under an address or under the name.
        ("embedded", resolve_endpoint("ws://127.0.0.1:6666"), "ws://127.0.0.1:6666"),
        ("embedded", Endpoint("embedded", "wss://evil.example", "http://127.0.0.1:1"), "wss://evil.example"),
    ]
    for name, endpoint, address in wrong:
        with pytest.raises(KeyEndpointError, match=f"the key '{name}' is kept for .* and signs nothing for") as caught:
            take(name, endpoint)
        assert caught.value.name == name
        assert caught.value.kept_for == saved_keys()[name]
        assert address is None or caught.value.address == address
        assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_key_of_before_there_were_endpoints_is_for_the_live_service(kept):
    kept["fulgurite", "main"] = f'{{"api_key":"key","secret":"{SECRET}"}}'
    kept["fulgurite: names of keys", "names"] = '["main"]'
    assert saved_keys() == {"main": "live"}
    assert take("main", LIVE) == ("key", SECRET)
    with pytest.raises(KeyEndpointError):
        take("main", resolve_endpoint(ELSEWHERE))
    save("next", "key", SECRET, ELSEWHERE)
    assert saved_keys() == {"main": "live", "next": ELSEWHERE}
    remove("main")
    assert saved_keys() == {"next": ELSEWHERE}


@pytest.mark.parametrize(
    ("endpoint", "http"), [("nowhere", None), ("ftp://x", None), ("live", "nope"), ("wss://a:b@x/", None)]
)
def test_an_endpoint_that_cannot_be_meant_is_refused_and_nothing_is_kept(kept, endpoint, http):
    with pytest.raises(InputError, match=r"^(endpoint|http): "):
        save("main", "key", SECRET, endpoint, http)
    assert kept == {}


def test_credentials_of_other_kinds_are_the_users_own():
    def own() -> tuple[str, str]:
        return "key", SECRET

    assert bound(own, LIVE) is own
    assert bound(None, LIVE) is None
    assert not callable(KeychainKey("main")), "whoever forgets to say what for gets no secret"


class Chain(MemoryKeychain):
    """As keyring's chainer: several keychains as one."""

    def __init__(self, *backends: KeyringBackend) -> None:
        super().__init__()
        self.backends = backends


class OwnFile(PlaintextKeyring):  # type: ignore[misc]  # it has no types
    """A user's own subclass of a refused one."""


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        (PlaintextKeyring(), "keyrings.alt.file.PlaintextKeyring, which does not protect"),
        (EncryptedKeyring.__new__(EncryptedKeyring), "EncryptedKeyring, which does not protect"),
        (OwnFile(), "OwnFile, which does not protect"),
        (keyring.backends.null.Keyring(), "null.Keyring, which does not protect"),
        (keyring.backends.fail.Keyring(), "GNOME Keyring or KWallet"),
        (Chain(MemoryKeychain(), PlaintextKeyring()), "PlaintextKeyring"),
    ],
)
def test_keychains_that_keep_nothing_safe_are_refused_by_name(backend, said):
    use(backend)
    for ask in (saved_keys, lambda: take("main"), lambda: remove("main"), lambda: save("main", "key", SECRET)):
        with pytest.raises(KeychainError, match=said):
            ask()


def test_a_chain_of_good_keychains_is_used():
    use(Chain(MemoryKeychain(), MemoryKeychain()))
    save("main", "key", SECRET)
    assert take("main") == ("key", SECRET)


class Broken(MemoryKeychain):
    """Fails, and says as much as a careless keychain can."""

    def get_password(self, service, username):
        if service == "fulgurite":
            raise KeyringLocked("Failed to unlock the collection!")
        return None

    def set_password(self, service, username, password):
        if service == "fulgurite":
            raise PasswordSetError(f"cannot keep {password}")


def test_what_fails_in_the_keychain_is_told_without_the_secret():
    use(Broken())
    with pytest.raises(KeychainError, match="KeyringLocked: Failed to unlock"):
        take("main")
    with pytest.raises(KeychainError, match="PasswordSetError; unlock it") as caught:
        save("main", "key", SECRET)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_without_the_library_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "keyring", None)
    with pytest.raises(KeychainError, match=r"pip install 'fulgurite\[keychain\]'"):
        saved_keys()


def test_nothing_of_a_key_is_in_what_gives_it():
    save("main", "key", SECRET)
    assert SECRET not in repr(keychain("main"))


async def listen_until_subscribed(exchange: Exchange, dialect: str, name: str) -> None:
    """Listen to a private channel with a key of the keychain."""
    async with fulgurite.connect(
        child_order_events(), endpoint=exchange, dialect=dialect, credentials=fulgurite.keychain(name)
    ) as stream:
        async for item in stream:
            if isinstance(item, Status) and item.kind is StatusKind.SUBSCRIBED:
                return


@pytest.mark.parametrize("dialect", ["json-rpc", "socketio"])
async def test_nothing_is_sent_to_another_endpoint(dialect):
    """Not even a connection is made: the keychain is asked before."""
    async with run_exchange(products=["BTC_JPY"], seed=1) as exchange:
        save("main", exchange.api_key, exchange.api_secret)
        save("half", exchange.api_key, exchange.api_secret, exchange.realtime)
        for name in ("main", "half"):  # the latter without the HTTP API, of which orders would be asked
            with pytest.raises(KeyEndpointError):
                await listen_until_subscribed(exchange, dialect, name)
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{exchange.control}/connections")).json() == []
        save("main", exchange.api_key, exchange.api_secret, exchange.realtime, exchange.http)
        await listen_until_subscribed(exchange, dialect, "main")
