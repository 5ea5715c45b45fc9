"""From files to a folder of records, with the tiny vocabulary and ten messages; real data where it is there."""

import collections
import errno
import json
import multiprocessing
import os
import pathlib
import shutil
import signal
import time
import warnings

import numpy as np
import pytest

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.records import conversion as records_conversion
from bert_qa_tf.records import writer
from bert_qa_tf.records.manifest import Manifest, read_manifest
from bert_qa_tf.records.reader import Columns, open_split
from bert_qa_tf.storage import digests
from bert_qa_tf.tasks.question_answering import conversion
from bert_qa_tf.tasks.question_answering.config import ConversionConfig, WindowingConfig
from bert_qa_tf.tasks.question_answering.features import QA_FEATURES
from bert_qa_tf.tasks.question_answering.reading.squad_reader import read_squad
from bert_qa_tf.tasks.question_answering.windowing import answer_token_span
from bert_qa_tf.text.tokenization import BertTokenizer
from tests.testing import MESSAGES, TINY_VOCAB, minilm_folder, shared_data

SMALL = ConversionConfig(windowing=WindowingConfig(128, 64, 32), num_shards=2, dev_fraction=0.2)


@pytest.fixture(scope="module")
def tokenizer() -> BertTokenizer:
    return BertTokenizer(TINY_VOCAB, do_lower_case=True)


def _squad_file(path: pathlib.Path, qas: list[dict], context: str = "the cat sat on the mat", title: str = "a") -> str:
    document = {"version": "1.1", "data": [{"title": title, "paragraphs": [{"context": context, "qas": qas}]}]}
    path.write_text(json.dumps(document))
    return str(path)


def _qa(qas_id: str, text: str, start: int) -> dict:
    return {"id": qas_id, "question": "who sat?", "answers": [{"text": text, "answer_start": start}]}


def _read_all(folder: pathlib.Path, manifest: Manifest, split: str, with_decoding: bool = False) -> Columns:
    records = open_split(str(folder), manifest, split, QA_FEATURES, with_decoding)
    return records.read(np.arange(len(records)))


def test_a_conversion_holds_what_the_manifest_says(tmp_path, tokenizer):
    manifest = conversion.convert([MESSAGES], str(tmp_path / "out"), tokenizer, SMALL)
    assert manifest == read_manifest(str(tmp_path / "out"))
    assert manifest.counts["questions"] == len(read_squad(MESSAGES))
    assert manifest.counts["train_questions"] + manifest.counts["dev_questions"] == manifest.counts["questions"]
    for split, counter in (("train", "windows"), ("dev", "dev_windows")):
        columns = _read_all(tmp_path / "out", manifest, split)
        assert len(columns) == manifest.counts[counter] == manifest.num_records(split) > 0
        assert columns.lengths.max() <= 128
    histogram = collections.Counter(_read_all(tmp_path / "out", manifest, "train").lengths.tolist())
    assert manifest.length_histogram == dict(histogram)
    for shard in manifest.shards:
        assert digests.file_digest(str(tmp_path / "out" / shard.file)) == (shard.bytes, shard.sha256)
    assert (tmp_path / "out" / "vocab.txt").read_text().splitlines() == list(TINY_VOCAB)


def test_the_articles_set_aside_are_not_trained_on(tmp_path, tokenizer):
    manifest = conversion.convert([MESSAGES], str(tmp_path / "out"), tokenizer, SMALL)
    held_out = {example.title for example in read_squad(str(tmp_path / "out" / "dev.json"))}
    assert len(held_out) == 2
    columns = _read_all(tmp_path / "out", manifest, "dev", with_decoding=True)
    dev_ids = {e.qas_id for e in read_squad(MESSAGES) if e.title in held_out}
    assert set(columns.scalars["qas_id"]) == dev_ids


