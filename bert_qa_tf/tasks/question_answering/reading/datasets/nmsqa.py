"""Reads NMSQA, natural multi-speaker spoken question answering (Lin et al. 2022, "DUAL", arXiv:2203.04911).

Layout: the README of github.com/DanielLin94144/DUAL-textless-SQA, section "Parquet Format & Huggingface Format
dataset", and the `dataset_infos.json` of huggingface.co/datasets/voidful/NMSQA. A row has SQuAD's columns; `answers`
has further lists, among them `audio_full_answer_start` and `audio_full_answer_end`, in seconds of the recording of the
whole text. In the repository's `dev.parquet` and `test.parquet` these do not go with the texts one by one: three
annotators' texts may have one time, and a text that is said five times has five. They are null where nothing was
aligned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bert_qa_tf.tasks.question_answering.reading import oddities
from bert_qa_tf.tasks.question_answering.reading.datasets import fields
from bert_qa_tf.tasks.question_answering.reading.datasets.rows import Layout, Row, read_row
from bert_qa_tf.tasks.question_answering.reading.field_values import OnOdd

# Of `answers`. Those of the segment are seconds of one sentence's recording, which is not kept.
START, END = "audio_full_answer_start", "audio_full_answer_end"


def _read(row: Mapping[str, Any], on_odd: OnOdd) -> Row:
    found = read_row(row, on_odd)
    answers = row["answers"]
    pairs = fields.read_secs(answers, (START, END), "answers", on_odd) if isinstance(answers, dict) else []
    if not pairs:
        on_odd(oddities.NO_SECONDS, "answers", f"has no {START}, expected seconds")
    return found._replace(question=found.question._replace(gold_secs=tuple(pairs)))


LAYOUT = Layout("nmsqa", ("id", "question", "context", "answers"), ("title",), _read)
