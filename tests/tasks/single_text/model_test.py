import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from bert_qa_tf.encoders.encoder import build_encoder
from bert_qa_tf.tasks.single_text.model import HEAD_NAME, build_text_model, inference_function, sentence_output
from tests.tiny_model import ENCODER

MASK = tf.constant([[1, 1, 0], [1, 1, 1]])
SEQUENCE = tf.reshape(tf.range(24.0), [2, 3, 4])


class Head(tf_keras.layers.Layer):
    """Sums what it is given."""

    def call(self, sentence_output, training=None):
        return {"sum": tf.reduce_sum(tf.cast(sentence_output, tf.float32), axis=1)}


def text_model(pooling, has_pooler=True):
    tf_keras.utils.set_random_seed(1)
    encoder = build_encoder(dataclasses.replace(ENCODER, has_pooler=has_pooler))
    return build_text_model(encoder, Head(name=HEAD_NAME), pooling)


def inputs(padding=0):
    ids = np.pad(np.arange(2, 14, dtype=np.int32).reshape(2, 6), ((0, 0), (0, padding)))
    mask = (ids > 0).astype(np.int32)
    return {"input_word_ids": ids, "input_mask": mask, "input_type_ids": np.zeros_like(ids)}


def test_the_pooler_is_used_where_there_is_one():
    pooled = tf.ones([2, 4])
    assert sentence_output({"pooled_output": pooled, "sequence_output": SEQUENCE}, MASK, "pooler") is pooled
    assert (sentence_output({"sequence_output": SEQUENCE}, MASK, "pooler") == SEQUENCE[:, 0]).numpy().all()


def test_the_mean_is_that_of_the_tokens_alone():
    found = sentence_output({"pooled_output": tf.ones([2, 4]), "sequence_output": SEQUENCE}, MASK, "mean")
    assert found.numpy().tolist() == [[2, 3, 4, 5], [16, 17, 18, 19]]


def test_the_mean_is_taken_in_float32():
    encoded = {"sequence_output": tf.cast(tf.fill([1, 300, 4], 1.01), tf.bfloat16)}
    found = sentence_output(encoded, tf.ones([1, 300], tf.int32), "mean")
    assert found.dtype == tf.float32
    assert found.numpy() == pytest.approx(float(encoded["sequence_output"][0, 0, 0]), abs=1e-5)


@pytest.mark.parametrize(("pooling", "has_pooler"), [("pooler", True), ("pooler", False), ("mean", True)])
def test_padding_changes_nothing_and_the_exported_function_computes_the_same(pooling, has_pooler):
    model = text_model(pooling, has_pooler)
    expected = model(inputs())["sum"].numpy()
    np.testing.assert_allclose(model(inputs(padding=3))["sum"], expected, atol=1e-5)
    found = inference_function(model, pooling)({name: tf.constant(value) for name, value in inputs(3).items()})
    np.testing.assert_allclose(found["sum"], expected, atol=1e-4)


def test_a_row_that_fills_a_batch_has_a_finite_mean():
    found = sentence_output({"sequence_output": SEQUENCE}, tf.constant([[0, 0, 0], [1, 1, 1]]), "mean")
    assert found.numpy().tolist() == [[0, 0, 0, 0], [16, 17, 18, 19]]
