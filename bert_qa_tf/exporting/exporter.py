"""Writes SavedModels that answer like the model they came from, or writes nothing.

What goes in: a span model with its tokenizer and configs, and questions to check it on. What comes out:
`<export_dir>/qa/<version>` (text in, answer out; and `serve_ids`) and `<export_dir>/qa_ids/<version>` (`serve_ids`
alone). There are two because a server that does not link tensorflow-text cannot load a SavedModel that merely contains
its ops. Both are written under a temporary name, asked in a process of their own, and moved into place only when they
agree.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import tensorflow as tf
import tf_keras

from bert_qa_tf.config import DecodingConfig, WindowingConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.exporting import extra_assets, fresh_process, op_inventory
from bert_qa_tf.records.manifest import DEV_FILE
from bert_qa_tf.storage import files
from bert_qa_tf.tasks.question_answering import export_parity
from bert_qa_tf.tasks.question_answering.examples import InputFeatures, SquadExample
from bert_qa_tf.tasks.question_answering.export_module import IdsModule, QaModule
from bert_qa_tf.tasks.question_answering.predictor import Predictor
from bert_qa_tf.tasks.question_answering.squad_reader import read_squad
from bert_qa_tf.tasks.question_answering.windowing import featurize_examples
from bert_qa_tf.text.tokenization import BertTokenizer

# Each has some hundred logits, which go through a file: answers are what every question is asked for.
_MAX_WINDOWS_OF_IDS = 64


class ExportResult(NamedTuple):
    """What was written.

    Attributes:
      qa_dir: the SavedModel with both signatures.
      ids_dir: the one with `serve_ids` alone.
      version: the version of both.
      questions: how many questions it was checked on.
      ties: how many of them had another answer whose score is equal but for rounding.
      warmup_requests: how many were written for TF Serving, and replayed; 0 without the extra `serving`.
    """

    qa_dir: str
    ids_dir: str
    version: int
    questions: int
    ties: int
    warmup_requests: int


def export_model(
    model: tf_keras.Model,
    tokenizer: BertTokenizer,
    windowing: WindowingConfig,
    decoding: DecodingConfig,
    export_dir: str,
    questions: Sequence[SquadExample] = (),
    version: int | None = None,
    max_windows_per_call: int = 32,
    max_tokens_per_call: int = 1536,
    card: str | None = None,
) -> ExportResult:
    """Exports a model and checks what was written.

    Args:
      model: see `models.build_span_model`; exported in the precision it was built in.
      tokenizer: with the model's vocabulary.
      windowing: as the model was trained.
      decoding: how logits become answers.
      export_dir: holds `qa/<version>` and `qa_ids/<version>`; may be remote.
      questions: to check the export on, all of them. A few built-in ones are always asked.
      version: the number of both folders; None for one more than the highest there.
      max_windows_per_call: see `QaModule`.
      max_tokens_per_call: see `QaModule`.
      card: the model card, see `extra_assets.model_card`; None for none.

    Returns:
      Where both are, and what they were checked on.

    Raises:
      InputError: the version is there already, or the written model answers differently; then nothing is left behind.
    """
    export_dir = export_dir.rstrip("/")
    version = choose_version(export_dir, ("qa", "qa_ids"), version)
    module = QaModule(model, tokenizer, windowing, decoding, max_windows_per_call, max_tokens_per_call)
    ids_module = IdsModule(model)
    examples = [*built_in_questions(windowing), *questions]
    predictor = Predictor(model, tokenizer, windowing, decoding)
    tolerance = export_parity.tolerance_of(model)
    with temporary_folder(f"{export_dir}/.writing-{version}-{os.getpid()}") as temporary:
        _save(module, f"{temporary}/qa", {"serving_default": module.serve, "serve_ids": module.serve_ids})
        _save(ids_module, f"{temporary}/qa_ids", {"serve_ids": ids_module.serve_ids})
        extra = f"{temporary}/qa/{extra_assets.FOLDER}"
        _write_warmup(extra, examples[:4])
        windows = [
            some[0]
            for some in featurize_examples(
                spread(examples, _MAX_WINDOWS_OF_IDS), tokenizer, windowing, lambda example: None
            )
        ]
        reply = fresh_process.ask(temporary, examples, fresh_process.model_inputs(windows))
        comparison = export_parity.compare_answers(predictor, examples, reply["answers"], tolerance)
        _check_answers(comparison)
        for name in ("qa", "qa_ids"):
            _check_logits(predictor, windows, reply[name], tolerance)
        files.write_text(f"{extra}/{op_inventory.OPS_FILE}", op_inventory.to_json(reply["ops"]))
        if card is not None:
            files.write_text(f"{extra}/{extra_assets.CARD_FILE}", card)
        folders = {name: f"{export_dir}/{name}/{version}" for name in ("qa", "qa_ids")}
        for name, folder in folders.items():
            tf.io.gfile.makedirs(f"{export_dir}/{name}")
            tf.io.gfile.rename(f"{temporary}/{name}", folder)
    return ExportResult(
        folders["qa"], folders["qa_ids"], version, len(examples), len(comparison.ties), reply["warmed_up"]
    )


def development_questions(train_dir: str) -> list[SquadExample]:
    """The questions that a conversion set aside; none where its folder, or that file, is not at hand."""
    path = f"{train_dir.rstrip('/')}/{DEV_FILE}"
    return read_squad(path) if tf.io.gfile.exists(path) else []


# === Writing ===


def choose_version(export_dir: str, names: Sequence[str], version: int | None) -> int:
    """The number of an export's folders, `<export_dir>/<name>/<version>` for each of `names`.

    Args:
      export_dir: may be remote.
      names: of the models that are written together.
      version: the number asked for; None for one more than the highest there.

    Raises:
      InputError: the number asked for is there already, or is below 1.
    """
    there: set[int] = set()
    for name in names:
        folder = f"{export_dir}/{name}"
        entries = tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else []
        there |= {int(entry.rstrip("/")) for entry in entries if entry.rstrip("/").isdigit()}
    if version is None:
        return max(there, default=0) + 1
    if version < 1:
        raise InputError(f"--version must be at least 1, got {version}")
    if version in there:
        raise InputError(f"{export_dir}: version {version} is there already; leave --version out for {max(there) + 1}")
    return version


@contextlib.contextmanager
def temporary_folder(path: str) -> Iterator[str]:
    """A new folder, which may be remote, that is deleted with all that is still in it."""
    tf.io.gfile.makedirs(path)
    try:
        yield path
    finally:
        tf.io.gfile.rmtree(path)


def _save(module: tf.Module, path: str, signatures: dict[str, tf.types.experimental.GenericFunction]) -> None:
    # Nobody trains a served model: without the gradients of its activations it is smaller and loads faster.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, path, signatures, options)


def _write_warmup(folder: str, examples: Sequence[SquadExample]) -> None:
    tf.io.gfile.makedirs(folder)
    requests = extra_assets.warmup_requests(examples)
    if requests is not None:
        with tf.io.TFRecordWriter(f"{folder}/{extra_assets.WARMUP_FILE}") as writer:
            for request in requests:
                writer.write(request)


# === Checking ===


def _check_answers(comparison: export_parity.Comparison) -> None:
    if comparison.wrong:
        raise InputError(
            f"export: the written model answers {len(comparison.wrong)} of {comparison.total} questions differently, "
            f"so nothing was kept: {', '.join(comparison.wrong[:3])}"
        )


def _check_logits(
    predictor: Predictor,
    windows: Sequence[InputFeatures],
    found: Sequence[Sequence[Sequence[float]]],
    tolerance: float,
) -> None:
    difference, name = export_parity.largest_difference(predictor, windows, found)
    if not difference <= tolerance:
        raise InputError(
            f"export: `serve_ids` of the written model gives other {name} (by {difference:.2g}, expected at most "
            f"{tolerance}), so nothing was kept"
        )


def spread(examples: Sequence[SquadExample], count: int) -> Sequence[SquadExample]:
    """At most `count` of them, evenly spread."""
    return examples[:: max(1, -(-len(examples) // count))]


def built_in_questions(windowing: WindowingConfig) -> list[SquadExample]:
    """Questions of the kinds that go wrong: long, empty, not ASCII."""
    call = "hi this is nora from the library the book you asked for came in this morning we are open until six "
    long_text = call * (2 + windowing.max_seq_length // 10)  # more than one window
    asked = [
        ("who is calling", call),
        ("when does it close", long_text),
        ("what is it", "😀 the café at 北京 opens at ½ past nine …"),
        ("", call),
        ("where", ""),
        ("where", "   "),
        ("very " * windowing.max_seq_length + "long question", long_text),
    ]
    return [SquadExample(f"built-in-{i}", question, context) for i, (question, context) in enumerate(asked)]
