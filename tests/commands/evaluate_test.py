"""`evaluate` on predictions that somebody else made: no TensorFlow, every question scored, one line on bad input."""

import json
import pathlib
import shutil
import subprocess
import sys

import pytest

from bert_qa_tf import cli, evaluate
from tests.testing import TESTDATA

QAS = [
    {"id": "1", "question": "who sat?", "answers": [{"text": "the cat", "answer_start": 0}]},
    {"id": "2", "question": "where?", "answers": [{"text": "on the mat", "answer_start": 12}]},
]


@pytest.fixture
def squad_file(tmp_path) -> pathlib.Path:
    paragraph = {"context": "the cat sat on the mat", "qas": QAS}
    path = tmp_path / "test.json"
    path.write_text(json.dumps({"version": "1.1", "data": [{"title": "a", "paragraphs": [paragraph]}]}))
    return path


def _evaluate(squad_file: pathlib.Path, predictions: object, *more: str) -> int:
    path = squad_file.with_name("predictions.json")
    path.write_text(json.dumps(predictions))
    argv = [f"--predictions_file={path}", f"--eval_file={squad_file}", *more]
    return cli.call(evaluate.main, evaluate.__doc__, evaluate.FLAG_GROUPS, argv)


def test_a_file_of_predictions_is_scored(squad_file, tmp_path, capsys):
    assert _evaluate(squad_file, {"1": "cat", "2": "mat"}, f"--output_dir={tmp_path / 'out'}") == 0
    metrics = json.loads((tmp_path / "out" / "test" / "metrics.json").read_text())
    # "a", "an" and "the" do not count: "cat" is the whole first answer, "mat" is half of "on mat".
    assert (metrics["exact_match"], metrics["total"]) == (50.0, 2)
    assert metrics["f1"] == pytest.approx(100 * (1 + 2 / 3) / 2)
    assert metrics["ceiling_f1"] == 100.0
    assert metrics["span_accuracy"] is None
    assert "texts" in metrics["span_accuracy_reason"]
    assert "exact match" in capsys.readouterr().out


def test_scoring_a_file_of_predictions_needs_no_tensorflow(squad_file):
    path = squad_file.with_name("predictions.json")
    path.write_text('{"1": "cat", "2": "mat"}')
    program = (
        "import sys; from bert_qa_tf import cli, evaluate; "
        "status = cli.call(evaluate.main, '', evaluate.FLAG_GROUPS, sys.argv[1:]); "
        "sys.exit(status or int('tensorflow' in sys.modules))"
    )
    argv = [f"--predictions_file={path}", f"--eval_file={squad_file}"]
    assert subprocess.run([sys.executable, "-c", program, *argv], check=False, capture_output=True).returncode == 0


def test_word_overlap_stands_beside_what_is_scored(squad_file, tmp_path, capsys):
    assert _evaluate(squad_file, {"1": "cat", "2": "mat"}, "--word_overlap", f"--output_dir={tmp_path / 'out'}") == 0
    shown = capsys.readouterr().out
    assert "best word overlap, test.json: answers of 1 words" in shown
    (header,) = [line for line in shown.splitlines() if line.startswith("test.json (2 questions)")]
    assert header.endswith(" best word overlap")
    metrics = json.loads((tmp_path / "out" / "best_word_overlap" / "test" / "metrics.json").read_text())
    assert metrics["variant"].startswith("answers of 1 words")
    assert metrics["total"] == 2


def test_a_folder_keeps_its_name_with_a_slash_at_its_end(tmp_path, capsys):
    (tmp_path / "shards").mkdir()
    shutil.copy(TESTDATA / "spoken_datasets" / "rows.parquet", tmp_path / "shards" / "test.parquet")
    argv = [f"--eval_file={tmp_path / 'shards'}/", "--word_overlap"]
    assert cli.call(evaluate.main, "", evaluate.FLAG_GROUPS, argv) == 0
    assert "best word overlap, shards: " in capsys.readouterr().out


def test_word_overlap_may_be_all_that_is_scored(squad_file, capsys):
    argv = [f"--eval_file={squad_file}", "--word_overlap"]
    assert cli.call(evaluate.main, "", evaluate.FLAG_GROUPS, argv) == 0
    assert "best word overlap" in capsys.readouterr().out


def test_a_question_without_a_prediction_fails_the_run(squad_file, capsys):
    assert _evaluate(squad_file, {"1": "cat"}) == 1
    message = capsys.readouterr().err
    assert "2" in message
    assert "predictions.json" in message


def test_an_output_folder_that_cannot_be_made_is_known_before_anything_is_computed(squad_file, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert _evaluate(squad_file, {"1": "cat", "2": "mat"}, f"--output_dir={tmp_path / 'file'}") == 1
    assert "cannot make this folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--predictions_file=p.json"], "--eval_file is missing"),
        (["--eval_file=a.json"], "give either models"),
        (["--eval_file=a.json", "--model_dir=m", "--predictions_file=p.json"], "give either models"),
        (["--eval_file=a/x.json", "--eval_file=b/x.json", "--model_dir=m"], "have the same name"),
    ],
)
def test_flags_that_do_not_fit_together_are_one_line(argv, message, capsys):
    assert cli.call(evaluate.main, "", evaluate.FLAG_GROUPS, argv) == 1
    assert message in capsys.readouterr().err


def test_all_files_are_looked_at_before_the_first_is_scored(squad_file, tmp_path, capsys):
    assert _evaluate(squad_file, {"1": "cat", "2": "mat"}, f"--eval_file={tmp_path / 'gone.json'}") == 1
    captured = capsys.readouterr()
    assert "gone.json: cannot read this file" in captured.err
    assert captured.out == ""
