"""Asking a server: TF Serving, or anything that speaks its REST or gRPC.

What goes in: questions about texts of any length. What comes out: `DecodedAnswer`s as the exported model gives them in
process, offsets being code points into the text. Lists go out in batches, each with its own attempts.

    with Client(Connection("localhost:8501")) as client:
        answer = client.ask("who called", transcript)
        print(answer.text, transcript[answer.start_char : answer.end_char], answer.score)

A `Client` is an `Answerer`, as `Predictor` and `ExportedModel` are. One client is for one thread.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from bert_qa_tf.errors import InputError
from bert_qa_tf.serving_client.connection import Connection
from bert_qa_tf.serving_client.rest_transport import RestTransport
from bert_qa_tf.serving_client.retries import AttemptFailed, RetryPolicy, call_with_retries
from bert_qa_tf.tasks.question_answering.decoding import Candidate, DecodedAnswer
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.text.surrogates import replace_surrogates

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

    def predict(self, questions: list[str], contexts: list[str], timeout_secs: float) -> dict[str, Any]:
        """The outputs by name, each a list with an entry for each question."""

    def close(self) -> None:
        """Lets connections go."""


class Client:
    """Asks one model on one server.

    Args:
      connection: the server and how to reach it.
      retry: timeouts, and what to do when the server cannot answer just now.
      batch_size: questions in one request, at most.

    Raises:
      InputError: gRPC is asked for and not installed, or `batch_size` makes no sense.
    """

    def __init__(self, connection: Connection, retry: RetryPolicy = _DEFAULT_RETRY, batch_size: int = 32) -> None:
        if batch_size < 1:
            raise InputError(f"batch_size must be at least 1, got {batch_size}")
        self.connection = connection
        self.retry = retry
        self.batch_size = batch_size
        self._transport = _make_transport(connection)

    def ask(self, question: str, context: str) -> DecodedAnswer:
        """Asks one question.

        Raises:
          ServerError: no answer.
        """
        [answer] = self.answer([SquadExample("1", question, context)])
        return answer

    def answer(self, examples: Iterable[SquadExample]) -> Iterator[DecodedAnswer]:
        """Asks questions, some in each request.

        Yields:
          One answer per question, in their order. Its logits are None: servers do not tell them.

        Raises:
          ServerError: no answer to a request; the answers to those before it were yielded.
        """
        for batch in _batches(examples, self.batch_size):
            # Half a surrogate pair cannot be sent; its replacement takes its place, so offsets stay.
            questions = [replace_surrogates(example.question) for example in batch]
            contexts = [replace_surrogates(example.context) for example in batch]
            attempt = functools.partial(self._transport.predict, questions, contexts)
            try:
                answers = _to_answers(call_with_retries(attempt, self.retry), contexts)
            except AttemptFailed as failure:
                raise ServerError(
                    self.connection.server, failure.status, failure.message, failure.attempts
                ) from failure
            yield from answers

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


def _batches(examples: Iterable[SquadExample], batch_size: int) -> Iterator[list[SquadExample]]:
    """Questions in their order, so many at once at most, and of so many characters at most where there are several."""
    batch: list[SquadExample] = []
    chars = 0
    for example in examples:
        if batch and (len(batch) == batch_size or chars + len(example.context) > _MAX_BATCH_CHARS):
            yield batch
            batch, chars = [], 0
        batch.append(example)
        chars += len(example.context)
    if batch:
        yield batch


# === Replies ===

# What each output holds, one for each question; those of `nbest_…` in a list.
_COLUMNS = {"answer": str, "answer_start": int, "answer_end": int, "score": (int, float)}
_LISTS = {"nbest_answer": str, "nbest_start": int, "nbest_score": (int, float)}


def _to_answers(columns: dict[str, Any], contexts: Sequence[str]) -> list[DecodedAnswer]:
    """Turns the columns of a reply into answers.

    Raises:
      AttemptFailed: they are not what the `serving_default` signature of our exports gives.
    """
    for name, kind in (_COLUMNS | _LISTS).items():
        _check_column(name, columns.get(name), kind, len(contexts))
    return [
        _to_answer({name: columns[name][row] for name in (*_COLUMNS, *_LISTS)}, context)
        for row, context in enumerate(contexts)
    ]


def _check_column(name: str, column: Any, kind: type | tuple[type, ...], count: int) -> None:
    found = "no such output"
    if isinstance(column, list):
        rows = column if name in _LISTS else [column]
        values_fit = all(isinstance(row, list) and all(isinstance(value, kind) for value in row) for row in rows)
        if len(column) == count and values_fit:
            return
        found = f"{len(column)} entries" + (f", the first of them {column[0]!r:.40}" if column else "")
    raise AttemptFailed(
        "REPLY",
        f"expected `{name}` with {count} entries, got {found}: is this model a `qa` export of this project?",
        may_retry=False,
    )


def _to_answer(row: dict[str, Any], context: str) -> DecodedAnswer:
    text, start_char, end_char = row["answer"], row["answer_start"], row["answer_end"]
    if context[start_char:end_char] != text:
        raise AttemptFailed(
            "REPLY",
            f"{text!r:.40} is not what stands at characters {start_char} to {end_char} of the text",
            may_retry=False,
        )
    if len({len(row[name]) for name in _LISTS}) != 1:
        raise AttemptFailed("REPLY", f"{', '.join(_LISTS)} of one question differ in length", may_retry=False)
    nbest = tuple(
        Candidate(entry, start, start + len(entry), None, None, float(score))
        for entry, start, score in zip(row["nbest_answer"], row["nbest_start"], row["nbest_score"], strict=True)
        if entry or score > 0  # not one of the places that fill a short list
    )
    return DecodedAnswer(text, start_char, end_char, float(row["score"]), nbest)