def test_labels_cover_the_answers(tmp_path, tokenizer):
    config = ConversionConfig(
        windowing=WindowingConfig(384, 128, 64), num_shards=1, dev_fraction=0.0, keep_decoding_features=True
    )
    manifest = conversion.convert([MESSAGES], str(tmp_path / "out"), tokenizer, config)
    columns = _read_all(tmp_path / "out", manifest, "train", with_decoding=True)
    examples = {example.qas_id: example for example in read_squad(MESSAGES)}
    found = set()
    for i, qas_id in enumerate(columns.scalars["qas_id"]):
        start, end = columns.scalars["start_positions"][i], columns.scalars["end_positions"][i]
        if not end:
            continue
        tokens = slice(columns.offsets[i], columns.offsets[i + 1])
        start_char = columns.flat["token_start_chars"][tokens][start]
        end_char = columns.flat["token_end_chars"][tokens][end]
        example = examples[qas_id]
        assert example.context[start_char:end_char] == example.answers[0].text
        found.add(qas_id)
    assert found == set(examples)


def test_two_conversions_are_the_same_to_the_byte(tmp_path, tokenizer):
    for name in ("a", "b"):
        conversion.convert([MESSAGES], str(tmp_path / name), tokenizer, SMALL)
    names = sorted(os.listdir(tmp_path / "a"))
    assert names == sorted(os.listdir(tmp_path / "b"))
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_windows_without_the_answer_are_labelled_cls_or_dropped_and_counted(tmp_path, tokenizer):
    narrow = WindowingConfig(64, 20, 24)
    kept = conversion.convert(
        [MESSAGES], str(tmp_path / "a"), tokenizer, ConversionConfig(windowing=narrow, windows_without_answer="cls")
    )
    dropped = conversion.convert(
        [MESSAGES], str(tmp_path / "b"), tokenizer, ConversionConfig(windowing=narrow, windows_without_answer="drop")
    )
    without = kept.counts["windows_without_answer"]
    assert without == dropped.counts["windows_without_answer"] == dropped.counts["windows_without_answer_dropped"] > 0
    assert kept.counts["windows"] - dropped.counts["windows"] == without
    columns = _read_all(tmp_path / "b", dropped, "train")
    assert columns.scalars["end_positions"].min() > 0


def test_a_file_whose_offsets_do_not_fit_is_refused_with_both_counts(tmp_path, tokenizer):
    path = _squad_file(tmp_path / "a.json", [_qa("1", "cat", 4), _qa("2", "cat", 5), _qa("3", "mat", 0)])
    with pytest.raises(InputError, match=r"only 1 of 3 questions \(33.3%\) have an answer offset that fits"):
        conversion.convert([path], str(tmp_path / "out"), tokenizer, SMALL)
    assert not (tmp_path / "out").exists()


def test_relabel_find_accepts_it_and_marks_the_manifest(tmp_path, tokenizer):
    path = _squad_file(tmp_path / "a.json", [_qa("1", "cat", 4), _qa("2", "sat", 5), _qa("3", "the", 2)])
    config = ConversionConfig(windowing=SMALL.windowing, dev_fraction=0.0, relabel="find")
    manifest = conversion.convert([path], str(tmp_path / "out"), tokenizer, config)
    assert [source.notes for source in manifest.sources] == [{"relabel": "find"}]
    counts = manifest.counts
    # "sat" occurs once and is mended; "the" occurs twice and is dropped, and its question with it.
    assert (counts["answers_misaligned"], counts["answers_mended"], counts["answers_dropped"]) == (2, 1, 1)
    assert (counts["questions_without_label_dropped"], counts["train_questions"]) == (1, 2)


def test_a_question_id_in_two_files_is_refused(tmp_path, tokenizer):
    paths = [_squad_file(tmp_path / name, [_qa("7", "cat", 4)]) for name in ("a.json", "b.json")]
    with pytest.raises(InputError, match=r"b.json: question id '7' is in .*a.json too"):
        conversion.convert(paths, str(tmp_path / "out"), tokenizer, SMALL)


def test_unanswerable_questions_need_the_flag(tmp_path, tokenizer):
    qas = [_qa("1", "cat", 4), {"id": "2", "question": "who flew?", "answers": [], "is_impossible": True}]
    path = _squad_file(tmp_path / "a.json", qas)
    with pytest.raises(InputError, match="1 of 2 questions have no answer; convert with --version_2_with_negative"):
        conversion.convert([path], str(tmp_path / "out"), tokenizer, SMALL)
    config = ConversionConfig(windowing=SMALL.windowing, dev_fraction=0.0, version_2_with_negative=True)
    manifest = conversion.convert([path], str(tmp_path / "out"), tokenizer, config)
    columns = _read_all(tmp_path / "out", manifest, "train")
    assert sorted(columns.scalars["end_positions"].tolist())[0] == 0
    assert manifest.counts["impossible_questions"] == 1
    assert manifest.settings["version_2_with_negative"]


