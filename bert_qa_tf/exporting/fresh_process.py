"""What a written SavedModel says to a process that has never seen the model: the check that servers will repeat.

What goes in: the folder of both SavedModels and a request, as files. What comes out: answers and logits, as a file. The
comparing is `exporter.py`'s. Here nothing of the model's own code is loaded, and tensorflow-text only after the
SavedModel that must do without it.

    python -m bert_qa_tf.exporting.fresh_process FOLDER REQUEST.json REPLY.json
"""

from __future__ import annotations

import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

import bert_qa_tf
from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.question_answering.examples import InputFeatures, SquadExample

_WINDOWS_PER_CALL = 16


def model_inputs(windows: Sequence[InputFeatures]) -> list[list[list[int]]]:
    """Word pieces and types of each window, as `ask` takes them."""
    return [[list(map(int, window.input_word_ids)), list(map(int, window.input_type_ids))] for window in windows]


def ask(
    folder: str,
    examples: Sequence[SquadExample],
    windows: Sequence[Sequence[Sequence[int]]],
    python: str = sys.executable,
) -> dict[str, Any]:
    """Starts a process, asks both models in it, and waits.

    Args:
      folder: holds `qa` and `qa_ids`; may be remote.
      examples: for `serving_default`.
      windows: for `serve_ids`, see `model_inputs`.
      python: the interpreter; another than this one may have another TensorFlow.

    Returns:
      `answers`, a list of `[text, start_char, end_char]`; under `qa` and `qa_ids` for each window a list of its start
      logits and one of its end logits; `ops`, of `qa`, name → how often it occurs and whether TensorFlow alone
      registers it; `warmed_up`, the number of warm-up requests that were replayed.

    Raises:
      InputError: the process failed.
    """
    with tempfile.TemporaryDirectory() as name:
        request, reply = (pathlib.Path(name) / file for file in ("request.json", "reply.json"))
        texts = [[example.question, example.context] for example in examples]
        request.write_text(json.dumps({"texts": texts, "windows": windows}), encoding="utf-8")
        command = [python, "-m", "bert_qa_tf.exporting.fresh_process", folder, str(request), str(reply)]
        # This very package, wherever it lies and whatever the folder it was started in.
        here = str(pathlib.Path(bert_qa_tf.__file__).resolve().parent.parent)
        path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
        environment = {**os.environ, "PYTHONPATH": path}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise InputError(f"export: the written models cannot be used in a process of their own ({last})")
        return json.loads(reply.read_text(encoding="utf-8"))


def main(folder: str, request_file: str, reply_file: str) -> None:
    """Answers a request; see `ask`."""
    import tensorflow as tf

    request = json.loads(pathlib.Path(request_file).read_text(encoding="utf-8"))
    reply: dict[str, Any] = {"qa_ids": _logits(tf.saved_model.load(f"{folder}/qa_ids"), request["windows"])}
    reply["ops"] = _ops(f"{folder}/qa/saved_model.pb")
    if "tensorflow_text" in sys.modules:
        raise AssertionError("tensorflow-text was loaded before the model that must do without it")

    from bert_qa_tf.exporting import extra_assets
    from bert_qa_tf.exporting.exported_model import ExportedModel, load

    examples = [SquadExample(str(i), question, context) for i, (question, context) in enumerate(request["texts"])]
    answers = ExportedModel(f"{folder}/qa").answer(examples)
    reply["answers"] = [[answer.text, answer.start_char, answer.end_char] for answer in answers]
    module = load(f"{folder}/qa")
    reply["qa"] = _logits(module, request["windows"])
    warmup = f"{folder}/qa/{extra_assets.FOLDER}/{extra_assets.WARMUP_FILE}"
    reply["warmed_up"] = 0
    if tf.io.gfile.exists(warmup):
        reply["warmed_up"] = extra_assets.replay(warmup, module.signatures["serving_default"])
    pathlib.Path(reply_file).write_text(json.dumps(reply), encoding="utf-8")


def _ops(path: str) -> dict[str, tuple[int, bool]]:
    """Of a SavedModel's graph and the functions in it."""
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2
    from tensorflow.python.framework import op_def_registry

    with tf.io.gfile.GFile(path, "rb") as file:
        graph = saved_model_pb2.SavedModel.FromString(file.read()).meta_graphs[0].graph_def
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    counts = collections.Counter(node.op for node in nodes)
    functions = {function.signature.name for function in graph.library.function}
    return {
        name: (count, op_def_registry.get(name) is not None) for name, count in counts.items() if name not in functions
    }


def _logits(module: Any, windows: Sequence[Sequence[Sequence[int]]]) -> list[list[list[float]]]:
    """Start and end logits of each window, from `serve_ids`."""
    import tensorflow as tf

    found = []
    for first in range(0, len(windows), _WINDOWS_PER_CALL):
        some = windows[first : first + _WINDOWS_PER_CALL]
        ids = tf.ragged.constant([word_ids for word_ids, _ in some], tf.int32)
        types = tf.ragged.constant([type_ids for _, type_ids in some], tf.int32)
        outputs = module.signatures["serve_ids"](
            input_word_ids=ids.to_tensor(),
            input_mask=tf.ones_like(ids).to_tensor(),
            input_type_ids=types.to_tensor(),
        )
        starts, ends = (outputs[name].numpy() for name in ("start_logits", "end_logits"))
        for row, (word_ids, _) in enumerate(some):
            found.append([values[row, : len(word_ids)].tolist() for values in (starts, ends)])
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
