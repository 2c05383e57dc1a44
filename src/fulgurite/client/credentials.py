"""API keys in the system's keychain. A shell: the keychain may ask its user, and may be slow.

Each key is one entry with its secret and its endpoint. One further entry holds the names, since a keychain cannot list
them. No key or secret is ever in a file, an argument, an environment variable, a log or an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from fulgurite.client.endpoints import LIVE, Endpoint, foreign_address, resolve_endpoint
from fulgurite.client.signing import Credentials
from fulgurite.errors import InputError, KeychainError, KeyEndpointError

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE: Final = "fulgurite"
"""The service of the entries, shown in the keychain's own program beside the user's name of the key."""

REFUSED_BACKENDS: Final = ("keyrings.alt", "keyring.backends.fail", "keyring.backends.null")
"""Modules of keychains in files, readable or with a password of their own, or without storage. keyring chooses the
first by itself if it is installed and there is no better one."""

_NAMES: Final = ("fulgurite: names of keys", "names")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MAX_LENGTH: Final = 256

Result = TypeVar("Result")
Given = TypeVar("Given")


class _Entry(msgspec.Struct, omit_defaults=True):
    api_key: str
    secret: str
    endpoint: str = LIVE.name
    """The key's endpoint, in the same entry so that no secret is read without it."""
    http: str | None = None

    def __repr__(self) -> str:
        return "_Entry(...)"


class KeychainKey(msgspec.Struct, frozen=True):
    """A key in the system's keychain. It signs only for its own endpoint."""

    name: str

    def at(self, endpoint: Endpoint) -> Credentials:
        """Credentials of this key at an endpoint; their errors are those of `keychain`."""
        return lambda: _load(self.name, endpoint)


def bound(credentials: Given | KeychainKey, endpoint: Endpoint) -> Given | Credentials:
    """Credentials at an endpoint. This is the only place that ties a key of the keychain to it."""
    return credentials.at(endpoint) if isinstance(credentials, KeychainKey) else credentials


def keychain(name: str) -> KeychainKey:
    """Use an API key from the system's keychain::

        connect(child_order_events(), credentials=keychain("main"))

    The key is read at each use and not kept. A locked keychain may ask its user, and the caller waits for the answer.

    Args:
        name: the name of the key in `fulgurite credentials add`.

    Returns:
        Credentials for `connect`. The iteration of the stream raises `KeychainError` if the keychain cannot be used or
        has no such key. It raises `KeyEndpointError`, and signs nothing, if the stream's endpoint or HTTP API is not
        that of the key.

    Raises:
        InputError: the name is invalid.
    """
    check_name(name)
    return KeychainKey(name)


