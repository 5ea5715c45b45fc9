"""Writes what an evaluation found: `metrics.json` and the task's own files beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bert_qa_tf.storage import files

METRICS_FILE = "metrics.json"


def write_results(directory: str, metrics: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    """Writes the results of one model on one file.

    Args:
      directory: made if it is missing; may be remote.
      metrics: go into `metrics.json`.
      others: file name → content: bytes, text, or a value for JSON.

    Raises:
      InputError: a file cannot be written.
    """
    for name, content in {METRICS_FILE: metrics, **others}.items():
        if isinstance(content, bytes):
            with files.replacing(f"{directory}/{name}") as file:
                file.write(content)
        elif isinstance(content, str):
            files.write_text(f"{directory}/{name}", content)
        else:
            files.write_text(f"{directory}/{name}", json.dumps(content, indent=2, ensure_ascii=False) + "\n")
