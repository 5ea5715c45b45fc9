"""Builds the graph of an exported text model, from text to the task's outputs.

The functions of the modules below are the signatures of the two SavedModels of an export.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf
import tf_keras

from bert_qa_tf.records import features
from bert_qa_tf.tasks.single_text.features import TEXT_FEATURES
from bert_qa_tf.tasks.single_text.model import Pooling, inference_function
from bert_qa_tf.tasks.single_text.tokenizing import NUM_SPECIAL_TOKENS
from bert_qa_tf.text.tokenizer import Tokenizer

_INPUTS = features.names(TEXT_FEATURES, "input")
_IDS_SIGNATURE = [tf.TensorSpec([None, None], tf.int32, name=name) for name in _INPUTS]

# Maps the model's outputs to the served outputs, `[batch, …]` each.
ServedOutputs = Callable[[Mapping[str, tf.Tensor]], Mapping[str, tf.Tensor]]


class IdsModule(tf.Module):
    """A text model behind the `serve_ids` signature: no string ops, no tensorflow-text.

    Args:
      model: see `model.build_text_model`.
      pooling: the pooling that the model was built with.
    """

    def __init__(self, model: tf_keras.Model, pooling: Pooling = "pooler") -> None:
        super().__init__(name="text_ids")
        self._apply = inference_function(model, pooling)

    @tf.function(input_signature=_IDS_SIGNATURE, autograph=False)
    def serve_ids(
        self, input_word_ids: tf.Tensor, input_mask: tf.Tensor, input_type_ids: tf.Tensor
    ) -> Mapping[str, tf.Tensor]:
        """Returns the model's outputs; each input is `<int32>[batch, seq]`."""
        return self._apply(dict(zip(_INPUTS, (input_word_ids, input_mask, input_type_ids), strict=True)))


class TextModule(IdsModule):
    """A text model whose inputs are strings.

    Args:
      model: see `model.build_text_model`.
      tokenizer: the tokenizer with the model's vocabulary.
      max_seq_length: texts are truncated to this many word pieces.
      served_outputs: computes the served outputs from the model's outputs.
      pooling: the pooling that the model was built with.
    """

    def __init__(
        self,
        model: tf_keras.Model,
        tokenizer: Tokenizer,
        max_seq_length: int,
        served_outputs: ServedOutputs,
        pooling: Pooling = "pooler",
    ) -> None:
        super().__init__(model, pooling)
        self._tokenizer = tokenizer
        self._max_seq_length = max_seq_length
        self._served_outputs = served_outputs

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")], autograph=False)
    def serve(self, text: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Computes the served outputs of texts, `<string>[batch]`; the `serving_default` signature."""
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
        ids = self._tokenizer.tokenize(text).ids[:, : self._max_seq_length - NUM_SPECIAL_TOKENS]
        column = tf.ones([ids.nrows(), 1], tf.int32)
        rows = tf.concat([self._tokenizer.cls_id * column, ids, self._tokenizer.sep_id * column], axis=1)
        word_ids = rows.to_tensor()
        inputs = {
            "input_word_ids": word_ids,
            "input_mask": tf.ones_like(rows).to_tensor(),
            "input_type_ids": tf.zeros_like(word_ids),
        }
        return self._served_outputs(self._apply(inputs))
