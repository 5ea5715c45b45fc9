"""Finding tasks: by a registered name, by module and class, by what their models take."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bert_qa_tf import create_tfrecords, tasks
from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.classification.task import Classification
from bert_qa_tf.tasks.question_answering.task import QuestionAnswering
from tests.tiny_training import call

EXPECTED = "expected one of question_answering, classification, or package.module:Class for a task outside the package"


def test_registered_tasks_are_found_by_their_names():
    assert tasks.names() == ("question_answering", "classification")
    assert tasks.all_tasks() == [QuestionAnswering, Classification]
    for name in tasks.names():
        assert tasks.find(name).name == name
    assert tasks.find(tasks.DEFAULT_TASK) is QuestionAnswering


def test_a_task_elsewhere_is_found_by_module_and_class():
    name = "tests.tasks.toy_task:ToyTask"
    assert tasks.find(name).name == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("sentiment", ""),
        ("", ""),
        ("json", ""),
        (":Task", ""),
        ("no.such.module:Task", "No module named 'no'; "),
        ("json:Task", "module 'json' has no attribute 'Task'; "),
        ("json:JSONDecoder", "not a subclass of bert_qa_tf.tasks.base.Task; "),
        ("json:loads", "not a subclass of bert_qa_tf.tasks.base.Task; "),
    ],
)
def test_an_unknown_task_is_one_line(name, reason, capsys):
    with pytest.raises(InputError) as raised:
        tasks.find(name)
    assert str(raised.value) == f"task {name!r}: {reason}{EXPECTED}"
    assert call(create_tfrecords, f"--task={name}", "--input_file=a") == 1
    assert capsys.readouterr().err == f"error: task {name!r}: {reason}{EXPECTED}\n"


@pytest.mark.parametrize("name", ["..a:B", ".a:B", "a..b:C", "a.b:C.d", f"{'a.' * 5000}b:C", "a b:C", "1a:B"])
def test_what_is_no_name_of_a_class_is_not_imported(name):
    with pytest.raises(InputError, match=r"^task '.{2,200}': expected one of"):
        tasks.find(name)


@pytest.mark.parametrize(
    ("inputs", "task"),
    [
        (["question", "context"], QuestionAnswering),
        (["context", "question"], QuestionAnswering),
        (["text"], Classification),
        (["question"], None),
        (["text", "context"], None),
        ([], None),
    ],
)
def test_the_task_of_a_model_is_known_by_its_inputs(inputs, task):
    assert tasks.of_served_inputs(inputs) is task


def test_finding_every_task_imports_no_tensorflow():
    code = "import sys; from bert_qa_tf import tasks; tasks.all_tasks(); print('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
