"""Reads the bodies of requests within limits of size and time, and makes JSON replies, for all paths of the server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from starlette.requests import Request
from starlette.responses import Response

from bert_qa_tf.serving.rest import RestError

# A body that is too large is read and discarded, up to this many times the limit and for this long: a client that gets
# a reply before it has sent everything often reports a broken connection instead of the reply.
_READ_AND_DROPPED = 8
_DROP_SECS = 10.0
# A large body has more time: as long as it comes at least at this rate.
LEAST_BYTES_PER_SEC = 2**16
# So much of each body is always taken; all that comes beyond it is limited together.
_FREE_BYTES = 2**16
# The bodies that are held at the same time, as multiples of the limit for one.
_HELD_BODIES = 8
# The status of replies to a client that has disconnected; they are never read.
CLIENT_GONE = 499


class Intake:
    """Reads bodies into memory, all of them together within a limit.

    Args:
      max_bytes: the limit on the size of one body.
      receive_secs: see `receive_body`.
    """

    def __init__(self, max_bytes: int, receive_secs: float) -> None:
        self._max_bytes = max_bytes
        self._receive_secs = receive_secs
        self._held = 0

    @contextlib.asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """Reads the body of a request, and counts it as held until the context ends.

        Raises:
          RestError: the body is too large or too slow, or too much is held already.
          ClientDisconnect: the client disconnected before it had sent the whole body.
        """
        chunks: list[bytes] = []
        size = held = 0

        def take(piece: bytes) -> None:
            nonlocal size, held
            size += len(piece)
            more = max(0, size - _FREE_BYTES) - held
            if more > 0 and self._held + more > _HELD_BODIES * self._max_bytes:
                raise RestError(503, "The server holds too many large requests already; try again later")
            held += max(0, more)
            self._held += max(0, more)
            chunks.append(piece)

        try:
            await receive_body(request, take, self._max_bytes, self._receive_secs)
            content = b"".join(chunks)
            chunks.clear()
            yield content
        finally:
            self._held -= held


async def receive_body(request: Request, take: Callable[[bytes], object], max_bytes: int, receive_secs: float) -> None:
    """Passes the body of a request to a function while it arrives.

    Args:
      request: a request whose body has not been read yet.
      take: called with each piece of the body, with at most `max_bytes` in all.
      max_bytes: the limit on the body's size.
      receive_secs: the time until the body must be complete. Each `LEAST_BYTES_PER_SEC` of it that have arrived give
        another second, but there are never more than `receive_secs` left.

    Raises:
      RestError: the body is longer than `max_bytes`, or not complete in time.
      ClientDisconnect: the client disconnected before it had sent the whole body.
    """
    size = 0
    now = asyncio.get_running_loop().time
    deadline = now() + receive_secs
    try:
        async with asyncio.timeout_at(deadline) as limit:
            async for piece in request.stream():
                was_too_large = size > max_bytes
                size += len(piece)
                if size <= max_bytes:
                    take(piece)
                    # Never more than the first time: who sends most of a body at once may not pause for an hour.
                    deadline = min(deadline + len(piece) / LEAST_BYTES_PER_SEC, now() + receive_secs)
                    limit.reschedule(deadline)
                elif size > _READ_AND_DROPPED * max_bytes:
                    break
                elif not was_too_large:
                    limit.reschedule(now() + _DROP_SECS)
    except TimeoutError as error:
        if size <= max_bytes:
            message = f"The request's body was not complete in {receive_secs:g} s ({size} bytes came)"
            raise RestError(408, message) from error
    if size > max_bytes:
        raise RestError(413, f"The request's body is larger than the {max_bytes} bytes that this server takes")


async def drop_body(request: Request, max_bytes: int) -> None:
    """Reads and discards a body for a while, so that the client then reads the error reply; see `receive_body`."""
    with contextlib.suppress(RestError):
        await receive_body(request, lambda piece: None, max_bytes, _DROP_SECS)


def json_response(status: int, body: bytes, headers: dict[str, str] | None = None) -> Response:
    """Returns a reply with a JSON body."""
    return Response(body, status, headers, media_type="application/json")


def error_response(error: RestError, headers: dict[str, str] | None = None) -> Response:
    """Returns the reply for an error."""
    return json_response(error.status, error.body(), headers)
