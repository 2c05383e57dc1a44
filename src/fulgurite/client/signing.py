"""Signing for an account: by a callable that gives the key and its secret, or by a signer that keeps the secret.

A shell: it draws nonces, reads the clock and waits for signatures.
"""

from __future__ import annotations

import asyncio
import inspect
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import msgspec

from fulgurite.errors import InputError
from fulgurite.protocol.auth import ACCEPTED_KEYS, is_api_key, request_signature, signed_params

Credentials: TypeAlias = Callable[[], tuple[str, str] | Awaitable[tuple[str, str]]]
"""Gives the key and its secret, as a function or as `async def`. Asked at each connection, so that neither has to be
kept."""

ACCEPTED_CREDENTIALS: Final = (
    'keychain("main"); a function without arguments that returns the key and the secret; an async one; or a Signer'
)

_SURROGATE: Final = re.compile("[\ud800-\udfff]")

_ACCEPTED_SIGN: Final = "an async function that takes a text and returns its HMAC-SHA256, 64 lower-case hex digits"


class Signer(msgspec.Struct, frozen=True):
    """Signs where the secret is: in another process, a browser, a hardware token::

    connect(child_order_events(), credentials=Signer("my key", ask_the_token))

    Raises:
        InputError: the key cannot stand in an HTTP header, or `sign` cannot be called with a text; neither is shown.
    """

    api_key: str
    sign: Callable[[str], Awaitable[str]]
    """Gives the HMAC-SHA256 of a text's UTF-8 bytes under the secret, in lower-case hex. It is awaited for each
    connection and each private HTTP request, always with a text of that moment, for as long as it takes.
    An `UnansweredError` or a `ConnectError` costs that attempt, and another is made; any other error ends the
    stream, as an `InputError` does where it gives anything else than a signature."""

    def __post_init__(self) -> None:
        if not is_api_key(self.api_key):
            raise InputError("api_key", f"a {type(self.api_key).__name__} (not shown)", f"a text: {ACCEPTED_KEYS}")
        if not _takes(self.sign, "a text"):
            raise InputError("sign", f"a {type(self.sign).__name__} (not shown)", _ACCEPTED_SIGN)

    def __repr__(self) -> str:
        return f"Signer(api_key={self.api_key!r}, sign=...)"

    async def signature(self, text: str) -> str:
        """Have a text signed.

        Raises:
            InputError: the result of `sign` is no signature; it is not shown.
            Exception: any that `sign` raises.
        """
        given: object = self.sign(text)
        if not inspect.isawaitable(given):
            raise InputError("sign", f"a {type(given).__name__} that it returned (not shown)", _ACCEPTED_SIGN)
        signed = await given
        if not isinstance(signed, str) or not re.fullmatch("[0-9a-f]{64}", signed):
            raise InputError("sign", f"a {type(signed).__name__} that it gave (not shown)", _ACCEPTED_SIGN)
        return signed


def _takes(function: object, *arguments: object) -> bool:
    """Whether it can be called with these arguments, as far as it says."""
    if not callable(function):
        return False
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    except ValueError:  # one of C has no signature
        pass
    return True


async def prepare_auth(credentials: Credentials | Signer) -> Callable[[], dict[str, object]]:
    """Give a function that makes the params of one `auth` (section 2).

    With a secret they are signed when that is called. A signer signs before the connection is made, so that none is
    made that could not be authenticated; its timestamp is older by the time of the handshake.
    """
    if isinstance(credentials, Signer):
        timestamp, nonce = _now_ms(), secrets.token_hex(16)
        signature = await credentials.signature(f"{timestamp}{nonce}")
        params = {"api_key": credentials.api_key, "timestamp": timestamp, "nonce": nonce, "signature": signature}
        return lambda: params
    api_key, secret = await ask(credentials)
    return lambda: signed_params(api_key, secret, _now_ms(), secrets.token_hex(16))


async def ask(credentials: Credentials) -> tuple[str, str]:
    """Ask for the key and the secret.

    Raises:
        InputError: the answer is something else; it is not shown.
        Exception: any that `credentials` raises.
    """
    # In a thread, since a keychain may ask its user, and other connections must go on meanwhile.
    given = await asyncio.to_thread(credentials)
    if inspect.isawaitable(given):
        given = await given
    match given:
        # A lone surrogate has no bytes that could be signed with.
        case (str(api_key), str(secret)) if is_api_key(api_key) and secret and not _SURROGATE.search(secret):
            return api_key, secret
    accepted = f"two texts of whole characters: the key and the secret; the key is {ACCEPTED_KEYS}"
    raise InputError("credentials", "their result (not shown)", accepted)


def check_credentials(credentials: object) -> Credentials | Signer | None:
    """Give back the credentials if they can be asked for a key, or None.

    Raises:
        InputError: it cannot; it is not shown, since it may hold a secret.
    """
    if not (credentials is None or isinstance(credentials, Signer) or (callable(credentials) and _takes(credentials))):
        raise InputError("credentials", f"a {type(credentials).__name__} (not shown)", ACCEPTED_CREDENTIALS)
    return credentials  # its result is checked when it is called


async def request_headers(credentials: Credentials | Signer, method: str, target: str) -> dict[str, str]:
    """Sign a private HTTP request without a body, now; return its headers (section 5).

    Args:
        credentials: the signer.
        method: ``GET``.
        target: the path with its query, as it stands in the request.
    """
    if isinstance(credentials, Signer):
        timestamp = str(_now_ms())
        return _headers(credentials.api_key, timestamp, await credentials.signature(f"{timestamp}{method}{target}"))
    api_key, secret = await ask(credentials)
    timestamp = str(_now_ms())  # after the keychain: that may have waited for its user
    return _headers(api_key, timestamp, request_signature(secret, timestamp, method, target))


def _headers(api_key: str, timestamp: str, signature: str) -> dict[str, str]:
    return {"ACCESS-KEY": api_key, "ACCESS-TIMESTAMP": timestamp, "ACCESS-SIGN": signature}


def _now_ms() -> int:
    # Milliseconds, as in the documentation's sample (section 2).
    return time.time_ns() // 1_000_000
