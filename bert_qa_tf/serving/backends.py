"""Answers the requests below `/v1` with a model in this process, or forwards them to a TF Serving.

A backend's `answer` blocks, so `server.py` calls it outside of the event loop.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

import requests

from bert_qa_tf import tasks
from bert_qa_tf.errors import InputError
from bert_qa_tf.serving import rest
from bert_qa_tf.serving.predict_request import Limits, parse_predict
from bert_qa_tf.storage import json_text
from bert_qa_tf.storage.http_exchange import ExchangeError, exchange
from bert_qa_tf.tasks.base import Task

if TYPE_CHECKING:  # the import loads TensorFlow, which forwarding does not need
    from bert_qa_tf.serving.servable import Servable

_FORWARDED_HEADERS = ("accept", "authorization", "content-type")
# More than any reply to the largest request.
_MAX_REPLY_BYTES = 256 * 2**20
# How long the page may wait until it is known whose it is.
_TASK_SECS = 5.0
_ADDRESS = re.compile(r"(?P<scheme>https?://)?(?P<host>[\w.-]+|\[[0-9a-fA-F:.]+\]):(?P<port>[0-9]{1,5})/?")


class HttpRequest(NamedTuple):
    """A request below `/v1`.

    Attributes:
      method: the HTTP method, in capitals.
      path: the path, percent-encoded, without the query.
      headers: the values of the headers by name, in lower case.
      body: the complete body.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class HttpReply(NamedTuple):
    """A reply with an HTTP status and a JSON body."""

    status: int
    body: bytes


class Backend(Protocol):
    """Answers requests.

    Attributes:
      description: a description of what is served, for the server's first line of output.
      concurrent_calls: the best number of concurrent calls of `answer`.
    """

    description: str
    concurrent_calls: int

    def task(self) -> type[Task] | None:
        """Returns the model's task, whose page is shown; None if it is not known. May block."""
        ...

    def is_quick(self, method: str) -> bool:
        """Returns whether requests with this HTTP method are answered at once, so that the event loop may run them."""
        ...

    def answer(self, request: HttpRequest) -> HttpReply:
        """Answers a request; errors are replies, too."""
        ...


class LocalModel:
    """Answers requests with a model in this process.

    Two calls run at a time: TensorFlow uses all cores for a single call, but only one core while it reads and writes
    text.

    Args:
      servable: the model.
      name: the model's name in paths.
      limits: see `Limits`.
    """

    concurrent_calls = 2

    def __init__(self, servable: Servable, name: str, limits: Limits) -> None:
        self.description = f"{servable.path} as model {name}, version {servable.version}"
        self._servable = servable
        self._name = name
        self._limits = limits

    def task(self) -> type[Task] | None:
        """See `Backend`."""
        return self._servable.task

    def is_quick(self, method: str) -> bool:
        """See `Backend`: only `POST` requests can run the model."""
        return method != "POST"

    def answer(self, request: HttpRequest) -> HttpReply:
        """Answers a request in the same way as TF Serving."""
        try:
            return HttpReply(200, self._body(request))
        except rest.RestError as error:
            return HttpReply(error.status, error.body())

    def _body(self, request: HttpRequest) -> bytes:
        servable = self._servable
        target = rest.parse_path(request.method, request.path)
        rest.check_target(target, self._name, servable.version)
        if target.action == "status":
            return rest.status_body(servable.version)
        if target.action == "metadata":
            return rest.metadata_body(self._name, servable.version, servable.signature_defs)
        if target.action != "predict":
            method_name = "tensorflow/serving"
            raise rest.RestError(
                400,
                f"Expected {target.action} signature method_name to be {method_name}/{target.action}. Was: "
                f"{method_name}/predict",
            )
        predict = parse_predict(request.body, servable.signatures, self._limits)
        outputs = servable.predict(predict.signature_name, predict.inputs)
        return rest.predict_body(outputs, predict.is_row_form)


class RemoteServing:
    """Forwards requests to the REST port of a TF Serving.

    Args:
      address: `host:port`, with `https://` before it for TLS.
      name: the name of the model that the page uses.
      timeout_secs: how long to wait for a reply.

    Raises:
      InputError: the address is invalid.
    """

    concurrent_calls = 32  # the calls only wait for the other server

    def __init__(self, address: str, name: str, timeout_secs: float) -> None:
        match = _ADDRESS.fullmatch(address)
        if not match or int(match["port"]) > 65535:
            raise InputError(f"--tf_serving: expected host:port of a TF Serving's REST port, got {address!r}")
        self._base = f"{match['scheme'] or 'http://'}{match['host']}:{match['port']}"
        self._name = name
        self._timeout_secs = timeout_secs
        self.description = f"TF Serving at {self._base}"

    def task(self) -> type[Task] | None:
        """See `Backend`: finds the task from the inputs in the model's metadata."""
        path = rest.Target(self._name, None, None, "metadata").path()
        reply = self.answer(HttpRequest("GET", path, {}, b""), min(_TASK_SECS, self._timeout_secs))
        try:
            signatures = json_text.parse(reply.body.decode("utf-8"))["metadata"]["signature_def"]["signature_def"]
            return tasks.of_served_inputs(signatures["serving_default"]["inputs"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def is_quick(self, method: str) -> bool:
        """See `Backend`: no request is quick, because each waits for another server."""
        del method
        return False

    def answer(self, request: HttpRequest, timeout_secs: float | None = None) -> HttpReply:
        """Forwards a request whose path TF Serving has, and returns its reply.

        Args:
          request: its path is written anew from what it names, so that nothing else gets through.
          timeout_secs: how long to wait; None for the time given at the start.
        """
        try:
            return self._ask(request, self._timeout_secs if timeout_secs is None else timeout_secs)
        except rest.RestError as error:
            return HttpReply(error.status, error.body())

    def _ask(self, request: HttpRequest, timeout_secs: float) -> HttpReply:
        path = rest.parse_path(request.method, request.path).path()
        headers = {name: request.headers[name] for name in _FORWARDED_HEADERS if name in request.headers}
        with requests.Session() as session:
            session.trust_env = False  # ignores proxies and .netrc; only the given address is used
            try:
                reply = exchange(
                    session,
                    request.method,
                    self._base + path,
                    timeout_secs=timeout_secs,
                    max_bytes=_MAX_REPLY_BYTES,
                    data=request.body or None,
                    headers=headers,
                )
            except ExchangeError as error:
                if error.kind == "TIMEOUT":
                    message = f"{self.description} did not answer in {timeout_secs:g} s"
                    raise rest.RestError(504, message) from error
                if error.kind == "UNAVAILABLE":
                    raise rest.RestError(503, f"{self.description} cannot be reached") from error
                raise rest.RestError(502, f"{self.description} gave no reply that can be used ({error})") from error
        if 300 <= reply.status < 400:
            raise rest.RestError(502, f"{self.description} redirects, which is not followed")
        return HttpReply(reply.status, reply.body)
