"""Requests to the HTTP API within its limits (protocol reference, section 5). A shell: it moves bytes and waits.

Only a request refused with status 429 is repeated here, once. The caller decides about other attempts.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlencode

import msgspec

from fulgurite.client.httplimits import HttpBudget
from fulgurite.client.signing import Credentials, Signer, request_headers
from fulgurite.client.tls import client_context
from fulgurite.errors import (
    ConnectError,
    HttpRequestError,
    InputError,
    LocalProtocolError,
    RemoteProtocolError,
    UnansweredError,
)

if TYPE_CHECKING:
    import httpx

MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
"""Limit on the size of an answer; 500 executions have about 120 kB."""

MAX_CONNECTIONS: Final = 4


class HttpApi:
    """The HTTP API of one service, as an async context manager::

        async with HttpApi("http://127.0.0.1:7352/v1") as api:
            body = await api.get("executions", {"product_code": "BTC_JPY", "count": "500"})

    Args:
        url: the address with the version, as in `Endpoint.http`.
        credentials: for the private API, a function that returns the key and the secret, or a `Signer`. The function is
            called at each request, and neither is kept.
        ssl_context: for a certificate that the system does not trust; by default the system's trust and TLS 1.2 or
            later.
        timeout: seconds for a whole request, without the wait for the limits.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials | Signer | None = None,
        ssl_context: ssl.SSLContext | None = None,
        timeout: float = 10.0,
    ) -> None:
        self.url = url.rstrip("/")
        self._credentials = credentials
        self._ssl_context = ssl_context
        self._timeout = timeout
        # Private requests count against both limits.
        self._address_budget = HttpBudget()
        self._account_budget = HttpBudget()
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        import httpx  # it takes 0.1 s to load, and most streams never have a gap

        if self._ssl_context is None:
            self._ssl_context = client_context()
        self._client = httpx.AsyncClient(
            verify=self._ssl_context,
            trust_env=False,  # no proxy, like the WebSocket, and no password from ~/.netrc
            follow_redirects=False,  # no signature goes to another host
            timeout=None,  # `self._timeout` covers the whole request
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
            # Without compression, so that a few bytes cannot become gigabytes before they are counted.
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "fulgurite"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def __repr__(self) -> str:
        return f"HttpApi({self.url!r})"

    def requests_left(self) -> int:
        """The number of requests to the public API without a wait."""
        return self._address_budget.left(time.time())

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        """Send a request to the public API; return the body of the answer.

        This waits as long as the limits demand: minutes after many requests, and up to an hour if the server says so.

        Args:
            path: the path below the version: ``executions``.
            params: the query.

        Raises:
            ConnectError: no connection could be made, the connection broke, or the answer is not HTTP.
            UnansweredError: there was no answer within the timeout.
            HttpRequestError: the HTTP status is not 200; 429 only after a second attempt.
            RemoteProtocolError: the answer is longer than `MAX_ANSWER_BYTES`.
            LocalProtocolError: the API was not entered with `async with`.
        """
        return await self._get(path, params, self._address_budget)

    async def get_signed(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        """Send a signed request to the private API; otherwise like `get`.

        Raises:
            InputError: there are no credentials. Also those of `get`.
        """
        if self._credentials is None:
            raise InputError("credentials", None, "a callable that gives the key and the secret of an account")
        return await self._get(path, params, self._address_budget, self._account_budget)

    async def _get(self, path: str, params: Mapping[str, str] | None, *budgets: HttpBudget) -> bytes:
        import httpx

        if self._client is None:
            raise LocalProtocolError("the HTTP API is not open; use it with `async with`")
        address = f"{self.url}/{path.lstrip('/')}"
        try:
            url = httpx.URL(f"{address}?{urlencode(params)}" if params else address)
        except httpx.InvalidURL as error:  # a name with letters that are no longer allowed (RFC 5891)
            raise ConnectError(address, str(error)) from error
        for is_last in (False, True):
            await _wait(budgets)
            request = self._client.build_request("GET", url)
            if len(budgets) > 1:
                assert self._credentials is not None  # `get_signed` has checked
                # The signature covers the bytes that are sent.
                target = request.url.raw_path.decode("ascii")
                request.headers.update(await request_headers(self._credentials, request.method, target))
            try:
                async with asyncio.timeout(self._timeout):
                    response, body = await _send(self._client, request)
            except TimeoutError as error:
                raise UnansweredError(f"GET {address} within {self._timeout:g} s") from error
            except (httpx.RequestError, OSError) as error:
                raise ConnectError(address, str(error) or type(error).__name__) from error
            # The answer to a signed request has the limits of the account.
            budgets[-1].answered(response.status_code, response.headers, time.time())
            if response.status_code == 200:
                return body
            if response.status_code != 429 or is_last:
                break
        raise _refusal(address, response.status_code, body)


async def _send(client: httpx.AsyncClient, request: httpx.Request) -> tuple[httpx.Response, bytes]:
    response = await client.send(request, stream=True)
    try:
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                path = request.url.path
                raise RemoteProtocolError(f"the answer to GET {path} is longer than {MAX_ANSWER_BYTES} bytes")
    finally:
        await response.aclose()
    return response, bytes(body)


async def _wait(budgets: tuple[HttpBudget, ...]) -> None:
    """Wait until a request may be made, and count it."""
    while True:
        now = time.time()
        wait = max(budget.wait(now) for budget in budgets)
        if not wait:
            break
        await asyncio.sleep(wait)  # another request may be faster, so the loop checks again
    for budget in budgets:
        budget.spent(now)


class _ErrorBody(msgspec.Struct):
    error_message: str
    status: int | None = None


def _refusal(address: str, status: int, body: bytes) -> HttpRequestError:
    try:
        told = msgspec.json.decode(body, type=_ErrorBody)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        known = status in HTTPStatus.__members__.values()
        return HttpRequestError(address, status, None, HTTPStatus(status).phrase if known else "no reason given")
    return HttpRequestError(address, status, told.status, told.error_message)
