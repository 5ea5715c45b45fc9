"""Shows in which precision a training step really computes: MiniLM at 16 × 192, rebuilt and wrapped, by policy.

python benchmarks/precision_step.py OUTPUT_DIR

The script writes one `precision.json` per variant. It prints a Markdown table of oneDNN's own log of one step
(ONEDNN_VERBOSE), and of the steps per second of all variants, which take turns in one process. float16 is traced but
not run, because a CPU without float16 arithmetic takes minutes per step.
"""

from __future__ import annotations

import collections
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

BATCH, LENGTH = 16, 192
ROUNDS, STEPS = 9, 2
# Name: (encoder mode, Keras policy, TensorFlow's own graph rewrite to bfloat16).
VARIANTS = {
    "rebuild_float32": ("rebuild", "float32", False),
    "rebuild_mixed_bfloat16": ("rebuild", "mixed_bfloat16", False),
    "rebuild_mixed_float16": ("rebuild", "mixed_float16", False),
    "wrap_mixed_bfloat16": ("wrap", "mixed_bfloat16", False),
    "wrap_mixed_float16": ("wrap", "mixed_float16", False),
    "wrap_graph_rewrite": ("wrap", "float32", True),
}
_RUN = [name for name in VARIANTS if "float16" not in name.replace("bfloat16", "")]
_INPUTS = ("input_word_ids", "input_mask", "input_type_ids")


class Variant:
    """A model and its training step.

    Args:
      name: a key of `VARIANTS`.
      module: the folder of MiniLM as a TF-Hub module, for the wrapped ones.
    """

    def __init__(self, name: str, module: str) -> None:
        import tf_keras

        from bert_qa_tf.config import OptimizerConfig, RuntimeConfig
        from bert_qa_tf.encoders import wrapped_encoder
        from bert_qa_tf.encoders.sources import loader
        from bert_qa_tf.tasks.question_answering import loss as losses
        from bert_qa_tf.tasks.question_answering import span_model
        from bert_qa_tf.training import optimization, runtime
        from bert_qa_tf.training.step import TrainStep

        mode, self.policy, self.rewrite = VARIANTS[name]
        strategy = runtime.make_strategy(RuntimeConfig())
        tf_keras.mixed_precision.set_global_policy(self.policy)
        with strategy.scope():
            encoder = (
                wrapped_encoder.build_wrapped_encoder(module)
                if mode == "wrap"
                else loader.build_pretrained_encoder(loader.load_encoder("minilm", do_lower_case=True))
            )
            self.model = span_model.build_span_model(encoder)
            optimizer = optimization.build_optimizer(OptimizerConfig(), 1000, self.policy)
        tf_keras.mixed_precision.set_global_policy("float32")
        self._step = TrainStep(
            strategy,
            self.model,
            optimizer,
            lambda outputs, rows: losses.span_loss(
                outputs["start_logits"], outputs["end_logits"], rows["start_positions"], rows["end_positions"]
            ),
            _INPUTS,
        )
        self._batch = _batch()

    def census(self) -> dict:
        """Returns the contents that `precision.json` would have."""
        from bert_qa_tf.training import precision_census

        return precision_census.take_census(self._step.trace(self._batch), self.policy, self.model).to_dict()

    def run(self, steps: int) -> float:
        """Takes steps; returns the seconds of each."""
        import tensorflow as tf

        # The setting is part of the compilation key, so the graphs of both settings stay compiled.
        tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": self.rewrite})
        begin = time.perf_counter()
        for _ in range(steps):
            outputs = self._step([self._batch], 0)
        outputs["loss"].numpy()  # waits for the device
        return (time.perf_counter() - begin) / steps


def _batch() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    ids = random.integers(1000, 30000, (BATCH, LENGTH)).astype(np.int32)
    start = random.integers(1, LENGTH, BATCH).astype(np.int32)
    return {
        "input_word_ids": ids,
        "input_mask": np.ones_like(ids),
        "input_type_ids": np.zeros_like(ids),
        "start_positions": start,
        "end_positions": start,
        "example_weights": np.ones(BATCH, np.float32),
    }


