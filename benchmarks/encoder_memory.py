"""Measures the size of each named encoder and the peak memory of answering and training, each in its own process.

python benchmarks/encoder_memory.py                      prints a Markdown table
python benchmarks/encoder_memory.py minilm bert-tiny     measures only these

Answering is the forward pass of the question-answering model on 32 windows of 384 word pieces, as in prediction;
training is two steps of 16 such windows. The measured value is the process's largest resident memory on the CPU, minus
its memory after all imports. `minilm` is the real encoder. The others are built with random weights in their published
sizes, which take as much memory as trained ones, so that nothing has to be downloaded.

A measurement that leaves the machine less than `_RESERVE_MB` is stopped and shown as "–", because the largest encoders
need more memory than most laptops have.
"""

from __future__ import annotations

import os
import pathlib
import re
import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import tf_keras

    from bert_qa_tf.config import EncoderConfig

_MB = 2**20
_RESERVE_MB = 2000
_LENGTH = 384
_ANSWERING_WINDOWS, _TRAINING_WINDOWS, _STEPS = 32, 16, 2
_POLICIES = {"answering": ("float32",), "training": ("float32", "mixed_bfloat16")}
_VOCAB_SIZE = 30522  # of all of them
_MINILM = "minilm"


def main(handles: list[str]) -> None:
    """Prints the table."""
    print("| `--encoder_handle` | parameters | weights | answering | training, float32 | training, bfloat16 |")
    print("|---|---:|---:|---:|---:|---:|")
    baselines = []
    for handle in handles or _handles():
        figures, parameters = [], 0
        for what, policies in _POLICIES.items():
            for policy in policies:
                measured = _measure_apart(handle, what, policy)
                figures.append(f"{measured[1] - measured[0]:,}" if measured else "–")
                if measured:
                    baselines.append(measured[0])
                    parameters = measured[2]
        weights = f"{4 * parameters / _MB:,.0f}"  # four bytes each, as float32 is kept in files, too
        print(f"| `{handle}` | {parameters:,} | {weights} | {' | '.join(figures)} |", flush=True)
    print(f"\nIn MB; everything imported and nothing done takes {min(baselines)} to {max(baselines)} MB.")


def _handles() -> list[str]:
    from bert_qa_tf.encoders.sources.handles import NAMED_MODULES

    # The whole-word-masking BERT-large has the sizes of the other one.
    return [_MINILM, *(name for name in NAMED_MODULES if "wwm" not in name)]


def _measure_apart(handle: str, what: str, policy: str) -> tuple[int, ...] | None:
    """Memory before and at the peak, in MB, and the number of parameters; None if it was stopped."""
    command = [sys.executable, __file__, "--measure", handle, what, policy]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            available = _available_mb()
            if available is not None and available < _RESERVE_MB:
                process.kill()
                print(f"{handle}, {what}, {policy}: stopped, {available} MB were left", file=sys.stderr)
                break
            time.sleep(0.1)
        output, error = process.communicate()
    if process.returncode < 0:
        return None
    if process.returncode:
        sys.exit(error)
    return tuple(int(value) for value in output.splitlines()[-1].split())


def _available_mb() -> int | None:
    """The memory that is available without swapping; None if the system does not report it."""
    file = pathlib.Path("/proc/meminfo")
    if not file.exists():
        return None
    return int(re.search(r"MemAvailable:\s+(\d+) kB", file.read_text()).group(1)) // 2**10


def _measure(handle: str, what: str, policy: str) -> None:
    """Answers or trains in this process, and prints the memory that it took."""
    import tf_keras

    from bert_qa_tf.encoders import encoder as encoder_lib
    from bert_qa_tf.encoders.sources import loader
    from bert_qa_tf.tasks.question_answering.span_model import build_span_model
    from bert_qa_tf.training import step  # noqa: F401  so that the baseline holds all that is imported later

    killable = pathlib.Path("/proc/self/oom_score_adj")
    if killable.exists():
        killable.write_text("1000")  # where memory runs out after all, this process is to go and no other
    before = _peak_mb()
    tf_keras.mixed_precision.set_global_policy(policy)
    if handle == _MINILM:
        encoder = loader.build_pretrained_encoder(loader.load_encoder(_MINILM))
    else:
        encoder = encoder_lib.build_encoder(_config(handle), recompute_gelu=what == "training")
    model = build_span_model(encoder)
    (_train if what == "training" else _answer)(model, policy)
    print(before, _peak_mb(), encoder_lib.parameter_count(encoder))


def _config(handle: str) -> EncoderConfig:
    """The architecture behind a name, from the sizes in its address; the rest is alike in all of Google's modules."""
    from bert_qa_tf.config import EncoderConfig
    from bert_qa_tf.encoders.sources.handles import NAMED_MODULES

    sizes = re.search(r"L-(\d+)_H-(\d+)_A-(\d+)/", NAMED_MODULES[handle].hub_handle).groups()
    layers, hidden, heads = map(int, sizes)
    return EncoderConfig(_VOCAB_SIZE, hidden, layers, heads, 4 * hidden, hidden_act="gelu_tanh")


def _answer(model: tf_keras.Model, policy: str) -> None:
    import tensorflow as tf

    batch = _batch(_ANSWERING_WINDOWS)
    inputs = {name: tf.constant(batch[name]) for name in model.input}
    run = tf.function(lambda values: model(values, training=False), autograph=False)
    for _ in range(_STEPS):
        run(inputs)["start_logits"].numpy()


def _train(model: tf_keras.Model, policy: str) -> None:
    import tensorflow as tf

    from bert_qa_tf.config import OptimizerConfig
    from bert_qa_tf.tasks.question_answering.loss import span_loss
    from bert_qa_tf.training import optimization
    from bert_qa_tf.training.step import TrainStep

    optimizer = optimization.build_optimizer(OptimizerConfig(), 100, policy)
    step = TrainStep(
        tf.distribute.get_strategy(),
        model,
        optimizer,
        lambda outputs, rows: span_loss(
            outputs["start_logits"], outputs["end_logits"], rows["start_positions"], rows["end_positions"]
        ),
        tuple(model.input),
    )
    for number in range(_STEPS):
        step([_batch(_TRAINING_WINDOWS)], number)["loss"].numpy()


def _batch(rows: int) -> dict[str, np.ndarray]:
    """Full windows of arbitrary word pieces."""
    import numpy as np

    ids = np.random.default_rng(0).integers(_VOCAB_SIZE, size=(rows, _LENGTH)).astype(np.int32)
    return {
        "input_word_ids": ids,
        "input_mask": np.ones_like(ids),
        "input_type_ids": np.zeros_like(ids),
        "start_positions": np.full(rows, 20, np.int32),
        "end_positions": np.full(rows, 22, np.int32),
        "example_weights": np.ones(rows, np.float32),
    }


def _peak_mb() -> int:
    unit = _MB if sys.platform == "darwin" else 2**10  # bytes there, kilobytes elsewhere
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if sys.argv[1:2] == ["--measure"]:
        _measure(*sys.argv[2:])
    else:
        main(sys.argv[1:])
