"""The tiny model as SavedModels, written without the checks that `export` makes: those take most of its time."""

from __future__ import annotations

import pathlib
from typing import NamedTuple

import tensorflow as tf

from bert_qa_tf.tasks.question_answering.export_module import IdsModule, QaModule
from tests import tiny_model


class TinyExport(NamedTuple):
    qa_dir: str
    ids_dir: str


def write_tiny_export(folder: pathlib.Path) -> TinyExport:
    """Writes `qa/1` and `qa_ids/1` below `folder`."""
    model = tiny_model.tiny_span_model()
    qa = QaModule(model, tiny_model.tiny_tokenizer(), tiny_model.SETTINGS)
    ids = IdsModule(model)
    export = TinyExport(f"{folder}/qa/1", f"{folder}/qa_ids/1")
    tf.saved_model.save(qa, export.qa_dir, {"serving_default": qa.serve, "serve_ids": qa.serve_ids})
    tf.saved_model.save(ids, export.ids_dir, {"serve_ids": ids.serve_ids})
    return export
