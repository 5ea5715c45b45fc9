"""A task outside the package goes the whole way through the commands."""

from __future__ import annotations

import json

import pytest

from bert_qa_tf import create_tfrecords, evaluate, export, predict, train
from bert_qa_tf.exporting.exported_model import ExportedModel
from bert_qa_tf.training.run_directory import load_run
from tests.tasks.toy_task import Review, ToyTask
from tests.testing import tiny_hub_module
from tests.tiny_training import call, metrics

pytestmark = pytest.mark.slow

NAME = "tests.tasks.toy_task:ToyTask"
REVIEWS = [{"text": f"the {'cat ' * (i % 5)}sat on mat {i}", "stars": 1 + i % 5} for i in range(40)]


def write_lines(path, rows):
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """A conversion, a run of some steps and an export."""
    folder = tmp_path_factory.mktemp("toy")
    tiny_hub_module(folder)
    write_lines(folder / "reviews.jsonl", REVIEWS)
    encoder = f"--encoder_handle={folder / 'tiny_hub_module'}"
    arguments = (f"--input_file={folder / 'reviews.jsonl'}", f"--output_dir={folder / 'records'}", "--dev_fraction=0.3")
    assert call(create_tfrecords, f"--task={NAME}", encoder, *arguments, "--max_seq_length=24", "--num_shards=1") == 0
    arguments = (f"--train_dir={folder / 'records'}", f"--model_dir={folder / 'run'}", "--max_train_steps=6")
    assert call(train, encoder, *arguments, "--global_batch_size=8", "--learning_rate=1e-2", "--log_steps=2") == 0
    assert call(export, f"--model_dir={folder / 'run'}", f"--export_dir={folder / 'exports'}") == 0
    return folder


def test_the_task_is_named_by_its_module_and_class(workshop):
    manifest = json.loads((workshop / "records" / "manifest.json").read_text())
    assert (ToyTask.name, ToyTask.title) == (NAME, "ToyTask")
    assert manifest["task"] == NAME
    assert manifest["settings"] == {"max_seq_length": 24}
    assert manifest["counts"]["examples"] == 40


def test_it_trains_and_is_scored_on_the_development_split(workshop):
    scores = [line for line in metrics(workshop / "run") if "closeness" in line]
    assert scores
    assert all(line["closeness"] < 0 < line["loss"] for line in scores)


def test_it_is_scored_on_a_file(workshop, tmp_path, capsys):
    write_lines(tmp_path / "test.jsonl", REVIEWS[:7])
    arguments = (f"--model_dir={workshop / 'run'}", f"--saved_model={workshop / 'exports' / 'text' / '1'}")
    output = tmp_path / "out"
    assert call(evaluate, *arguments, f"--eval_file={tmp_path / 'test.jsonl'}", f"--output_dir={output}") == 0
    found = [json.loads(path.read_text()) for path in sorted(output.glob("*/test/metrics.json"))]
    assert [figures["total"] for figures in found] == [7, 7]
    assert found[0]["closeness"] == pytest.approx(found[1]["closeness"], abs=1e-3)
    table = capsys.readouterr().out.splitlines()[-2:]
    assert table[0].startswith("test.jsonl (7 examples)")
    assert table[1].startswith("closeness")


def test_the_export_answers_as_the_run_does(workshop):
    path = str(workshop / "exports" / "text" / "1")
    examples = [Review(str(i), row["text"]) for i, row in enumerate(REVIEWS)]
    model = ExportedModel(path)
    assert model.task is ToyTask
    run = load_run(str(workshop / "run"))
    for found, expected in zip(model.answer(examples), run.answerer().answer(examples), strict=True):
        assert found["stars"] == pytest.approx(expected["stars"], abs=1e-3)


def test_it_is_asked_from_the_shell(workshop, tmp_path, capsys):
    model = f"--saved_model={workshop / 'exports' / 'text' / '1'}"
    assert call(predict, model, "--text=the cat sat") == 0
    assert capsys.readouterr().out.startswith("stars: ")
    write_lines(tmp_path / "asked.jsonl", [{"text": "the cat"}, {"text": "the mat", "stars": 3}])  # labels or not
    assert call(predict, model, f"--input_file={tmp_path / 'asked.jsonl'}") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["id"] for line in lines] == ["asked.jsonl:1", "asked.jsonl:2"]
    assert all(isinstance(line["stars"], float) for line in lines)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "the cat", "stars": "four"}', "reviews.jsonl:2: 'stars' must be int, got \"four\""),
        ('{"text": "the cat"}', "reviews.jsonl:2: no key 'stars'; keys are 'text'"),
        ('{"text": "the cat", "stars": null}', "reviews.jsonl:2: 'stars' must be int, got null"),
        ('{"text": " ", "stars": 1}', "reviews.jsonl:2: the text is empty, expected a sentence"),
        ("[]", "reviews.jsonl:2: expected an object with a text and stars, got list"),
    ],
)
def test_what_is_wrong_in_a_file_is_one_line(workshop, tmp_path, capsys, line, message):
    (tmp_path / "reviews.jsonl").write_text(f'{{"text": "the cat", "stars": 1}}\n{line}\n')
    encoder = f"--encoder_handle={workshop / 'tiny_hub_module'}"
    arguments = (f"--input_file={tmp_path / 'reviews.jsonl'}", f"--output_dir={tmp_path / 'records'}")
    assert call(create_tfrecords, f"--task={NAME}", encoder, *arguments) == 1
    assert capsys.readouterr().err == f"error: {tmp_path}/{message}\n"


def test_options_of_other_tasks_are_refused(tmp_path, capsys):
    arguments = (f"--input_file={tmp_path / 'a.jsonl'}", "--labels=a,b")
    assert call(create_tfrecords, f"--task={NAME}", *arguments) == 1
    assert capsys.readouterr().err == f"error: --labels is no option of the task {NAME}; --help lists each task's\n"
