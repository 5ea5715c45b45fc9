"""The tiny models as SavedModels, written without the checks that `export` makes: those take most of its time."""

from __future__ import annotations

import pathlib
from typing import NamedTuple

import tensorflow as tf

from bert_qa_tf.exporting import task_file
from bert_qa_tf.tasks.base import NoOptions
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


def write_tiny_classification(folder: pathlib.Path) -> str:
    """Writes `classification/1` and `classification_ids/1` below `folder`; returns the first."""
    task = tiny_model.CLASSIFICATION
    model = tiny_model.tiny_classification_model()
    for module in task.export_modules(model, tiny_model.tiny_tokenizer(), NoOptions()):
        tf.saved_model.save(module.module, f"{folder}/{module.name}/1", dict(module.signatures))
    path = pathlib.Path(folder, "classification", "1", task_file.TASK_FILE)
    path.parent.mkdir()
    path.write_text(task_file.content(type(task)), encoding="utf-8")
    return f"{folder}/classification/1"
