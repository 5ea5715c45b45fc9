"""Files of JSON lines as examples."""

import collections
import dataclasses
import gzip

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.single_text.lines import read_json_lines


@dataclasses.dataclass(frozen=True)
class Dish:
    example_id: str
    text: str
    price: float | int | None = None
    kind: str = "soup"


def read(tmp_path, content, require_labels=True, name="menu.jsonl", counts=None):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    counts = collections.Counter() if counts is None else counts
    return list(read_json_lines(str(path), name, Dish, counts, require_labels=require_labels))


def test_keys_are_the_fields_of_an_example(tmp_path):
    lines = (
        '\ufeff{"text": " leek é", "price": 3, "kind": "pie", "more": []}\n{"text": "a", "price": 2.5, "kind": ""}\n'
    )
    expected = [Dish("menu.jsonl:1", " leek é", 3, "pie"), Dish("menu.jsonl:2", "a", 2.5, "")]
    assert read(tmp_path, lines) == expected
    assert read(tmp_path, gzip.compress(lines.encode()), name="menu.jsonl.gz")[1].text == "a"


def test_empty_lines_before_the_last_example_are_counted(tmp_path):
    counts = collections.Counter()
    line = '{"text": "a", "price": 1, "kind": "b"}'
    found = read(tmp_path, f"\n{line}\n \n\n{line}\n\n", counts=counts)
    assert [dish.example_id for dish in found] == ["menu.jsonl:2", "menu.jsonl:5"]
    assert counts == {"empty_lines": 3}


def test_labels_may_be_missing_where_they_are_not_needed(tmp_path):
    found = read(tmp_path, '{"text": "a"}\n{"text": "b", "price": 1}\n', require_labels=False)
    assert found == [Dish("menu.jsonl:1", "a", None, None), Dish("menu.jsonl:2", "b", 1, None)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "menu.jsonl: holds no example, expected at least one line"),
        ("\n\n", "menu.jsonl: holds no example, expected at least one line"),
        ("{", "menu.jsonl:1: not JSON (Expecting property name enclosed in double quotes at character 1 of the line)"),
        ("3", "menu.jsonl:1: expected an object with a text and price and kind, got int"),
        ("[" * 100_000, "menu.jsonl:1: JSON nested too deeply, expected an object with a text and price and kind"),
        ('{"price": 1}', "menu.jsonl:1: no key 'text'; keys are 'price'"),
        ("{}", "menu.jsonl:1: no key 'text'; keys are none"),
        ('{"text": 3}', "menu.jsonl:1: 'text' must be a string, got int"),
        ('{"text": "\\ud83d"}', "menu.jsonl:1: 'text' holds half a surrogate pair at character 0"),
        ('{"text": "a", "price": "b", "kind": "c"}', "menu.jsonl:1: 'price' must be float or int, got \"b\""),
        ('{"text": "a", "price": 1}', "menu.jsonl:1: no key 'kind'; keys are 'text', 'price'"),
        (
            '{"text": "a", "price": 1, "kind": "\\udc00"}',
            "menu.jsonl:1: 'kind' holds half a surrogate pair at character",
        ),
        (b"\xff", "menu.jsonl:1: not UTF-8 at byte 0 of the line"),
    ],
)
def test_each_fault_is_one_line(tmp_path, content, message):
    with pytest.raises(InputError) as raised:
        read(tmp_path, content)
    assert str(raised.value).startswith(f"{tmp_path}/{message}")
    assert "\n" not in str(raised.value)


def test_a_gzip_file_that_is_cut_off_is_named(tmp_path):
    content = gzip.compress(b'{"text": "a", "price": 1, "kind": "b"}\n')
    with pytest.raises(InputError, match=r"menu\.jsonl\.gz: not a whole gzip file"):
        read(tmp_path, content[:-6], name="menu.jsonl.gz")


def test_a_line_that_fills_the_memory_is_refused(tmp_path):
    content = gzip.compress(bytes(50 * 2**20), 1)
    with pytest.raises(InputError, match=r"menu\.jsonl\.gz:1: a line of more than 16,777,216 bytes, expected a text$"):
        read(tmp_path, content, name="menu.jsonl.gz")