def test_an_empty_answer_is_no_answer_with_the_flag_and_left_out_without(tmp_path, tokenizer):
    path = _squad_file(tmp_path / "a.json", [_qa("1", "cat", 4), _qa("2", "", 0)])
    for flag, expected, odd_kind in ((False, 1, "no_answers_left_out"), (True, 2, "no_answers")):
        config = ConversionConfig(windowing=SMALL.windowing, dev_fraction=0.0, version_2_with_negative=flag)
        with odd_items.collect() as odd:
            manifest = conversion.convert([path], str(tmp_path / f"out{flag}"), tokenizer, config)
        assert manifest.counts["questions"] == expected
        assert odd.counts() == {odd_kind: 1}


def test_ids_that_are_made_differ_over_files(tmp_path, tokenizer):
    paths = [_squad_file(tmp_path / name, [_qa(None, "cat", 4)]) for name in ("a.json", "b.json")]
    with odd_items.collect() as odd:
        manifest = conversion.convert(paths, str(tmp_path / "out"), tokenizer, ConversionConfig(dev_fraction=0.0))
    assert manifest.counts["questions"] == 2
    assert odd.counts() == {"made_ids": 2}


@pytest.mark.parametrize("title", [None, "a"])
def test_no_text_of_shuffled_rows_is_in_both_splits(tmp_path, tokenizer, title):
    rows = [
        {"id": f"{number}-{question}", "title": title, "context": f"the cat sat on mat {number}", "question": "who?"}
        | {"answers": {"text": ["cat"], "answer_start": [4]}}
        for question in range(3)
        for number in range(10)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    manifest = conversion.convert([str(tmp_path / "rows.jsonl")], str(tmp_path / "out"), tokenizer, SMALL)
    assert (manifest.counts["train_questions"], manifest.counts["dev_questions"]) == (24, 6)
    with warnings.catch_warnings(action="error"):
        held_out = {example.context for example in read_squad(str(tmp_path / "out" / "dev.json"))}
    assert len(held_out) == 2


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path, tokenizer):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="not empty and no conversion"):
        conversion.convert([MESSAGES], str(tmp_path / "out"), tokenizer, SMALL, overwrite=True)
    assert (tmp_path / "out" / "thesis.txt").read_text() == "precious"


def test_the_same_file_twice_is_refused(tmp_path, tokenizer):
    with pytest.raises(InputError, match=r"messages\.json: question id .* is in .*messages\.json too"):
        conversion.convert([MESSAGES, MESSAGES], str(tmp_path / "out"), tokenizer, SMALL)
    assert os.listdir(tmp_path) == []


def test_another_tools_manifest_does_not_make_its_folder_a_conversion(tmp_path, tokenizer):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text('{"name": "a web page"}')
    (tmp_path / "out" / "index.html").write_text("precious")
    with pytest.raises(InputError, match="not empty and no conversion"):
        conversion.convert([MESSAGES], str(tmp_path / "out"), tokenizer, SMALL, overwrite=True)
    assert (tmp_path / "out" / "index.html").read_text() == "precious"
    with pytest.raises(InputError, match=r"manifest\.json: not a manifest that `create_tfrecords` wrote"):
        read_manifest(str(tmp_path / "out"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "holds list, expected a manifest that `create_tfrecords` wrote"),
        ("{", "not JSON"),
        ('{"format_version": 1, "shards": []}', "format_version is 1, this program reads 2"),
        ('{"format_version": 2, "shards": []}', "`task` is missing; convert again"),
    ],
)
def test_a_manifest_that_is_not_whole_is_named(tmp_path, text, message):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=f"manifest.json: {message}"):
        read_manifest(str(tmp_path))


def _meanwhile(monkeypatch, happens):
    """Makes something happen between the first look at the output folder and the last."""
    write = records_conversion._write

    def writes(*arguments):
        happens()
        return write(*arguments)

    monkeypatch.setattr(records_conversion, "_write", writes)