def check_name(name: str) -> None:
    """Raise `InputError` unless this is a valid name of a key."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError("name", name, "1 to 64 of the letters a to z, digits, dot, hyphen and underscore")


def save(name: str, api_key: str, secret: str, endpoint: str = LIVE.name, http: str | None = None) -> None:
    """Save a key under a name, and replace any previous one.

    Args:
        name: the name.
        api_key: the key.
        secret: its secret.
        endpoint: its endpoint: "live", "embedded" or a URL.
        http: the URL of the endpoint's HTTP API, if `endpoint` does not include it.

    Raises:
        InputError: an argument is invalid; the error does not repeat the key and the secret.
        KeychainError: the keychain cannot be used.
    """
    check_name(name)
    resolve_endpoint(endpoint, http)
    for field, value in (("API key", api_key), ("API secret", secret)):
        if not 0 < len(value) <= _MAX_LENGTH or not value.isascii() or not value.isprintable() or " " in value:
            raise InputError(
                field,
                "(not shown)",
                f"1 to {_MAX_LENGTH} letters, digits and signs without a space, as bitFlyer shows it",
            )
    backend = _backend()
    entry = _Entry(api_key, secret, endpoint.strip(), http)
    text = msgspec.json.encode(entry).decode()
    # The name first: a user can see and remove a name without a key, but cannot see a key without a name.
    _save_names(backend, _names(backend) | {name: _shown(entry)})
    _ask(lambda: backend.set_password(SERVICE, name, text), repeats=False)


def saved_keys() -> dict[str, str]:
    """The names of all keys, sorted, each with its endpoint in words.

    Raises:
        KeychainError: the keychain cannot be used.
    """
    return dict(sorted(_names(_backend()).items()))


def kept_for(name: str) -> tuple[str, str | None]:
    """The endpoint of a key, and its HTTP API, as given to `save`.

    Raises:
        InputError: the name is invalid.
        KeychainError: there is no such key, or the keychain cannot be used.
    """
    check_name(name)
    entry = _read(name)
    return entry.endpoint, entry.http


def remove(name: str) -> None:
    """Remove a key.

    Raises:
        InputError: the name is invalid.
        KeychainError: there is no such key, or the keychain cannot be used.
    """
    check_name(name)
    backend = _backend()
    names = _names(backend)
    is_there = _ask(lambda: backend.get_password(SERVICE, name)) is not None
    if not is_there and name not in names:
        raise _missing(name)
    if is_there:
        _ask(lambda: backend.delete_password(SERVICE, name))
    _save_names(backend, {each: shown for each, shown in names.items() if each != name})


def _load(name: str, endpoint: Endpoint) -> tuple[str, str]:
    entry = _read(name)
    address = foreign_address(resolve_endpoint(entry.endpoint, entry.http), endpoint)
    if address is not None:
        raise KeyEndpointError(name, _shown(entry), address)
    return entry.api_key, entry.secret


def _shown(entry: _Entry) -> str:
    return entry.endpoint if entry.http is None else f"{entry.endpoint} with {entry.http}"


def _read(name: str) -> _Entry:
    backend = _backend()
    text = _ask(lambda: backend.get_password(SERVICE, name))
    if text is None:
        raise _missing(name)
    try:
        return msgspec.json.decode(text, type=_Entry)
    except (msgspec.DecodeError, UnicodeError):
        problem = f"the keychain's entry {name!r} of {SERVICE!r} was not written by this program"
        raise KeychainError(problem, f"write it with: fulgurite credentials add {name}") from None


def _missing(name: str) -> KeychainError:
    return KeychainError(f"the keychain has no key called {name!r}", f"add it with: fulgurite credentials add {name}")


def _names(backend: KeyringBackend) -> dict[str, str]:
    text = _ask(lambda: backend.get_password(*_NAMES))
    try:
        names = {} if text is None else msgspec.json.decode(text, type=dict[str, str] | list[str])
    except (msgspec.DecodeError, UnicodeError):
        return {}  # it was edited by hand; the keys themselves are still there
    # A list of names dates from a version with keys for the live service only.
    return names if isinstance(names, dict) else dict.fromkeys(names, LIVE.name)


def _save_names(backend: KeyringBackend, names: dict[str, str]) -> None:
    _ask(lambda: backend.set_password(*_NAMES, msgspec.json.encode(names).decode()))


def _backend() -> KeyringBackend:
    """The system's keychain.

    Raises:
        KeychainError: there is none, or it does not protect its entries.
    """
    try:
        import keyring
    except ImportError:
        raise KeychainError(
            "the package keyring is not installed", "install it with: pip install 'fulgurite[keychain]'"
        ) from None
    backend = _ask(keyring.get_keyring)
    # Several keychains come as a chain, and a key may end up in any of them.
    for each in getattr(backend, "backends", [backend]):
        kinds = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(each).__mro__]
        if any(f"{kind}.".startswith(f"{refused}.") for kind in kinds for refused in REFUSED_BACKENDS):
            raise _refusal(kinds[0])
    return backend


def _refusal(kind: str) -> KeychainError:
    if kind.startswith("keyring.backends.fail"):
        return KeychainError(
            "no keychain was found on this machine",
            "on Linux, install and unlock GNOME Keyring or KWallet, in a desktop session; then run this again",
        )
    return KeychainError(
        f"keyring chose {kind}, which does not protect its entries",
        "uninstall its package, or name another in the environment variable PYTHON_KEYRING_BACKEND, "
        "for example keyring.backends.SecretService.Keyring",
    )


def _ask(question: Callable[[], Result], *, repeats: bool = True) -> Result:
    """Call the keychain, and raise any of its errors as a `KeychainError`.

    Args:
        question: the call of the keychain.
        repeats: whether to show the keychain's words, which might repeat a secret.
    """
    try:
        return question()
    except Exception as error:  # each system's keychain has its own errors, few of them in keyring's tree
        words = f": {error}" if repeats and str(error) else ""
        problem = f"the keychain failed with {type(error).__name__}{words}"
    # Outside of `except`, so that the keychain's error with its traceback does not become the context.
    raise KeychainError(problem, "unlock it, and check that its own program shows it")
