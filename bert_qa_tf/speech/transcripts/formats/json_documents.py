"""Parses a file of one JSON document, or of several: JSON lines, or documents one after the other.

Vosk's programs write one for each utterance, as do recognisers that are asked while somebody speaks.
"""

from __future__ import annotations

import json
from typing import Any

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.odd_items import OddKind, Severity
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace
from bert_qa_tf.storage import json_text

ODD_LINES = OddKind("odd_json_lines", "lines that are no JSON objects in JSON lines, left out", Severity.WARNING)


def parse_json(text: str, source: str) -> JsonPlace:
    """The top of a JSON document; of several documents, a list of them.

    Raises:
      InputError: it is none; names line and column.
    """
    try:
        # Some recognisers write NaN; `JsonPlace` says where.
        return JsonPlace(json_text.parse(text, allow_nan=True), source)
    except json_text.JsonError as error:
        if error.reason == "Extra data":
            documents = _parse_documents(text, source)
            if documents is not None:
                return JsonPlace(documents, source)
        if error.offset is None:
            raise InputError(f"{source}: not JSON that can be read ({error.reason})") from error
        raise InputError(f"{source}:{error.line}: not JSON ({error.reason} at column {error.column})") from error


def _parse_documents(text: str, source: str) -> list[Any] | None:
    """The objects in a text that begins with a whole document; None where what follows is no JSON."""
    first, _, _ = text.lstrip().partition("\n")
    return _parse_lines(text, source) if _is_object(first) else _parse_sequence(text)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json_text.parse(line, allow_nan=True), dict)
    except json_text.JsonError:
        return False


def _parse_lines(text: str, source: str) -> list[Any] | None:
    documents, wrong = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            # Some programs put a comma behind each line.
            document = json_text.parse(line.strip().removesuffix(","), allow_nan=True)
        except json_text.JsonError as error:
            wrong.append((number, f"not JSON ({error.in_line})"))
            continue
        if isinstance(document, dict):
            documents.append(document)
        else:
            wrong.append((number, "expected a JSON object"))
    if len(wrong) > len(documents):
        return None
    for number, detail in wrong:
        odd_items.add(ODD_LINES, source, f"line {number}", detail)
    return documents


def _parse_sequence(text: str) -> list[Any] | None:
    decoder = json_text.make_decoder(allow_nan=True)
    documents, place = [], 0
    while True:
        while place < len(text) and text[place] in " \t\r\n,":
            place += 1
        if place == len(text):
            return documents
        try:
            document, place = decoder.raw_decode(text, place)
            json_text.check_depth(document)
        except (json.JSONDecodeError, json_text.JsonError, RecursionError):
            return None
        documents.append(document)
