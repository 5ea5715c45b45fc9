"""Small Parquet files in the layouts of published data sets, with contents of our own, and what is read of them."""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from bert_qa_tf import odd_items
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.reading import input_formats

CONTEXT = "hello this is dana calling about the dentist your appointment moved to tuesday at nine"
_FLOATS = pa.list_(pa.float64())
_NMSQA_ANSWERS = pa.struct(
    [
        ("answer_start", pa.list_(pa.int64())),
        *((f"audio_{name}", _FLOATS) for name in ("full_answer_end", "full_answer_start", "segment_answer_end")),
        ("text", pa.list_(pa.string())),
    ]
)
ANSWERS = pa.struct([("text", pa.list_(pa.string())), ("answer_start", pa.list_(pa.int32()))])
_LISTED = pa.list_(pa.struct([("answer_start", pa.int64()), ("text", pa.string())]))
_AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_WORDS = pa.struct(
    [
        ("word", pa.list_(pa.string())),
        ("normalized_word", pa.list_(pa.string())),
        ("start_second", _FLOATS),
        ("end_second", _FLOATS),
    ]
)
_SPANS = pa.struct([("answer", pa.list_(pa.string())), ("start_second", _FLOATS), ("end_second", _FLOATS)])

ROWS = {
    "id": pa.string(),
    "title": pa.string(),
    "context": pa.string(),
    "question": pa.string(),
    "answers": ANSWERS,
}
NMSQA = ROWS | {"answers": _NMSQA_ANSWERS, "content_full_audio_path": pa.string()}
HEYSQUAD = {
    "audio": _AUDIO,
    "transcription": pa.string(),
    "question": pa.string(),
    "context": pa.string(),
    "answers": _LISTED,
    "is_impossible": pa.bool_(),
    "id": pa.string(),
    "plausible_answers": _LISTED,
}
SLUE = {
    "question_id": pa.string(),
    "question_audio": _AUDIO,
    "raw_question_text": pa.string(),
    "normalized_question_text": pa.string(),
    "document_id": pa.string(),
    "normalized_document_text": pa.string(),
    "word2time": _WORDS,
    "answer_spans": _SPANS,
}


def row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A row of `ROWS`."""
    answers = {"text": ["dana"], "answer_start": [14]}
    values = {
        "id": f"q{number}",
        "title": "Calls",
        "context": CONTEXT,
        "question": "who is calling",
        "answers": answers,
    }
    return values | changes


def nmsqa_row(number: int = 1, starts: Any = (0.5, 3.0), ends: Any = (0.9, 3.4), **changes: Any) -> dict[str, Any]:
    """A row of `NMSQA`; its answer has one text and several times."""
    answers = {"text": ["dana"], "answer_start": [14]}
    answers |= {"audio_full_answer_start": starts, "audio_full_answer_end": ends}
    return row(number) | {"answers": answers} | changes


def heysquad_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A row of `HEYSQUAD`."""
    values = {
        "audio": {"bytes": b"RIFF" * 10, "path": "1.wav"},
        "transcription": "who is colling",
        "question": "Who is calling?",
        "context": CONTEXT,
        "answers": [{"answer_start": 14, "text": "dana"}],
        "is_impossible": False,
        "id": f"q{number}",
        "plausible_answers": [],
    }
    return values | changes


def word_times() -> dict[str, list[Any]]:
    """The times of `CONTEXT`, half a second for each word, with a token without a time after the fourth."""
    words = CONTEXT.split()
    starts = [number / 2 for number in range(len(words))]
    values = [(word, word, start, start + 0.5) for word, start in zip(words, starts, strict=True)]
    values.insert(4, (",", "", -1.0, -1.0))
    names = ("word", "normalized_word", "start_second", "end_second")
    return dict(zip(names, map(list, zip(*values, strict=True)), strict=True))


def slue_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A row of `SLUE`; "about the dentist" is said from 2.5 to 4 seconds."""
    values = {
        "question_id": f"SQuAD-{number}",
        "raw_question_text": "What about?",
        "normalized_question_text": "what about",
        "document_id": "Dentist_0",
        "normalized_document_text": CONTEXT,
        "word2time": word_times(),
        "answer_spans": {"answer": ["about the dentist"], "start_second": [2.5], "end_second": [4.0]},
    }
    return values | changes


def write(path: str | os.PathLike[str], rows: list[dict[str, Any]], fields: dict[str, Any], **options: Any) -> str:
    """Writes rows as Parquet; columns that no row has are left out."""
    names = {name for one in rows for name in one} or set(fields)
    schema = pa.schema([(name, kind) for name, kind in fields.items() if name in names])
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), os.fspath(path), **options)
    return os.fspath(path)


def read(
    path: str | os.PathLike[str], input_format: str = "auto", **options: bool
) -> tuple[list[SquadExample], dict[str, int]]:
    """The questions of a file, and the number of odd items of each kind."""
    with odd_items.collect() as odd:
        examples = list(input_formats.iter_examples(path, input_format, **options))
    return examples, odd.counts()
