import collections
import gzip
import subprocess
import sys

import pytest

from bert_qa_tf.config import ColumnsConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.classification.examples import ClassificationExample
from bert_qa_tf.tasks.classification.labels import count_labels
from bert_qa_tf.tasks.classification.reader import read_examples
from tests.testing import shared_data


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return str(path)

    return write


def _fields(path, columns=None, **options):
    return [(example.text, example.label) for example in read_examples(path, columns, **options)]


def _refusal(path, columns=None, **options):
    with pytest.raises(InputError) as error:
        list(read_examples(path, columns, **options))
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(path)
    return str(error.value).removeprefix(path)


# === What is read ===


def test_a_tsv_file_as_glue_writes_it(write):
    path = write("dev.tsv", "sentence\tlabel\nit 's a \"charming journey . \t1\nunflinchingly bleak \t0\n")

    assert list(read_examples(path, require_labels=True)) == [
        ClassificationExample("dev.tsv:2", "it 's a \"charming journey . ", "1"),
        ClassificationExample("dev.tsv:3", "unflinchingly bleak ", "0"),
    ]


def test_windows_line_ends_are_no_part_of_a_label(write):
    assert _fields(write("a.tsv", "sentence\tlabel\r\ngood\t1\r\nbad\t0\r\n")) == [("good", "1"), ("bad", "0")]
    assert _fields(write("a.csv", "sentence,label\r\ngood,1\r\n")) == [("good", "1")]


def test_csv_fields_may_hold_commas_quotes_and_line_ends(write):
    path = write("a.csv", 'label,text\n1,"a ""good"", long\n\nfilm"\n0,bad\n')

    assert [(e.example_id, e.text, e.label) for e in read_examples(path)] == [
        ("a.csv:2", 'a "good", long\n\nfilm', "1"),
        ("a.csv:5", "bad", "0"),
    ]


def test_json_labels_are_strings_numbers_or_booleans(write):
    lines = ['{"text": "a", "label": "x"}', '{"label": 1, "text": "b"}', '{"text": "c", "label": true}']

    assert _fields(write("a.jsonl", "\n".join(lines))) == [("a", "x"), ("b", "1"), ("c", "true")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "sentence\tlabel\ngutes Öl\t1\n"),
        ("a.csv", '"sentence","label"\n"gutes Öl","1"\n'),
        ("a.jsonl", '{"sentence": "gutes Öl", "label": 1}\n'),
    ],
)
def test_a_byte_order_mark_and_gzip_change_nothing(write, name, content):
    marked = b"\xef\xbb\xbf" + content.encode("utf-8")

    assert _fields(write(name, content)) == [("gutes Öl", "1")]
    assert _fields(write(name, marked)) == [("gutes Öl", "1")]
    assert _fields(write(f"{name}.gz", gzip.compress(marked))) == [("gutes Öl", "1")]


@pytest.mark.parametrize("compressed", [False, True])
def test_addresses_are_read_too(write, compressed):
    content = b"sentence\tlabel\ngood\t1\n"
    path = write("a.tsv.gz", gzip.compress(content)) if compressed else write("a.tsv", content)

    assert _fields(f"file://{path}") == [("good", "1")]


def test_columns_are_found_by_name_in_any_place(write):
    path = write("a.tsv", "id\tpolarity\treview\n7\tpos\tgood\n")

    assert _fields(path, ColumnsConfig(text="review", label="polarity")) == [("good", "pos")]


def test_positions_mean_that_there_is_no_header(write):
    # GLUE's CoLA.
    path = write("a.tsv", "gj04\t1\t\tOur friends won't buy this.\nks08\t0\t*\tThey drank the pub.\n")

    assert _fields(path, ColumnsConfig(text="3", label="1")) == [
        ("Our friends won't buy this.", "1"),
        ("They drank the pub.", "0"),
    ]


def test_positions_can_be_of_a_table_with_a_header(write):
    path = write("a.tsv", "text\ttext\tgood?\nfirst\tsecond\t1\n")

    assert _fields(path, ColumnsConfig(text="1", label="good?")) == [("second", "1")]
    assert _fields(path, ColumnsConfig(text="0", label="2", header=True)) == [("first", "1")]


def test_a_file_without_labels_is_read_where_none_are_needed(write):
    assert _fields(write("a.tsv", "index\tsentence\n0\tgood\n")) == [("good", None)]
    assert _fields(write("a.jsonl", '{"text": "good"}\n{"text": "bad", "label": null}\n')) == [
        ("good", None),
        ("bad", None),
    ]


