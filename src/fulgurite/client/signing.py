"""Signatures for an account, by a function that returns the key and the secret, or by a signer that keeps the secret.

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
"""A function or `async def` that returns the key and its secret. It is called at each connection, so that neither has
to be kept."""

ACCEPTED_CREDENTIALS: Final = (
    'keychain("main"); a function without arguments that returns the key and the secret; an async one; or a Signer'
)

_SURROGATE: Final = re.compile("[\ud800-\udfff]")

_ACCEPTED_SIGN: Final = "an async function that takes a text and returns its HMAC-SHA256, 64 lower-case hex digits"


class Signer(msgspec.Struct, frozen=True):
    """A signer outside this program: in another process, a browser, a hardware token::

    connect(child_order_events(), credentials=Signer("my key", ask_the_token))

    Raises:
        InputError: the key is invalid in an HTTP header, or `sign` cannot be called with a text; neither is shown.
    """

    api_key: str
    sign: Callable[[str], Awaitable[str]]
    """Returns the HMAC-SHA256 of a text's UTF-8 bytes under the secret, in lower-case hex. It is awaited without a
    timeout for each connection and each private HTTP request, always with a new text. After an `UnansweredError` or a
    `ConnectError` another attempt is made. Any other error ends the stream, as does the `InputError` for an invalid
    signature."""

    def __post_init__(self) -> None:
        if not is_api_key(self.api_key):
            raise InputError("api_key", f"a {type(self.api_key).__name__} (not shown)", f"a text: {ACCEPTED_KEYS}")
        if not _takes(self.sign, "a text"):
            raise InputError("sign", f"a {type(self.sign).__name__} (not shown)", _ACCEPTED_SIGN)

    def __repr__(self) -> str:
        return f"Signer(api_key={self.api_key!r}, sign=...)"

    async def signature(self, text: str) -> str:
        """Sign a text.

        Raises:
            InputError: the result of `sign` is no signature; it is not shown.
            Exception: an exception of `sign`.
        """
        given: object = self.sign(text)
        if not inspect.isawaitable(given):
            raise InputError("sign", f"a {type(given).__name__} that it returned (not shown)", _ACCEPTED_SIGN)
        signed = await given
        if not isinstance(signed, str) or not re.fullmatch("[0-9a-f]{64}", signed):
            raise InputError("sign", f"a {type(signed).__name__} that it gave (not shown)", _ACCEPTED_SIGN)
        return signed


def _takes(function: object, *arguments: object) -> bool:
    """Whether it accepts these arguments, as far as its signature shows."""
    if not callable(function):
        return False
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    except ValueError:  # a function in C has no signature
        pass
    return True


async def prepare_auth(credentials: Credentials | Signer) -> Callable[[], dict[str, object]]:
    """Return a function that makes the params of one `auth` (section 2).

    With a secret, the function signs them. A signer signs before the connection is made, so that none is made without
    authentication; its timestamp is older by the time of the handshake.
    """
    if isinstance(credentials, Signer):
        timestamp, nonce = _now_ms(), secrets.token_hex(16)
        signature = await credentials.signature(f"{timestamp}{nonce}")
        params = {"api_key": credentials.api_key, "timestamp": timestamp, "nonce": nonce, "signature": signature}
        return lambda: params
    api_key, secret = await ask(credentials)
    return lambda: signed_params(api_key, secret, _now_ms(), secrets.token_hex(16))


async def ask(credentials: Credentials) -> tuple[str, str]:
    """Return the key and the secret.

    Raises:
        InputError: the result of `credentials` is invalid; it is not shown.
        Exception: an exception of `credentials`.
    """
    # In a thread, because a keychain may ask its user, which must not stop other connections.
    given = await asyncio.to_thread(credentials)
    if inspect.isawaitable(given):
        given = await given
    match given:
        # A lone surrogate has no UTF-8 bytes.
        case (str(api_key), str(secret)) if is_api_key(api_key) and secret and not _SURROGATE.search(secret):
            return api_key, secret
    accepted = f"two texts of whole characters: the key and the secret; the key is {ACCEPTED_KEYS}"
    raise InputError("credentials", "their result (not shown)", accepted)


def check_credentials(credentials: object) -> Credentials | Signer | None:
    """Return the credentials if they are a signer, callable without arguments, or None.

    Raises:
        InputError: they are invalid; they are not shown, since they may hold a secret.
    """
    if not (credentials is None or isinstance(credentials, Signer) or (callable(credentials) and _takes(credentials))):
        raise InputError("credentials", f"a {type(credentials).__name__} (not shown)", ACCEPTED_CREDENTIALS)
    return credentials  # its result is checked when it is called


async def request_headers(credentials: Credentials | Signer, method: str, target: str) -> dict[str, str]:
    """Sign a private HTTP request without a body; return its headers (section 5).

    Args:
        credentials: the signer.
        method: ``GET``.
        target: the path with its query, as in the request.
    """
    if isinstance(credentials, Signer):
        timestamp = str(_now_ms())
        return _headers(credentials.api_key, timestamp, await credentials.signature(f"{timestamp}{method}{target}"))
    api_key, secret = await ask(credentials)
    timestamp = str(_now_ms())  # after the keychain, which may have waited for its user
    return _headers(api_key, timestamp, request_signature(secret, timestamp, method, target))


def _headers(api_key: str, timestamp: str, signature: str) -> dict[str, str]:
    return {"ACCESS-KEY": api_key, "ACCESS-TIMESTAMP": timestamp, "ACCESS-SIGN": signature}


def _now_ms() -> int:
    # Milliseconds, as in the documentation's sample (section 2).
    return time.time_ns() // 1_000_000
