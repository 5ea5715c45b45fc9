"""Results as files, and as tables for the terminal."""

import json

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.evaluation.results import format_numbers, format_rows, with_interval, write_results


def test_results_are_written_beside_the_metrics(tmp_path):
    folder = tmp_path / "runs" / "eval"
    others = {"picture.png": b"\x89PNG", "table.txt": "é\n", "answers.json": {"a": "北京"}}
    write_results(str(folder), {"f1": 50.5, "file": "é.json"}, others)
    assert json.loads((folder / "metrics.json").read_text(encoding="utf-8")) == {"f1": 50.5, "file": "é.json"}
    assert (folder / "picture.png").read_bytes() == b"\x89PNG"
    assert (folder / "table.txt").read_text(encoding="utf-8") == "é\n"
    assert (folder / "answers.json").read_text(encoding="utf-8") == '{\n  "a": "北京"\n}\n'


def test_results_of_before_are_replaced(tmp_path):
    for value in (1.0, 2.0):
        write_results(str(tmp_path), {"f1": value}, {})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"f1": 2.0}
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        write_results(str(tmp_path / "file" / "eval"), {"f1": 1.0}, {})


def test_a_table_has_a_column_for_each_model():
    by_model = {"runs/a": {"total": 3, "f1": 50.0}, "best word overlap of all kinds": {"total": 3, "f1": 5.25}}
    table = format_rows("test.json", by_model, {"F1": lambda metrics: f"{metrics['f1']:.2f}"})
    assert table == (
        "test.json (3 examples)                                      runs/a  best word overlap of all kinds\n"
        "F1                                                           50.00                            5.25"
    )


def test_all_numbers_are_rows_and_counts_are_not():
    by_model = {"a": {"total": 3, "file": "x", "mean_error": 0.125, "ties": 2}, "b": {"total": 3, "mean_error": 1.0}}
    lines = [line.split() for line in format_numbers("x.jsonl", by_model).splitlines()]
    assert lines == [["x.jsonl", "(3", "examples)", "a", "b"], ["mean", "error", "0.12", "1.00"]]


def test_a_score_comes_with_its_interval():
    metrics = {"f1": 91.284, "confidence_intervals_95": {"f1": {"low": 89.33, "high": 93.06}}}
    assert with_interval(metrics, "f1") == "91.28 (89.3–93.1)"
    assert with_interval(metrics, "f1", decimals=3) == "91.284 (89.33–93.06)"
