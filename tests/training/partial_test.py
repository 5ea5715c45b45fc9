"""Freezing and layer-wise learning rates, each on exactly the variables it names."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from bert_qa_tf.config import OptimizerConfig
from bert_qa_tf.encoders.encoder import build_encoder
from bert_qa_tf.errors import InputError
from bert_qa_tf.records import features
from bert_qa_tf.tasks.question_answering.features import QA_FEATURES
from bert_qa_tf.tasks.question_answering.loss import span_loss
from bert_qa_tf.tasks.question_answering.span_model import build_span_model
from bert_qa_tf.training import partial
from bert_qa_tf.training.optimization import LayerwiseAdamW, WarmupLinearDecay, build_optimizer
from bert_qa_tf.training.step import TrainStep
from tests.tiny_model import ENCODER

EMBEDDINGS = {
    "encoder/word_embeddings/embeddings:0",
    "encoder/position_embedding/embeddings:0",
    "encoder/type_embeddings/embeddings:0",
    "encoder/embeddings/layer_norm/gamma:0",
    "encoder/embeddings/layer_norm/beta:0",
}
HEAD = {"span_head/kernel:0", "span_head/bias:0"}
POOLER = {"encoder/pooler_transform/kernel:0", "encoder/pooler_transform/bias:0"}


def _block(number: int) -> set[str]:
    parts = [
        *(f"self_attention/{part}" for part in ("query", "key", "value", "attention_output")),
        *("intermediate", "output"),
    ]
    norms = ("self_attention_layer_norm", "output_layer_norm")
    return {
        *(f"encoder/transformer/layer_{number}/{part}/{kind}:0" for part in parts for kind in ("kernel", "bias")),
        *(f"encoder/transformer/layer_{number}/{norm}/{kind}:0" for norm in norms for kind in ("gamma", "beta")),
    }


def _model(seed: int = 1) -> tf_keras.Model:
    """Two blocks and a head, without dropout: a step is a function of weights and batch."""
    tf_keras.utils.set_random_seed(seed)
    config = dataclasses.replace(ENCODER, hidden_dropout=0.0, attention_dropout=0.0)
    return build_span_model(build_encoder(config), initializer_range=1.0)


def _values(model) -> dict[str, np.ndarray]:
    return {variable.name: variable.numpy() for variable in model.variables}


def _train_step(model, **settings) -> tuple[TrainStep, tf_keras.optimizers.Optimizer]:
    settings = {"learning_rate": 1e-2, "warmup_proportion": 0.0, **settings}
    optimizer = build_optimizer(OptimizerConfig(**settings), 100, "float32")

    def losses(outputs, rows):
        return span_loss(outputs["start_logits"], outputs["end_logits"], rows["start_positions"], rows["end_positions"])

    step = TrainStep(tf.distribute.get_strategy(), model, optimizer, losses, features.names(QA_FEATURES, "input"))
    return step, optimizer


def _batch(rows: int = 4, length: int = 8) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {
        "input_word_ids": random.integers(5, 50, (rows, length), np.int32),
        "input_mask": np.ones((rows, length), np.int32),
        "input_type_ids": random.integers(0, 2, (rows, length), np.int32),
        "start_positions": np.arange(rows, dtype=np.int32),
        "end_positions": np.arange(rows, dtype=np.int32) + 1,
        "example_weights": np.ones(rows, np.float32),
    }


def test_the_tiny_model_has_the_variables_named_here():
    assert set(_values(_model())) == EMBEDDINGS | _block(0) | _block(1) | POOLER | HEAD


@pytest.mark.parametrize(
    ("freeze_layers", "frozen"),
    [
        (0, set()),
        (partial.FREEZE_EMBEDDINGS, EMBEDDINGS),
        (1, EMBEDDINGS | _block(0)),
        (2, EMBEDDINGS | _block(0) | _block(1)),
    ],
)
def test_a_step_changes_what_is_not_frozen_and_nothing_else(freeze_layers, frozen):
    model = _model()
    partial.freeze(model.get_layer("encoder"), freeze_layers)
    step, optimizer = _train_step(model)
    before = _values(model)
    for _ in range(2):
        step([_batch()], 0)
    after = _values(model)
    changed = {name for name in before if (before[name] != after[name]).any()}
    # Question answering has no use for the pooler: it has no gradient and never changes.
    assert changed == (EMBEDDINGS | _block(0) | _block(1) | HEAD) - frozen
    slots = {variable.name for variable in optimizer.variables if variable.name.startswith("m/")}
    assert len(slots) == len(before) - len(frozen)


@pytest.mark.parametrize(("freeze_layers", "blocks"), [(0, {0, 1}), (-1, {0, 1}), (1, {1}), (2, set())])
def test_nothing_is_computed_on_the_way_back_through_frozen_blocks(freeze_layers, blocks):
    model = _model()
    partial.freeze(model.get_layer("encoder"), freeze_layers)
    step, _ = _train_step(model)
    step([_batch()], 0)
    (graph,) = step._graphs.values()  # as traced: TensorFlow has not yet removed what nobody needs
    back = [operation.name for operation in graph.graph.get_operations() if "gradient_tape/" in operation.name]
    assert back
    assert {number for number in (0, 1) if any(f"/layer_{number}/" in name for name in back)} == blocks


def test_more_blocks_than_the_encoder_has_are_refused():
    with pytest.raises(InputError, match=r"^freeze_layers=3: the encoder has 2 transformer blocks$"):
        partial.freeze(_model().get_layer("encoder"), 3)


class _Whole(tf_keras.layers.Layer):
    """An encoder that owns all its variables itself, as a wrapped module does."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.parts = [tf.Variable(1.0, name=name) for name in names]


