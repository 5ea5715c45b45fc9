"""The split that spoken data is made from: whole articles apart, whole paragraphs in turn."""

import json
import runpy
import sys

from tests.testing import REPOSITORY

SCRIPT = str(REPOSITORY / "experiments" / "spoken_data" / "spoken_split.py")


def article(title, *num_questions):
    paragraphs = [
        {"context": f"{title}{n}", "qas": [{"id": f"{title}{n}{q}"} for q in range(count)]}
        for n, count in enumerate(num_questions)
    ]
    return {"title": title, "paragraphs": paragraphs}


def test_paragraphs_are_taken_in_turn_while_their_questions_fit():
    take = runpy.run_path(SCRIPT)["take_in_turn"]
    part = take([article("a", 2, 0, 3), article("b", 2), article("c", 9)], 8)
    contexts = [[paragraph["context"] for paragraph in each["paragraphs"]] for each in part]
    assert contexts == [["a0", "a2"], ["b0"]]


def test_the_last_articles_by_title_are_set_aside(tmp_path, monkeypatch):
    source = tmp_path / "squad.json"
    source.write_text(json.dumps({"data": [article(title, 3, 3) for title in "dbca"]}), encoding="utf-8")
    arguments = ["--dev_articles=2", "--dev=100", "--train=4", f"--output_dir={tmp_path / 'out'}", str(source)]
    monkeypatch.setattr(sys, "argv", [SCRIPT, *arguments])
    runpy.run_path(SCRIPT, run_name="__main__")

    dev, train = (
        json.loads((tmp_path / "out" / f"{name}.json").read_text(encoding="utf-8"))["data"]
        for name in ("clean_dev", "clean_train")
    )
    assert [each["title"] for each in dev] == ["c", "d"]
    assert [each["title"] for each in train] == ["a"]


def test_of_the_quarter_each_fourth_paragraph_is_counted_through_all_articles():
    part = runpy.run_path(SCRIPT)["every_fourth"]([article("a", 1, 1, 1), article("b", 1), article("c", 1, 1)])
    assert [[paragraph["context"] for paragraph in each["paragraphs"]] for each in part] == [["a0"], ["c0"]]
