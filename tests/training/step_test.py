"""One step on one replica and on two: the same numbers.

Two replicas need two logical CPUs, which a process makes before TensorFlow starts: so the runs are made in a process of
their own and their losses compared here.
"""

import json
import subprocess
import sys

import numpy as np
import pytest

# Twenty steps of a tiny model without dropout; five batches over and over, the fifth of them only three rows full.
_PROGRAM = """
import json, sys
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import tf_keras
from bert_qa_tf.config import EncoderConfig, OptimizerConfig, RuntimeConfig
from bert_qa_tf.encoders.encoder import build_encoder
from bert_qa_tf.tasks.question_answering.loss import span_loss
from bert_qa_tf.tasks.question_answering.span_model import build_span_model
from bert_qa_tf.training import optimization, partial, runtime
from bert_qa_tf.training.step import StepOptions, TrainStep

INPUTS = ("input_word_ids", "input_mask", "input_type_ids")

def batch(step, rows, length=16):
    random = np.random.default_rng(step)
    lengths = random.integers(6, length + 1, rows)
    weights = np.ones(rows, np.float32)
    if step % 5 == 4:
        weights[3:], lengths[3:] = 0, 0
    mask = (np.arange(length) < lengths[:, None]).astype(np.int32)
    ids = random.integers(0, 50, (rows, length)).astype(np.int32) * mask
    positions = [random.integers(0, 6, rows).astype(np.int32) for _ in range(2)]
    return dict(zip(INPUTS, (ids, mask, mask * 0)), start_positions=positions[0], end_positions=positions[1],
                example_weights=weights)

# One of each: a second mirrored strategy in a process takes up the first one's collective keys, and fails where its
# gradients have other shapes.
STRATEGIES = {name: runtime.make_strategy(RuntimeConfig(distribution_strategy=name))
              for name in ("one_device", "mirrored")}

def run(name, policy, layers=1, decay=1.0, freeze_layers=0, rows=8, **options):
    strategy = STRATEGIES[name]
    runtime.set_seed(1)
    tf_keras.mixed_precision.set_global_policy(policy)
    with strategy.scope():
        config = EncoderConfig(
            50, 16, layers, 2, 32, max_position_embeddings=16, hidden_dropout=0.0, attention_dropout=0.0)
        model = build_span_model(build_encoder(config))
        settings = OptimizerConfig(learning_rate=1e-2, layerwise_lr_decay=decay)
        optimizer = optimization.build_optimizer(settings, 20, policy)
    random = np.random.default_rng(0)
    model.set_weights([random.normal(0, 0.2, weight.shape) for weight in model.get_weights()])
    partial.freeze(model.get_layer("encoder"), freeze_layers)
    losses = lambda outputs, rows: span_loss(
        outputs["start_logits"], outputs["end_logits"], rows["start_positions"], rows["end_positions"])
    step = TrainStep(strategy, model, optimizer, losses, INPUTS, StepOptions(**options))
    size = options.get("steps_per_call", 1)
    figures = [step([batch(i % 5, rows) for i in range(start, min(start + size, 20))], start, stop=name == "mirrored")
               for start in range(0, 20, size)]
    assert all((f["stop"].numpy() == (2 if name == "mirrored" else 0)).all() for f in figures)
    return [np.concatenate([f[key].numpy() for f in figures]).tolist() for key in ("loss", "gradient_norm")]

runs = {f"{name} {policy}": run(name, policy)
        for policy in ("float32", "mixed_float16") for name in ("one_device", "mirrored")}
runs["two layers"] = run("one_device", "float32", layers=2)
runs |= {f"{name} {policy} partial": run(name, policy, layers=2, decay=0.5, freeze_layers=-1)
         for policy in ("float32", "mixed_float16") for name in ("one_device", "mirrored")}
options = {"accumulated": dict(accumulation_steps=4), "looped": dict(steps_per_call=3),
           "compiled": dict(jit_compile=True),
           "all": dict(accumulation_steps=2, steps_per_call=3, jit_compile=True)}
runs |= {f"one_device float32 {key}": run("one_device", "float32", **options[key]) for key in options}
# Compiled alone is left to one device: two compile for long, and do so in "all".
runs |= {f"mirrored float32 {key}": run("mirrored", "float32", **options[key]) for key in options if key != "compiled"}
runs["mirrored mixed_float16 all"] = run("mirrored", "mixed_float16", **options["all"])
runs["16"] = run("one_device", "float32", rows=16)
runs["4 x 4"] = run("one_device", "float32", rows=16, accumulation_steps=4)
print(json.dumps(runs))
"""


@pytest.fixture(scope="module")
def runs() -> dict[str, np.ndarray]:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return {name: np.array(values) for name, values in json.loads(done.stdout.splitlines()[-1]).items()}


@pytest.mark.slow
def test_two_replicas_take_the_same_steps_as_one(runs):
    one, two = runs["one_device float32"], runs["mirrored float32"]
    assert np.abs(one[0] - two[0]).max() < 1e-5
    assert two[1] == pytest.approx(one[1], rel=1e-4)
    assert one[0][15:].mean() < one[0][:5].mean()


@pytest.mark.slow
def test_they_do_so_with_a_scaled_float16_loss(runs):
    one, two = runs["one_device mixed_float16"], runs["mirrored mixed_float16"]
    assert np.abs(one[0] - two[0]).max() < 5e-3
    # The scale is taken out again: gradients are as large as in float32.
    assert one[1] == pytest.approx(runs["one_device float32"][1], rel=0.1)


@pytest.mark.slow
def test_they_do_so_with_frozen_embeddings_and_rates_that_shrink_from_layer_to_layer(runs):
    one, two = runs["one_device float32 partial"], runs["mirrored float32 partial"]
    assert np.abs(one[0] - two[0]).max() < 1e-5
    assert two[1] == pytest.approx(one[1], rel=1e-4)
    assert np.abs(one[0] - runs["two layers"][0]).max() > 1e-2
    half = [runs[f"{name} mixed_float16 partial"] for name in ("one_device", "mirrored")]
    assert np.abs(half[0][0] - half[1][0]).max() < 5e-3
    assert half[0][1] == pytest.approx(one[1], rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "how"),
    [
        *(("one_device", how) for how in ("accumulated", "looped", "compiled", "all")),
        *(("mirrored", how) for how in ("accumulated", "looped", "all")),
    ],
)
def test_accumulating_looping_and_compiling_change_nothing_but_rounding(runs, strategy, how):
    plain, other = runs["one_device float32"], runs[f"{strategy} float32 {how}"]
    assert np.abs(plain[0] - other[0]).max() < 1e-5
    assert other[1] == pytest.approx(plain[1], rel=1e-4)


@pytest.mark.slow
def test_four_micro_batches_of_four_are_a_batch_of_sixteen(runs):
    assert np.abs(runs["16"][0] - runs["4 x 4"][0]).max() < 1e-5
    assert runs["4 x 4"][1] == pytest.approx(runs["16"][1], rel=1e-4)
    assert np.abs(runs["16"][0] - runs["one_device float32"][0]).max() > 1e-2  # other batches than those of eight


@pytest.mark.slow
def test_they_do_so_together_under_a_scaled_float16_loss(runs):
    half = runs["mirrored mixed_float16 all"]
    assert np.abs(runs["one_device mixed_float16"][0] - half[0]).max() < 5e-3
    assert half[1] == pytest.approx(runs["one_device float32"][1], rel=0.1)
