import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from bert_qa_tf.encoders.encoder import build_encoder
from bert_qa_tf.tasks.question_answering.inference import inference_function
from bert_qa_tf.tasks.question_answering.span_head import PADDING_LOGIT
from bert_qa_tf.tasks.question_answering.span_model import build_span_model
from tests import tiny_model


def _inputs(lengths=(9, 1, 48, 30)):
    """Windows of these lengths, padded to the longest, of arbitrary word pieces; the second half is context."""
    rng = np.random.default_rng(0)
    position = np.arange(max(lengths))[None]
    mask = (position < np.array(lengths)[:, None]).astype(np.int32)
    ids = rng.integers(1, tiny_model.ENCODER.vocab_size, mask.shape).astype(np.int32)
    types = (position >= np.array(lengths)[:, None] // 2).astype(np.int32)
    inputs = {"input_word_ids": ids * mask, "input_mask": mask, "input_type_ids": types * mask}
    return {name: tf.constant(values) for name, values in inputs.items()}


def _model(policy="float32", **encoder):
    tf_keras.utils.set_random_seed(1)
    tf_keras.mixed_precision.set_global_policy(policy)
    try:
        model = build_span_model(build_encoder(dataclasses.replace(tiny_model.ENCODER, **encoder)), 1.0)
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")
    for variable in model.variables:  # biases and layer norms start as 0 and 1, which would hide a mistake
        variable.assign_add(tf.random.stateless_normal(variable.shape, [2, variable.shape.num_elements()]) * 0.1)
    return model


def _largest_difference(model, inputs):
    expected, found = model(inputs, training=False), tf.function(inference_function(model))(inputs)
    assert found.keys() == expected.keys()
    assert {value.dtype for value in found.values()} == {tf.float32}
    return max(float(tf.reduce_max(tf.abs(found[name] - expected[name]))) for name in expected)


@pytest.mark.parametrize("hidden_act", ["gelu", "gelu_tanh", "relu"])
def test_logits_are_the_models(hidden_act):
    assert _largest_difference(_model(hidden_act=hidden_act), _inputs()) < 1e-4


def test_logits_are_the_models_with_another_epsilon_and_without_a_pooler():
    model = _model(layer_norm_epsilon=0.1, has_pooler=False)
    assert _largest_difference(model, _inputs()) < 1e-4


def test_a_bfloat16_model_is_called_as_it_is():
    model = _model("mixed_bfloat16")
    # Not in a graph, where TensorFlow fuses ops and leaves roundings out.
    expected, found = model(_inputs()), inference_function(model)(_inputs())
    np.testing.assert_array_equal(found["start_logits"], expected["start_logits"])


def test_what_a_window_holds_does_not_depend_on_its_padding():
    function = tf.function(inference_function(_model()))
    alone, beside = function(_inputs((9,))), function(_inputs((9, 30)))
    np.testing.assert_allclose(alone["start_logits"][0], beside["start_logits"][0, :9], atol=1e-4)
    assert set(beside["start_logits"][0, 9:].numpy()) == {PADDING_LOGIT}


def test_no_windows_give_no_logits():
    inputs = {name: values[:0] for name, values in _inputs().items()}
    assert inference_function(_model())(inputs)["end_logits"].shape == (0, 48)


def test_a_window_beyond_the_table_of_positions_is_an_error():
    too_long = tiny_model.ENCODER.max_position_embeddings + 1
    with pytest.raises(tf.errors.InvalidArgumentError):
        inference_function(_model())(_inputs((too_long,)))


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_its_variables_are_all_that_it_reads(policy):
    function = inference_function(_model(policy))
    graph = tf.function(function).get_concrete_function(_inputs()).graph
    held = {id(variable.handle) for variable in function.variables}
    assert {id(variable.handle) for variable in graph.variables} <= held


def test_joining_weights_adds_none():
    model = _model(has_pooler=False)
    numbers = [sum(v.shape.num_elements() for v in of.variables) for of in (model, inference_function(model))]
    assert numbers[0] == numbers[1]


def test_a_model_of_another_encoder_is_called_as_it_is():
    inputs = {name: tf_keras.Input((None,), dtype=tf.int32, name=name) for name in _inputs()}
    embedded = tf_keras.layers.Embedding(tiny_model.ENCODER.vocab_size, 4)(inputs["input_word_ids"])
    model = build_span_model(tf_keras.Model(inputs, {"sequence_output": embedded}, name="encoder"))
    assert _largest_difference(model, _inputs()) == 0
