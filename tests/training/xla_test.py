"""The training step as a TPU would have it: all of it compiled by XLA, each bucket once, with static shapes."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from bert_qa_tf.config import OptimizerConfig
from bert_qa_tf.records import features
from bert_qa_tf.tasks.question_answering.features import QA_FEATURES
from bert_qa_tf.tasks.question_answering.loss import span_loss
from bert_qa_tf.training.optimization import build_optimizer
from bert_qa_tf.training.step import StepOptions, TrainStep
from tests.tiny_model import tiny_span_model

_NAMES = features.names(QA_FEATURES, "input")
# Their results' shapes depend on values, which no TPU program may do.
_DYNAMIC = {"Where", "Unique", "UniqueV2", "DynamicPartition", "NonMaxSuppressionV3", "BooleanMask", "ListDiff"}


def batch(length: int, rows: int = 4) -> dict[str, np.ndarray]:
    random = np.random.default_rng(length)
    ids = random.integers(5, 60, (rows, length)).astype(np.int32)
    start = random.integers(1, length, rows).astype(np.int32)
    inputs = dict(zip(_NAMES, (ids, np.ones_like(ids), np.zeros_like(ids)), strict=True))
    return {
        **inputs,
        "start_positions": start,
        "end_positions": start,
        "example_weights": np.ones(rows, np.float32),
    }


def make_step(options: StepOptions, model: tf_keras.Model) -> TrainStep:

    def losses(outputs, rows):
        return span_loss(outputs["start_logits"], outputs["end_logits"], rows["start_positions"], rows["end_positions"])

    optimizer = build_optimizer(OptimizerConfig(learning_rate=1e-3), 100, "float32")
    return TrainStep(tf.distribute.get_strategy(), model, optimizer, losses, _NAMES, options)


OPTIONS = [StepOptions(seed=1), StepOptions(seed=1, accumulation_steps=2, steps_per_call=2, jit_compile=True)]


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS)
def test_the_whole_step_compiles_for_each_bucket_and_computes_the_same(options):
    # Of one layer: XLA takes as long for each that follows.
    plain, compiled = (make_step(options, tiny_span_model(num_layers=1)) for _ in range(2))
    lengths = (16, 24)
    program = tf.function(compiled._steps, jit_compile=True, autograph=False)
    # The batches of an epoch, lengths in any order: as many programs as buckets.
    for number, length in enumerate((24, 16, 24, 16)):
        batches = [batch(length)] * options.steps_per_call
        first = number * options.steps_per_call
        expected = plain(batches, first)
        inputs = compiled._distribute(batches, first, stop=False)
        figures = program(inputs, tf.constant(len(batches)))
        assert figures["loss"].numpy() == pytest.approx(expected["loss"].numpy(), abs=1e-4)
        assert figures["gradient_norm"].numpy() == pytest.approx(expected["gradient_norm"].numpy(), rel=1e-3)
    assert program.experimental_get_tracing_count() == plain.graphs == len(lengths)


@pytest.mark.parametrize("options", OPTIONS)
def test_the_step_has_no_string_and_nothing_whose_shape_depends_on_values(options):
    function = make_step(options, tiny_span_model()).trace(batch(16))
    definition = function.graph.as_graph_def()
    nodes = [*definition.node, *(node for body in definition.library.function for node in body.node_def)]
    assert len(nodes) > 500
    for node in nodes:
        assert node.op not in _DYNAMIC, node.name
        types = [value.type for value in node.attr.values() if value.WhichOneof("value") == "type"]
        assert tf.string.as_datatype_enum not in types, node.name
        assert not node.op.startswith(("String", "Tokenize", "Fast", "Wordpiece", "PyFunc", "EagerPyFunc")), node.name


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS)
def test_every_product_of_a_step_has_a_static_shape(options):
    from bert_qa_tf.training.graph_products import find_products

    # Which is refused where a dimension is not known beforehand.
    step = make_step(options, tiny_span_model())
    products = find_products(step.trace(batch(16)), encoder="encoder", model=step._model.name)
    assert {product.part for product in products} == {"encoder", "head"}
    assert {product.backward for product in products} == {True, False}
