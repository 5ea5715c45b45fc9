"""Exports a trained model as two SavedModels and checks that they give the same answers as the model.

`<export_dir>/<name>/<version>` takes text and has both signatures. `<export_dir>/<name>_ids/<version>` has only
`serve_ids`: a server that does not link tensorflow-text cannot load a SavedModel that merely contains its ops. Both are
written to a temporary folder, run in a separate process, and moved into place only if they agree with the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras

from bert_qa_tf.errors import InputError
from bert_qa_tf.exporting import fresh_process, model_card, op_inventory, parity, task_file, versions, warmup
from bert_qa_tf.storage import atomic_files
from bert_qa_tf.tasks.base import Comparison, ExportedModule, ReplyError, Task
from bert_qa_tf.text.tokenizer import Tokenizer

# The token-level outputs are compared on this many rows only, because each row has some hundred numbers that are passed
# through a file. The answers are compared on all examples.
_MAX_ROWS_OF_IDS = 64
_NUM_WARMUP_EXAMPLES = 4


class ExportResult(NamedTuple):
    """The result of an export.

    Attributes:
      text_dir: the folder of the SavedModel with both signatures.
      ids_dir: the folder of the SavedModel that has only `serve_ids`.
      version: the version of both.
      examples: the number of examples that the export was checked on.
      ties: the number of examples with a different answer whose score is equal except for rounding.
      warmup_requests: the number of requests that were written for TF Serving and replayed; 0 without the extra
        `serving`.
    """

    text_dir: str
    ids_dir: str
    version: int
    examples: int
    ties: int
    warmup_requests: int


def export_model(
    task: Task,
    model: tf_keras.Model,
    tokenizer: Tokenizer,
    export_dir: str,
    examples: Sequence[Any] = (),
    version: int | None = None,
    options: Any = None,
    card: str | None = None,
) -> ExportResult:
    """Exports a model and checks the result.

    Args:
      task: the model's task.
      model: a model from `task.build_model`; exported in the precision it was built in.
      tokenizer: the tokenizer with the model's vocabulary.
      export_dir: the parent folder of both models' folders; may be remote.
      examples: examples to check the export on, in addition to the task's built-in ones.
      version: the version of both models; None for one more than the highest existing version.
      options: a `task.export_config`; None for its defaults.
      card: the text of the model card, see `model_card`; None for no card.

    Returns:
      The folders of both models, and the figures of the check.

    Raises:
      InputError: the version exists already, another process exports to the same folder, or the exported model gives
        different answers. Nothing is kept then.
    """
    export_dir = export_dir.rstrip("/")
    modules = task.export_modules(model, tokenizer, options or task.export_config())
    names = text_name, _ = tuple(module.name for module in modules)
    examples = [*task.built_in_examples(), *examples]
    columns = task.to_columns(examples)
    rows = task.model_inputs(spread(examples, _MAX_ROWS_OF_IDS), tokenizer)
    tolerance = parity.tolerance_of(model)
    with versions.new_version(export_dir, names, version) as new:
        for module in modules:
            _save(module, f"{new.folder}/{module.name}")
        extra = f"{new.folder}/{text_name}/{warmup.FOLDER}"
        first = {name: texts[:_NUM_WARMUP_EXAMPLES] for name, texts in columns.items()}
        _write_warmup(extra, warmup.requests(first, text_name))
        reply = fresh_process.ask(new.folder, names, columns, rows)
        comparison = _compare(task, model, tokenizer, examples, reply["columns"], tolerance)
        for name in names:
            _check_outputs(model, rows, reply[name], tolerance)
        atomic_files.write_text(f"{extra}/{op_inventory.OPS_FILE}", op_inventory.to_json(reply["ops"]))
        atomic_files.write_text(f"{new.folder}/{text_name}/{task_file.TASK_FILE}", task_file.content(type(task)))
        if card is not None:
            atomic_files.write_text(f"{extra}/{model_card.CARD_FILE}", card)
    text_dir, ids_dir = (f"{export_dir}/{name}/{new.version}" for name in names)
    return ExportResult(text_dir, ids_dir, new.version, len(examples), len(comparison.ties), reply["warmed_up"])


# === Writing ===


def _save(exported: ExportedModule, path: str) -> None:
    # A served model is not trained. Without the gradients of its activations it is smaller and loads faster.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(exported.module, path, dict(exported.signatures), options)


def _write_warmup(folder: str, requests: Sequence[bytes] | None) -> None:
    tf.io.gfile.makedirs(folder)
    if requests is not None:
        with tf.io.TFRecordWriter(f"{folder}/{warmup.FILE}") as writer:
            for request in requests:
                writer.write(request)


# === Checking ===


def _compare(
    task: Task,
    model: tf_keras.Model,
    tokenizer: Tokenizer,
    examples: Sequence[Any],
    columns: dict[str, list],
    tolerance: float,
) -> Comparison:
    try:
        found = task.from_columns(columns, examples)
    except ReplyError as error:
        raise InputError(f"export: the written model gives other outputs ({error}), so nothing was kept") from error
    comparison = task.compare(task.answerer(model, tokenizer), examples, found, tolerance)
    if comparison.wrong:
        raise InputError(
            f"export: the written model answers {len(comparison.wrong)} of {comparison.total} examples differently, "
            f"so nothing was kept: {', '.join(comparison.wrong[:3])}"
        )
    return comparison


def _check_outputs(
    model: tf_keras.Model, rows: Sequence[parity.Row], found: Sequence[parity.Outputs], tolerance: float
) -> None:
    difference, name = parity.largest_difference(model, rows, found)
    if not difference <= tolerance:
        raise InputError(
            f"export: `serve_ids` of the written model gives other {name} (by {difference:.2g}, expected at most "
            f"{tolerance}), so nothing was kept"
        )


def spread(examples: Sequence[Any], count: int) -> Sequence[Any]:
    """Returns at most `count` of the examples, evenly spread."""
    return examples[:: max(1, -(-len(examples) // count))]
