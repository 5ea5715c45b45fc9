"""Runs the web server: listens, keeps to its limits of connections, and ends within its grace period.

`application.py` answers the requests. When the server is asked to stop, it finishes the requests in progress. It uses
uvicorn.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import ipaddress
import os
import signal
import socket
import sys
import threading
import types
from collections.abc import Iterator

import uvicorn

from bert_qa_tf.errors import InputError
from bert_qa_tf.serving import connections, request_log
from bert_qa_tf.serving.application import Application
from bert_qa_tf.serving.backends import Backend
from bert_qa_tf.serving.recordings import Recordings
from bert_qa_tf.serving.settings import ServerConfig

__all__ = ["Application", "ServerConfig", "Web", "base_url", "bind", "is_local", "run"]

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Between the end of the grace period, when requests get their last reply, and the end of the process.
_LAST_SECS = 2.0
_BACKLOG = 1024


# === Listening ===


def bind(host: str, port: int) -> socket.socket:
    """Listens at the address, so that an address in use is found before a model is loaded.

    Clients that connect before the server runs wait for it.

    Raises:
      InputError: the address is in use or does not belong to this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        taken = connections.Listener(family, kind, protocol)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(address)
            taken.listen(_BACKLOG)  # only now is the port taken for others, too
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


class Web(uvicorn.Server):
    """uvicorn's server with limits on connections, and an end that nothing can delay.

    Args:
      application: answers the requests.
      config: see `ServerConfig`.
      log: gets a line for each request.
      stop: set if the server was asked to stop before it took the signals over.
    """

    def __init__(
        self,
        application: Application,
        config: ServerConfig,
        log: request_log.RequestLog,
        stop: threading.Event | None = None,
    ) -> None:
        self._stop = stop
        self._connections = connections.Connections(connections.fit_to_descriptors(config.max_connections), log)
        self._grace_secs = config.grace_secs
        super().__init__(
            uvicorn.Config(
                request_log.logged(application.asgi, log),
                loop="asyncio",
                http=self._connections.make_protocol,
                ws="none",
                lifespan="off",
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=config.grace_secs,
                backlog=_BACKLOG,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn in its event loop."""
        asyncio.get_running_loop().set_exception_handler(self._connections.handle_exception)
        self._watching = asyncio.create_task(self._connections.watch())
        await super().startup(sockets)
        if self._stop is not None and self._stop.is_set():
            self.should_exit = True

    def handle_exit(self, sig: int, frame: types.FrameType | None) -> None:
        """Called for SIGTERM and Ctrl-C."""
        if not self.should_exit:
            # Threads cannot be stopped, and Python waits for them when it ends.
            ending = threading.Timer(self._grace_secs + _LAST_SECS, _end_now, (self._grace_secs,))
            ending.daemon = True
            ending.start()
        super().handle_exit(sig, frame)


def _end_now(grace_secs: int) -> None:
    with contextlib.suppress(OSError, ValueError):
        print(f"stopped: some work was not done after --grace_secs={grace_secs}", file=sys.stderr, flush=True)
    os._exit(0)


def _end_at_once() -> None:
    """Ends the process without taking TensorFlow's graphs apart, which takes seconds."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)


def run(
    backend: Backend,
    config: ServerConfig,
    listener: socket.socket,
    recordings: Recordings | None,
    stop: threading.Event,
) -> None:
    """Serves until SIGTERM or Ctrl-C; then accepts no new requests, finishes those in progress and returns.

    If requests are still in progress `grace_secs` later, they are given up. If threads then go on working, the process
    ends with status 0 and a line on standard error.

    Args:
      backend: answers the requests below `/v1`.
      config: see `ServerConfig`.
      listener: the bound socket, see `bind`; closed at the end.
      recordings: see `Application`.
      stop: see `stop_signals`.
    """
    log = request_log.RequestLog()
    application = Application(backend, config, recordings, is_local(listener))
    web = Web(application, config, log, stop)
    web.run(sockets=[listener])
    application.close()
    log.close()
    atexit.register(_end_at_once)


@contextlib.contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Notes SIGTERM and Ctrl-C in an event, instead of ending the process.

    A server takes the signals over when it starts. When it has shut down, it raises them again.
    """
    noted = threading.Event()
    before = {number: signal.signal(number, lambda *_: noted.set()) for number in _STOP_SIGNALS}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
