"""`docs/data.md`: its file is a whole one, and its scripts do what it says."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from bert_qa_tf.tasks.question_answering.reading.squad_reader import load_squad
from bert_qa_tf.tasks.question_answering.validation import audit_file
from tests.docs import pages
from tests.docs.pages import REPOSITORY

PAGE = REPOSITORY / "docs" / "data.md"
(EXAMPLE,) = pages.code_blocks(PAGE, "json")
_, FILL_IN_OFFSETS, FROM_LABEL_STUDIO = pages.code_blocks(PAGE, "python")


def run(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def label_studio_task(number, question, result, text="hi this is nora", **annotation):
    # As Label Studio's template for question answering exports it, less what the script does not read.
    return {
        "id": number,
        "data": {"text": text, "question": question, "title": "Calls of Monday"},
        "annotations": [{"id": 10 + number, "was_cancelled": False, "result": result, **annotation}],
    }


def region(start, end, text):
    value = {"start": start, "end": end, "text": text, "labels": ["Answer"]}
    return {"value": value, "id": "x", "from_name": "answer", "to_name": "text", "type": "labels", "origin": "manual"}


def write(path, value):
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_the_file_to_copy_has_nothing_wrong_with_it(tmp_path):
    path = tmp_path / "calls.json"
    path.write_text(EXAMPLE, encoding="utf-8")
    report = audit_file(load_squad(path, strict=False))
    assert report.aligned == (2, 2)
    assert report.counts["misaligned_answers"] == 0
    assert report.first_of_each == {}


def test_offsets_are_filled_in_and_ambiguous_ones_named(tmp_path):
    squad = json.loads(EXAMPLE)
    qas = squad["data"][0]["paragraphs"][0]["qas"]
    qas.append({"id": "monday-3", "question": "what is open", "answers": [{"text": "the", "answer_start": 0}]})
    for qa in qas:
        for answer in qa["answers"]:
            answer["answer_start"] = 0
    path = write(tmp_path / "calls.json", squad)

    done = run(FILL_IN_OFFSETS, path)

    assert done.returncode == 0, done.stderr
    assert done.stdout == "monday-3: 'the' occurs 2 times; the first was taken\n"
    found = [a.start_char for example in load_squad(path).examples for a in example.answers]
    assert found == [11, 82, 76, 21]


def test_an_answer_that_is_not_in_the_text_is_named(tmp_path):
    squad = json.loads(EXAMPLE.replace('"nora"', '"flora"'))
    done = run(FILL_IN_OFFSETS, write(tmp_path / "calls.json", squad))
    assert done.returncode == 1
    assert done.stderr == "monday-1: 'flora' is not in the text\n"


def test_an_export_of_label_studio_becomes_squad_form(tmp_path):
    tasks = [
        label_studio_task(1, "who is calling", [region(11, 15, "nora")]),
        label_studio_task(2, "where from", []),
        label_studio_task(3, "who calls", [region(3, 16, "this is nora")], text="hi this  is nora"),
        label_studio_task(4, "skipped", [region(11, 15, "nora")], was_cancelled=True),
    ]
    done = run(FROM_LABEL_STUDIO, write(tmp_path / "export.json", tasks), tmp_path / "calls.json")

    assert done.returncode == 0, done.stderr
    squad = load_squad(tmp_path / "calls.json")
    assert (squad.num_articles, squad.num_paragraphs) == (1, 2)
    assert [(e.qas_id, e.is_impossible, [a.start_char for a in e.answers]) for e in squad.examples] == [
        ("1", False, [11]),
        ("2", True, []),
        ("3", False, [3]),
    ]
    assert all(a.fits(e.context) for e in squad.examples for a in e.answers)


def test_a_place_that_label_studio_counts_otherwise_is_refused(tmp_path):
    tasks = [label_studio_task(7, "who is calling", [region(11, 15, "nora")], text="👋 this is nora now")]
    done = run(FROM_LABEL_STUDIO, write(tmp_path / "export.json", tasks), tmp_path / "calls.json")
    assert done.returncode == 1
    assert done.stderr.startswith("task 7: marked 'nora', but 'ora ' stands there")


def test_the_public_data_sets_are_those_of_the_command():
    from bert_qa_tf.tasks.public_datasets import DATASETS

    _, text = PAGE.read_text(encoding="utf-8").split("## Public data sets")
    assert re.findall(r"^\| `([\w.]+)` \|", text, re.MULTILINE) == list(DATASETS)


def test_the_forms_are_those_of_the_flag():
    from bert_qa_tf.tasks.question_answering.reading.input_formats import LAYOUTS

    _, text = PAGE.read_text(encoding="utf-8").split("## Spoken data sets")
    table = text[: text.index("```sh")]
    assert {name for name in LAYOUTS if f"`{name}`" in table} == set(LAYOUTS)
