import pytest
import tensorflow as tf
import tf_keras

from bert_qa_tf.config import OptimizerConfig
from bert_qa_tf.tasks.question_answering.span_model import build_span_model
from bert_qa_tf.training.optimization import WarmupLinearDecay, build_optimizer
from tests.tiny_model import ENCODER, build_encoder


def test_the_learning_rate_rises_to_its_peak_and_falls_to_zero():
    rate = WarmupLinearDecay(2.0, warmup_steps=10, total_steps=110)
    assert [float(rate(step)) for step in (0, 5, 10, 60, 110, 200)] == [0.0, 1.0, 2.0, 1.0, 0.0, 0.0]


def test_without_a_warm_up_the_first_step_has_the_peak():
    assert float(WarmupLinearDecay(2.0, 0, 4)(0)) == 2.0


def test_weight_decay_spares_biases_and_layer_norms_and_nothing_else():
    model = build_span_model(build_encoder(ENCODER))
    optimizer = build_optimizer(OptimizerConfig(learning_rate=0.1, warmup_proportion=0.0), 10, "float32")
    optimizer.build(model.trainable_variables)
    before = {variable.name: variable.numpy().copy() for variable in model.trainable_variables}
    zero = [tf.zeros_like(variable) for variable in model.trainable_variables]
    optimizer.apply_gradients(list(zip(zero, model.trainable_variables, strict=True)))
    for variable in model.trainable_variables:
        old, new = before[variable.name], variable.numpy()
        if variable.name.endswith("bias:0") or "layer_norm" in variable.name:
            assert (new == old).all(), variable.name
        else:
            assert new == pytest.approx(old * (1 - 0.1 * 0.01), rel=1e-6), variable.name


def test_float16_scales_its_loss_and_nothing_else_does():
    kinds = {policy: build_optimizer(OptimizerConfig(), 10, policy) for policy in ("float32", "mixed_bfloat16")}
    assert all(isinstance(optimizer, tf_keras.optimizers.AdamW) for optimizer in kinds.values())
    scaled = build_optimizer(OptimizerConfig(), 10, "mixed_float16")
    assert isinstance(scaled, tf_keras.mixed_precision.LossScaleOptimizer)
    assert scaled.dynamic
