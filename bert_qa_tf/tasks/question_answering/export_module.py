"""Builds the graph of an exported question-answering model, from text to answers.

The functions of the modules below are the signatures of the two SavedModels of an export.

    question, context ─▶ valid UTF-8 ─▶ word pieces ─▶ windows ─┬─▶ model ─▶ spans ─┬─▶ answers
                                                                └── some at a time ─┘
"""

from __future__ import annotations

import tensorflow as tf
import tf_keras

from bert_qa_tf.records import features
from bert_qa_tf.tasks.question_answering.config import NUM_SPECIAL_TOKENS, ExportConfig, QuestionAnsweringConfig
from bert_qa_tf.tasks.question_answering.features import QA_FEATURES
from bert_qa_tf.tasks.question_answering.graph_decoding import Spans, best_answers, find_spans, spans_spec
from bert_qa_tf.tasks.question_answering.graph_windowing import (
    WindowPlan,
    make_windows,
    plan_windows,
    windows_per_question,
)
from bert_qa_tf.tasks.question_answering.inference import inference_function
from bert_qa_tf.text.tokenized_text import TokenizedBatch
from bert_qa_tf.text.tokenizer import Tokenizer

_INPUTS = features.names(QA_FEATURES, "input")
_DEFAULT_OPTIONS = ExportConfig()
_IDS_SIGNATURE = [tf.TensorSpec([None, None], tf.int32, name=name) for name in _INPUTS]


class IdsModule(tf.Module):
    """A span model behind the `serve_ids` signature: no string ops, no tensorflow-text.

    Args:
      model: see `span_model.build_span_model`.
    """

    def __init__(self, model: tf_keras.Model) -> None:
        super().__init__(name="qa_ids")
        self._apply = inference_function(model)

    @tf.function(input_signature=_IDS_SIGNATURE, autograph=False)
    def serve_ids(
        self, input_word_ids: tf.Tensor, input_mask: tf.Tensor, input_type_ids: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Returns `start_logits` and `end_logits`, `<float32>[batch, seq]`; each input is `<int32>[batch, seq]`."""
        return self._logits(dict(zip(_INPUTS, (input_word_ids, input_mask, input_type_ids), strict=True)))

    def _logits(self, inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        outputs = self._apply(inputs)
        return {name: tf.cast(outputs[name], tf.float32) for name in ("start_logits", "end_logits")}


class QaModule(IdsModule):
    """A span model that answers questions about texts.

    Args:
      model: see `span_model.build_span_model`.
      tokenizer: the tokenizer with the model's vocabulary.
      settings: the windowing and decoding settings that the model was trained with.
      options: how many windows are computed at a time.
    """

    def __init__(
        self,
        model: tf_keras.Model,
        tokenizer: Tokenizer,
        settings: QuestionAnsweringConfig,
        options: ExportConfig = _DEFAULT_OPTIONS,
    ) -> None:
        super().__init__(model)
        self._tokenizer = tokenizer
        self._windowing = settings.windowing
        self._decoding = settings.decoding
        self._options = options

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, "question"), tf.TensorSpec([None], tf.string, "context")],
        autograph=False,
    )
    def serve(self, question: tf.Tensor, context: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers questions; the `serving_default` signature.

        Args:
          question: `<string>[batch]`.
          context: `<string>[batch]`, texts of any length.

        Returns:
          `answer` `<string>[batch]`, `answer_start` and `answer_end` (code points into the context, end exclusive)
          `<int32>[batch]`, `score` `<float32>[batch]` in 0–1, and `nbest_answer`, `nbest_start`, `nbest_score`, each
          `[batch, n_best]`; for SQuAD 2.0 also `null_odds` `<float32>[batch]`, see `best_answers`. Offsets and texts
          are those of the context with each invalid byte sequence replaced by U+FFFD. `question_tokens_cut`
          `<int32>[batch]` says how many word pieces at the end of a question are beyond `max_query_length` and were
          not read.
        """
        same_batch = tf.debugging.assert_equal(
            tf.size(question), tf.size(context), "question and context must have the same number of rows"
        )
        with tf.control_dependencies([same_batch]):
            question = tf.strings.unicode_transcode(question, "UTF-8", "UTF-8", errors="replace")
            context = tf.strings.unicode_transcode(context, "UTF-8", "UTF-8", errors="replace")
        whole_question_ids = self._tokenizer.tokenize(question).ids
        question_ids = whole_question_ids[:, : self._windowing.max_query_length]
        cut = tf.cast(whole_question_ids.row_lengths() - question_ids.row_lengths(), tf.int32)
        contexts = self._tokenizer.tokenize(context)
        lengths = tf.cast(question_ids.row_lengths(), tf.int32), tf.cast(contexts.ids.row_lengths(), tf.int32)
        counts, _ = windows_per_question(*lengths, self._windowing)
        spans = self._find_all_spans(plan_windows(*lengths, self._windowing), question_ids, contexts)
        return {**best_answers(spans, counts, context, self._decoding), "question_tokens_cut": cut}

    def _find_all_spans(self, plan: WindowPlan, questions: tf.RaggedTensor, contexts: TokenizedBatch) -> Spans:
        """Runs the windows through the model, some at a time, and keeps the best spans of each.

        Each turn takes windows of similar length, so that it is padded as little as possible.
        """
        lengths = tf.gather(tf.cast(questions.row_lengths(), tf.int32), plan.question) + plan.length
        order = tf.argsort(lengths)
        plan = WindowPlan(*(tf.gather(column, order) for column in plan))
        lengths = tf.gather(lengths, order) + NUM_SPECIAL_TOKENS

        def run_turn(turn: tf.Tensor, first: tf.Tensor, *found: tf.TensorArray) -> tuple[tf.Tensor, ...]:
            end = first + self._windows_in_turn(lengths[first:])
            some = WindowPlan(*(column[first:end] for column in plan))
            windows = make_windows(some, questions, contexts, self._tokenizer, self._windowing)
            logits = self._logits(windows.inputs)
            spans = find_spans(logits["start_logits"], logits["end_logits"], *windows[1:], self._decoding)
            arrays = (array.write(turn, values) for array, values in zip(found, spans, strict=True))
            return turn + 1, end, *arrays

        empty = [_empty_array(spec) for spec in spans_spec(self._decoding)]
        # One turn at a time, because the activations of a turn take most of the memory.
        _, _, *found = tf.while_loop(
            lambda turn, first, *_: first < tf.size(order),
            run_turn,
            (tf.constant(1), tf.constant(0), *empty),
            parallel_iterations=1,
        )
        back = tf.math.invert_permutation(order)
        return Spans(*(tf.gather(array.concat(), back) for array in found))

    def _windows_in_turn(self, lengths: tf.Tensor) -> tf.Tensor:
        """The number of windows in the next turn, at least 1, given their ascending lengths, `<int32>[windows]`."""
        padded_tokens = lengths * (1 + tf.range(tf.size(lengths)))
        fitting = tf.math.count_nonzero(padded_tokens <= self._options.max_tokens_per_call, dtype=tf.int32)
        return tf.clip_by_value(fitting, 1, self._options.max_windows_per_call)


def _empty_array(spec: tf.TensorSpec) -> tf.TensorArray:
    """A growing array of batches of windows; its first batch is empty, because concatenation needs at least one."""
    array = tf.TensorArray(spec.dtype, 1, dynamic_size=True, infer_shape=False, element_shape=spec.shape)
    return array.write(0, tf.zeros([0, *spec.shape[1:]], spec.dtype))