def _one_step(name: str, module: str) -> None:
    """Runs in its own process: writes the census to a file, and takes one step with oneDNN's log between two marks."""
    variant = Variant(name, module)
    pathlib.Path(f"{module}.{name}.json").write_text(json.dumps(variant.census()), encoding="utf-8")
    if name not in _RUN:
        return
    variant.run(1)
    print("one step begins", flush=True)
    variant.run(1)
    print("one step ends", flush=True)


def _onednn_products(log: str) -> collections.Counter[tuple[str, str]]:
    """The matrix products of oneDNN's log, by implementation and by the types of source, weights and destination."""
    step = log.split("one step begins")[1].split("one step ends")[0]
    found: collections.Counter[tuple[str, str]] = collections.Counter()
    for line in step.splitlines():
        fields = line.split(",")
        # onednn_verbose,v1,primitive,exec,cpu,matmul,<implementation>,undef,src:bf16:…  wei:… dst:…,…
        if "exec" not in fields or "matmul" not in fields:
            continue
        kernel, memory = fields[fields.index("matmul") + 1], fields[fields.index("matmul") + 3]
        types = [part.split(":")[1 if part.split(":")[0] in ("src", "wei", "dst") else 0] for part in memory.split()]
        types = [part for part in types if part in ("f32", "bf16", "f16")]
        found[kernel, " × ".join(types[:2]) + " → " + types[-1]] += 1
    return found


def main() -> None:
    """Measures and writes."""
    output = pathlib.Path(sys.argv[1])
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        module = f"{folder}/minilm"
        subprocess.run(
            [
                sys.executable,
                "-m",
                "bert_qa_tf.export",
                "--what=encoder",
                "--encoder_handle=minilm",
                f"--export_dir={module}",
            ],
            check=True,
            stdout=sys.stderr,
        )
        module += "/encoder/1"
        kernels = {}
        for name in VARIANTS:
            done = subprocess.run(
                [sys.executable, __file__, "--one-step", name, module],
                env={**os.environ, "ONEDNN_VERBOSE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise SystemExit(f"error: {name}: {done.stderr[-2000:]}")
            census = json.loads(pathlib.Path(f"{module}.{name}.json").read_text(encoding="utf-8"))
            census["counted_at"] = {"global_batch_size": BATCH, "seq_length": LENGTH}
            (output / f"{name}.json").write_text(json.dumps(census, indent=2) + "\n", encoding="utf-8")
            if name in _RUN:
                kernels[name] = _onednn_products(done.stdout)
        seconds = _seconds(module)
    _report(output, kernels, seconds)


def _seconds(module: str) -> dict[str, list[float]]:
    """Measures seconds per step, each variant in turn, so that other load on the machine affects all of them."""
    variants = {name: Variant(name, module) for name in _RUN}
    for variant in variants.values():
        variant.run(2)
    seconds = {name: [] for name in _RUN}
    for _ in range(ROUNDS):
        for name, variant in variants.items():
            seconds[name].append(variant.run(STEPS))
    return seconds


def _report(output: pathlib.Path, kernels: dict, seconds: dict[str, list[float]]) -> None:
    lines = [
        "| variant | half-precision share, traced | steps/s | times rebuilt float32 | oneDNN's log of one step |",
        "|---|---:|---:|---:|---|",
    ]
    base = seconds["rebuild_float32"]
    for name in VARIANTS:
        census = json.loads((output / f"{name}.json").read_text(encoding="utf-8"))
        if name not in _RUN:
            lines.append(f"| `{name}` | {census['encoder_half_share']:.1%} | | | not run |")
            continue
        ratio = statistics.median(first / second for first, second in zip(base, seconds[name], strict=True))
        rate = 1 / statistics.median(seconds[name])
        log = "; ".join(f"{count} × `{kernel}` {types}" for (kernel, types), count in kernels[name].most_common())
        lines.append(f"| `{name}` | {census['encoder_half_share']:.1%} | {rate:.2f} | {ratio:.2f} | {log} |")
    table = "\n".join(lines)
    (output / "table.md").write_text(table + "\n", encoding="utf-8")
    print(table)


if __name__ == "__main__":
    if sys.argv[1] == "--one-step":
        _one_step(*sys.argv[2:])
    else:
        main()
