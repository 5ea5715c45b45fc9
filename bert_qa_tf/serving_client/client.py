"""Asks a model on a server: TF Serving, or anything that speaks its REST or gRPC.

    with Client(Connection("localhost:8501")) as client:
        answer = client.ask("who called", transcript)
        print(answer.text, transcript[answer.start_char : answer.end_char], answer.score)

Lists go out in batches, each with its own attempts. One client is for one thread.
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
# So many characters of text go into one request: some 18 hours of speech. A longer text goes alone.
_MAX_BATCH_CHARS = 2**20


class ServerError(InputError):
    """A server that could not be reached, refused or replied with something else than answers.

    Attributes:
      status: `HTTP 404`, a gRPC status such as `NOT_FOUND`, `UNAVAILABLE`, `TIMEOUT`, `TLS`, or `REPLY`.
      attempts: how often it was asked.
    """

    def __init__(self, server: str, status: str, message: str, attempts: int) -> None:
        tries = f" (after {attempts} attempts)" if attempts > 1 else ""
        super().__init__(f"{server}: {status}: {message}{tries}")
        self.status = status
        self.attempts = attempts


class Transport(Protocol):
    """One attempt to ask; see `RestTransport` and `GrpcTransport`."""

    def predict(self, columns: Mapping[str, Sequence[str]], timeout_secs: float) -> dict[str, Any]:
        """The outputs by name, each a list with an entry for each text of a column."""

    def inputs(self, timeout_secs: float) -> set[str]:
        """The names of the inputs of the model's `serving_default` signature."""

    def close(self) -> None:
        """Lets connections go."""


class Client:
    """Asks one model on one server.

    Args:
      connection: the server and how to reach it.
      retry: timeouts, and what to do when the server cannot answer just now.
      batch_size: examples in one request, at most.
      task: what the model is for; None to ask the server once, when it is first needed.

    Raises:
      InputError: gRPC is asked for and not installed, or `batch_size` makes no sense.
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
        """What the model is for, by the inputs that it takes.

        Raises:
          ServerError: no answer.
          InputError: no task that is known here takes these inputs.
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
        """Asks one question.

        Raises:
          ServerError: no answer.
        """
        [answer] = self.answer([SquadExample("1", question, context)])
        return answer

    def answer(self, examples: Iterable[Any]) -> Iterator[Any]:
        """Asks the task's examples, some in each request.

        Yields:
          One answer for each, in their order.

        Raises:
          ServerError: no answer to a request; the answers to those before it were yielded.
        """
        task = self.task
        for batch in _batches(examples, task, self.batch_size):

            def attempt(timeout_secs: float, batch: list[Any] = batch) -> list[Any]:
                outputs = self._transport.predict(task.to_columns(batch), timeout_secs)
                try:
                    return task.from_columns(outputs, batch)
                except ReplyError as error:
                    raise AttemptFailed("REPLY", str(error), may_retry=False) from error

            yield from self._call(attempt)

    def _call(self, attempt: Callable[[float], Any]) -> Any:
        try:
            return call_with_retries(attempt, self.retry)
        except AttemptFailed as failure:
            server = self.connection.server
            raise ServerError(server, failure.status, failure.message, failure.attempts) from failure

    def close(self) -> None:
        """Lets connections go."""
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
    """Examples in their order, so many at once at most, and of so many characters at most where there are several."""
    batch: list[Any] = []
    chars = 0
    for example in examples:
        # The longest text of an example is what counts: the others are a question, say.
        added = max(len(texts[0]) for texts in task.to_columns([example]).values())
        if batch and (len(batch) == batch_size or chars + added > _MAX_BATCH_CHARS):
            yield batch
            batch, chars = [], 0
        batch.append(example)
        chars += added
    if batch:
        yield batch
