"""The web application: TF Serving's REST paths, the page of the model's task, transcripts and recordings.

It uses Starlette. Paths and errors are TF Serving's, so a framework that derives them from types would not help. The
event loop only transfers bytes; a few worker threads parse JSON and run the model.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import functools
import pathlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bert_qa_tf import tasks
from bert_qa_tf.serving import access, bodies, rest
from bert_qa_tf.serving.backends import Backend, HttpReply, HttpRequest, LongWork
from bert_qa_tf.serving.recordings import Recordings
from bert_qa_tf.serving.settings import ServerConfig
from bert_qa_tf.serving.transcript_request import transcript_reply
from bert_qa_tf.serving.transcripts import Transcripts

_DEFAULT_PAGE = tasks.find(tasks.DEFAULT_TASK).page
_SHARED_PAGE_FILES = pathlib.Path(__file__).resolve().parent / "page_shared"
_METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
# The page may load only its own files, whatever a transcript contains, and recordings that its user opened (blob:).
_PAGE_HEADERS = {
    b"content-security-policy": b"default-src 'self'; media-src blob:; frame-ancestors 'none'; form-action 'none'; "
    b"base-uri 'none'",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
}
_LOOKS_FOR_CLIENT_EVERY_SECS = 0.25


class Application:
    """The web application.

    Args:
      backend: answers the requests below `/v1`.
      config: see `ServerConfig`.
      recordings: handles `POST /transcribe`; None to refuse such requests.
      is_local: whether only this machine can reach the server.

    Attributes:
      asgi: the ASGI application.
    """

    def __init__(
        self, backend: Backend, config: ServerConfig, recordings: Recordings | None = None, is_local: bool = True
    ) -> None:
        self._backend = backend
        self._config = config
        self._recordings = recordings
        self._transcripts = Transcripts(config.limits)
        self._in_flight = self._in_flight_long = 0
        self._page = _DEFAULT_PAGE
        self._intake = bodies.Intake(config.limits.max_body_bytes, config.receive_secs)
        num_workers = config.max_concurrent_calls or backend.concurrent_calls
        self._workers = concurrent.futures.ThreadPoolExecutor(num_workers, "answering")
        self._turns = asyncio.Semaphore(num_workers)
        # All that is not small leaves a turn to what is.
        self._long_turns = asyncio.Semaphore(max(1, num_workers - 1))
        self._max_in_flight = num_workers + config.max_waiting
        routes = [
            Route("/", self._serve_page),
            Route("/page/config.json", self._serve_page_config),
            Route("/transcript", self._serve_transcript, methods=["POST"]),
            Route("/transcribe", self._serve_recording, methods=["POST"]),
            Route("/v1/{rest:path}", self._serve_api, methods=_METHODS),
            Mount("/page/shared", _PageFiles(directory=_SHARED_PAGE_FILES)),
            Mount("/page", self._serve_page_file),
        ]
        handlers: dict[Any, Any] = {
            HTTPException: _describe_http_error,
            rest.RestError: _describe_refusal,
            ClientDisconnect: _describe_nothing,
            Exception: _describe_bug,
        }
        rules = access.AccessRules(is_local, config.allowed_hosts, config.token)
        app = Starlette(routes=routes, exception_handlers=handlers)
        self.asgi: ASGIApp = _with_headers(access.guarded(_ending_well(app), rules))

    def close(self) -> None:
        """Waits until the worker threads are done."""
        self._workers.shutdown()
        self._transcripts.close()
        if self._recordings is not None:
            self._recordings.close()

    async def _serve_page(self, request: Request) -> Response:
        """Returns the page of the model's task, or of the default task if the task is unknown or has no page."""
        del request
        task = await asyncio.get_running_loop().run_in_executor(self._workers, self._backend.task)
        self._page = (task and task.page) or _DEFAULT_PAGE
        return FileResponse(self._page / "index.html", headers={"cache-control": "no-cache"})

    async def _serve_page_file(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _PageFiles(directory=self._page)(scope, receive, send)

    async def _serve_page_config(self, request: Request) -> Response:
        """Returns the settings that the page needs."""
        del request
        known = {"model_name": self._config.model_name, **dataclasses.asdict(self._config.limits), "recognizer": None}
        known["asks_for_token"] = self._config.token is not None
        if self._recordings is not None:
            taken = self._recordings.config
            known |= {"recognizer": taken.recognizer.name, "max_audio_bytes": taken.max_audio_bytes}
        return JSONResponse(known)

    async def _serve_api(self, request: Request) -> Response:
        async with self._intake.body(request) as body:
            path = request.scope["raw_path"].decode("ascii")
            headers = dict(request.headers)
            if self._config.token is not None:
                headers.pop("authorization", None)  # it is this server's, and no business of one behind it
            asked = HttpRequest(request.method, path, headers, body)
            if self._backend.is_quick(request.method):
                return bodies.json_response(*self._backend.answer(asked))
            return await self._take_turn(request, functools.partial(self._backend.answer, asked))

    async def _serve_transcript(self, request: Request) -> Response:
        """Reads a transcript for the page: the body is the file, and the query has its name."""
        query = request.query_params
        name, recording, encoding = query.get("name", ""), query.get("recording"), query.get("encoding")
        async with self._intake.body(request) as body:
            if not self._transcripts.is_short(body):
                return bodies.json_response(
                    *await self._transcripts.read_long(request, body, name, recording, encoding)
                )
            work = functools.partial(transcript_reply, body, name, recording, self._config.limits, encoding)
            return await self._take_turn(request, lambda: HttpReply(*work()))

    async def _serve_recording(self, request: Request) -> Response:
        if self._recordings is not None:
            return await self._recordings.serve(request)
        await bodies.drop_body(request, self._config.limits.max_body_bytes)
        raise rest.RestError(501, "This server recognises no speech: it was started without a recogniser")

    async def _take_turn(self, request: Request, work: Callable[[], HttpReply | LongWork]) -> Response:
        """Runs `work` in a worker thread, or refuses the request if too many are waiting already."""
        async with self._counted():
            async with self._turns:
                if await request.is_disconnected():
                    raise ClientDisconnect  # while it waited
                done = await asyncio.get_running_loop().run_in_executor(self._workers, work)
            if not isinstance(done, HttpReply):
                done = await self._do_parts(request, done)
            return bodies.json_response(*done)

    @contextlib.asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        if self._in_flight >= self._max_in_flight:
            raise rest.RestError(503, f"{self._in_flight} requests are waiting already; try again later")
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1

    async def _do_parts(self, request: Request, long: LongWork) -> HttpReply:
        # They wait for minutes: half of the places remain for what is small.
        if self._in_flight_long >= max(1, self._max_in_flight // 2):
            raise rest.RestError(503, f"{self._in_flight_long} long requests are waiting already; try again later")
        self._in_flight_long += 1
        try:
            while (reply := await self._do_part(request, long)) is None:
                pass
            return reply
        finally:
            self._in_flight_long -= 1

    async def _do_part(self, request: Request, long: LongWork) -> HttpReply | None:
        """Does the next part of long work, when it is its turn; stops it if the client disconnects."""
        async with self._long_turns, self._turns:
            running = asyncio.get_running_loop().run_in_executor(self._workers, long.step)
            try:
                while not running.done():
                    if await request.is_disconnected():
                        raise ClientDisconnect
                    await asyncio.wait([running], timeout=_LOOKS_FOR_CLIENT_EVERY_SECS)
                return running.result()
            finally:
                if not running.done():
                    long.cancel()
                    # The turn is over only when the thread is free again.
                    await asyncio.wait([running])


class _PageFiles(StaticFiles):
    """The page's files; browsers must revalidate them each time, so that they keep no files of another version."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "no-cache"
        return response


async def _describe_http_error(request: Request, error: HTTPException) -> Response:
    """Returns the reply for paths that are neither the page's nor below `/v1`."""
    message = rest.RestError(error.status_code, f"{error.detail}: {request.method} {request.url.path}")
    return bodies.error_response(message)


async def _describe_refusal(request: Request, error: rest.RestError) -> Response:
    """Returns the reply for what is refused before it is worked on. Some of the body may not have been read."""
    del request
    return bodies.error_response(error, {"retry-after": "1"} if error.status == 503 else {"connection": "close"})


async def _describe_nothing(request: Request, error: ClientDisconnect) -> Response:
    """Returns a reply that nobody will read."""
    del request, error
    return Response(status_code=bodies.CLIENT_GONE)


async def _describe_bug(request: Request, error: Exception) -> Response:
    """Returns the reply for an unexpected error; the server writes its traceback to the log."""
    del request, error
    message = rest.RestError(500, "Internal error; the server's log has more")
    return bodies.error_response(message)


def _ending_well(app: ASGIApp) -> ASGIApp:
    """Wraps `app` to answer a request that the server cancels because its grace period is over."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def noting(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await app(scope, receive, noting)
        except asyncio.CancelledError:
            if not has_begun:
                error = rest.RestError(503, "The server is stopping")
                await bodies.error_response(error, {"connection": "close"})(scope, receive, send)

    return wrapped


def _with_headers(app: ASGIApp) -> ASGIApp:
    """Wraps `app` to add the security headers that restrict what a browser may load."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_PAGE_HEADERS.items()]
            await send(message)

        await app(scope, receive, send_more)

    return wrapped
