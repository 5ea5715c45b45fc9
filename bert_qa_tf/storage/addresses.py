"""Opens `https://` and `http://` addresses for reading.

Nothing but these two schemes is opened, and no redirect leads from `https` to `http`. Credentials in an address go to
that host alone, and never into a message.
"""

from __future__ import annotations

import base64
import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from bert_qa_tf.errors import InputError

SCHEMES = ("https://", "http://")
_MAX_REDIRECTS = 5


def is_web(address: str) -> bool:
    """Returns whether an address is `https://…` or `http://…`."""
    return address.lower().startswith(SCHEMES)


def shown(address: str) -> str:
    """Returns an address for messages: without user, password and query, which may hold a signature.

    >>> shown("https://me:secret@host/a.bin?token=1")
    'https://host/a.bin?…'
    """
    head, separator, rest = address.partition("://")
    if not separator:
        return address
    place, query, _ = rest.partition("?")
    authority, slash, path = place.partition("/")
    return f"{head}://{authority.rpartition('@')[2]}{slash}{path}{'?…' if query else ''}"


def open_address(address: str, headers: Mapping[str, str], timeout_secs: float) -> http.client.HTTPResponse:
    """Sends a GET.

    Args:
      address: `https://…` or `http://…`, possibly with `user:password@`.
      headers: to send with it.
      timeout_secs: how long to wait for the connection, and each time for data.

    Raises:
      InputError: this is no such address, or the server redirects to where nothing is fetched from.
      urllib.error.URLError, http.client.HTTPException, OSError: the connection or the server failed.
    """
    try:
        parts = urllib.parse.urlsplit(address)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise InputError(f"{shown(address)}: expected an https:// or http:// address")
        plain = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="")
        request = urllib.request.Request(urllib.parse.urlunsplit(plain), headers=dict(headers))
        if parts.username is not None:
            login = ":".join(urllib.parse.unquote(part or "") for part in (parts.username, parts.password))
            request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
        return _opener().open(request, timeout=timeout_secs)
    except (ValueError, http.client.InvalidURL) as error:  # of ports, brackets, and characters beyond ASCII
        if isinstance(error, InputError):
            raise
        raise InputError(f"{shown(address)}: no valid address ({type(error).__name__})") from error


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = _MAX_REDIRECTS

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        scheme = urllib.parse.urlsplit(newurl).scheme
        if scheme != "https" and not (scheme == "http" and req.type == "http"):
            raise InputError(f"{shown(req.full_url)}: redirects to {shown(newurl)}, expected an https:// address")
        fp.close()  # urllib would read all of the body, which may have no end
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()  # without the handlers of ftp:, file: and data: that others have
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener
