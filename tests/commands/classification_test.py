"""Sentences with labels, from a table to a served label, through the commands."""

from __future__ import annotations

import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from bert_qa_tf import create_tfrecords, evaluate, export, predict, train
from tests.testing import tiny_hub_module
from tests.tiny_training import call, metrics

pytestmark = pytest.mark.slow

WORDS = {"good": "the cat sat", "bad": "where is paris", "fair": "built in what"}
# Six of ten are good.
LABELS = ("good", "bad", "good", "fair", "good", "good", "bad", "good", "bad", "good")
ROWS = [(f"{WORDS[LABELS[i % 10]]} {i}", LABELS[i % 10]) for i in range(80)]


def write_table(path: pathlib.Path, rows, header="sentence\tlabel") -> str:
    path.write_text(f"{header}\n" + "".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    return str(path)


def convert(workshop: pathlib.Path, table: str, output_dir: pathlib.Path, *more: str) -> int:
    return call(
        create_tfrecords,
        "--task=classification",
        f"--input_file={table}",
        f"--output_dir={output_dir}",
        f"--encoder_handle={workshop / 'tiny_hub_module'}",
        "--max_seq_length=24",
        "--num_shards=1",
        "--dev_fraction=0.3",
        *more,
    )


def run_train(workshop: pathlib.Path, model_dir: pathlib.Path, *more: str) -> int:
    return call(
        train,
        f"--train_dir={workshop / 'records'}",
        f"--encoder_handle={workshop / 'tiny_hub_module'}",
        f"--model_dir={model_dir}",
        "--global_batch_size=8",
        "--length_buckets=2",
        "--learning_rate=1e-2",
        "--num_train_epochs=9",
        "--max_train_steps=8",
        "--save_checkpoints_steps=4",
        "--log_steps=2",
        *more,
    )


def weights(model_dir: pathlib.Path) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(str(model_dir / "checkpoints"))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith(("model/", "optimizer/"))]
    return {name: reader.get_tensor(name) for name in names}


@pytest.fixture(scope="module")
def workshop(tmp_path_factory) -> pathlib.Path:
    """An encoder, a table and its records, a run and its export."""
    folder = tmp_path_factory.mktemp("classification")
    tiny_hub_module(folder)
    assert convert(folder, write_table(folder / "train.tsv", ROWS), folder / "records") == 0
    assert run_train(folder, folder / "run") == 0
    assert call(export, f"--model_dir={folder / 'run'}", f"--export_dir={folder / 'exports'}") == 0
    return folder


@pytest.fixture
def models(workshop):
    return f"--model_dir={workshop / 'run'}", f"--saved_model={workshop / 'exports' / 'classification' / '1'}"


def test_training_is_scored_on_the_sentences_set_aside(workshop):
    scores = [line for line in metrics(workshop / "run") if "accuracy" in line]
    assert scores
    assert set(scores[-1]) >= {"accuracy", "macro_f1", "matthews_correlation", "loss"}
    config = json.loads((workshop / "run" / "config.json").read_text())
    assert config["task"] == "classification"
    assert config["settings"]["labels"] == ["bad", "fair", "good"]


def test_going_on_from_a_checkpoint_gives_the_same_bits(workshop, tmp_path):
    shutil.copytree(workshop / "run", tmp_path / "parts")
    for path in (tmp_path / "parts" / "checkpoints").glob("ckpt-8.*"):
        path.unlink()
    assert run_train(workshop, tmp_path / "parts") == 0
    whole, parts = weights(workshop / "run"), weights(tmp_path / "parts")
    assert len(whole) > 50
    assert all((whole[name] == parts[name]).all() for name in whole)


def test_class_weights_change_the_training(workshop, tmp_path):
    runs = {}
    for name, more in (("plain", ()), ("balanced", ("--class_weights=balanced",))):
        assert run_train(workshop, tmp_path / name, "--max_train_steps=2", *more) == 0
        runs[name] = [line["loss"] for line in metrics(tmp_path / name) if "accuracy" not in line]
    assert runs["plain"][0] != runs["balanced"][0]
    config = json.loads((tmp_path / "balanced" / "config.json").read_text())
    assert config["settings"]["training"]["class_weights"] == "balanced"


