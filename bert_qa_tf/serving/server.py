"""Runs the web server, which has TF Serving's REST paths and a page to try the model.

The server also reads transcripts and recordings for the page. It passes requests below `/v1` to a `Backend`. When it is
asked to stop, it finishes the requests in progress. `rest.py` defines the requests and replies. The page belongs to the
model's task; files that the pages of all tasks share are in `page_shared`.

The server uses Starlette on uvicorn. Paths and errors are TF Serving's, so a framework that derives them from types
would not help. The event loop only transfers bytes; a few worker threads parse JSON and run the model.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import functools
import ipaddress
import pathlib
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bert_qa_tf import tasks
from bert_qa_tf.errors import InputError
from bert_qa_tf.serving import bodies, rest
from bert_qa_tf.serving.backends import Backend, HttpRequest
from bert_qa_tf.serving.predict_request import Limits
from bert_qa_tf.serving.recordings import Recordings
from bert_qa_tf.serving.transcript_request import transcript_reply

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
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclasses.dataclass(frozen=True)
class ServerConfig:
    """The address to listen on, and the limits of the server.

    Attributes:
      host: the address to listen on. If other machines can reach it, everybody there can use the model.
      port: the port; 0 for any free port.
      model_name: the model's name in paths; the page uses it, too.
      limits: the limits of one request.
      max_concurrent_calls: the number of requests that are processed at the same time; None for the backend's default.
      max_waiting: the number of requests that may wait; further ones are refused with status 503.
      grace_secs: how long a stopping server waits for the requests in progress.
    """

    host: str = "127.0.0.1"
    port: int = 8501
    model_name: str = "qa"
    limits: Limits = dataclasses.field(default_factory=Limits)
    max_concurrent_calls: int | None = None
    max_waiting: int = 64
    grace_secs: int = 30

    def __post_init__(self) -> None:
        for name, least in (("max_concurrent_calls", 1), ("max_waiting", 0), ("grace_secs", 0), ("port", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"--{name} must be at least {least}, got {value}")
        if self.port > 65535:
            raise InputError(f"--port must be at most 65535, got {self.port}")
        if not self.model_name or set("/:?#%") & set(self.model_name):
            raise InputError(f"--model_name must be a name without / : ? # %, got {self.model_name!r}")


# === The application ===


class Application:
    """The web application.

    Args:
      backend: answers the requests below `/v1`.
      config: see `ServerConfig`.
      recordings: handles `POST /transcribe`; None to refuse such requests.

    Attributes:
      asgi: the ASGI application.
    """

    def __init__(self, backend: Backend, config: ServerConfig, recordings: Recordings | None = None) -> None:
        self._backend = backend
        self._config = config
        self._recordings = recordings
        self._in_flight = 0
        self._page = _DEFAULT_PAGE
        num_workers = config.max_concurrent_calls or backend.concurrent_calls
        self._workers = concurrent.futures.ThreadPoolExecutor(num_workers, "answering")
        self._turns = asyncio.Semaphore(num_workers)
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
        handlers: dict[Any, Any] = {HTTPException: _describe_http_error, Exception: _describe_bug}
        self.asgi: ASGIApp = _with_headers(Starlette(routes=routes, exception_handlers=handlers))

    def close(self) -> None:
        """Waits until the worker threads are done."""
        self._workers.shutdown()
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
        if self._recordings is not None:
            taken = self._recordings.config
            known |= {"recognizer": taken.recognizer.name, "max_audio_bytes": taken.max_audio_bytes}
        return JSONResponse(known)

    async def _serve_api(self, request: Request) -> Response:
        try:
            body = await bodies.read_body(request, self._config.limits.max_body_bytes)
        except rest.RestError as error:
            return bodies.error_response(error, {"connection": "close"})
        except ClientDisconnect:
            return Response(status_code=bodies.CLIENT_GONE)  # never read
        path = request.scope["raw_path"].decode("ascii")
        asked = HttpRequest(request.method, path, request.headers, body)
        if self._backend.is_quick(request.method):
            return bodies.json_response(*self._backend.answer(asked))
        return await self._take_turn(request, functools.partial(self._backend.answer, asked))

    async def _serve_transcript(self, request: Request) -> Response:
        """Reads a transcript for the page: the body is the file, and the query has its name."""
        limits = self._config.limits
        try:
            body = await bodies.read_body(request, limits.max_body_bytes)
        except rest.RestError as error:
            return bodies.error_response(error, {"connection": "close"})
        except ClientDisconnect:
            return Response(status_code=bodies.CLIENT_GONE)
        name, recording = request.query_params.get("name", ""), request.query_params.get("recording")
        return await self._take_turn(request, functools.partial(transcript_reply, body, name, recording, limits))

    async def _serve_recording(self, request: Request) -> Response:
        if self._recordings is not None:
            return await self._recordings.serve(request)
        error = rest.RestError(501, "This server recognises no speech: it was started without a recogniser")
        try:
            await bodies.drop_body(request, self._config.limits.max_body_bytes)
        except rest.RestError as too_large:
            error = too_large
        except ClientDisconnect:
            return Response(status_code=bodies.CLIENT_GONE)
        return bodies.error_response(error, {"connection": "close"})

    async def _take_turn(self, request: Request, work: Callable[[], tuple[int, bytes]]) -> Response:
        """Runs `work` in a worker thread, or refuses the request if too many are waiting already."""
        if self._in_flight >= self._max_in_flight:
            error = rest.RestError(503, f"{self._in_flight} requests are waiting already; try again later")
            return bodies.error_response(error, {"retry-after": "1"})
        self._in_flight += 1
        try:
            async with self._turns:
                if await request.is_disconnected():
                    return Response(status_code=bodies.CLIENT_GONE)  # disconnected while it waited
                loop = asyncio.get_running_loop()
                return bodies.json_response(*await loop.run_in_executor(self._workers, work))
        finally:
            self._in_flight -= 1


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


async def _describe_bug(request: Request, error: Exception) -> Response:
    """Returns the reply for an unexpected error; the server writes its traceback to the log."""
    del request, error
    message = rest.RestError(500, "Internal error; the server's log has more")
    return bodies.error_response(message)


def _with_headers(app: ASGIApp) -> ASGIApp:
    """Wraps `app` to add the security headers that restrict what a browser may load."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_PAGE_HEADERS.items()]
            await send(message)

        await app(scope, receive, send_more if scope["type"] == "http" else send)

    return wrapped