def test_an_encoder_whose_layers_cannot_be_told_apart_is_refused():
    encoder = _Whole("word_embeddings/embeddings", "shared_block/kernel")
    with pytest.raises(
        InputError, match=r"layerwise_lr_decay=0\.5: needs a plain BERT .* shared_block/kernel:0 is of none"
    ):
        partial.check_layers(encoder, "layerwise_lr_decay=0.5")
    with pytest.raises(InputError, match="freeze_layers=-1: needs a plain BERT"):
        partial.freeze(encoder, -1)


def test_an_encoder_that_is_one_piece_is_refused():
    encoder = _Whole("word_embeddings/embeddings", "transformer/layer_0/output/kernel")
    with pytest.raises(InputError, match="freeze_layers=-1: this encoder can only be trained as a whole"):
        partial.freeze(encoder, -1)


def _change(decay: float, start: float, gradient: float, weight_decay_rate: float) -> dict[str, np.ndarray]:
    """What two updates take off each variable, all variables starting at `start`."""
    model = _model()
    settings = {"learning_rate": 0.5, "warmup_proportion": 0.0, "weight_decay_rate": weight_decay_rate}
    optimizer = build_optimizer(OptimizerConfig(layerwise_lr_decay=decay, **settings), 1, "float32")
    for variable in model.trainable_variables:
        variable.assign(tf.fill(variable.shape, start))
    gradients = [tf.fill(variable.shape, gradient) for variable in model.trainable_variables]
    optimizer.apply_gradients(list(zip(gradients, model.trainable_variables, strict=True)))
    return {name: start - value for name, value in _values(model).items()}


# With two blocks. Powers of 1/2 are exact in float32, so the changes must be, too.
SHARES = {
    **dict.fromkeys(HEAD | POOLER, 1.0),
    **dict.fromkeys(_block(1), 0.5),
    **dict.fromkeys(_block(0), 0.25),
    **dict.fromkeys(EMBEDDINGS, 0.125),
}


def test_each_layer_is_updated_by_exactly_its_share():
    plain = _change(1.0, start=0.0, gradient=0.3, weight_decay_rate=0.0)
    shared = _change(0.5, start=0.0, gradient=0.3, weight_decay_rate=0.0)
    assert set(plain) == set(SHARES)
    for name, share in SHARES.items():
        assert (plain[name] > 0).all()
        assert (shared[name] == share * plain[name]).all(), name


def test_weight_decay_is_shared_out_likewise_and_spares_the_same_variables():
    shared = _change(0.5, start=1.0, gradient=0.0, weight_decay_rate=0.5)
    for name, share in SHARES.items():
        spared = name.endswith("bias:0") or "layer_norm" in name
        assert (shared[name] == (0.0 if spared else 0.25 * share)).all(), name


def test_a_share_that_is_no_power_of_two_is_as_exact_as_float32():
    plain = _change(1.0, start=0.0, gradient=0.3, weight_decay_rate=0.0)
    shared = _change(0.8, start=0.0, gradient=0.3, weight_decay_rate=0.0)
    exponents = {1.0: 0, 0.5: 1, 0.25: 2, 0.125: 3}
    for name, share in SHARES.items():
        assert shared[name] == pytest.approx(plain[name] * 0.8 ** exponents[share], rel=1e-6), name


@pytest.mark.slow
def test_a_step_scales_after_clipping_and_shows_the_heads_rate():
    changes, norms = [], []
    for decay in (1.0, 0.5):
        model = _model()
        partial.freeze(model.get_layer("encoder"), 1)
        before = _values(model)
        step, optimizer = _train_step(model, layerwise_lr_decay=decay, weight_decay_rate=0.0, clip_norm=0.1)
        norms.append(float(step([_batch()], 0)["gradient_norm"][0]))
        assert float(optimizer.learning_rate) == pytest.approx(1e-2)
        after = _values(model)
        changes.append({name: after[name] - before[name] for name in before})
    assert norms[0] > 0.1
    assert norms[1] == pytest.approx(norms[0])
    for name in _block(1) | HEAD:
        assert changes[1][name] == pytest.approx(SHARES[name] * changes[0][name], rel=1e-2, abs=1e-6), name


@pytest.mark.slow
def test_training_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(tmp_path):
    def start(seed):
        model = _model(seed)
        partial.freeze(model.get_layer("encoder"), -1)
        step, optimizer = _train_step(model, layerwise_lr_decay=0.5)
        return model, step, tf.train.Checkpoint(model=model, optimizer=optimizer)

    model, step, checkpoint = start(1)
    step([_batch()], 0)
    path = checkpoint.save(str(tmp_path / "ckpt"))
    step([_batch()], 0)
    other, other_step, other_checkpoint = start(2)
    other_checkpoint.restore(path).assert_consumed()
    other_step([_batch()], 0)
    expected = _values(model)
    for name, value in _values(other).items():
        assert value == pytest.approx(expected[name], abs=1e-6), name


def test_the_optimizer_comes_back_from_its_config():
    optimizer = build_optimizer(OptimizerConfig(layerwise_lr_decay=0.5), 10, "float32")
    config = tf_keras.optimizers.serialize(optimizer)
    same = tf_keras.optimizers.deserialize(config, custom_objects={"WarmupLinearDecay": WarmupLinearDecay})
    assert isinstance(same, LayerwiseAdamW)
    assert same.layerwise_lr_decay == 0.5
    assert same.get_config() == optimizer.get_config()


def test_one_rate_for_all_layers_is_plain_adamw():
    assert not isinstance(build_optimizer(OptimizerConfig(), 10, "float32"), LayerwiseAdamW)