def test_a_run_and_its_export_score_alike_beside_the_baseline(workshop, models, tmp_path, capsys):
    table = write_table(tmp_path / "test.tsv", ROWS[:20])
    output = tmp_path / "out"
    assert call(evaluate, *models, "--most_frequent_label", f"--eval_file={table}", f"--output_dir={output}") == 0
    shown = capsys.readouterr().out
    figures = [json.loads(path.read_text()) for path in output.glob("*/test/metrics.json")]
    by_model = {metrics["model"]: metrics for metrics in figures}
    assert len(by_model) == 3
    run, exported = (by_model[model.partition("=")[2]] for model in models)
    assert run["accuracy"] == exported["accuracy"]
    assert by_model["most frequent label"]["accuracy"] == 60.0
    assert run["step"] > 0
    assert "test.tsv (20 examples)" in shown
    assert "macro F1" in shown
    assert len(list(output.glob("*/test/confusion_matrix.txt"))) == 3
    assert len(list(output.glob("*/test/predictions.jsonl"))) == 2


def test_columns_of_a_file_to_score_on_are_chosen(models, tmp_path, capsys):
    table = write_table(tmp_path / "test.tsv", ROWS[:5], header="review\tmood")
    columns = ("--text_column=review", "--label_column=mood")
    assert call(evaluate, models[1], f"--eval_file={table}", *columns) == 0
    assert "test.tsv (5 examples)" in capsys.readouterr().out


def test_a_run_and_its_export_answer_alike(models, tmp_path, capsys):
    table = write_table(tmp_path / "in.tsv", [*ROWS[:10], ("😀 the café 北京", "good"), ("word " * 100, "bad")])
    found = []
    for model in models:
        assert call(predict, model, f"--input_file={table}", f"--output_file={tmp_path / 'out.jsonl'}") == 0
        found.append([json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()])
    for one, other in zip(*found, strict=True):
        assert (one["id"], one["label"]) == (other["id"], other["label"])
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-4)
    capsys.readouterr()
    assert call(predict, models[0], "--text=the cat sat") == 0
    first, second, *others = capsys.readouterr().out.splitlines()
    assert first in WORDS
    assert second.startswith("  score 0.")
    assert len(others) == 2


def test_the_export_has_a_model_card(workshop):
    card = (workshop / "exports" / "classification" / "1" / "assets.extra" / "model_card.md").read_text()
    assert "Gives a text one of the labels 'bad', 'fair', 'good'." in card


# === What is refused =================================================================================================


