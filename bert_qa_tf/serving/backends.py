"""Answers the requests below `/v1` with a model in this process, or forwards them to a TF Serving.

A backend's `answer` blocks, so `server.py` calls it outside of the event loop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from bert_qa_tf import tasks
from bert_qa_tf.errors import InputError
from bert_qa_tf.serving import memory, rest
from bert_qa_tf.serving.predict_request import Limits, PredictRequest, parse_predict
from bert_qa_tf.storage import json_text
from bert_qa_tf.storage.http_exchange import ExchangeError, exchange, new_session
from bert_qa_tf.tasks.base import Task

if TYPE_CHECKING:  # the import loads TensorFlow, which forwarding does not need
    from bert_qa_tf.serving.servable import Servable

_FORWARDED_HEADERS = ("accept", "authorization", "content-type")
# More than any reply to the largest request.
_MAX_REPLY_BYTES = 256 * 2**20
# Of a model's metadata, which the page needs.
_MAX_METADATA_BYTES = 4 * 2**20
# What is answered at once: a few windows. All that is more leaves a turn to such requests.
_SMALL_WORD_PIECES = 600
# Of one part of the work: a second or two on a few cores, as much as one call of 32 questions about short texts.
_PART_WORD_PIECES = 8_000
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


class LongWork(Protocol):
    """A request that is not small, to be done part by part, so that others have their turn between the parts."""

    def step(self) -> HttpReply | None:
        """Does the next part; returns the reply after the last one. Blocks."""
        ...

    def cancel(self) -> None:
        """Stops a `step` that another thread has begun; it then returns soon, with any reply."""
        ...


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

    def answer(self, request: HttpRequest) -> HttpReply | LongWork:
        """Answers a request, or says that this is long work; errors are replies, too. Blocks if it is not quick."""
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

    def answer(self, request: HttpRequest) -> HttpReply | LongWork:
        """Answers a request in the same way as TF Serving."""
        try:
            answer = self._answer(request)
        except rest.RestError as error:
            return HttpReply(error.status, error.body())
        return HttpReply(200, answer) if isinstance(answer, bytes) else answer

    def _answer(self, request: HttpRequest) -> bytes | LongWork:
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
        if predict.row_costs.sum() > _SMALL_WORD_PIECES:
            return LongPrediction(servable, predict)
        outputs = servable.predict(predict.signature_name, predict.inputs)
        return rest.predict_body(outputs, predict.is_row_form)


class LongPrediction:
    """Asks the model some rows at a time; see `LongWork`.

    A single row is one part, however long. It can be cancelled between two turns of its windows.

    Args:
      servable: the model.
      predict: what it is asked.
    """

    def __init__(self, servable: Servable, predict: PredictRequest) -> None:
        self._servable = servable
        self._predict = predict
        by_row = servable.answers_by_row(predict.signature_name) and len(predict.row_costs) > 1
        self._parts = list(_parts(predict.row_costs)) if by_row else [slice(None)]
        self._outputs: list[dict[str, np.ndarray]] = []
        self._stop = servable.new_cancellation()

    def step(self) -> HttpReply | None:
        """See `LongWork`."""
        try:
            return self._do(self._parts[len(self._outputs)])
        finally:
            if self._predict.row_costs.sum() > _PART_WORD_PIECES:
                memory.give_back()

    def _do(self, rows: slice) -> HttpReply | None:
        predict = self._predict
        try:
            inputs = {name: array[rows] for name, array in predict.inputs.items()}
            self._outputs.append(self._servable.predict(predict.signature_name, inputs, self._stop))
            if len(self._outputs) < len(self._parts):
                return None
            outputs = {name: np.concatenate([part[name] for part in self._outputs]) for name in self._outputs[0]}
            return HttpReply(200, rest.predict_body(outputs, predict.is_row_form))
        except rest.RestError as error:
            return HttpReply(error.status, error.body())

    def cancel(self) -> None:
        """See `LongWork`."""
        self._stop.cancel()


def _parts(row_costs: np.ndarray) -> Iterator[slice]:
    """Yields runs of rows that together are not long work, or a single row."""
    first = cost = 0
    for row, more in enumerate(row_costs.tolist()):
        if row > first and cost + more > _PART_WORD_PIECES:
            yield slice(first, row)
            first, cost = row, 0
        cost += more
    yield slice(first, len(row_costs))


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
        request = HttpRequest("GET", path, {}, b"")
        reply = self.answer(request, min(_TASK_SECS, self._timeout_secs), _MAX_METADATA_BYTES)
        try:
            signatures = json_text.parse(reply.body.decode("utf-8"))["metadata"]["signature_def"]["signature_def"]
            return tasks.of_served_inputs(signatures["serving_default"]["inputs"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def is_quick(self, method: str) -> bool:
        """See `Backend`: no request is quick, because each waits for another server."""
        del method
        return False

    def answer(
        self, request: HttpRequest, timeout_secs: float | None = None, max_bytes: int = _MAX_REPLY_BYTES
    ) -> HttpReply:
        """Forwards a request whose path TF Serving has, and returns its reply.

        Args:
          request: its path is written anew from what it names, so that nothing else gets through.
          timeout_secs: how long to wait; None for the time given at the start.
          max_bytes: the largest reply.
        """
        try:
            return self._ask(request, self._timeout_secs if timeout_secs is None else timeout_secs, max_bytes)
        except rest.RestError as error:
            return HttpReply(error.status, error.body())

    def _ask(self, request: HttpRequest, timeout_secs: float, max_bytes: int) -> HttpReply:
        path = rest.parse_path(request.method, request.path).path()
        headers = {name: request.headers[name] for name in _FORWARDED_HEADERS if name in request.headers}
        with new_session() as session:
            session.trust_env = False  # ignores proxies and .netrc; only the given address is used
            try:
                reply = exchange(
                    session,
                    request.method,
                    self._base + path,
                    timeout_secs=timeout_secs,
                    max_bytes=max_bytes,
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
        if not 200 <= reply.status < 600:  # Python reads 101 and 999, too, which nobody can be sent
            message = f"{self.description} gave no reply that can be used (status {reply.status})"
            raise rest.RestError(502, message)
        return HttpReply(reply.status, reply.body)