def test_a_file_that_appears_in_the_folder_meanwhile_stays(tmp_path, tokenizer, monkeypatch):
    notes = tmp_path / "out" / "notes.txt"
    notes.parent.mkdir()
    _meanwhile(monkeypatch, lambda: notes.write_text("precious"))
    with pytest.raises(InputError, match="not empty and no conversion"):
        conversion.convert([MESSAGES], str(tmp_path / "out"), tokenizer, SMALL)
    assert notes.read_text() == "precious"
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_conversion_that_is_put_there_meanwhile_stays(tmp_path, tokenizer, monkeypatch, overwrite):
    out, other = str(tmp_path / "out"), str(tmp_path / "other")
    finished = conversion.convert([MESSAGES], other, tokenizer, ConversionConfig(windowing=SMALL.windowing, seed=5))
    if overwrite:
        conversion.convert([MESSAGES], out, tokenizer, SMALL)

    def is_put_there():
        shutil.rmtree(out, ignore_errors=True)
        os.rename(other, out)

    _meanwhile(monkeypatch, is_put_there)
    with pytest.raises(InputError, match="put here meanwhile" if overwrite else "holds a conversion already"):
        conversion.convert([MESSAGES], out, tokenizer, SMALL, overwrite=overwrite)
    assert read_manifest(out) == finished
    assert os.listdir(tmp_path) == ["out"]


def test_a_second_conversion_to_the_same_folder_is_refused(tmp_path, tokenizer, monkeypatch):
    out = str(tmp_path / "out")
    _meanwhile(monkeypatch, lambda: conversion.convert([MESSAGES], out, tokenizer, SMALL))
    with pytest.raises(InputError, match=rf"out: .*\(process {os.getpid()} on .* is writing here; wait until it ends"):
        conversion.convert([MESSAGES], out, tokenizer, SMALL)


def test_a_conversion_does_not_replace_its_own_input(tmp_path, tokenizer):
    out = tmp_path / "out"
    config = ConversionConfig(windowing=SMALL.windowing, dev_fraction=0.5)
    conversion.convert([MESSAGES], str(out), tokenizer, config)
    with pytest.raises(InputError, match=r"out: holds an input \(.*dev.json\), which would be lost"):
        conversion.convert([str(out / "dev.json")], str(out), tokenizer, SMALL, overwrite=True)


def test_a_disk_that_is_full_is_given_its_space_back_and_keeps_the_old_conversion(tmp_path, tokenizer, monkeypatch):
    out = str(tmp_path / "out")
    old = conversion.convert([MESSAGES], out, tokenizer, SMALL)

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device", "train-00000-of-00002.tfrecord")

    monkeypatch.setattr(writer.ShardWriter, "finish", full)
    with pytest.raises(OSError, match="No space left"):
        conversion.convert([MESSAGES], out, tokenizer, SMALL, overwrite=True)
    assert os.listdir(tmp_path) == ["out"]
    assert read_manifest(out) == old


def test_a_conversion_without_anything_to_train_on_is_refused(tmp_path, tokenizer):
    path = _squad_file(tmp_path / "a.json", [_qa("1", "cat", 0), _qa("2", "dog", 0)], context=" ")
    config = ConversionConfig(windowing=SMALL.windowing, relabel="find")
    with pytest.raises(InputError, match=r"nothing to train on: of 2 questions 0 were set aside, .* no answer to 2"):
        conversion.convert([path], str(tmp_path / "out"), tokenizer, config)
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.parametrize(
    ("files", "output_dir", "message"),
    [([], "out", "no input file"), ([MESSAGES], "", "--output_dir is empty")],
)
def test_a_request_without_input_or_output_is_refused_at_once(files, output_dir, message):
    with pytest.raises(InputError, match=message):
        records_conversion.check_request(files, output_dir, overwrite=False)


