import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from bert_qa_tf.encoders import dropout
from bert_qa_tf.encoders.encoder import build_encoder
from bert_qa_tf.tasks.classification.model import ClassificationHead, build_classification_model
from bert_qa_tf.tasks.single_text.model import HEAD_NAME, inference_function
from tests.tiny_model import ENCODER

WITHOUT_POOLER = dataclasses.replace(ENCODER, has_pooler=False)


def _model(config=ENCODER, num_classes=3):
    tf_keras.utils.set_random_seed(1)
    return build_classification_model(build_encoder(config), num_classes, initializer_range=1.0)


def _inputs(batch=2, length=6, used=4):
    mask = np.zeros((batch, length), np.int32)
    mask[:, :used] = 1
    ids = np.arange(batch * length, dtype=np.int32).reshape(batch, length) % 30
    return {"input_word_ids": ids, "input_mask": mask, "input_type_ids": np.zeros_like(ids)}


@pytest.fixture
def mixed_bfloat16():
    tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    yield
    tf_keras.mixed_precision.set_global_policy("float32")


@pytest.mark.parametrize("config", [ENCODER, WITHOUT_POOLER], ids=["pooler", "no pooler"])
def test_one_logit_for_each_class_of_batches_of_any_shape(config):
    model = _model(config)
    for length in (4, 9):
        outputs = model(_inputs(5, length))
        assert set(outputs) == {"logits"}
        assert outputs["logits"].shape == (5, 3)


@pytest.mark.parametrize("config", [ENCODER, WITHOUT_POOLER], ids=["pooler", "no pooler"])
def test_padding_does_not_change_the_logits(config):
    model = _model(config)
    padded = _inputs(length=6, used=4)
    short = {name: value[:, :4] for name, value in padded.items()}
    np.testing.assert_allclose(model(padded)["logits"], model(short)["logits"], atol=1e-5)


def test_the_pooler_is_trained_with_the_head():
    model = _model()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(model(_inputs())["logits"]))
    gradients = tape.gradient(loss, model.trainable_variables)
    missing = [v.name for v, g in zip(model.trainable_variables, gradients, strict=True) if g is None]
    assert missing == []
    assert any("pooler" in variable.name for variable in model.trainable_variables)


def test_logits_are_float32_under_mixed_precision(mixed_bfloat16):
    model = _model()
    head = model.get_layer(HEAD_NAME)
    assert head.logits.compute_dtype == head.dropout.compute_dtype == "float32"
    assert model(_inputs())["logits"].dtype == tf.float32


def test_the_head_starts_as_berts_does():
    tf_keras.utils.set_random_seed(1)
    head = ClassificationHead(2)
    head.build((None, 10_000))
    assert head.dropout.rate == 0.1
    # A normal of 0.02 cut at two standard deviations has 0.88 of it.
    assert float(tf.math.reduce_std(head.logits.kernel)) == pytest.approx(0.0176, abs=0.0003)
    assert (head.logits.bias.numpy() == 0).all()


def test_the_heads_dropout_follows_the_seed_of_the_step():
    config = dataclasses.replace(ENCODER, hidden_dropout=0.0, attention_dropout=0.0)
    model = build_classification_model(build_encoder(config), 3, dropout=0.5, initializer_range=1.0)
    dropout.use_seeds(model)

    def logits(seed):
        with dropout.seeded(tf.constant(seed)):
            return model(_inputs(), training=True)["logits"].numpy()

    assert (logits([1, 2]) == logits([1, 2])).all()
    assert (logits([1, 2]) != logits([1, 3])).any()
    assert (logits([1, 2]) != model(_inputs())["logits"].numpy()).any()


@pytest.mark.parametrize("config", [ENCODER, WITHOUT_POOLER], ids=["pooler", "no pooler"])
def test_the_serving_function_computes_the_same_logits(config):
    model = _model(config)
    function = inference_function(model)
    inputs = {name: tf.constant(value) for name, value in _inputs().items()}
    np.testing.assert_allclose(function(inputs)["logits"], model(inputs)["logits"], atol=1e-4)


def test_the_head_is_made_again_from_its_config():
    head = ClassificationHead.from_config(ClassificationHead(4, dropout=0.2, initializer_range=0.1).get_config())
    assert (head.num_classes, head.dropout.rate, head.initializer_range) == (4, 0.2, 0.1)


def test_the_whole_model_trains_by_fit():
    model = _model()
    model.compile("sgd", loss={"logits": tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)})
    history = model.fit(_inputs(), {"logits": np.array([1, 2])}, verbose=0)
    assert np.isfinite(history.history["loss"][0])
