"""Answers examples with a trained text model, in bounded memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
import tf_keras

from bert_qa_tf.tasks.single_text.tokenizing import encode_texts
from bert_qa_tf.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from bert_qa_tf.tasks.single_text.task import SingleTextTask

# Texts are sorted by length in chunks of this many batches: enough that the texts of a batch have similar lengths, and
# few enough to hold in memory.
_BATCHES_PER_CHUNK = 32
_LENGTH_MULTIPLE = 16


class TextAnswerer:
    """Answers examples with a text model.

    Args:
      task: the task with its settings.
      model: the model from `task.build_model`. Its weights may change between calls.
      tokenizer: the tokenizer with the model's vocabulary.
      batch_size: texts per call of the model.
    """

    def __init__(self, task: SingleTextTask, model: tf_keras.Model, tokenizer: Tokenizer, batch_size: int = 32) -> None:
        self._task = task
        self.model = model
        self.tokenizer = tokenizer
        self._batch_size = batch_size
        signature = {name: tf.TensorSpec([None, None], tf.int32, name=name) for name in model.input}

        def run(inputs: dict[str, tf.Tensor]) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
            outputs = model(inputs, training=False)
            return outputs, dict(task.served(outputs))

        # One trace serves all shapes. It is made here, because otherwise TensorFlow warns about repeated retracing in
        # a program that makes several answerers.
        self._run = tf.function(run, input_signature=[signature], autograph=False).get_concrete_function()

    def answer(self, examples: Iterable[Any]) -> Iterator[Any]:
        """Answers examples that have a `text`.

        Yields:
          One answer for each example, in the order of the examples.
        """
        for examples_of_chunk, outputs in self.outputs(examples):
            served = {name: [plain(row[name]) for _, row in outputs] for name in self._task.served_outputs}
            yield from self._task.from_columns(served, examples_of_chunk)

    def outputs(
        self, examples: Iterable[Any]
    ) -> Iterator[tuple[list[Any], list[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]]]:
        """Computes the model's own outputs and the served outputs of each example, a few hundred examples at a time.

        Yields:
          Lists of examples, with both kinds of outputs by name for each example.
        """
        examples = iter(examples)
        while chunk := list(itertools.islice(examples, self._batch_size * _BATCHES_PER_CHUNK)):
            texts = [example.text for example in chunk]
            rows = encode_texts(texts, self.tokenizer, self._task.max_seq_length)
            # The longest texts come first: if memory does not suffice, that shows at once.
            order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
            found: list[Any] = [None] * len(rows)
            for start in range(0, len(order), self._batch_size):
                batch = order[start : start + self._batch_size]
                for index, outputs in zip(batch, self._run_batch([rows[i] for i in batch]), strict=True):
                    found[index] = outputs
            yield chunk, found

    def _run_batch(self, rows: Sequence[np.ndarray]) -> list[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
        longest = max(len(row) for row in rows)
        length = max(longest, min(-(-longest // _LENGTH_MULTIPLE) * _LENGTH_MULTIPLE, self._task.max_seq_length))
        word_ids, mask = np.zeros((2, len(rows), length), np.int32)
        for index, row in enumerate(rows):
            word_ids[index, : len(row)] = row
            mask[index, : len(row)] = 1
        inputs = {"input_word_ids": word_ids, "input_mask": mask, "input_type_ids": np.zeros_like(mask)}
        own, served = self._run({name: tf.constant(values) for name, values in inputs.items()})
        own, served = ({name: values.numpy() for name, values in outputs.items()} for outputs in (own, served))
        return [
            ({name: v[i] for name, v in own.items()}, {name: v[i] for name, v in served.items()})
            for i in range(len(rows))
        ]


def plain(value: Any) -> Any:
    """Converts a NumPy value to plain Python for JSON, with strings decoded."""
    value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    return value.decode("utf-8") if isinstance(value, bytes) else value