def test_a_conversion_goes_into_the_working_folder_when_that_is_empty(tmp_path, tokenizer, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    manifest = conversion.convert([MESSAGES], ".", tokenizer, SMALL)
    assert read_manifest(str(tmp_path / "here")) == manifest


def test_a_conversion_is_only_replaced_when_asked(tmp_path, tokenizer):
    conversion.convert([MESSAGES], str(tmp_path / "out"), tokenizer, SMALL)
    with pytest.raises(InputError, match="holds a conversion already"):
        conversion.convert([MESSAGES], str(tmp_path / "out"), tokenizer, SMALL)
    replaced = conversion.convert(
        [MESSAGES],
        str(tmp_path / "out"),
        tokenizer,
        ConversionConfig(windowing=SMALL.windowing, seed=5),
        overwrite=True,
    )
    assert read_manifest(str(tmp_path / "out")) == replaced
    assert replaced.seed == 5


def _convert_slowly(output_dir: str) -> None:
    slow = writer.serialize

    def serialize(*args):
        time.sleep(0.05)
        return slow(*args)

    writer.serialize = serialize
    conversion.convert([MESSAGES], output_dir, BertTokenizer(TINY_VOCAB, do_lower_case=True), SMALL)


@pytest.mark.slow
def test_a_killed_conversion_leaves_nothing_that_looks_whole_and_the_next_one_succeeds(tmp_path, tokenizer):
    output_dir = str(tmp_path / "out")
    process = multiprocessing.get_context("spawn").Process(target=_convert_slowly, args=(output_dir,))
    process.start()
    while not list(tmp_path.glob("out.*.incomplete")):
        time.sleep(0.05)
        assert process.is_alive()
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with pytest.raises(InputError, match="no finished conversion"):
        read_manifest(output_dir)
    manifest = conversion.convert([MESSAGES], output_dir, tokenizer, SMALL)
    assert manifest.counts["questions"] == len(read_squad(MESSAGES))
    assert os.listdir(tmp_path) == ["out"]


def _moved(source: pathlib.Path, target: pathlib.Path, share: float) -> tuple[str, int]:
    """A copy in which the offsets of a share of the questions are one too large; and how many answers that moved."""
    document = json.loads(source.read_text())
    questions = [(p["context"], q) for a in document["data"] for p in a["paragraphs"] for q in p["qas"]]
    moved = 0
    for context, question in questions[: round(len(questions) * share)]:
        for answer in question["answers"]:
            answer["answer_start"] += 1
            start, text = answer["answer_start"], answer["text"]
            moved += context[start : start + len(text)] != text
    target.write_text(json.dumps(document))
    return str(target), moved


@pytest.mark.slow
def test_real_offsets_moved_by_one_are_refused_or_mended_by_their_share(tmp_path):
    source = shared_data("squad_style", "new_wiki_v1.0.json")
    tokenizer = BertTokenizer.from_vocab_file(str(minilm_folder() / "vocab.txt"), do_lower_case=True)
    many, _ = _moved(source, tmp_path / "many.json", 0.6)
    with pytest.raises(InputError, match=r"many.json: refused as training data: only 3175 of 7938 questions"):
        conversion.convert([many], str(tmp_path / "out"), tokenizer, ConversionConfig())
    few, moved = _moved(source, tmp_path / "few.json", 0.05)
    counts = conversion.convert([few], str(tmp_path / "out"), tokenizer, ConversionConfig()).counts
    assert counts["answers_misaligned"] == moved
    assert counts["answers_mended"] + counts["answers_dropped"] == moved
    assert counts["answers_mended"] > 0
    assert counts["answers_dropped"] > 0
    dropped = counts["questions_without_label_dropped"]
    assert counts["train_questions"] + counts["dev_questions"] + dropped == counts["questions"] == 7938


def test_noisy_spoken_squad_is_refused_for_what_it_holds(tmp_path, tokenizer):
    path = str(shared_data("spoken_squad", "spoken_test-v1.1_WER44.json"))
    with pytest.raises(InputError, match=r"only 224 of 5351 questions \(4.2%\)"):
        conversion.convert([path], str(tmp_path / "out"), tokenizer, ConversionConfig())


def test_every_label_is_the_smallest_run_of_pieces_around_its_answer(tokenizer):
    for example in read_squad(MESSAGES):
        [tokens] = tokenizer.tokenize_texts([example.context])
        first, last = answer_token_span(example.answers[0], tokens.start_chars, tokens.end_chars)
        assert tokens.start_chars[first] <= example.answers[0].start_char < tokens.end_chars[first]
        assert tokens.start_chars[last] < example.answers[0].end_char <= tokens.end_chars[last]
