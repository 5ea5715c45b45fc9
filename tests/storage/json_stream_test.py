import io
import json

import pytest

from bert_qa_tf.storage import json_stream
from bert_qa_tf.storage.json_stream import NotStreamable, iter_array


def _elements(content: bytes) -> list:
    return list(iter_array(io.BytesIO(content), "data"))


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
        b"[1]",
        b"{}",
        b'{"data": {}}',
        b'{"data": [1,]}',
        b'{"data": [1}',
        b'{"data": [1]',
        b'{"data": [1]} x',
        b'{"data": ["\xff"]}',
    ],
)
def test_a_file_of_another_shape_is_left_to_a_reader_that_can_explain_it(content):
    with pytest.raises(NotStreamable):
        _elements(content)


def test_elements_come_before_the_file_is_read_to_its_end(monkeypatch):
    monkeypatch.setattr(json_stream, "_BLOCK_BYTES", 10)
    file = io.BytesIO(b'{"data": [' + b", ".join(b'"element"' for _ in range(1000)) + b"]}")
    assert next(iter_array(file, "data")) == "element"
    assert file.tell() < 100
