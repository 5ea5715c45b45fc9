"""Asking a SavedModel that `export` wrote, from Python and in this process.

What goes in: the version folder. What comes out: the same `DecodedAnswer`s a `Predictor` gives, less the logits, which
the `serving_default` signature does not tell. Asking a server is the client's business.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of `serving_default`

from bert_qa_tf.errors import InputError
from bert_qa_tf.exporting import archive
from bert_qa_tf.tasks.question_answering.decoding import Candidate, DecodedAnswer
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.text.surrogates import replace_surrogates


def load(path: str) -> tf.Module:
    """Loads a SavedModel.

    Raises:
      InputError: there is none at `path`.
    """
    if not tf.io.gfile.exists(f"{path}/saved_model.pb"):
        versions = [name.rstrip("/") for name in tf.io.gfile.listdir(path)] if tf.io.gfile.isdir(path) else []
        numbers = sorted(int(name) for name in versions if name.isdigit())
        hint = f", such as {path}/{numbers[-1]}" if numbers else ""
        raise InputError(f"{path}: no saved_model.pb here; expected the version folder that `export` wrote{hint}")
    try:
        return tf.saved_model.load(path)
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise InputError(f"{path}: cannot be loaded ({str(error).splitlines()[0]})") from error


class ExportedModel:
    """Answers questions with the `serving_default` signature.

    Args:
      path: `<export_dir>/qa/<version>`, or an archive of one: see `archive.locate`.
      batch_size: questions per call.

    Raises:
      InputError: there is no such SavedModel, or it takes no text.
    """

    def __init__(self, path: str, batch_size: int = 32) -> None:
        path = archive.locate(path)
        self._module = load(path)  # kept: a signature alone does not keep its variables alive
        if "serving_default" not in self._module.signatures:
            found = ", ".join(self._module.signatures) or "none"
            raise InputError(f"{path}: no signature `serving_default` (found: {found}); expected a qa/<version> folder")
        self._serve = self._module.signatures["serving_default"]
        self._batch_size = batch_size

    def answer(self, examples: Iterable[SquadExample]) -> Iterator[DecodedAnswer]:
        """Answers questions, some at a time.

        Yields:
          One answer per question, in their order. Its logits are None.
        """
        examples = iter(examples)
        while batch := list(itertools.islice(examples, self._batch_size)):
            outputs = self._serve(
                question=tf.constant([replace_surrogates(example.question) for example in batch]),
                context=tf.constant([replace_surrogates(example.context) for example in batch]),
            )
            rows = {name: value.numpy() for name, value in outputs.items()}
            for row in range(len(batch)):
                yield _to_answer({name: values[row] for name, values in rows.items()})


def _to_answer(row: dict) -> DecodedAnswer:
    nbest = []
    for text, start, score in zip(row["nbest_answer"], row["nbest_start"], row["nbest_score"], strict=True):
        if text or score > 0:  # not one of the places that fill a short list
            decoded = text.decode("utf-8")
            nbest.append(Candidate(decoded, int(start), int(start) + len(decoded), None, None, float(score)))
    start_char, end_char = int(row["answer_start"]), int(row["answer_end"])
    null_odds = float(row["null_odds"]) if "null_odds" in row else None
    text = row["answer"].decode("utf-8")
    return DecodedAnswer(text, start_char, end_char, float(row["score"]), tuple(nbest), null_odds)
