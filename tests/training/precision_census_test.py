"""What a policy reaches: all of a rebuilt encoder, nothing of a module that is called as it is."""

import json

import numpy as np
import pytest
import tensorflow_hub as hub
import tf_keras

from bert_qa_tf.config import OptimizerConfig, RuntimeConfig
from bert_qa_tf.encoders.sources.loader import build_pretrained_encoder
from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.question_answering.loss import span_loss
from bert_qa_tf.tasks.question_answering.span_model import build_span_model
from bert_qa_tf.training import optimization, precision_census, runtime
from bert_qa_tf.training.graph_products import Product
from bert_qa_tf.training.precision_census import Census
from bert_qa_tf.training.step import TrainStep
from tests import testing

_INPUTS = ("input_word_ids", "input_mask", "input_type_ids")
_ROWS, _LENGTH = 4, 24
_LAYERS, _HIDDEN, _INTERMEDIATE = 2, 16, 32  # of `tiny_pretrained`


def _census(policy: str, module: str | None = None) -> Census:
    """The census of a tiny model's step; of a module as it is, or of one rebuilt."""
    strategy = runtime.make_strategy(RuntimeConfig())
    before = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy(policy)
    try:
        with strategy.scope():
            if module:
                encoder = hub.KerasLayer(module, trainable=True, name="encoder")
            else:
                encoder = build_pretrained_encoder(testing.tiny_pretrained())
            model = build_span_model(encoder)
            optimizer = optimization.build_optimizer(OptimizerConfig(), 20, policy)
    finally:
        tf_keras.mixed_precision.set_global_policy(before)
    step = TrainStep(
        strategy,
        model,
        optimizer,
        lambda outputs, rows: span_loss(
            outputs["start_logits"], outputs["end_logits"], rows["start_positions"], rows["end_positions"]
        ),
        _INPUTS,
    )
    ids = np.ones((_ROWS, _LENGTH), np.int32)
    batch = dict.fromkeys(_INPUTS, ids) | dict.fromkeys(("start_positions", "end_positions"), ids[:, 0])
    batch["example_weights"] = np.ones(_ROWS, np.float32)
    weights = model.get_weights()
    census = precision_census.take_census(step.trace(batch), policy, model)
    assert all((old == new).all() for old, new in zip(weights, model.get_weights(), strict=True))  # nothing ran
    assert optimizer.iterations.numpy() == 0
    return census


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_reaches_a_rebuilt_encoder(policy):
    census = _census(policy)
    assert census.encoder_half_share >= 0.99
    figures = census.to_dict()
    assert set(figures["encoder"]["all"]) >= {policy.removeprefix("mixed_")}
    assert set(figures["head"]["all"]) == {"float32"}
    precision_census.check_census(census, allow_float32_encoder=False)


def test_every_product_of_a_float32_step_is_counted_forward_and_backward():
    figures = _census("float32").to_dict()
    assert figures["encoder_half_share"] == 0.0
    tokens = _ROWS * _LENGTH
    # Query, key, value and output; the two wide layers; scores and their sums; segment embeddings; the pooler.
    layer = 2 * tokens * (4 * _HIDDEN**2 + 2 * _HIDDEN * _INTERMEDIATE + 2 * _LENGTH * _HIDDEN)
    segments, pooler = 2 * tokens * 2 * _HIDDEN, 2 * _ROWS * _HIDDEN**2
    encoder = figures["encoder"]
    assert encoder["forward"]["float32"] == {
        "products": 8 * _LAYERS + 2,
        "flops": _LAYERS * layer + segments + pooler,
        "share": 1.0,
    }
    # Each has two gradients, but one-hot segments need none and the loss does not depend on the pooler.
    assert encoder["backward"]["float32"]["products"] == 2 * 8 * _LAYERS + 1
    assert encoder["backward"]["float32"]["flops"] == 2 * _LAYERS * layer + segments
    head = 2 * tokens * _HIDDEN * 2
    assert figures["head"]["forward"]["float32"]["flops"] == head
    assert figures["head"]["backward"]["float32"]["flops"] == 2 * head
    assert figures["all"]["float32"]["products"] == 8 * _LAYERS * 3 + 3 + 3


@pytest.mark.slow
def test_half_precision_does_not_reach_inside_a_module_and_the_run_is_refused(tmp_path):
    census = _census("mixed_bfloat16", testing.tiny_hub_module(tmp_path))
    encoder = census.to_dict()["encoder"]
    assert census.encoder_half_share == 0.0
    assert encoder["forward"]["float32"]["products"] == 8 * _LAYERS + 2
    assert encoder["backward"]["float32"]["products"] >= 2 * 8 * _LAYERS + 1
    with pytest.raises(InputError, match=r"0\.0% of the encoder's FLOPs .*--allow_float32_encoder") as refusal:
        precision_census.check_census(census, allow_float32_encoder=False)
    assert "\n" not in str(refusal.value)
    precision_census.check_census(census, allow_float32_encoder=True)


def test_the_share_is_weighed_by_flops_and_the_head_does_not_count(tmp_path):
    census = Census(
        "mixed_float16",
        [
            Product("a", "float16", 94, backward=False, part="encoder"),
            Product("b", "float32", 6, backward=True, part="encoder"),
            Product("c", "float16", 900, backward=False, part="head"),
        ],
    )
    assert census.encoder_half_share == 0.94
    with pytest.raises(InputError, match="expected at least 95%"):
        precision_census.check_census(census, allow_float32_encoder=False)
    precision_census.write_census(str(tmp_path), census, {"global_batch_size": 2, "seq_length": 8})
    written = json.loads((tmp_path / "precision.json").read_text())
    assert written["mixed_precision"] == "mixed_float16"
    assert written["counted_at"] == {"global_batch_size": 2, "seq_length": 8}
    assert written["all"]["float16"] == {"products": 2, "flops": 994, "share": 0.994}


def test_a_float32_policy_is_never_refused():
    census = Census("float32", [Product("a", "float32", 1, backward=False, part="encoder")])
    precision_census.check_census(census, allow_float32_encoder=False)
    assert census.summary() == "all 1 matrix products of the encoder are in float32, as asked"