@pytest.mark.parametrize(
    ("content", "more", "message"),
    [
        (
            "sentence\tlabel\na\tgood\n",
            (),
            "the training examples: only one label, 'good', expected at least two",
        ),
        ("sentence\tlabel\na\tgood\n\tbad\n", (), "a.tsv:3: the text is empty, expected a sentence"),
        ("sentence\tlabel\na\tgood\nb\n", (), "a.tsv:3: 1 fields, expected 2 as in the header"),
        ("sentence\tlabel\na\tgood\nb\t\n", (), "a.tsv:3: the label is missing, expected one for each text"),
        (
            "sentence\tmood\na\tgood\n",
            (),
            "a.tsv:1: no column 'label'; columns are 'sentence', 'mood'; name",
        ),
        ("a\tgood\nb\tbad\n", (), "a.tsv:1: no column 'sentence' or 'text'; columns are 'a', 'good'; name one of them"),
        (
            "sentence\tlabel\na\tgood\nb\todd\n",
            ("--labels=good,bad",),
            "a.tsv:3: unknown label 'odd', expected one of 'good', 'bad'",
        ),
        ("", (), "a.tsv: empty file, expected one example a line"),
        ("sentence\tlabel\na\tgood\n", ("--labels=good",), "--labels: only one label, 'good', expected at least two"),
        (
            "sentence\tlabel\na\tgood\n",
            ("--noheader_row",),
            "in a table without a header, the texts need the position of their column",
        ),
        (
            "sentence\tlabel\na\tgood\n",
            ("--doc_stride=64",),
            "--doc_stride is no option of the task classification; --help lists each task's",
        ),
    ],
)
def test_what_cannot_be_converted_is_one_line(workshop, tmp_path, capsys, content, more, message):
    (tmp_path / "a.tsv").write_text(content)
    assert convert(workshop, str(tmp_path / "a.tsv"), tmp_path / "records", "--dev_fraction=0", *more) == 1
    error = capsys.readouterr().err.replace(f"{tmp_path}/", "")
    assert error.startswith(f"error: {message}")
    assert error.count("\n") == 1
    assert not (tmp_path / "records").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ["--class_weights=good=1"],
            "class weights: no weight for 'bad', 'fair', expected one for each of 'bad', 'fair', 'good'",
        ),
        (
            ["--class_weights=heavy"],
            "class weights: expected none, balanced or label=weight,label=weight…, got",
        ),
        (["--n_best_size=3"], "which has no such option"),
    ],
)
def test_what_cannot_be_trained_is_one_line(workshop, tmp_path, capsys, more, message):
    assert run_train(workshop, tmp_path / "run", *more) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ["--question=who", "--context=a"],
            "--context is no option of the task classification; --help lists",
        ),
        (["--text=a", "--audio=a.wav"], "--audio is no option of the task classification; --help lists each task's"),
        (["--text=a", "--n_best_size=3"], "--n_best_size is no option of the task classification"),
        ([], "give one of --text, --text_file and --input_file, got none"),
        (
            ["--text=a", "--input_file=b.tsv"],
            "give one of --text, --text_file and --input_file, got --text and --",
        ),
        (["--text= "], "--text: is empty, expected a text"),
        (["--input_file=/no.tsv"], "/no.tsv: cannot read this file"),
        (["--input_file=/no.txt"], "/no.txt: the extension is '.txt', expected .tsv, .csv, .jsonl"),
    ],
)
def test_what_cannot_be_asked_is_one_line(models, capsys, more, message):
    for model in models:
        assert call(predict, model, *more) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"error: {message}")
        assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--word_overlap"], "--word_overlap is no option of the task classification; --help lists each task's"),
        (["--max_answer_length=3"], "--max_answer_length is no option of the task classification"),
        ([], "a.tsv:3: unknown label 'odd', expected one of 'bad', 'fair', 'good'"),
        (["--label_column=mood"], "a.tsv:1: no column 'mood'; columns are 'sentence', 'label'"),
    ],
)
def test_what_cannot_be_scored_is_one_line(models, tmp_path, capsys, more, message):
    table = write_table(tmp_path / "a.tsv", [("cat", "good"), ("mat", "odd")])
    assert call(evaluate, models[1], f"--eval_file={table}", *more) == 1
    error = capsys.readouterr().err.replace(f"{tmp_path}/", "")
    assert error.startswith(f"error: {message}")
    assert error.count("\n") == 1


def test_the_baseline_of_another_task_is_one_line(tmp_path, capsys):
    arguments = (f"--eval_file={write_table(tmp_path / 'a.tsv', ROWS[:4])}", "--most_frequent_label")
    assert call(evaluate, *arguments) == 1
    assert capsys.readouterr().err == (
        "error: --most_frequent_label is no option of the task question_answering; --help lists each task's\n"
    )
    assert call(evaluate, *arguments, "--task=classification") == 0
    assert "most frequent label" in capsys.readouterr().out


def test_predictions_of_others_are_not_scored(tmp_path, capsys):
    predictions = tmp_path / "p.json"
    predictions.write_text("{}")
    arguments = (f"--eval_file={write_table(tmp_path / 'a.tsv', ROWS[:4])}", f"--predictions_file={predictions}")
    assert call(evaluate, *arguments, "--task=classification") == 1
    assert capsys.readouterr().err == f"error: --predictions_file={predictions}: not for the task classification\n"
