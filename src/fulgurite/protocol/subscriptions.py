"""The server's grants and refusals, the same in both dialects (protocol reference, section 1.2). Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from fulgurite.errors import ChannelError
from fulgurite.protocol.channels import parse_channel
from fulgurite.protocol.choices import (
    ALREADY_AUTHENTICATED,
    AUTHENTICATION_FAILED,
    INVALID_PARAMS,
    PRIVATE_UNSUBSCRIBE_NEEDS_AUTH,
    UNSUBSCRIBE_UNKNOWN_SUCCEEDS,
    Refusal,
)
from fulgurite.protocol.events import Authenticated, Method, ServerEvent, Subscribed, Unsubscribed

CheckAuth: TypeAlias = Callable[[object], str | Refusal | None]
"""Returns the key that `auth` params prove; None, or a refusal with words of its own, where they prove none."""

INVALID_CHANNEL = Refusal(-32602, "invalid channel")
AUTHENTICATION_REQUIRED = Refusal(-32007, "authentication required")
ALREADY_SUBSCRIBED = Refusal(-32009, "already subscribed")

MAX_CHANNELS = 1_000
"""A connection's channels; more are refused as invalid. The real limit is unpublished, 40 are known to work."""


class Subscriptions:
    """The channels and the account of one connection.

    Args:
        check_auth: see `CheckAuth`.
    """

    def __init__(self, check_auth: CheckAuth) -> None:
        self._check_auth = check_auth
        self._channels: set[str] = set()
        self._api_key: str | None = None

    def call(self, method: Method, argument: object) -> ServerEvent | Refusal | None:
        """Decide one request.

        Args:
            method: the kind of request.
            argument: the channel's name, or the params of `auth`, as they came.

        Returns:
            A refusal, or the event that follows from granting it, or None for nothing.
        """
        if method is Method.AUTH:
            return self._authenticate(argument)
        if not isinstance(argument, str):
            return INVALID_PARAMS
        try:
            channel = parse_channel(argument)
        except ChannelError:
            return INVALID_CHANNEL
        is_closed = channel.kind.is_private and self._api_key is None
        if is_closed and (method is Method.SUBSCRIBE or PRIVATE_UNSUBSCRIBE_NEEDS_AUTH):
            return AUTHENTICATION_REQUIRED
        if method is Method.SUBSCRIBE:
            return self._subscribe(argument)
        return self._unsubscribe(argument)

    def clear(self) -> list[ServerEvent]:
        """Give up all channels and the account, as a Socket.IO client does that leaves the namespace."""
        channels, self._channels = self._channels, set()
        self._api_key = None
        return [Unsubscribed(channel) for channel in sorted(channels)]

    def _authenticate(self, params: object) -> ServerEvent | Refusal:
        if self._api_key is not None:
            return ALREADY_AUTHENTICATED
        if params is None:
            return INVALID_PARAMS
        checked = self._check_auth(params)
        if not isinstance(checked, str):
            return checked or AUTHENTICATION_FAILED
        self._api_key = checked
        return Authenticated(checked)

    def _subscribe(self, channel: str) -> ServerEvent | Refusal:
        if channel in self._channels:
            return ALREADY_SUBSCRIBED
        if len(self._channels) >= MAX_CHANNELS:
            return INVALID_CHANNEL
        self._channels.add(channel)
        return Subscribed(channel)

    def _unsubscribe(self, channel: str) -> ServerEvent | Refusal | None:
        if channel in self._channels:
            self._channels.remove(channel)
            return Unsubscribed(channel)
        return None if UNSUBSCRIBE_UNKNOWN_SUCCEEDS else INVALID_CHANNEL
