from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from bert_qa_tf.config import EncoderConfig
from bert_qa_tf.encoders import encoder as encoder_lib
from bert_qa_tf.encoders.sources import weights
from bert_qa_tf.errors import InputError

TINY = EncoderConfig(vocab_size=12, hidden_size=8, num_layers=2, num_attention_heads=2, intermediate_size=16)
BASE = EncoderConfig(30522, 768, 12, 12, 3072)
LARGE = EncoderConfig(30522, 1024, 24, 16, 4096)
MINILM = EncoderConfig(30522, 384, 6, 12, 1536)


def _inputs(length: int = 5) -> dict[str, tf.Tensor]:
    ids = tf.constant([list(range(2, 2 + length))], tf.int32)
    return {"input_word_ids": ids, "input_mask": tf.ones_like(ids), "input_type_ids": tf.zeros_like(ids)}


@pytest.fixture
def _restored_policy():
    policy = tf_keras.mixed_precision.global_policy()
    yield
    tf_keras.mixed_precision.set_global_policy(policy)


@pytest.mark.parametrize(("config", "count"), [(BASE, 109_482_240), (LARGE, 335_141_888), (MINILM, 22_713_216)])
def test_the_table_of_weights_counts_the_published_numbers_of_parameters(config, count):
    assert sum(math.prod(shape) for shape in weights.canonical_shapes(config).values()) == count


@pytest.mark.parametrize(
    ("config", "count"),
    [(MINILM, 22_713_216), pytest.param(BASE, 109_482_240, marks=pytest.mark.slow)],
)
def test_a_built_encoder_has_the_published_number_of_parameters(config, count):
    encoder = encoder_lib.build_encoder(config, random_weights=False)

    assert encoder_lib.parameter_count(encoder) == count


def test_an_encoder_has_exactly_the_variables_of_the_table():
    encoder = encoder_lib.build_encoder(TINY)

    read = weights.read_weights(encoder)

    assert {name: array.shape for name, array in read.items()} == weights.canonical_shapes(TINY)


def test_outputs_are_named_as_in_model_garden_and_shaped():
    outputs = encoder_lib.build_encoder(TINY)(_inputs())

    assert {name: outputs[name].shape.as_list() for name in ("sequence_output", "pooled_output")} == {
        "sequence_output": [1, 5, 8],
        "pooled_output": [1, 8],
    }
    assert len(outputs["encoder_outputs"]) == 2


def test_random_weights_have_the_stated_spread():
    encoder = encoder_lib.build_encoder(dataclasses.replace(MINILM, num_layers=1, vocab_size=10))

    kernel = weights.read_weights(encoder)["encoder/layer_0/intermediate/dense/kernel"]

    assert kernel.std() == pytest.approx(0.02 * 0.88, rel=0.03)  # a normal distribution cut at two deviations


def test_layer_norm_epsilon_is_the_configs():
    random = np.random.default_rng(0)
    arrays = {n: random.standard_normal(s).astype(np.float32) for n, s in weights.canonical_shapes(TINY).items()}
    outputs = []
    for epsilon in (1e-12, 10.0):
        encoder = encoder_lib.build_encoder(dataclasses.replace(TINY, layer_norm_epsilon=epsilon))
        weights.assign_weights(encoder, arrays)
        outputs.append(encoder(_inputs())["sequence_output"].numpy())

    # x / √(var + 10) is much smaller than x / √var, before gamma and beta.
    assert np.abs(outputs[0] - outputs[1]).max() > 0.1


@pytest.mark.usefixtures("_restored_policy")
def test_matrix_products_follow_the_policy_while_variables_and_layer_norms_stay_float32():
    tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    encoder = encoder_lib.build_encoder(TINY)

    outputs = encoder(_inputs())

    assert outputs["sequence_output"].dtype == tf.float32  # a layer norm's
    assert outputs["pooled_output"].dtype == tf.bfloat16  # a matrix product's
    assert {weight.dtype for weight in encoder.weights} == {tf.float32}


def test_exact_gelu_is_x_times_the_normal_distribution():
    x = np.array([-3.0, -1.0, 0.0, 0.5, 2.0], np.float32)

    expected = [value * 0.5 * (1 + math.erf(value / math.sqrt(2))) for value in x]

    np.testing.assert_allclose(encoder_lib.gelu(tf.constant(x)), expected, atol=1e-6)


def test_exact_gelus_own_gradient_equals_automatic_differentiation():
    x = tf.linspace(-6.0, 6.0, 101)
    gradients = []
    for function in (encoder_lib.gelu, tf.nn.gelu):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x) if function is encoder_lib.gelu else function(x, approximate=False)
        gradients.append(tape.gradient(y, x).numpy())

    np.testing.assert_allclose(gradients[0], gradients[1], atol=1e-6)


def test_tanh_gelu_is_another_function_than_the_exact_one():
    x = tf.constant([1.0])

    assert encoder_lib.gelu_tanh(x).numpy()[0] == pytest.approx(0.841192, abs=1e-6)
    assert encoder_lib.gelu(x).numpy()[0] == pytest.approx(0.841345, abs=1e-6)


def test_an_unknown_activation_is_refused():
    with pytest.raises(InputError, match="hidden_act must be one of gelu, gelu_tanh, relu, got 'swish'"):
        encoder_lib.build_encoder(dataclasses.replace(TINY, hidden_act="swish"))


def test_the_gelu_for_saving_gives_the_values_and_gradients_of_the_one_for_training():
    x = tf.linspace(-6.0, 6.0, 101)
    gradients = []
    for function in (encoder_lib.gelu, encoder_lib.plain_gelu):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        gradients.append(tape.gradient(y, x).numpy())
    assert (encoder_lib.gelu(x).numpy() == encoder_lib.plain_gelu(x).numpy()).all()
    assert gradients[0] == pytest.approx(gradients[1], abs=1e-6)
