"""Dropout that follows a seed: the same masks again, and no others' masks."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from bert_qa_tf.encoders import dropout
from tests import tiny_model

SEED = tf.constant([1, 2])


def kept(x: tf.Tensor) -> np.ndarray:
    return x.numpy() != 0


def test_equal_seeds_give_equal_masks_and_others_do_not():
    x = tf.ones([64, 33])
    first = kept(dropout.dropout(x, 0.1, SEED))
    assert (first == kept(dropout.dropout(x, 0.1, SEED))).all()
    other = kept(dropout.dropout(x, 0.1, tf.constant([1, 3])))
    # Two independent masks agree on 0.9² + 0.1² of the units.
    assert abs((first == other).mean() - 0.82) < 0.03


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_the_share_that_falls_out_is_the_rate_and_the_rest_is_scaled(rate, dtype):
    y = dropout.dropout(tf.ones([500, 1001], dtype), rate, SEED)
    assert y.dtype == dtype
    values = tf.cast(y, tf.float32).numpy()
    # Half a million draws: five standard deviations.
    assert abs((values == 0).mean() - rate) < 5 * (rate * (1 - rate) / values.size) ** 0.5
    scale = np.unique(values[values != 0])
    assert scale.size == 1
    assert scale[0] == pytest.approx(1 / (1 - rate), rel=1e-4 if dtype == "float32" else 5e-3)


def test_neighbouring_units_fall_out_independently():
    # Two units share a random word: its halves must not go together.
    dropped = ~kept(dropout.dropout(tf.ones([1_000_000]), 0.1, SEED))
    assert abs((dropped[0::2] & dropped[1::2]).mean() - 0.01) < 0.001
    assert abs((dropped[1:-1:2] & dropped[2::2]).mean() - 0.01) < 0.001


def test_the_gradient_has_the_same_mask():
    x = tf.Variable(tf.ones([7, 9]))
    with tf.GradientTape() as tape:
        y = dropout.dropout(x, 0.5, SEED)
        total = tf.reduce_sum(y)
    assert (tape.gradient(total, x).numpy() == y.numpy()).all()


def test_a_rate_of_zero_changes_nothing():
    x = tf.random.normal([5, 5])
    assert (dropout.dropout(x, 0.0, SEED).numpy() == x.numpy()).all()


def test_xla_draws_the_same_mask():
    x = tf.ones([13, 21])
    compiled = tf.function(lambda x, seed: dropout.dropout(x, 0.3, seed), jit_compile=True)
    assert (kept(compiled(x, SEED)) == kept(dropout.dropout(x, 0.3, SEED))).all()


def inputs() -> dict[str, tf.Tensor]:
    ids = tf.reshape(tf.range(40) % 30, [4, 10])
    return {"input_word_ids": ids, "input_mask": tf.ones_like(ids), "input_type_ids": tf.zeros_like(ids)}


def test_a_models_layers_follow_the_seed_and_each_draws_its_own():
    model = tiny_model.tiny_span_model()
    # One after the embeddings; in each of the two blocks attention, its output and the block's output, and one inside.
    assert dropout.use_seeds(model) == 1 + 2 * 4
    call = tf.function(lambda seed: _call(model, seed))
    first = call(SEED)
    assert (first == call(SEED)).numpy().all()
    assert not (first == call(tf.constant([1, 3]))).numpy().all()
    other = tiny_model.tiny_span_model()  # its layers' names are counted on from the first one's
    dropout.use_seeds(other)
    np.testing.assert_allclose(_call(other, SEED), first, atol=1e-3)

    numbers = [layer._random_generator._number for layer in model.submodules if hasattr(layer, "_random_generator")]
    assert sorted(numbers) == list(range(len(numbers)))


def _call(model: tf_keras.Model, seed: tf.Tensor) -> tf.Tensor:
    with dropout.seeded(seed):
        return model(inputs(), training=True)["start_logits"]


def test_without_a_seed_the_layers_are_keras_own():
    model = tiny_model.tiny_span_model()
    dropout.use_seeds(model)
    first = model(inputs(), training=True)["start_logits"]
    assert not (first == model(inputs(), training=True)["start_logits"]).numpy().all()
    assert (model(inputs())["start_logits"] == model(inputs())["start_logits"]).numpy().all()


@pytest.mark.slow
def test_a_prepared_model_can_be_saved_and_loaded(tmp_path):
    model = tiny_model.tiny_span_model()
    dropout.use_seeds(model)
    tf.saved_model.save(model, tmp_path / "model")
    loaded = tf.saved_model.load(tmp_path / "model")
    expected = model(inputs())["start_logits"]
    np.testing.assert_allclose(loaded(inputs(), training=False)["start_logits"], expected, atol=1e-4)
