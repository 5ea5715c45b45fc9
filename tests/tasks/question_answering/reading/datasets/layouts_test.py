"""Spoken data sets in the layouts in which they are published."""

from __future__ import annotations

import json

import pytest

from tests.tasks.question_answering.reading.datasets import tables
from tests.tasks.question_answering.reading.datasets.tables import read

# === NMSQA ===


def test_nmsqa_keeps_all_seconds_of_an_answer_which_do_not_go_with_its_texts(tmp_path):
    path = tables.write(tmp_path / "dev.parquet", [tables.nmsqa_row()], tables.NMSQA)
    (example,), odd = read(path)
    assert example.gold_secs == ((0.5, 0.9), (3.0, 3.4))
    assert [(a.text, a.start_char) for a in example.answers] == [("dana", 14)]
    assert (example.qas_id, example.title, example.question) == ("q1", "Calls", "who is calling")
    assert odd == {}


def test_nmsqa_without_seconds_is_read_and_counted(tmp_path):
    # 77 questions of the repository's dev.parquet have null in place of each list.
    path = tables.write(tmp_path / "dev.parquet", [tables.nmsqa_row(starts=None, ends=None)], tables.NMSQA)
    (example,), odd = read(path)
    assert example.gold_secs == ()
    assert odd == {"no_answer_seconds": 1}


@pytest.mark.parametrize(
    ("starts", "ends", "kept"),
    [
        ([2.0, 0.5], [1.0, 0.9], ((0.5, 0.9),)),  # the first ends before it begins
        ([-1.0, 0.5], [0.2, 0.9], ((0.5, 0.9),)),
        ([float("inf"), 0.5], [float("inf"), 0.9], ((0.5, 0.9),)),
    ],
)
def test_impossible_seconds_are_left_out_and_counted(tmp_path, starts, ends, kept):
    path = tables.write(tmp_path / "dev.parquet", [tables.nmsqa_row(starts=starts, ends=ends)], tables.NMSQA)
    (example,), odd = read(path)
    assert example.gold_secs == kept
    assert odd == {"bad_answer_seconds": 1}


def test_seconds_with_another_number_of_ends_are_left_out(tmp_path):
    path = tables.write(tmp_path / "dev.parquet", [tables.nmsqa_row(starts=[1.0], ends=[])], tables.NMSQA)
    (example,), odd = read(path)
    assert (example.gold_secs, odd) == ((), {"bad_answer_seconds": 1, "no_answer_seconds": 1})


def test_an_offset_that_does_not_fit_the_text_is_kept_for_the_label_to_decide(tmp_path):
    answers = {"text": ["Dana"], "answer_start": [3], "audio_full_answer_start": [1.0], "audio_full_answer_end": [2.0]}
    path = tables.write(tmp_path / "dev.parquet", [tables.nmsqa_row(answers=answers)], tables.NMSQA)
    (example,), odd = read(path)
    assert not example.answers[0].fits(example.context)
    assert odd == {}


# === HeySQuAD ===


@pytest.mark.parametrize(
    ("input_format", "question"),
    [("auto", "who is colling"), ("heysquad", "who is colling"), ("heysquad_written", "Who is calling?")],
)
def test_heysquad_asks_the_questions_as_heard_or_as_written(tmp_path, input_format, question):
    path = tables.write(tmp_path / "train.parquet", [tables.heysquad_row()], tables.HEYSQUAD)
    (example,), _ = read(path, input_format)
    assert example.question == question
    assert example.answers[0].fits(example.context)


def test_heysquad_s_questions_without_an_answer(tmp_path):
    plausible = [{"answer_start": 14, "text": "dana"}]
    rows = [tables.heysquad_row(answers=[], is_impossible=True, plausible_answers=plausible)]
    path = tables.write(tmp_path / "train.parquet", rows, tables.HEYSQUAD)
    (example,), odd = read(path, require_answers=True)
    assert example.is_impossible
    assert example.plausible_answers[0].text == "dana"
    assert odd == {}


def test_a_transcription_without_a_word_is_left_out_and_counted(tmp_path):
    rows = [tables.heysquad_row(transcription=" "), tables.heysquad_row(2, transcription=None), tables.heysquad_row(3)]
    path = tables.write(tmp_path / "train.parquet", rows, tables.HEYSQUAD)
    examples, odd = read(path)
    assert [example.qas_id for example in examples] == ["q3"]
    assert odd == {"empty_questions": 1, "unreadable_questions": 1}


