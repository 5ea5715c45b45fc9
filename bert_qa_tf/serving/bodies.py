"""Bodies of requests as they arrive, and of replies: what all paths of the server have in common.

What goes in: a request that is still being sent. What comes out: its body, no longer than it may be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from bert_qa_tf.serving.rest import RestError

# A body that is too large is still read, and thrown away, up to so many times the limit: a client that is told before
# it has sent everything often reports a broken connection, not what it was told.
_READ_AND_DROPPED = 8
# Nobody reads a reply with this status: the client went away.
CLIENT_GONE = 499


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The body of a request.

    Raises:
      RestError: it is longer than `max_bytes`.
      ClientDisconnect: the client went away before it was whole.
    """
    chunks: list[bytes] = []
    await receive_body(request, chunks.append, max_bytes)
    return b"".join(chunks)


async def receive_body(
    request: Request, take: Callable[[bytes], object], max_bytes: int, patience_secs: float | None = None
) -> None:
    """Hands on the body of a request as it arrives.

    Args:
      request: whose body nobody has read yet.
      take: gets it piece by piece, `max_bytes` at most.
      max_bytes: how long it may be.
      patience_secs: how long to wait for each piece; None for as long as the client stays.

    Raises:
      RestError: it is longer, or nothing more of it came.
      ClientDisconnect: the client went away before it was whole.
    """
    size = 0
    pieces = aiter(request.stream())
    try:
        while size <= _READ_AND_DROPPED * max_bytes:
            piece = await asyncio.wait_for(anext(pieces), patience_secs)
            size += len(piece)
            if size <= max_bytes:
                take(piece)
    except StopAsyncIteration:
        pass
    except TimeoutError as error:
        raise RestError(408, f"Nothing more of the request's body came for {patience_secs:g} s") from error
    if size > max_bytes:
        raise RestError(413, f"The request's body is larger than the {max_bytes} bytes that this server takes")


async def drop_body(request: Request, max_bytes: int, patience_secs: float | None = None) -> None:
    """Reads a body that nobody wants, so that its sender hears why; see `receive_body`."""
    await receive_body(request, lambda piece: None, max_bytes, patience_secs)


def json_response(status: int, body: bytes, headers: dict[str, str] | None = None) -> Response:
    """A reply of JSON."""
    return Response(body, status, headers, media_type="application/json")


def error_response(error: RestError, headers: dict[str, str] | None = None) -> Response:
    """A reply that says what is wrong."""
    return json_response(error.status, error.body(), headers)
