"""API keys in the system's keychain. A shell: the keychain may ask its user, and takes its time.

Each key is one entry with its secret and its endpoint; one further entry holds the names, since a keychain cannot be
asked for them.
Nothing of this is ever in a file, an argument, a variable of the environment or a log, and no error carries any of it.
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
"""The service of the entries, as the keychain's own program shows it; each is named as the user named the key."""

REFUSED_BACKENDS: Final = ("keyrings.alt", "keyring.backends.fail", "keyring.backends.null")
"""Modules whose keychains keep secrets in files, readable or behind a password of their own, or keep nothing. keyring
takes the first by itself wherever it is installed and nothing better is there."""

_NAMES: Final = ("fulgurite: names of keys", "names")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MAX_LENGTH: Final = 256

Result = TypeVar("Result")
Given = TypeVar("Given")


class _Entry(msgspec.Struct, omit_defaults=True):
    api_key: str
    secret: str
    endpoint: str = LIVE.name
    """The key's endpoint. It stands beside the secret, so that neither is read without the other."""
    http: str | None = None

    def __repr__(self) -> str:
        return "_Entry(...)"


class KeychainKey(msgspec.Struct, frozen=True):
    """A key in the system's keychain: it signs for the endpoint that it is kept for, and for no other."""

    name: str

    def at(self, endpoint: Endpoint) -> Credentials:
        """Credentials that give the key and its secret for this endpoint; their errors are those of `keychain`."""
        return lambda: _load(self.name, endpoint)


def bound(credentials: Given | KeychainKey, endpoint: Endpoint) -> Given | Credentials:
    """The signer at an endpoint: a key of the keychain is held to it here, and nowhere else."""
    return credentials.at(endpoint) if isinstance(credentials, KeychainKey) else credentials


def keychain(name: str) -> KeychainKey:
    """Take an API key from the system's keychain whenever it is needed::

        connect(child_order_events(), credentials=keychain("main"))

    The keychain is asked each time, and nothing is kept. The caller waits meanwhile: long only where the
    keychain is locked and asks its user.

    Args:
        name: the name that the key was given in `fulgurite credentials add`.

    Returns:
        Credentials for `connect`. Iterating its stream raises `KeychainError` where the keychain cannot be used or has
        no such key, and `KeyEndpointError` where the stream's endpoint, its HTTP API included, is not the one that the
        key is kept for; nothing is signed then.

    Raises:
        InputError: no key can have this name.
    """
    check_name(name)
    return KeychainKey(name)


def check_name(name: str) -> None:
    """Raise an `InputError` unless a key may be called so."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError("name", name, "1 to 64 of the letters a to z, digits, dot, hyphen and underscore")


def save(name: str, api_key: str, secret: str, endpoint: str = LIVE.name, http: str | None = None) -> None:
    """Keep a key under a name, in place of the one that has it.

    Args:
        name: its name.
        api_key: the key.
        secret: its secret.
        endpoint: the one that it signs for: "live", "embedded" or a URL.
        http: the URL of the endpoint's HTTP API, where `endpoint` does not say it.

    Raises:
        InputError: one of them cannot be meant; the key and the secret are not repeated.
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
    # The name first: a user can see and remove a name without a key, but never sees a key without a name.
    _save_names(backend, _names(backend) | {name: _shown(entry)})
    _ask(lambda: backend.set_password(SERVICE, name, text), repeats=False)


def saved_keys() -> dict[str, str]:
    """The names of all keys, sorted, each with its endpoint in words.

    Raises:
        KeychainError: the keychain cannot be used.
    """
    return dict(sorted(_names(_backend()).items()))


def kept_for(name: str) -> tuple[str, str | None]:
    """The endpoint that a key is kept for, and its HTTP API, as they were given.

    Raises:
        InputError: no key can have this name.
        KeychainError: there is no such key, or the keychain cannot be used.
    """
    check_name(name)
    entry = _read(name)
    return entry.endpoint, entry.http


def remove(name: str) -> None:
    """Forget a key.

    Raises:
        InputError: no key can have this name.
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
        return {}  # it was written by hand; the keys themselves are there all the same
    # Names alone are of the time when all keys were for the live service.
    return names if isinstance(names, dict) else dict.fromkeys(names, LIVE.name)


def _save_names(backend: KeyringBackend, names: dict[str, str]) -> None:
    _ask(lambda: backend.set_password(*_NAMES, msgspec.json.encode(names).decode()))


def _backend() -> KeyringBackend:
    """The system's keychain.

    Raises:
        KeychainError: there is none, or one that does not protect its entries.
    """
    try:
        import keyring
    except ImportError:
        raise KeychainError(
            "the package keyring is not installed", "install it with: pip install 'fulgurite[keychain]'"
        ) from None
    backend = _ask(keyring.get_keyring)
    # Several keychains at once come as one that chains them, and a key may end up in any of them.
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
        "uninstall the package that it is of, or name another in the environment variable PYTHON_KEYRING_BACKEND, "
        "for example keyring.backends.SecretService.Keyring",
    )


def _ask(question: Callable[[], Result], *, repeats: bool = True) -> Result:
    """Ask the keychain; each of its errors becomes one of ours.

    Args:
        question: the call of the keychain.
        repeats: whether the keychain's words may be shown. When it was given a secret they might repeat it.
    """
    try:
        return question()
    except Exception as error:  # each system's keychain has errors of its own, few of them in keyring's tree
        words = f": {error}" if repeats and str(error) else ""
        problem = f"the keychain failed with {type(error).__name__}{words}"
    # Raised out here, so that the keychain's error with its traceback is not kept as the context.
    raise KeychainError(problem, "unlock it, and look whether its own program shows it")
