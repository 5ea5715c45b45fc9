"""Writes examples as SQuAD-form JSON, one article at a time; `squad_reader.read_squad` reads them back."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from typing import Any, BinaryIO

from bert_qa_tf.storage import atomic_files, json_text
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.reading.squad_reader import example_to_json


class SquadWriter:
    """Writes a SQuAD-form file incrementally; a context manager. The file gets its name when it is complete.

    Consecutive examples with the same title form an article, and those with the same paragraph index a paragraph. The
    same examples give the same bytes, and at most one article is held in memory.

    Args:
      file: the path of the file to write, which may be remote; or a file that is open for writing, which stays open.
      version: the file's `version`; if it starts with "v2", SQuAD 2.0's fields are written.
    """

    def __init__(self, file: str | BinaryIO, version: str) -> None:
        self._opened = atomic_files.replacing(file) if isinstance(file, str) else contextlib.nullcontext(file)
        self._version = version
        self._article: dict[str, Any] | None = None
        self._previous: SquadExample | None = None
        self._num_articles = 0

    def __enter__(self) -> SquadWriter:
        self._file = self._opened.__enter__()
        self._put(f'{{"version": {json.dumps(self._version)}, "data": [')
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> bool | None:
        if kind is None:
            self._flush()
            self._put("\n]}\n")
        return self._opened.__exit__(kind, *rest)

    def add(self, example: SquadExample) -> None:
        """Adds the next example."""
        previous = self._previous
        new_article = previous is None or example.title != previous.title
        if new_article:
            self._flush()
            self._article = {"title": example.title, "paragraphs": []}
        paragraphs = self._article["paragraphs"]
        if (
            new_article
            or example.paragraph_index != previous.paragraph_index
            # Two input files may have paragraphs of the same title and number.
            or example.context != previous.context
        ):
            paragraphs.append({"context": example.context, "qas": []})
        paragraphs[-1]["qas"].append(example_to_json(example, self._version.startswith("v2") or example.is_impossible))
        self._previous = example

    def _flush(self) -> None:
        if self._article is not None:
            self._put((",\n" if self._num_articles else "\n") + json_text.write(self._article))
            self._num_articles += 1
            self._article = None

    def _put(self, text: str) -> None:
        self._file.write(text.encode("utf-8"))


def write_squad(path: str | os.PathLike[str], examples: Iterable[SquadExample], version: str = "1.1") -> None:
    """Writes all examples to a file; see `SquadWriter`."""
    with SquadWriter(os.fspath(path), version) as writer:
        for example in examples:
            writer.add(example)
