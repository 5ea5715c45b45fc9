import json
import pathlib
import re

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import json_text
from bert_qa_tf.storage.json_stream import JsonRecords, NotStreamable
from tests.testing import REPOSITORY


def nested(depth: int) -> str:
    return "[" * depth + "1" + "]" * depth


@pytest.mark.parametrize(
    "text",
    ["1", "-0", "1e308", "-1.5e-400", "9" * 308, '"\\ud83d"', nested(64), '{"a": [{"b": null}, true]}', " [] "],
)
def test_what_is_within_the_limits_is_read_as_the_standard_library_reads_it(text):
    assert json_text.parse(text) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1e400", "with the number 1e400, which is too large"),
        ("[-1e999]", "with the number -1e999, which is too large"),
        ("9" * 401, "with an integer of 401 digits, more than 308"),
        ("9" * 5000, "with an integer of 5000 digits, more than 308"),
        ("NaN", "with NaN, which is not a number of JSON"),
        ("[-Infinity]", "with -Infinity, which is not a number of JSON"),
        (nested(65), "nested too deeply"),
        (nested(900), "nested too deeply"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 70 + "1" + "}" * 70, "nested too deeply"),
    ],
)
def test_what_exceeds_a_limit_is_said(text, reason):
    with pytest.raises(json_text.JsonError) as caught:
        json_text.parse(text)
    assert (caught.value.reason, caught.value.offset) == (reason, None)
    with pytest.raises(InputError, match=re.escape(f"a.json: JSON {reason}, expected a list")):
        json_text.parse_at("a.json", text, "a list")


def test_a_text_that_is_not_json_is_named_with_line_and_column():
    with pytest.raises(InputError, match=r"^a\.json: not JSON \(Expecting value: line 2 column 1 \(char 2\)\)"):
        json_text.parse_at("a.json", "[\nx", "a list")


def test_programs_that_write_nan_are_read_where_that_is_asked_for():
    values = json_text.parse("[NaN, Infinity, -Infinity]", allow_nan=True)
    assert [str(value) for value in values] == ["nan", "inf", "-inf"]
    with pytest.raises(json_text.JsonError):
        json_text.parse("[1e400]", allow_nan=True)


def test_half_a_surrogate_pair_is_written_as_an_escape():
    value = {"id": "\ud83d", "text": "é 😀"}
    text = json_text.write(value)
    assert text == '{"id": "\\ud83d", "text": "é 😀"}'
    assert json.loads(text.encode("utf-8")) == value


@pytest.mark.parametrize("element", [nested(70), "9" * 5000, "1e400", "NaN"])
def test_a_stream_of_elements_keeps_the_limits(tmp_path, element):
    path = tmp_path / "a.json"
    path.write_text('{"data": [1, ' + element + "]}")
    with path.open("rb") as file, pytest.raises(NotStreamable):
        list(JsonRecords(file, ("data",)))


def test_all_json_is_read_here():
    found = [
        path.relative_to(REPOSITORY)
        for path in (REPOSITORY / "bert_qa_tf").rglob("*.py")
        if re.search(r"\bjson\.(loads?|JSONDecoder)\(", path.read_text(encoding="utf-8"))
    ]
    assert found == [pathlib.Path("bert_qa_tf/storage/json_text.py")]
