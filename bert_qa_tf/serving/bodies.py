"""Reads the bodies of requests up to a size limit and makes JSON replies, for all paths of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from bert_qa_tf.serving.rest import RestError

# A body that is too large is read and discarded, up to this many times the limit: a client that gets a reply before it
# has sent everything often reports a broken connection instead of the reply.
_READ_AND_DROPPED = 8
# The status of replies to a client that has disconnected; they are never read.
CLIENT_GONE = 499


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Reads the body of a request.

    Raises:
      RestError: the body is longer than `max_bytes`.
      ClientDisconnect: the client disconnected before it had sent the whole body.
    """
    chunks: list[bytes] = []
    await receive_body(request, chunks.append, max_bytes)
    return b"".join(chunks)


async def receive_body(
    request: Request, take: Callable[[bytes], object], max_bytes: int, patience_secs: float | None = None
) -> None:
    """Passes the body of a request to a function while it arrives.

    Args:
      request: a request whose body has not been read yet.
      take: called with each piece of the body, with at most `max_bytes` in all.
      max_bytes: the limit on the body's size.
      patience_secs: how long to wait for each piece; None to wait until the client disconnects.

    Raises:
      RestError: the body is longer than `max_bytes`, or a piece did not arrive in time.
      ClientDisconnect: the client disconnected before it had sent the whole body.
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
    """Reads and discards a body, so that the client then reads the error reply; see `receive_body`."""
    await receive_body(request, lambda piece: None, max_bytes, patience_secs)


def json_response(status: int, body: bytes, headers: dict[str, str] | None = None) -> Response:
    """Returns a reply with a JSON body."""
    return Response(body, status, headers, media_type="application/json")


def error_response(error: RestError, headers: dict[str, str] | None = None) -> Response:
    """Returns the reply for an error."""
    return json_response(error.status, error.body(), headers)
