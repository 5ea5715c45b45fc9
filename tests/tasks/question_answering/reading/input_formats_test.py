"""Forms of input files that are not JSON: odd Parquet files, each with the public report that it has the shape of."""

from __future__ import annotations

import pyarrow as pa
import pytest
from pyarrow import parquet

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.question_answering import config
from bert_qa_tf.tasks.question_answering.reading import input_formats
from tests import testing
from tests.tasks.question_answering.reading.datasets import tables
from tests.tasks.question_answering.reading.datasets.tables import ROWS, read, row, write


def _error(path, input_format="auto"):
    with pytest.raises(InputError) as caught:
        list(input_formats.iter_examples(path, input_format))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_flag_s_values_are_all_forms():
    assert config.InputFormat.__args__ == input_formats.INPUT_FORMATS


def test_rows_of_one_text_share_it(tmp_path):
    first, second = read(write(tmp_path / "a.parquet", [row(), row(2)], ROWS))[0]
    assert first.context is second.context
    assert (first.title, first.paragraph_index, second.paragraph_index) == ("Calls", 0, 0)


def test_many_row_groups_are_read_in_order(tmp_path):
    rows = [row(number, context=f"{tables.CONTEXT} {number}") for number in range(200)]
    examples, _ = read(write(tmp_path / "a.parquet", rows, ROWS, row_group_size=7))
    assert [example.qas_id for example in examples] == [f"q{number}" for number in range(200)]
    assert examples[-1].paragraph_index == 199


def test_sound_is_never_read(tmp_path):
    # A damaged column of sound shows that it is not looked at.
    sound = b"unmistakable sound " * 1000
    path = tmp_path / "a.parquet"
    rows = [tables.heysquad_row(audio={"bytes": sound, "path": "a"})]
    write(path, rows, tables.HEYSQUAD, compression="none", use_dictionary=False, write_page_checksum=True)
    content = path.read_bytes()
    path.write_bytes(content.replace(sound, b"x" * len(sound)))
    assert path.read_bytes() != content
    assert len(read(path)[0]) == 1


# === Folders ===


def test_a_folder_of_shards_is_one_input(tmp_path):
    write(tmp_path / "train-00000-of-00002.parquet", [row(1)], ROWS)
    write(tmp_path / "train-00001-of-00002.parquet", [row(2)], ROWS)
    (tmp_path / "README.md").write_text("about")
    assert [example.qas_id for example in read(tmp_path)[0]] == ["q1", "q2"]
    assert [path.rsplit("/", 1)[-1] for path in input_formats.with_shards([str(tmp_path), "x.json"])] == [
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
        "x.json",
    ]


def test_a_folder_of_several_splits_is_refused(tmp_path):
    # huggingface.co/datasets/voidful/NMSQA, "Commit History": `data/` has the files of train, dev and test.
    write(tmp_path / "train-00000-of-00001.parquet", [row(1)], ROWS)
    write(tmp_path / "test-00000-of-00001-e59cc4b2d3e13fe2.parquet", [row(2)], ROWS)
    assert "holds files of several splits (test, train); name the files of one" in _error(tmp_path)


def test_a_folder_of_save_to_disk_is_named(tmp_path):
    # huggingface/datasets#7018: data-00000-of-00001.arrow, dataset_info.json and state.json.
    for name in ("data-00000-of-00001.arrow", "dataset_info.json", "state.json"):
        (tmp_path / name).write_bytes(b"{}")
    assert "is a folder of datasets.save_to_disk" in _error(tmp_path)


@pytest.mark.parametrize("stream", [False, True])
def test_an_arrow_file_is_named(tmp_path, stream):
    # huggingface/datasets#3035: Arrow files are uploaded in place of Parquet.
    table = pa.Table.from_pylist([row()], schema=pa.schema(list(ROWS.items())))
    path = str(tmp_path / "data.arrow")
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(path, table.schema) as writer:
        writer.write_table(table)
    assert _error(path).endswith("an Arrow file, which is not read; write it as Parquet or JSON lines")


def test_a_csv_of_questions_is_named(tmp_path):
    (tmp_path / "a.csv").write_text("id,context,question,answers\n1,a,b,\"{'text': ['a']}\"\n")
    assert "a table of text (CSV), which is not read" in _error(tmp_path / "a.csv")


# === Files that are not whole ===


@pytest.mark.parametrize("size", [4, 11, 100, -1, -8])
def test_a_file_that_was_cut_off_is_one_line(tmp_path, size):
    # huggingface/datasets#4077 and #6058: "Parquet magic bytes not found in footer".
    path = tmp_path / "a.parquet"
    write(path, [row()], ROWS)
    path.write_bytes(path.read_bytes()[:size])
    assert "was a download cut off?" in _error(path)


