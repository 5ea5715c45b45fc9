"""Sends questions to a model on TF Serving, or on any server with the same REST or gRPC API.

    with Client(Connection("localhost:8501")) as client:
        answer = client.ask("who called", transcript)
        print(answer.text, transcript[answer.start_char : answer.end_char], answer.score)

Examples are sent in batches, and each batch is retried on its own. A client must be used by one thread only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from bert_qa_tf import tasks
from bert_qa_tf.errors import InputError
from bert_qa_tf.serving_client.connection import Connection
from bert_qa_tf.serving_client.rest_transport import RestTransport
from bert_qa_tf.serving_client.retries import AttemptFailed, RetryPolicy, call_with_retries
from bert_qa_tf.tasks.base import ReplyError, Task
from bert_qa_tf.tasks.question_answering.decoding import DecodedAnswer
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.task import QuestionAnswering

_DEFAULT_RETRY = RetryPolicy()
# The limit on the characters of text in one request: some 18 hours of speech. A longer text gets its own request.
_MAX_BATCH_CHARS = 2**20


class ServerError(InputError):
    """The server could not be reached, refused the request, or sent a reply without answers.

    Attributes:
      status: `HTTP 404`, a gRPC status such as `NOT_FOUND`, `UNAVAILABLE`, `TIMEOUT`, `TLS`, or `REPLY`.
      attempts: the number of attempts that were made.
    """

    def __init__(self, server: str, status: str, message: str, attempts: int) -> None:
        tries = f" (after {attempts} attempts)" if attempts > 1 else ""
        super().__init__(f"{server}: {status}: {message}{tries}")
        self.status = status
        self.attempts = attempts


class Transport(Protocol):
    """Makes single attempts to call a server; see `RestTransport` and `GrpcTransport`."""

    def predict(self, columns: Mapping[str, Sequence[str]], timeout_secs: float) -> dict[str, Any]:
        """Returns the outputs by name, each a list with an entry for each text of a column."""

    def inputs(self, timeout_secs: float) -> set[str]:
        """Returns the names of the inputs of the model's `serving_default` signature."""

    def close(self) -> None:
        """Closes the connections."""


class Client:
    """Sends examples to one model on one server.

    Args:
      connection: the server, the model and how to reach them.
      retry: timeouts, and how to retry when the server is temporarily unavailable.
      batch_size: the largest number of examples in one request.
      task: the model's task; None to find it from the model's metadata when it is first needed.

    Raises:
      InputError: gRPC is requested but not installed, or `batch_size` is below 1.
    """

    def __init__(
        self,
        connection: Connection,
        retry: RetryPolicy = _DEFAULT_RETRY,
        batch_size: int = 32,
        task: type[Task] | None = QuestionAnswering,
    ) -> None:
        if batch_size < 1:
            raise InputError(f"batch_size must be at least 1, got {batch_size}")
        self.connection = connection
        self.retry = retry
        self.batch_size = batch_size
        self._task = task
        self._transport = _make_transport(connection)

    @functools.cached_property
    def task(self) -> type[Task]:
        """The model's task, found by the inputs that it takes.

        Raises:
          ServerError: the server gave no valid reply.
          InputError: no known task takes these inputs.
        """
        if self._task is not None:
            return self._task
        inputs = self._call(self._transport.inputs)
        found = tasks.of_served_inputs(inputs)
        if found is None:
            raise InputError(
                f"{self.connection.server}: the model {self.connection.model_name} takes {', '.join(sorted(inputs))}, "
                "which no task here does"
            )
        return found

    def ask(self, question: str, context: str) -> DecodedAnswer:
        """Answers one question about a text.

        Raises:
          ServerError: the server gave no valid reply.
        """
        [answer] = self.answer([SquadExample("1", question, context)])
        return answer

    def answer(self, examples: Iterable[Any]) -> Iterator[Any]:
        """Answers the task's examples in batches, one request for each batch.

        Yields:
          One answer for each example, in their order.

        Raises:
          ServerError: a request got no valid reply. The answers of the requests before it have been yielded.
        """
        task = self.task
        for batch in _batches(examples, task, self.batch_size):

            def attempt(timeout_secs: float, batch: list[Any] = batch) -> list[Any]:
                outputs = self._transport.predict(task.to_columns(batch), timeout_secs)
                try:
                    return task.from_columns(outputs, batch)
                except (ReplyError, OverflowError) as error:  # the latter of a number such as 10**400
                    raise AttemptFailed("REPLY", str(error), may_retry=False) from error

            yield from self._call(attempt, task)

    def _call(self, attempt: Callable[[float], Any], asked: type[Task] | None = None) -> Any:
        """Makes attempts; `asked` is the task whose examples they send."""
        server = self.connection.server
        try:
            return call_with_retries(attempt, self.retry)
        except AttemptFailed as failure:
            inputs = self._inputs_of_refusal(failure) if asked else None
            if inputs is not None and inputs != set(asked.served_inputs):
                raise InputError(
                    f"{server}: the model {self.connection.model_name} takes {', '.join(sorted(inputs))}; the task "
                    f"{asked.name} asks with {', '.join(asked.served_inputs)}"
                ) from failure
            raise ServerError(server, failure.status, failure.message, failure.attempts) from failure

    def _inputs_of_refusal(self, failure: AttemptFailed) -> set[str] | None:
        """What a model takes that refused what it was sent; None where that was not the trouble, or is not told."""
        if failure.may_retry:
            return None
        try:
            return self._transport.inputs(self.retry.timeout_secs)
        except AttemptFailed:
            return None

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _make_transport(connection: Connection) -> Transport:
    if connection.transport == "rest":
        return RestTransport(connection)
    from bert_qa_tf.serving_client.grpc_transport import GrpcTransport  # imports TensorFlow

    return GrpcTransport(connection)


def _batches(examples: Iterable[Any], task: type[Task], batch_size: int) -> Iterator[list[Any]]:
    """Groups examples into batches of at most `batch_size` examples and, if there are several, `_MAX_BATCH_CHARS`."""
    batch: list[Any] = []
    chars = 0
    for example in examples:
        # Only the longest text of an example counts; the others are short, such as a question.
        added = max(len(texts[0]) for texts in task.to_columns([example]).values())
        if batch and (len(batch) == batch_size or chars + added > _MAX_BATCH_CHARS):
            yield batch
            batch, chars = [], 0
        batch.append(example)
        chars += added
    if batch:
        yield batch
