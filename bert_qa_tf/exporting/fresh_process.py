"""Runs exported SavedModels in a fresh process, to check that they work as they will on a server.

The process does not load the code that built the model. It loads tensorflow-text only after the SavedModel that must
work without it.

    python -m bert_qa_tf.exporting.fresh_process FOLDER REQUEST.json REPLY.json
"""

from __future__ import annotations

import collections
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import bert_qa_tf
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files, json_text, temporary_files

_TEXTS_PER_CALL = 32


def ask(
    folder: str,
    names: tuple[str, str],
    columns: Mapping[str, Sequence[str]],
    rows: Sequence[Mapping[str, Sequence[int]]],
    python: str = sys.executable,
) -> dict[str, Any]:
    """Starts a process, runs both models in it, and waits for the result.

    Args:
      folder: the parent folder of both models; may be remote.
      names: the name of the model that takes text, and of the model that takes only ids.
      columns: the inputs of `serving_default`, see `Task.to_columns`.
      rows: the inputs of `serve_ids`, see `Task.model_inputs`.
      python: the Python interpreter to use; another interpreter may have another version of TensorFlow.

    Returns:
      A dict with these keys: `columns` has the outputs of `serving_default` by name, each a list with an entry for each
      text. Each of `names` has the outputs of `serve_ids` for each row, by name. `ops` maps each op of the first model
      to its number of occurrences and whether TensorFlow itself registers it. `warmed_up` is the number of warm-up
      requests that were replayed.

    Raises:
      InputError: the process failed.
    """
    with temporary_files.working_folder() as name:
        request, reply = (pathlib.Path(name) / file for file in ("request.json", "reply.json"))
        request.write_text(json.dumps({"names": names, "columns": columns, "rows": rows}), encoding="utf-8")
        command = [python, "-m", "bert_qa_tf.exporting.fresh_process", folder, str(request), str(reply)]
        # The process must import this copy of the package, whatever the current folder is.
        here = str(pathlib.Path(bert_qa_tf.__file__).resolve().parent.parent)
        path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
        environment = {**os.environ, "PYTHONPATH": path}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise InputError(f"export: the written models cannot be used in a process of their own ({last})")
        return json_text.parse_at(folder, files.read_text(reply), "a reply of the other process", allow_nan=True)


def main(folder: str, request_file: str, reply_file: str) -> None:
    """Runs both models on the inputs in a request file and writes the reply file; see `ask`."""
    import tensorflow as tf

    from bert_qa_tf.storage import saved_model_trust

    request = files.read_json(request_file)
    text_name, ids_name = request["names"]
    saved_model_trust.check(f"{folder}/{ids_name}")
    reply: dict[str, Any] = {ids_name: _ids_outputs(tf.saved_model.load(f"{folder}/{ids_name}"), request["rows"])}
    reply["ops"] = _ops(f"{folder}/{text_name}")
    if "tensorflow_text" in sys.modules:
        raise AssertionError("tensorflow-text was loaded before the model that must do without it")

    from bert_qa_tf.exporting import warmup
    from bert_qa_tf.exporting.exported_model import ExportedModel

    model = ExportedModel(f"{folder}/{text_name}")
    reply["columns"] = _text_outputs(model, request["columns"])
    reply[text_name] = _ids_outputs(model.module, request["rows"])
    requests = f"{folder}/{text_name}/{warmup.FOLDER}/{warmup.FILE}"
    reply["warmed_up"] = 0
    if tf.io.gfile.exists(requests):
        reply["warmed_up"] = warmup.replay(requests, model.module.signatures["serving_default"])
    pathlib.Path(reply_file).write_text(json.dumps(reply), encoding="utf-8")


def _text_outputs(model: Any, columns: Mapping[str, Sequence[str]]) -> dict[str, list]:
    """Returns the outputs of `serving_default`, computed in batches of texts."""
    found: dict[str, list] = {}
    for first in range(0, len(next(iter(columns.values()))), _TEXTS_PER_CALL):
        some = {name: texts[first : first + _TEXTS_PER_CALL] for name, texts in columns.items()}
        for name, values in model.predict(some).items():
            found.setdefault(name, []).extend(values)
    return found


def _ids_outputs(module: Any, rows: Sequence[Mapping[str, Sequence[int]]]) -> list[dict[str, list[float]]]:
    """Returns the outputs of `serve_ids` for each row."""
    from bert_qa_tf.exporting.parity import outputs_of_rows

    serve = module.signatures["serve_ids"]
    shapes = {name: spec.shape for name, spec in serve.structured_outputs.items()}
    outputs = outputs_of_rows(lambda inputs: serve(**inputs), shapes, rows)
    return [{name: values.tolist() for name, values in row.items()} for row in outputs]


def _ops(path: str) -> dict[str, tuple[int, bool]]:
    """Counts the ops of a SavedModel's graph and its functions.

    Returns:
      Op name → its number of occurrences, and whether it is registered in this process.
    """
    from tensorflow.python.framework import op_def_registry

    from bert_qa_tf.exporting import saved_model_file

    graph = saved_model_file.read(path).meta_graphs[0].graph_def
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    counts = collections.Counter(node.op for node in nodes)
    functions = {function.signature.name for function in graph.library.function}
    return {
        name: (count, op_def_registry.get(name) is not None) for name, count in counts.items() if name not in functions
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