def test_a_page_that_claims_2_gb_is_refused_at_once():
    # Found by damaging a file of our own: with a buffered stream, pyarrow allocates what the page claims.
    path = testing.REPOSITORY / "tests" / "testdata" / "page_of_2_gb.parquet"
    assert "Page was smaller" in _error(path)


def test_a_pointer_of_git_lfs_is_named(tmp_path):
    # InertExpert2911/Mutual_Fund_Data#1: a clone without Git LFS has pointers in place of Parquet files.
    path = tmp_path / "a.parquet"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:66\nsize 146946961\n")
    assert "a pointer of Git LFS, not the file itself; fetch it with: git lfs pull" in _error(path)


def test_an_empty_table_is_refused(tmp_path):
    assert _error(write(tmp_path / "a.parquet", [], ROWS)).endswith("holds no question in 0 rows")


def test_a_file_without_the_columns_lists_those_it_has(tmp_path):
    # Parquet of Spoken-SQuAD for spoken language models, where `context` is the sound and there is no question.
    kinds = {"context": pa.string(), "instruction": pa.string(), "answer": pa.string()}
    path = write(tmp_path / "a.parquet", [{"context": "a", "instruction": "b", "answer": "c"}], kinds)
    expected = (
        "expected the columns 'question', 'context' of --input_format=rows, found 'context', 'instruction', 'answer'"
    )
    assert expected in _error(path)


@pytest.mark.parametrize("name", ["squad", "nmsqa", "slue_sqa5", "heysquad"])
def test_another_form_than_the_given_one_is_refused(tmp_path, name):
    path = write(tmp_path / "a.parquet", [row()], {name: kind for name, kind in ROWS.items() if name != "id"})
    assert f"--input_format={name}" in _error(path, name)


@pytest.mark.parametrize("name", ["nmsqa", "slue_sqa5", "heysquad"])
def test_json_is_refused_where_parquet_was_asked_for(tmp_path, name):
    (tmp_path / "a.json").write_text('{"data": []}')
    assert "no Parquet file, expected Parquet" in _error(tmp_path / "a.json", name)


def test_two_columns_of_one_name_are_refused(tmp_path):
    # apache/arrow#37428: "Cannot read parquet with duplicate column names".
    table = pa.table([["a"], ["b"], ["c"]], names=["context", "question", "question"])
    parquet.write_table(table, tmp_path / "a.parquet")
    assert "has two columns 'question', expected one" in _error(tmp_path / "a.parquet")


# === Types of columns ===


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.string_view()])
def test_texts_of_every_string_type_are_read(tmp_path, kind):
    # huggingface/datasets#7718: string_view; #6892: dictionaries, as pandas' categories are written.
    path = write(tmp_path / "a.parquet", [row()], ROWS | {"context": kind, "question": kind, "title": kind})
    (example,), odd = read(path)
    assert (example.context, odd) == (tables.CONTEXT, {})


def test_texts_as_bytes_are_read_and_counted(tmp_path):
    # apache/arrow#1830: columns of text that are not marked as UTF-8.
    rows = [row(context=tables.CONTEXT.encode()), row(2, context=b"caf\xe9")]
    examples, odd = read(write(tmp_path / "a.parquet", rows, ROWS | {"context": pa.binary()}))
    assert [example.qas_id for example in examples] == ["q1"]
    assert odd == {"text_as_bytes": 1, "unreadable_questions": 1}


@pytest.mark.parametrize(
    ("kind", "qas_id", "odd"),
    [(pa.int64(), 7, {"numeric_ids": 1}), (pa.float64(), 7.0, {"numeric_ids": 1}), (pa.string(), "7", {})],
)
def test_ids_that_are_numbers_are_read_and_counted(tmp_path, kind, qas_id, odd):
    # apache/arrow#2043: in pandas, integers with a missing value become floats.
    (example,), found = read(write(tmp_path / "a.parquet", [row(id=qas_id)], ROWS | {"id": kind}))
    assert (example.qas_id, found) == ("7", odd)


def test_answers_as_a_list_of_structs_and_as_large_lists(tmp_path):
    # huggingface/datasets#4221: Sequence({"text": …}) is a struct of lists, [{"text": …}] a list of structs.
    kind = pa.large_list(pa.struct([("text", pa.large_string()), ("answer_start", pa.int32())]))
    answers = [{"text": "dana", "answer_start": 14}]
    (example,), _ = read(write(tmp_path / "a.parquet", [row(answers=answers)], ROWS | {"answers": kind}))
    assert example.answers[0].fits(example.context)


def test_answers_written_as_a_string_leave_the_question_out(tmp_path):
    # As pandas writes them into a CSV from which a Parquet file is made.
    rows = [row(answers="{'text': array(['dana'], dtype=object)}")]
    path = write(tmp_path / "a.parquet", rows, ROWS | {"answers": pa.string()})
    with odd_items.collect():
        assert "row 1.answers is an object or array written as a string, expected an array" in _error(path)


