"""A server that sends bytes as they are, well formed or not."""

from __future__ import annotations

import socket
import threading


class RawServer:
    """Sends the same bytes to whoever asks, `piece` bytes at a time with a pause between them."""

    def __init__(self, reply: bytes, piece: int = 1 << 16, pause_secs: float = 0.0, endless: bytes = b"") -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._reply, self._piece, self._pause_secs, self._endless = reply, piece, pause_secs, endless
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(1 << 16)
                    for start in range(0, len(self._reply), self._piece):
                        connection.sendall(self._reply[start : start + self._piece])
                        if self._stopped.wait(self._pause_secs):
                            return
                    while self._endless:
                        connection.sendall(self._endless)
                except OSError:
                    pass

    def __enter__(self) -> RawServer:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopped.set()
        self._listener.close()
