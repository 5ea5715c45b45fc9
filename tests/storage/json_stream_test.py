import io
import json

import pytest

from bert_qa_tf.storage import json_stream
from bert_qa_tf.storage.json_stream import WHOLE, JsonRecords, NotStreamable


def _records(content: bytes, **options) -> list:
    return list(JsonRecords(io.BytesIO(content), ("data",), **options))


def _elements(content: bytes) -> list:
    return [record.value for record in _records(content)]


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize(
    "content",
    [
        b'{"data": [], "version": 1.125}',
        b' {"version" : "1.1", "data" : [ {"a": [1, 2]} , 3.25, "\\u00e9 \xc3\xa9", null ] } \n',
        b'\xef\xbb\xbf{"data": [12, 345, -1e3], "other": {"data": [9]}, "n": 12}',
        '{"data": ["😀", "北京", "\\ud800"]}'.encode(),
    ],
)
def test_elements_are_what_json_gives_however_the_file_is_cut(content, block, monkeypatch):
    monkeypatch.setattr(json_stream, "_BLOCK_BYTES", block)
    assert _elements(content) == json.loads(content.decode("utf-8-sig"))["data"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"3",
        b"[1",
        b"[1] 2",
        b'{"data": [1],}',
        b'{"data" [1]}',
        b"{1: 2}",
        b"{[]: 2}",
        b'{"data": [1,]}',
        b'{"data": [1}',
        b'{"data": [1]',
        b'{"data": [1]} x',
        b'{"data": ["\xff"]}',
    ],
)
def test_what_is_not_json_is_left_to_a_reader_that_can_explain_it(content):
    with pytest.raises(NotStreamable):
        _elements(content)


def test_elements_come_before_the_file_is_read_to_its_end(monkeypatch):
    monkeypatch.setattr(json_stream, "_BLOCK_BYTES", 10)
    file = io.BytesIO(b'{"data": [' + b", ".join(b'"element"' for _ in range(1000)) + b"]}")
    assert next(iter(JsonRecords(file, ("data",)))).value == "element"
    assert file.tell() < 100


@pytest.mark.parametrize("block", [1, 3, 1 << 20])
@pytest.mark.parametrize(
    ("content", "places", "values"),
    [
        (b'[1, {"a": 2}]', ["[0]", "[1]"], [1, {"a": 2}]),
        (b'{"a": [1]}', [WHOLE], [{"a": [1]}]),
        (b'{"data": {}}', [WHOLE], [{"data": {}}]),
        (b"{}", [WHOLE], [{}]),
        (b"[]", [], []),
        (b'{"data": []}', [], []),
        (b'\n{"a": 1}\r\n\n{"a": 2}\n3', ["line 2", "line 4", "line 5"], [{"a": 1}, {"a": 2}, 3]),
        (b'{"a":\n1}\n{"a":\n2}', ["line 1", "line 3"], [{"a": 1}, {"a": 2}]),
        (b'{"a": 1} {"a": 2}', ["line 1", "line 1"], [{"a": 1}, {"a": 2}]),
    ],
)
def test_records_are_found_in_arrays_and_on_lines(content, places, values, block, monkeypatch):
    monkeypatch.setattr(json_stream, "_BLOCK_BYTES", block)
    assert [(record.place, record.value) for record in _records(content)] == list(zip(places, values, strict=True))


@pytest.mark.parametrize("block", [1, 3, 1 << 20])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_the_encoding_is_told_by_the_first_bytes(encoding, block, monkeypatch):
    monkeypatch.setattr(json_stream, "_BLOCK_BYTES", block)
    assert _elements('{"data": ["é 😀", 2]}'.encode(encoding)) == ["é 😀", 2]


def test_a_damaged_line_costs_no_other():
    first, second, third, fourth = _records(b'{"a": 1}\n{"a": \n[[1]\n{"a": 2}\n')
    assert (first.value, fourth.value) == ({"a": 1}, {"a": 2})
    assert second.value is None
    assert "Expecting value" in str(second.error)
    assert third.place == "line 3"


def test_a_damaged_first_line_costs_no_other_if_the_caller_knows_that_there_are_lines():
    first, second = _records(b'{"a": \n{"a": 2}\n', lines=True)
    assert first.error is not None
    assert second.value == {"a": 2}


def test_members_beside_the_array_are_kept_if_they_are_small():
    records = JsonRecords(io.BytesIO(b'{"version": "1", "a": [1], "data": [1], "b": {}, "c": 2}'), ("data",))
    list(records)
    assert records.members == {"version": "1", "c": 2}


def test_nan_is_read_only_if_asked_for():
    assert str(_records(b"[NaN]", allow_nan=True)[0].value) == "nan"
    with pytest.raises(NotStreamable):
        _records(b"[NaN]")
