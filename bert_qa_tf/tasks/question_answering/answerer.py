"""Answers questions with a trained span model, in bounded memory.

Contexts are cut into windows, the model computes logits for them, and the logits are decoded to answers. An exported
model does the same in its graph (`export_module.py`).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf
import tf_keras

from bert_qa_tf.errors import InputError
from bert_qa_tf.records import features as feature_table
from bert_qa_tf.tasks.question_answering.config import QuestionAnsweringConfig
from bert_qa_tf.tasks.question_answering.decoding import DecodedAnswer, Predictions, decode
from bert_qa_tf.tasks.question_answering.examples import InputFeatures, RawResult, SquadExample
from bert_qa_tf.tasks.question_answering.features import QA_FEATURES
from bert_qa_tf.tasks.question_answering.windowing import featurize_examples
from bert_qa_tf.text.surrogates import replace_surrogates
from bert_qa_tf.text.tokenizer import Tokenizer

_INPUTS = feature_table.names(QA_FEATURES, "input")
# Windows are sorted by length in chunks of this many batches: enough that the windows of a batch have similar lengths,
# and few enough to hold in memory.
_BATCHES_PER_CHUNK = 32


class QuestionAnswerer:
    """Answers questions with a span model.

    Args:
      model: maps a dict of the three `input_*`, each `<int32>[batch, seq]`, to a dict of `start_logits` and
        `end_logits`, `<float32>[batch, seq]` (see `span_model.build_span_model`). Its weights may change between calls.
      tokenizer: the tokenizer with the model's vocabulary.
      settings: the windowing and decoding settings that the model was trained with.
      batch_size: windows per call of the model.
      length_multiple: batches are padded to a multiple of this many tokens, so that few shapes occur.
    """

    def __init__(
        self,
        model: tf_keras.Model,
        tokenizer: Tokenizer,
        settings: QuestionAnsweringConfig,
        batch_size: int = 32,
        length_multiple: int = 16,
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.windowing = settings.windowing
        self.decoding = settings.decoding
        self.batch_size = batch_size
        self.length_multiple = length_multiple
        signature = {name: tf.TensorSpec([None, None], tf.int32, name=name) for name in _INPUTS}
        run = tf.function(lambda inputs: model(inputs, training=False), input_signature=[signature], autograph=False)
        # One trace serves all shapes. It is made here, because otherwise TensorFlow warns about repeated retracing in
        # a program that makes several answerers.
        self._run = run.get_concrete_function()

    def answer(self, examples: Iterable[SquadExample]) -> Iterator[DecodedAnswer]:
        """Answers questions.

        Args:
          examples: any number of questions with unique ids. Questions about one context should be consecutive, so that
            it is tokenized once. They are read lazily, a bounded number ahead of the answers.

        Yields:
          One answer per question, in the order of the questions. Offsets are code points into `example.context`, and
          the text is `context[start_char:end_char]`, with U+FFFD in place of each lone surrogate, which UTF-8 cannot
          encode.

        Raises:
          InputError: two questions have the same id, or the model's logits are not finite.
        """
        examples, to_featurize = itertools.tee(examples)
        seen: set[str] = set()
        cut: dict[str, int] = {}
        windows_of = featurize_examples(
            to_featurize,
            self.tokenizer,
            self.windowing,
            lambda example: None,
            on_cut=lambda example, num_tokens: cut.update({example.qas_id: num_tokens}),
        )
        for group in _groups(zip(examples, windows_of, strict=True), self.batch_size * _BATCHES_PER_CHUNK):
            for example, _ in group:
                if example.qas_id in seen:
                    raise InputError(f"question id {example.qas_id!r} comes twice: ids must be unique")
                seen.add(example.qas_id)
            windows = [window for _, some in group for window in some]
            results = {result.unique_id: result for result in self.raw_results(windows)}
            for example, some in group:
                own = [results[window.unique_id] for window in some]
                answer = decode(some, own, replace_surrogates(example.context), self.decoding)
                num_cut = cut.pop(example.qas_id, 0)
                yield dataclasses.replace(answer, question_tokens_cut=num_cut) if num_cut else answer

    def answer_all(self, examples: Sequence[SquadExample]) -> Predictions:
        """Answers every question and collects the answers by id, as `evaluate` writes them."""
        predictions = Predictions()
        for example, answer in zip(examples, self.answer(examples), strict=True):
            predictions.add(example.qas_id, answer)
        return predictions

    def raw_results(self, features: Iterable[InputFeatures]) -> Iterator[RawResult]:
        """Runs windows through the model.

        Windows of similar length share a batch, so that little is computed for padding. At most a few thousand windows
        are held in memory.

        Args:
          features: windows in any order.

        Yields:
          One result per window, not in the order of `features`.
        """
        features = iter(features)
        while chunk := list(itertools.islice(features, self.batch_size * _BATCHES_PER_CHUNK)):
            # The longest windows come first: if memory does not suffice, that shows at once.
            chunk.sort(key=len, reverse=True)
            for start in range(0, len(chunk), self.batch_size):
                yield from self._run_batch(chunk[start : start + self.batch_size])

    def _run_batch(self, windows: Sequence[InputFeatures]) -> list[RawResult]:
        longest = max(len(window) for window in windows)
        # Padding stops at max_seq_length, because the encoder may have no position embeddings beyond it.
        padded = min(-(-longest // self.length_multiple) * self.length_multiple, self.windowing.max_seq_length)
        outputs = self._run(_pad(windows, max(padded, longest)))
        start_logits, end_logits = outputs["start_logits"].numpy(), outputs["end_logits"].numpy()
        return [
            # A slice would keep the whole batch in memory, so these are copies.
            RawResult(window.unique_id, start[: len(window)].copy(), end[: len(window)].copy())
            for window, start, end in zip(windows, start_logits, end_logits, strict=True)
        ]


def _pad(windows: Sequence[InputFeatures], length: int) -> dict[str, tf.Tensor]:
    """Pads windows to the model's inputs, each `<int32>[batch, length]`."""
    batch = {name: np.zeros((len(windows), length), np.int32) for name in _INPUTS}
    for row, window in enumerate(windows):
        batch["input_word_ids"][row, : len(window)] = window.input_word_ids
        batch["input_mask"][row, : len(window)] = 1
        batch["input_type_ids"][row, : len(window)] = window.input_type_ids
    return {name: tf.constant(values) for name, values in batch.items()}


def _groups(
    pairs: Iterable[tuple[SquadExample, list[InputFeatures]]], num_windows: int
) -> Iterator[list[tuple[SquadExample, list[InputFeatures]]]]:
    """Yields questions with their windows, in groups of about `num_windows` windows; one long text may have more."""
    group: list[tuple[SquadExample, list[InputFeatures]]] = []
    held = 0
    for example, windows in pairs:
        if group and held + len(windows) > num_windows:
            yield group
            group, held = [], 0
        group.append((example, windows))
        held += len(windows)
    if group:
        yield group