def test_empty_lines_are_counted_unless_they_are_the_last(write):
    for name, content in {
        "a.tsv": "sentence\tlabel\n\ngood\t1\n\n \nbad\t0\n\n\n",
        "a.csv": "sentence,label\n\ngood,1\n\n \nbad,0\n\n\n",
        "a.jsonl": '\n{"text": "good", "label": 1}\n\n \n{"text": "bad", "label": 0}\n\n\n',
    }.items():
        counts = collections.Counter()
        assert _fields(write(name, content), counts=counts) == [("good", "1"), ("bad", "0")]
        assert counts["empty_lines"] == 3


def test_ids_begin_with_the_name_that_is_given(write):
    path = write("a.tsv", "sentence\nonly text\n")

    assert [example.example_id for example in read_examples(path, name="b/a.tsv")] == ["b/a.tsv:2"]


def test_reading_imports_no_tensorflow(write):
    path = write("a.tsv.gz", gzip.compress(b"sentence\tlabel\ngood\t1\n"))
    code = (
        "import sys\n"
        "from bert_qa_tf.tasks.classification import labels, metrics, reader, task\n"
        "from bert_qa_tf.tasks.single_text import tokenizing\n"
        "assert len(list(reader.read_examples(sys.argv[1]))) == 1\n"
        "print('tensorflow' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True).stdout == "False\n"


def test_sst2_is_read_whole():
    counts = collections.Counter()
    sizes = {}
    for split in ("train", "dev", "test"):
        examples = read_examples(shared_data("sentiment", f"{split}.tsv"), require_labels=True, counts=counts)
        sizes[split] = count_labels(examples)

    assert sizes == {
        "train": {"0": 29780, "1": 37569},
        "dev": {"0": 428, "1": 444},
        "test": {"0": 917, "1": 904},
    }
    assert counts["empty_lines"] == 0


# === What is refused ===


def test_an_unknown_extension_is_answered_with_those_that_are_read(write):
    assert _refusal(write("a.txt.gz", "")) == (
        ": the extension is '.txt', expected .tsv, .csv, .jsonl, with or without .gz after it"
    )
    assert "the name has no extension" in _refusal(write("train", ""))


@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.jsonl"])
def test_a_file_without_examples_is_refused(write, name):
    assert "expected" in _refusal(write(name, ""))
    assert "expected" in _refusal(write(name, "\n\n"))


def test_a_header_alone_is_refused(write):
    assert _refusal(write("a.tsv", "sentence\tlabel\n")) == ": holds no example, expected at least one row"


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert "No such file" in _refusal(str(tmp_path / "a.tsv"))
    (tmp_path / "b.tsv").mkdir()
    assert "Is a directory" in _refusal(str(tmp_path / "b.tsv"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", b"sentence\tlabel\ngood\t1\nb\xe4d\t0\n"),
        ("a.csv", b"sentence,label\ngood,1\nb\xe4d,0\n"),
        ("a.jsonl", b'{"text": "x"}\n\n{"text": "\xe4"}\n'),
    ],
)
def test_what_is_not_utf_8_is_named_by_line_and_byte(write, name, content):
    assert _refusal(write(name, content)).startswith(":3: not UTF-8 at byte ")


def test_a_gzip_file_that_is_cut_short_or_damaged_is_refused(write):
    whole = gzip.compress(b"sentence\tlabel\n" + b"good\t1\n" * 100)
    damaged = whole[:20] + bytes(byte ^ 0xFF for byte in whole[20:])

    for content in (whole[:-12], damaged):
        assert _refusal(write("a.tsv.gz", content)).startswith(": not a whole gzip file (")


def test_a_column_that_is_missing_is_answered_with_those_that_are_there(write):
    path = write("a.tsv", "review\tlabel\ngood\t1\n")

    assert _refusal(path) == ":1: no column 'sentence' or 'text'; columns are 'review', 'label'; name one of them"
    assert _refusal(path, ColumnsConfig(text="body")) == ":1: no column 'body'; columns are 'review', 'label'"
    assert "no column 'stars'" in _refusal(path, ColumnsConfig(text="review", label="stars"))
    assert "no column at position 2, counted from 0; columns are 'review', 'label'" in _refusal(
        path, ColumnsConfig(text="review", label="2")
    )


def test_labels_that_are_needed_must_have_a_column(write):
    path = write("a.tsv", "index\tsentence\n0\tgood\n")

    assert _refusal(path, require_labels=True) == (
        ":1: no column 'label'; columns are 'index', 'sentence'; name one of them"
    )
    path = write("b.tsv", "0\tgood\n")
    assert _refusal(path, ColumnsConfig(text="1"), require_labels=True) == (
        ":1: no column 'label'; 2 columns; name one of them"
    )


def test_a_column_that_is_there_twice_must_be_chosen(write):
    assert "both 'sentence' and 'text' are there" in _refusal(write("a.tsv", "text\tsentence\na\tb\n"))
    assert "column 'text' is there 2 times" in _refusal(write("a.tsv", "text\ttext\na\tb\n"))


@pytest.mark.parametrize("columns", [None, ColumnsConfig(text="0", label="1")])
def test_a_row_of_another_width_is_refused(write, columns):
    path = write("a.tsv", "sentence\tlabel\nup\tand\tdown\n" if columns is None else "good\t1\nup\tand\tdown\n")

    expected = "header" if columns is None else "first row"
    assert _refusal(path, columns) == f":2: 3 fields, expected 2 as in the {expected}"


def test_a_header_is_not_taken_for_an_example(write):
    path = write("a.tsv", "sentence\tlabel\ngood\t1\n")

    assert "reads like a header ('sentence', 'label')" in _refusal(path, ColumnsConfig(text="0", label="1"))
    assert len(_fields(path, ColumnsConfig(text="0", label="1", header=False))) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "sentence\tlabel\ngood\t1\n \t0\n"),
        ("a.tsv", "sentence\tlabel\ngood\t1\n\t\n"),
        ("a.csv", "sentence,label\ngood,1\n,0\n"),
        ("a.jsonl", '{"text": "good"}\n\n{"text": ""}\n'),
    ],
)
def test_an_empty_text_is_refused(write, name, content):
    assert _refusal(write(name, content)) == ":3: the text is empty, expected a sentence"


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.tsv", "sentence\tlabel\ngood\t \n"), ("a.csv", 'sentence,label\ngood,""\n')],
)
def test_a_missing_label_is_refused_where_labels_are_needed(write, name, content):
    path = write(name, content)

    assert _fields(path) == [("good", None)]
    assert _refusal(path, require_labels=True) == ":2: the label is missing, expected one for each text"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('sentence,label\ngood,1\n"left open,0\nmore,1\n', ":3: the row that begins here is not CSV ("),
        ('sentence,label\n"good"film,1\n', ":2: the row that begins here is not CSV ("),
        (f'sentence,label\n"{"x" * 200_000},1\n', ":2: the row that begins here is not CSV (field larger"),
    ],
)
def test_quotes_that_do_not_pair_are_refused(write, content, message):
    assert _refusal(write("a.csv", content)).startswith(message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", "expected an object with a text and a label, got list"),
        ('{"text"', "not JSON (Expecting ':' delimiter at character 7 of the line)"),
        ("[" * 100_000, "JSON nested too deeply"),
        ('{"sentence": "a", "label": 1}', "no key 'text'; keys are 'sentence', 'label'"),
        ('{"text": "a"}', "no key 'label'; keys are 'text'"),
        ("{}", "no key"),
        ('{"text": 3, "label": 1}', "'text' must be a string, got int"),
        ('{"text": "a", "label": 0.5}', "'label' must be a string or a whole number, got 0.5"),
        ('{"text": "a", "label": null}', "the label is missing"),
        ('{"text": "a\\ud83d", "label": 1}', "'text' holds half a surrogate pair at character 1"),
    ],
)
def test_a_line_of_json_that_does_not_fit_is_refused(write, line, message):
    path = write("a.jsonl", f'{{"text": "good", "label": 1}}\n{line}\n')

    refusal = _refusal(path, require_labels=True)
    assert refusal.startswith(f":2: {message}")


def test_json_keys_are_named_where_the_usual_ones_are_missing(write):
    path = write("a.jsonl", '{"0": "good", "stars": 5}\n')

    assert _refusal(path) == ":1: no column 'sentence' or 'text'; columns are '0', 'stars'; name one of them"
    assert _fields(path, ColumnsConfig(text="0", label="stars")) == [("good", "5")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text": " "}, "the name of a column is empty"),
        ({"text": "a", "label": "a"}, "column 'a' cannot hold both texts and labels"),
        ({"label": "1"}, "the texts need the position of their column"),
        ({"text": "a", "header": False}, "no column 'a': give its position"),
    ],
)
def test_columns_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        ColumnsConfig(**arguments)