# === SLUE-SQA-5 ===


def test_slue_sqa5_finds_the_place_of_an_answer_by_the_times_of_its_words(tmp_path):
    path = tables.write(tmp_path / "test.parquet", [tables.slue_row()], tables.SLUE)
    (example,), odd = read(path)
    assert example.gold_secs == ((2.5, 4.0),)
    assert example.answers[0].fits(example.context)
    assert example.answers[0].text == "about the dentist"
    assert example.word_times.secs_of(*_span("about the dentist")) == (2.5, 4.0)
    assert (example.title, odd) == ("Dentist_0", {})


def _span(text):
    start = tables.CONTEXT.index(text)
    return start, start + len(text)


def test_slue_sqa5_takes_the_occurrence_that_is_spoken_then(tmp_path):
    context = "the cat saw the cat"
    words = context.split()
    times = {
        "word": words,
        "normalized_word": words,
        "start_second": [0.0, 1.0, 2.0, 3.0, 4.0],
        "end_second": [1.0, 2.0, 3.0, 4.0, 5.0],
    }
    spans = {"answer": ["the cat"], "start_second": [3.0], "end_second": [5.0]}
    row = tables.slue_row(normalized_document_text=context, word2time=times, answer_spans=spans)
    (example,), _ = read(tables.write(tmp_path / "test.parquet", [row], tables.SLUE))
    assert example.answers[0].start_char == 12


def test_slue_sqa5_without_word_times_looks_for_the_only_occurrence(tmp_path):
    spans = {"answer": ["dentist", "e"], "start_second": [3.5, 0.0], "end_second": [4.0, 1.0]}
    row = tables.slue_row(word2time=None, answer_spans=spans)
    (example,), _ = read(tables.write(tmp_path / "test.parquet", [row], tables.SLUE))
    assert [answer.start_char for answer in example.answers] == [_span("dentist")[0], -1]
    assert example.word_times == ()


def _write_tsv(folder, spans='[["about the dentist", 2.5, 4.0]]', document="Dentist_0", more=""):
    names = ["question_id", "normalized_question_text", "document_id", "normalized_document_text", "answer_spans"]
    values = ["SQuAD-1", "what about", document, tables.CONTEXT, spans]
    path = folder / "slue-sqa5_dev.tsv"
    path.write_text("\t".join(names) + "\n" + "\t".join(values) + "\n" + more, encoding="utf-8")
    return path


def _write_words(folder):
    times = tables.word_times()
    (folder / "dev" / "word2time").mkdir(parents=True)
    lines = [
        "\t".join(map(str, values)) if values[2] >= 0 else values[0] for values in zip(*times.values(), strict=True)
    ]
    (folder / "dev" / "word2time" / "Dentist_0.txt").write_text("\n".join(lines), encoding="utf-8")


def test_slue_sqa5_s_tsv_gives_what_its_parquet_gives(tmp_path):
    _write_words(tmp_path)
    (from_tsv,), odd = read(_write_tsv(tmp_path))
    (from_parquet,), _ = read(tables.write(tmp_path / "test.parquet", [tables.slue_row()], tables.SLUE))
    assert from_tsv == from_parquet
    assert odd == {}


def test_a_line_of_a_tsv_with_other_columns_is_left_out_and_counted(tmp_path):
    examples, odd = read(_write_tsv(tmp_path, more="SQuAD-2\tonly two\n\n"))
    assert [example.qas_id for example in examples] == ["SQuAD-1"]
    assert odd == {"unreadable_questions": 1}


@pytest.mark.parametrize("document", ["other", "../../etc/passwd", ""])
def test_missing_word_times_are_counted_and_no_other_file_is_read(tmp_path, document):
    _write_words(tmp_path)
    (example,), odd = read(_write_tsv(tmp_path, document=document))
    assert (example.word_times, odd) == ((), {"missing_word_times": 1})


@pytest.mark.parametrize("spans", ["[('about', 1.0, 2.0)]", "", "[1]", '{"answer": 1}'])
def test_spans_that_are_no_json_leave_the_question_out(tmp_path, spans):
    more = "\t".join(["SQuAD-2", "what", "d", tables.CONTEXT, json.dumps([["dana", 1.5, 2.0]])]) + "\n"
    examples, odd = read(_write_tsv(tmp_path, spans=spans, more=more))
    assert [example.qas_id for example in examples] == ["SQuAD-2"]
    assert odd == {"unreadable_questions": 1}
