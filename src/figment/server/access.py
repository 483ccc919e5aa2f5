"""What every request must pass: its Host and Origin, its key, its size. It stands before all routes and sockets.

A page of another site can make a browser call a server on this computer, and with a name that it makes resolve to
127.0.0.1 even read the answers (DNS rebinding; Jackson et al. 2007). Such a call has that name as its Host: only
addresses, localhost and names that were given are taken. An Origin must be the server itself.
"""

import binascii
import ipaddress
import logging
from base64 import b64decode
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from figment.server.accounts import Accounts
from figment.server.problems import Problem, Problems
from figment.server.settings import Settings

__all__ = ["COOKIE", "Guard"]

COOKIE = "figment"
OPEN = ("/health", "/api/health", "/api/login")
"""Paths that need no key."""
PAGE = ("/assets/", "/icon.svg", "/index.html")
"""Beginnings of the page's paths besides /: it asks for the key itself."""
PICTURES = ("/api/uploads/", "/sdapi/", "/v1/")
"""Paths whose requests carry pictures."""
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_log = logging.getLogger(__name__)


class Guard:
    """Lets pass what may, with `scope["state"]["account"]` set to who asks."""

    def __init__(self, app: ASGIApp, settings: Settings, accounts: Accounts, problems: Problems) -> None:
        self.app, self.settings, self.accounts, self.problems = app, settings, accounts, problems

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        try:
            limit = self._admit(scope)
        except Problem as problem:
            _log.warning("%s refused: %s", scope["path"], problem)
            headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else None
            refusal = self.problems.answer(scope["path"], problem.status, str(problem), headers)
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            else:
                await refusal(scope, receive, _hardened(send))
            return
        await self.app(scope, _limited(receive, limit), _hardened(send))

    def _admit(self, scope: Scope) -> int:
        """Bytes that the body may have. Raises Problem for a request that may not pass."""
        headers, path = Headers(scope=scope), scope["path"]
        self._check_host(headers)
        _check_origin(headers)
        account = self.accounts.who(_key(headers))
        if account is None and path not in ("/", *OPEN) and not path.startswith(PAGE):
            raise Problem(401, "This server asks for a key; send it as 'Authorization: Bearer KEY'.")
        scope.setdefault("state", {})["account"] = account
        limit = self.settings.most_upload if path.startswith(PICTURES) else self.settings.most_body
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > limit:
            raise Problem(413, f"The request is too large; at most {limit} bytes are taken here.")
        return limit

    def _check_host(self, headers: Headers) -> None:
        hosts = headers.getlist("host")
        name = urlsplit(f"//{hosts[0]}").hostname if len(hosts) == 1 and _is_authority(hosts[0]) else None
        if name is None or not (name in ("localhost", *self.settings.names) or _is_address(name)):
            raise Problem(421, "The name by which this server was called is not its own; see figment studio --name.")


def _check_origin(headers: Headers) -> None:
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers["host"]:
        raise Problem(403, "Pages of other sites may not use this server.")
    if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
        raise Problem(403, "Pages of other sites may not use this server.")


def _is_authority(host: str) -> bool:
    try:
        urlsplit(f"//{host}").port  # noqa: B018  # raises for what is no number
    except ValueError:
        return False
    return not set(host) & set("/?#@\\ ")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _key(headers: Mapping[str, str]) -> str:
    """The key of a Bearer header, the password of a Basic one, or the cookie's."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if morsel is None else morsel.value


def _limited(receive: Receive, limit: int) -> Receive:
    """The same body, refused when more comes than it said or may."""
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413, f"The request is too large; at most {limit} bytes are taken here.")
        return message

    return limited


def _hardened(send: Send) -> Send:
    async def hardened(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return hardened
