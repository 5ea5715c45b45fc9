"""Refuses requests that a web page of somebody else sends, and requests without the server's token.

A browser lets every page send requests to any address, also to this machine. `Origin` and `Sec-Fetch-Site` say which
page sent one. A page whose name is made to resolve to 127.0.0.1 (DNS rebinding) counts as the server's own; there only
`Host` tells. Programs such as curl send neither of the first two, and name the server as they reach it.
"""

from __future__ import annotations

import dataclasses
import hmac
import ipaddress
import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from bert_qa_tf.errors import InputError
from bert_qa_tf.serving import bodies
from bert_qa_tf.serving.rest import RestError

_HOST = re.compile(r"(?P<name>[^\[\]:@/\\\s]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_HOST_NAME = re.compile(r"[0-9A-Za-z_.-]+|\[[0-9A-Fa-f:.]+\]")
_MAX_SHOWN = 100
# Everything else below the page's path is public: it is the same for all, and the page asks for the token.
_PUBLIC = re.compile(r"/|/page/.*")


@dataclasses.dataclass(frozen=True)
class AccessRules:
    """Who may ask.

    Attributes:
      is_local: whether the server listens on this machine only. Then `Host` must be a name of this machine.
      allowed_hosts: more names by which the server is reached, such as that of a proxy in front of it.
      token: the secret that requests must bring, as `Authorization: Bearer …`; None to ask for none.

    Raises:
      InputError: a name is none.
    """

    is_local: bool = True
    allowed_hosts: tuple[str, ...] = ()
    token: str | None = dataclasses.field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in self.allowed_hosts:
            if not _HOST_NAME.fullmatch(name):
                raise InputError(
                    f"--allowed_hosts: expected names such as qa.example.org, without a port, got {name!r}"
                )

    def refusal(self, method: str, path: str, headers: Headers) -> RestError | None:
        """Returns why a request is refused; None if it is not."""
        hosts = headers.getlist("host")
        for host in hosts:
            if len(hosts) > 1 or not self._is_own_host(host):
                shown = ", ".join(hosts)[:_MAX_SHOWN]
                return RestError(403, f"Host: {shown} is no name of this server; --allowed_hosts gives it more names")
        origins = headers.getlist("origin")
        for origin in origins:
            if not self._is_own_origin(origin, hosts):
                shown = origin[:_MAX_SHOWN]
                return RestError(403, f"Origin: {shown} is not this server: pages of others may not ask it")
        # A link on somebody's page may lead to this server's page.
        follows_link = method in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
        if not origins and headers.get("sec-fetch-site") in ("cross-site", "same-site") and not follows_link:
            return RestError(403, "Sec-Fetch-Site: pages of others may not ask this server")
        if self.token is not None and not _PUBLIC.fullmatch(path) and not self._has_token(headers):
            return RestError(401, "This server asks for a token: send the header `Authorization: Bearer <token>`")
        return None

    def _is_own_host(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match["name"].lower().removesuffix(".")
        if name in self._allowed or name == "localhost":
            return True
        address = _address(name)
        if self.is_local:
            return address is not None and address.is_loopback
        # Without names to compare with, any is possible. An address cannot be made to mean another machine.
        return address is not None or not self.allowed_hosts

    def _is_own_origin(self, origin: str, hosts: list[str]) -> bool:
        scheme, separator, host = origin.lower().partition("://")
        if not separator or scheme not in ("http", "https"):
            return False
        match = _HOST.fullmatch(host)
        return match is not None and (host in (own.lower() for own in hosts) or match["name"] in self._allowed)

    @property
    def _allowed(self) -> frozenset[str]:
        return frozenset(name.lower() for name in self.allowed_hosts)

    def _has_token(self, headers: Headers) -> bool:
        scheme, _, sent = headers.get("authorization", "").partition(" ")
        # Takes as long for each wrong token, so that the time tells nothing.
        is_right = hmac.compare_digest(sent.strip().encode(), (self.token or "").encode())
        return is_right and scheme.lower() == "bearer"


def guarded(app: ASGIApp, rules: AccessRules) -> ASGIApp:
    """Wraps `app` to refuse what the rules refuse, before anything of the body is read."""

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        error = rules.refusal(scope["method"], scope["path"], Headers(scope=scope))
        if error is None:
            await app(scope, receive, send)
            return
        headers = {"www-authenticate": "Bearer"} if error.status == 401 else None
        await bodies.error_response(error, headers)(scope, receive, send)

    return guard


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return None
