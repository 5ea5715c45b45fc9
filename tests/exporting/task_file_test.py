"""Which task an exported model is for."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.exporting import task_file
from bert_qa_tf.storage import saved_model_trust
from bert_qa_tf.tasks.classification.task import Classification
from bert_qa_tf.tasks.question_answering.task import QuestionAnswering
from tests.tasks.toy_task import ToyTask


def write_task_file(folder: pathlib.Path, content: str) -> None:
    (folder / task_file.TASK_FILE).parent.mkdir(parents=True)
    (folder / task_file.TASK_FILE).write_text(content, encoding="utf-8")


@pytest.mark.parametrize("task", [QuestionAnswering, Classification, ToyTask])
def test_the_file_beside_a_model_says_it(tmp_path, task):
    write_task_file(tmp_path, task_file.content(task))
    assert task_file.task_of_export(str(tmp_path)) is task


def test_of_a_model_without_the_file_the_inputs_say_it(tiny_export):
    assert not pathlib.Path(tiny_export.qa_dir, task_file.TASK_FILE).exists()
    assert task_file.task_of_export(tiny_export.qa_dir) is QuestionAnswering


def test_a_model_of_token_ids_is_of_no_task(tiny_export):
    with pytest.raises(InputError, match=r"qa_ids/1: no signature `serving_default` \(found: serve_ids\); expected"):
        task_file.task_of_export(tiny_export.ids_dir)


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no saved_model\.pb here"):
        task_file.task_of_export(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"task": "sentiment"}', "task 'sentiment': expected one of question_answering, classification"),
        ('{"title": "a"}', r"assets\.extra/task\.json: `task` is None, expected the name of one$"),
        ('{"task": 3}', r"assets\.extra/task\.json: `task` is 3, expected the name of one$"),
        ('["classification"]', r"assets\.extra/task\.json: holds list, expected a JSON object$"),
        ("{", r"assets\.extra/task\.json: not JSON"),
    ],
)
def test_a_file_that_names_no_task_is_one_line(tmp_path, content, message):
    write_task_file(tmp_path, content)
    with pytest.raises(InputError, match=message) as raised:
        task_file.task_of_export(str(tmp_path))
    assert "\n" not in str(raised.value)


def test_inputs_that_no_task_has_are_listed():
    assert task_file.task_of_inputs("a server", ["text"]) is Classification
    with pytest.raises(InputError, match=r"^a server: takes image, text, which no task here does$"):
        task_file.task_of_inputs("a server", ["text", "image"])


def test_where_the_file_is_there_no_tensorflow_is_imported(tmp_path):
    write_task_file(tmp_path, task_file.content(Classification))
    code = (
        "import sys; from bert_qa_tf.exporting import task_file\n"
        "print(task_file.task_of_export(sys.argv[1]).name, 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.stdout == "classification False\n"


def test_python_code_that_a_model_from_elsewhere_names_is_not_imported(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / "bert_qa_tf" / "exports" / "digest" / "qa" / "1"  # where archives are unpacked
    write_task_file(folder, '{"task": "tests.tasks.toy_task:ToyTask"}')
    (folder / "saved_model.pb").write_bytes(b"")
    with pytest.raises(
        InputError, match=r"task\.json: names Python code to import as its task, 'tests\.tasks\.toy_task:"
    ):
        task_file.task_of_export(str(folder))
    assert task_file.task_of_export(str(folder), trust=True) is ToyTask
    saved_model_trust.trust(str(folder))
    assert task_file.task_of_export(str(folder)) is ToyTask
