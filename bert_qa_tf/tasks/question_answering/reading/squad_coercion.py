"""Reads the fields of a question of a SQuAD-form file: ids, offsets, answers, whether there is no answer.

A value that has another type than SQuAD's is read if nothing is lost by it, and counted: `"73"` and `73.0` are the
offset 73, but `73.5` is none. `null` means that there is no such field.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from bert_qa_tf.odd_items import OddKind
from bert_qa_tf.tasks.question_answering.examples import Answer
from bert_qa_tf.tasks.question_answering.reading import oddities

# Of a place in a text, in characters.
_MAX_OFFSET = 2**31 - 1
# Of a whole number as text; more digits are no offset.
_MAX_DIGITS = 10
_NO_ANSWER = "NOT_GIVEN"
_ID_KEYS = ("id", "qid", "question_id", "_id")
_TRUTH = {"true": True, "false": False, "1": True, "0": False}
_JSON_TYPES = {dict: "an object", list: "an array", str: "a string", int: "an integer", bool: "true or false"}

# Called with the kind, the place below the question, such as `answers[0]`, and what was found.
OnOdd = Callable[[OddKind, str, str], None]


class Unreadable(Exception):
    """A value cannot be read.

    Attributes:
      path: the place of the value below the question, such as `answers[0].text`.
      reason: what was found and what was expected, such as `is a string, expected an object`.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} {reason}")
        self.path, self.reason = path, reason


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


def kind_of(value: Any) -> str:
    """Returns what a JSON value is, in words."""
    if value is None:
        return "null"
    if isinstance(value, float):
        return f"{value:.12g}"
    return _JSON_TYPES[type(value)]


def is_null(value: Any) -> bool:
    """Returns whether a value is `null`, or `NaN`, which pandas writes for none."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def read_field(record: Mapping[str, Any], path: str, key: str, kind: type) -> Any:
    """Returns `record[key]`, which must be of type `kind`.

    Raises:
      Unreadable: it is missing or of another type.
    """
    where = f"{path}.{key}" if path else key
    if key not in record:
        raise Unreadable(where, f"is missing, expected {_JSON_TYPES[kind]}")
    value = record[key]
    if not isinstance(value, kind):
        raise Unreadable(where, f"is {kind_of(value)}, expected {_JSON_TYPES[kind]}")
    return value


def read_id(qa: Mapping[str, Any], on_odd: OnOdd) -> str | None:
    """Returns the id of a question; None if it has none that is a text or a number."""
    key = next((key for key in _ID_KEYS if not is_null(qa.get(key))), None)
    value = qa.get(key) if key else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        on_odd(oddities.NUMERIC_IDS, key, f"is {value}, expected a string")
        return str(value)
    if isinstance(value, str) and value:
        return value
    found = "missing" if key is None else "an empty string" if value == "" else kind_of(value)
    on_odd(oddities.MADE_IDS, key or "id", f"is {found}, expected an id")
    return None


def read_is_impossible(qa: Mapping[str, Any], on_odd: OnOdd) -> bool:
    """Returns SQuAD 2.0's `is_impossible`; False if it is absent.

    Raises:
      Unreadable: it is neither true nor false in any spelling.
    """
    value = qa.get("is_impossible", False)
    if isinstance(value, bool):
        return value
    if is_null(value):
        on_odd(oddities.NULLS, "is_impossible", "is null, expected true or false")
        return False
    spelled = f"{value:g}" if isinstance(value, int | float) else value
    truth = _TRUTH.get(spelled.strip().lower()) if isinstance(spelled, str) else None
    if truth is None:
        raise Unreadable("is_impossible", f"is {kind_of(value)}, expected true or false")
    on_odd(oddities.TRUTH_AS_TEXT, "is_impossible", f"is {kind_of(value)}, expected true or false")
    return truth


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
    start = _read_offset(answer, path, on_odd)
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


def _read_offset(answer: Mapping[str, Any], path: str, on_odd: OnOdd) -> int | None:
    """Returns where an answer starts, in characters; None if that is unknown."""
    value = answer.get("answer_start")
    where = f"{path}.answer_start"
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if is_null(value):
        return None
    if isinstance(value, str):
        digits = value.strip()
        if not digits.removeprefix("-").removesuffix(".0").isdecimal() or len(digits) > _MAX_DIGITS + 3:
            raise Unreadable(where, "is a string, expected an integer")
        on_odd(oddities.NUMBERS_AS_TEXT, where, f'is "{digits}", expected an integer')
        value = int(digits.removesuffix(".0"))
    elif isinstance(value, float) and value.is_integer():
        on_odd(oddities.WHOLE_FLOATS, where, f"is {value:.12g} with a decimal point, expected an integer")
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unreadable(where, f"is {kind_of(value)}, expected an integer")
    if abs(value) > _MAX_OFFSET:
        raise Unreadable(where, f"is a number of {len(str(abs(value)))} digits, expected a place in a text")
    return value


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
            if not all(abs(end) <= _MAX_OFFSET for end in span):
                raise Unreadable(f"{place}.char_spans", "holds a number of too many digits, expected places in a text")
            yield place, text, *span
