"""Reads the answers of a question, in whatever form tools and data sets write them.

    [{"text": "nora", "answer_start": 11}]              SQuAD
    {"text": ["nora"], "answer_start": [11]}            `datasets`
    {"text": "nora", "answer_start": 11}, "nora"        KorQuAD 2.0, and tables with columns of their own
    "detected_answers": [{"text": "nora", "char_spans": [[11, 14]]}]        MRQA

`null` means that there is no such field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bert_qa_tf.tasks.question_answering.examples import Answer
from bert_qa_tf.tasks.question_answering.reading import oddities
from bert_qa_tf.tasks.question_answering.reading.field_values import (
    MAX_OFFSET,
    OnOdd,
    Unreadable,
    is_null,
    kind_of,
    read_field,
    read_offset,
)

_NO_ANSWER = "NOT_GIVEN"


class Answers(NamedTuple):
    """The answers of a question.

    Attributes:
      answers: those that have a text, or are empty beside others that have one.
      num_empty: how many empty ones were left out, because all were empty: there is no answer.
      is_empty_list: whether the answers are lists without an element, as `datasets` writes no answer.
    """

    answers: tuple[Answer, ...] = ()
    num_empty: int = 0
    is_empty_list: bool = False


def read_answers(qa: Mapping[str, Any], key: str, context: str, on_odd: OnOdd) -> Answers:
    """Reads the answers of a question in whatever form they are.

    Args:
      qa: the question.
      key: "answers" or "plausible_answers".
      context: the text that the question is about.
      on_odd: is told what is odd.

    Raises:
      Unreadable: an answer cannot be read.
    """
    if key == "answers" and not is_null(qa.get("detected_answers")):
        return Answers(tuple(_mrqa_answers(qa, context)))
    value = qa.get(key)
    if key == "answers" and key not in qa and "answer" in qa:  # KorQuAD 2.0, and tables with columns of their own
        value = qa["answer"]
        if isinstance(value, str) and "answer_start" in qa:
            value = {"text": value, "answer_start": qa["answer_start"]}
        key = "answer"
    if is_null(value):
        if key in qa:
            on_odd(oddities.NULLS, key, "is null, expected an array")
        return Answers()
    found: list[Answer] = []
    empty = 0
    for path, answer in _listed(value, key, on_odd):
        read = _read_answer(answer, path, context, on_odd)
        empty += not read.text.strip()
        found.append(read)
    if found and empty == len(found):
        return Answers(num_empty=empty)
    return Answers(tuple(found), is_empty_list=isinstance(value, dict) and not found)


def _listed(value: Any, path: str, on_odd: OnOdd) -> Iterator[tuple[str, Any]]:
    """Yields the place and the value of each answer."""
    if isinstance(value, dict) and isinstance(value.get("text"), list):
        yield from _of_columns(value, path)
        return
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        raise Unreadable(path, "is an object or array written as a string, expected an array")
    if isinstance(value, dict | str):
        on_odd(oddities.BARE_ANSWERS, path, f"is {kind_of(value)}, expected an array")
        yield path, value
        return
    if not isinstance(value, list):
        raise Unreadable(path, f"is {kind_of(value)}, expected an array")
    for number, answer in enumerate(value):
        place = f"{path}[{number}]"
        if isinstance(answer, dict) and isinstance(answer.get("text"), list):
            yield from _of_columns(answer, place)
        else:
            if isinstance(answer, str):
                on_odd(oddities.BARE_ANSWERS, place, "is a string, expected an object")
            yield place, answer


def _of_columns(value: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """Yields the answers of `{"text": […], "answer_start": […]}`, the form of `datasets`."""
    texts = value["text"]
    starts = value.get("answer_start")
    if starts is None:
        starts = [None] * len(texts)
    if not isinstance(starts, list) or len(starts) != len(texts):
        found = f"{len(starts)} numbers" if isinstance(starts, list) else kind_of(starts)
        raise Unreadable(f"{path}.answer_start", f"is {found}, expected an array of {len(texts)} numbers")
    for number, (text, start) in enumerate(zip(texts, starts, strict=True)):
        yield f"{path}[{number}]", {"text": text, "answer_start": start}


def _read_answer(answer: Any, path: str, context: str, on_odd: OnOdd) -> Answer:
    """Reads an answer; a text that stands for none becomes ""."""
    if isinstance(answer, str):
        return Answer(answer, -1)
    if not isinstance(answer, dict):
        raise Unreadable(path, f"is {kind_of(answer)}, expected an object")
    start = read_offset(answer.get("answer_start"), f"{path}.answer_start", on_odd)
    text = answer.get("text")
    if isinstance(text, int) and not isinstance(text, bool):
        on_odd(oddities.TEXT_AS_NUMBERS, f"{path}.text", f"is {text}, expected a string")
        text = str(text)
    if is_null(text) and "text" in answer and start in (None, -1, 0):
        text = ""
    elif not isinstance(text, str):
        read_field(answer, path, "text", str)
    found = Answer(text, -1 if start is None else start)
    if _NO_ANSWER in (text, answer.get("answer_category")) and not found.fits(context):
        return Answer("", 0)
    if start is None and text.strip():
        on_odd(oddities.ANSWERS_WITHOUT_OFFSET, f"{path}.answer_start", "is missing, expected an integer")
    return found


# === MRQA ===


def _mrqa_answers(qa: Mapping[str, Any], context: str) -> Iterator[Answer]:
    """Yields each place of the detected answers, then further accepted texts, which have no place."""
    texts: set[str] = set()
    for path, text, start, end in _detected(qa["detected_answers"], "detected_answers"):
        found = Answer(text, start)
        # MRQA's detection ignores case and some punctuation. Its ends are inclusive.
        if not found.fits(context) and 0 <= start <= end < len(context):
            found = Answer(context[start : end + 1], start)
        if not found.text:
            raise Unreadable(path, "is an empty span, expected the first and the last character of an answer")
        texts |= {text, found.text}
        yield found
    accepted = qa.get("answers")
    for text in accepted if isinstance(accepted, list) else ():
        if isinstance(text, str) and text.strip() and text not in texts:
            texts.add(text)
            yield Answer(text, -1)


def _detected(value: Any, path: str) -> Iterator[tuple[str, str, int, int]]:
    """Yields place, text, first and last character of each detected span."""
    if isinstance(value, dict):  # as `datasets` writes them: columns
        texts, spans = value.get("text"), value.get("char_spans")
        if not isinstance(texts, list) or not isinstance(spans, list) or len(texts) != len(spans):
            raise Unreadable(path, "is an object, expected texts and as many char_spans")
        value = [{"text": text, "char_spans": span} for text, span in zip(texts, spans, strict=True)]
    if not isinstance(value, list):
        raise Unreadable(path, f"is {kind_of(value)}, expected an array")
    for number, answer in enumerate(value):
        place = f"{path}[{number}]"
        if not isinstance(answer, dict):
            raise Unreadable(place, f"is {kind_of(answer)}, expected an object")
        text = read_field(answer, place, "text", str)
        spans = answer.get("char_spans")
        if isinstance(spans, dict) and isinstance(spans.get("start"), list) and isinstance(spans.get("end"), list):
            spans = [list(pair) for pair in zip(spans["start"], spans["end"], strict=False)]
        if not isinstance(spans, list):
            raise Unreadable(f"{place}.char_spans", f"is {kind_of(spans)}, expected an array")
        for span in spans:
            if not isinstance(span, list) or len(span) != 2 or not all(type(end) is int for end in span):
                raise Unreadable(f"{place}.char_spans", "holds no pair of integers, expected [first, last] character")
            if not all(abs(end) <= MAX_OFFSET for end in span):
                raise Unreadable(f"{place}.char_spans", "holds a number of too many digits, expected places in a text")
            yield place, text, *span
