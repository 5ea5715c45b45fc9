"""The settings of the web server."""

from __future__ import annotations

import dataclasses

from bert_qa_tf.errors import InputError
from bert_qa_tf.serving.predict_request import Limits


@dataclasses.dataclass(frozen=True)
class ServerConfig:
    """The address to listen on, who may ask, and the limits of the server.

    Attributes:
      host: the address to listen on. If other machines can reach it, everybody there can use the model, unless `token`
        is given.
      port: the port; 0 for any free port.
      model_name: the model's name in paths; the page uses it, too.
      limits: the limits of one request.
      max_concurrent_calls: the number of requests that are processed at the same time; None for the backend's default.
      max_waiting: the number of requests that may wait; further ones are refused with status 503.
      grace_secs: how long a stopping server waits for the requests in progress.
      max_connections: the number of open connections; a further one takes the place of that which has kept the server
        waiting longest.
      receive_secs: the time from the end of a request's headers until its body must be complete; a large body gets
        more, see `bodies.LEAST_BYTES_PER_SEC`.
      allowed_hosts: see `access.AccessRules`.
      token: see `access.AccessRules`.
    """

    host: str = "127.0.0.1"
    port: int = 8501
    model_name: str = "qa"
    limits: Limits = dataclasses.field(default_factory=Limits)
    max_concurrent_calls: int | None = None
    max_waiting: int = 64
    grace_secs: int = 30
    max_connections: int = 512
    receive_secs: float = 60.0
    allowed_hosts: tuple[str, ...] = ()
    token: str | None = dataclasses.field(default=None, repr=False)

    def __post_init__(self) -> None:
        least_values = {
            "max_concurrent_calls": 1,
            "max_waiting": 0,
            "grace_secs": 0,
            "port": 0,
            "max_connections": 1,
        }
        for name, least in least_values.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"--{name} must be at least {least}, got {value}")
        if not self.receive_secs > 0:  # refuses NaN, too
            raise InputError(f"--receive_secs must be above 0, got {self.receive_secs}")
        if self.port > 65535:
            raise InputError(f"--port must be at most 65535, got {self.port}")
        if not self.model_name or set("/\\:?#%") & set(self.model_name) or self.model_name in (".", ".."):
            raise InputError(f"--model_name must be a name without / \\ : ? # %, got {self.model_name!r}")