def test_nulls_are_counted(tmp_path):
    # lincc-frameworks/nested-pandas#507: columns of type null, where all values are missing.
    rows = [row(title=None, answers=None), row(2, question=None, title=None, answers=None)]
    kinds = ROWS | {"title": pa.null(), "answers": pa.null()}
    (example,), odd = read(write(tmp_path / "a.parquet", rows, kinds))
    assert example.title.startswith("context_")
    assert odd == {"nulls": 2, "unreadable_questions": 1}


def test_lists_of_different_lengths_leave_the_question_out(tmp_path):
    # huggingface/datasets#7137: lists of different lengths in `answers`.
    rows = [row(answers={"text": ["dana", "x"], "answer_start": [14]}), row(2)]
    examples, odd = read(write(tmp_path / "a.parquet", rows, ROWS))
    assert ([example.qas_id for example in examples], odd) == (["q2"], {"unreadable_questions": 1})


def test_offsets_as_floats_are_read_where_nothing_is_lost(tmp_path):
    kind = pa.struct([("text", pa.list_(pa.string())), ("answer_start", pa.list_(pa.float64()))])
    rows = [row(answers={"text": ["dana"], "answer_start": [start]}) | {"id": f"{start}"} for start in (14.0, 14.5)]
    examples, odd = read(write(tmp_path / "a.parquet", rows, ROWS | {"answers": kind}))
    assert [example.answers[0].start_char for example in examples] == [14]
    assert odd == {"whole_floats": 1, "unreadable_questions": 1}


def test_squad_2_in_rows_has_empty_lists_where_there_is_no_answer(tmp_path):
    path = write(tmp_path / "a.parquet", [row(answers={"text": [], "answer_start": []})], ROWS)
    assert read(path, require_answers=True)[0][0].is_impossible


@pytest.mark.parametrize("text", ["", " ", "NOT_GIVEN"])
def test_an_answer_without_a_text_is_no_answer_as_it_is_in_json(tmp_path, text):
    path = write(tmp_path / "a.parquet", [row(answers={"text": [text], "answer_start": [0]}), row(2)], ROWS)
    first, _ = read(path, require_answers=True)[0]
    assert (first.is_impossible, first.answers) == (True, ())
    examples, odd = read(path, require_answers=True, keep_no_answers=False)
    assert ([example.qas_id for example in examples], odd) == (["q2"], {"no_answers_left_out": 1})


@pytest.mark.parametrize(("kind", "value"), [(pa.int64(), 1), (pa.string(), "true"), (pa.float64(), 1.0)])
def test_is_impossible_of_another_type_is_read_and_counted(tmp_path, kind, value):
    path = write(tmp_path / "a.parquet", [row(is_impossible=value)], ROWS | {"is_impossible": kind})
    (example,), odd = read(path)
    assert (example.is_impossible, odd) == (True, {"truth_as_text": 1})


def test_answers_that_are_bare_texts_are_read_as_in_json(tmp_path):
    path = write(tmp_path / "a.parquet", [row(answers="dana")], ROWS | {"answers": pa.string()})
    (example,), odd = read(path)
    assert ([(answer.text, answer.start_char) for answer in example.answers], odd) == (
        [("dana", -1)],
        {"bare_answers": 1},
    )


# === Ids ===


def test_ids_are_made_of_places_and_repeated_ones_told_apart(tmp_path):
    rows = [row(1), row(1), row(1, question="who"), row(id=None), row(id="")]
    examples, odd = read(write(tmp_path / "a.parquet", rows, ROWS))
    assert [example.qas_id for example in examples] == ["q1", "a.parquet:row 3", "a.parquet:row 4", "a.parquet:row 5"]
    assert odd == {"repeated_records": 1, "duplicate_ids": 1, "made_ids": 2}


def test_questions_without_an_answer_are_left_out_where_one_is_needed(tmp_path):
    rows = [row(answers=None), row(2)]
    path = write(tmp_path / "a.parquet", rows, ROWS)
    assert len(read(path)[0]) == 2
    examples, odd = read(path, require_answers=True)
    assert [example.qas_id for example in examples] == ["q2"]
    assert odd == {"nulls": 1, "unanswered_questions": 1}


def test_the_second_time_nothing_is_counted(tmp_path):
    path = write(tmp_path / "a.parquet", [row(answers=None)], ROWS)
    assert read(path, again=True)[1] == {}


def test_strict_refuses_what_is_odd(tmp_path):
    path = write(tmp_path / "a.parquet", [row(id=None)], ROWS)
    with odd_items.collect(strict=True), pytest.raises(InputError, match=r"row 1\.id: is missing, expected an id"):
        list(input_formats.iter_examples(path))