# === Listening ===


def bind(host: str, port: int) -> socket.socket:
    """Binds the address, so that an address in use is found before a model is loaded.

    Raises:
      InputError: the address is in use or does not belong to this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        taken = socket.socket(family, kind, protocol)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(address)
        except OSError:
            taken.close()
            raise
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot listen on {host}:{port} ({reason})") from error
    return taken


def base_url(listener: socket.socket) -> str:
    """Returns `http://host:port` for a bound socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_local(listener: socket.socket) -> bool:
    """Returns whether only this machine can reach a bound socket."""
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def run(
    backend: Backend,
    config: ServerConfig,
    listener: socket.socket,
    recordings: Recordings | None = None,
    access_log: bool = False,
) -> None:
    """Serves until SIGTERM or Ctrl-C; then accepts no new requests, finishes those in progress and returns.

    Args:
      backend: answers the requests below `/v1`.
      config: see `ServerConfig`.
      listener: the bound socket, see `bind`; closed at the end.
      recordings: see `Application`.
      access_log: whether to log a line for each request, without its content.
    """
    application = Application(backend, config, recordings)
    server = uvicorn.Server(uvicorn_config(application, config, access_log))
    with _signals_that_end_well():
        server.run(sockets=[listener])
    application.close()


def uvicorn_config(application: Application, config: ServerConfig, access_log: bool = False) -> uvicorn.Config:
    """Returns the settings of uvicorn, which do not depend on optional packages."""
    return uvicorn.Config(
        application.asgi,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_level="info" if access_log else "warning",
        access_log=access_log,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=config.grace_secs,
    )


@contextlib.contextmanager
def _signals_that_end_well() -> Iterator[None]:
    """Ignores the stop signal that uvicorn raises again after it has shut down."""
    before = {number: signal.signal(number, lambda *_: None) for number in _STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
