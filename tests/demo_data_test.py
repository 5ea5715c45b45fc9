"""The sample: what its files hold, and that splits share no pattern, name, place, thing, time or number."""

from __future__ import annotations

import functools
import itertools
import json
import re
import runpy

import pytest

from bert_qa_tf.tasks.question_answering.reading.squad_reader import read_squad
from bert_qa_tf.tasks.question_answering.word_overlap import best_word_overlap
from bert_qa_tf.text.verbalization import verbalize
from tests.testing import REPOSITORY

FOLDER = REPOSITORY / "bert_qa_tf" / "demo_data"
COUNTS = {"train": 200, "dev": 50, "test": 50}
KINDS = ("who", "what", "when", "number")
MAKER = runpy.run_path(str(REPOSITORY / "experiments" / "sample" / "sample_messages.py"))
PAIRS = list(itertools.combinations(COUNTS, 2))


def articles(split: str) -> list[dict]:
    return json.loads((FOLDER / f"{split}.json").read_text(encoding="utf-8"))["data"]


@functools.cache
def written(split: str) -> tuple[list[dict], dict[str, set[str]]]:
    """The messages before they are spoken, and what fills the slots of each kind."""
    composer = MAKER["Composer"](split)
    return [composer.article(number) for number in range(1, COUNTS[split] + 1)], composer.used


def patterns(split: str) -> list:
    return [pattern for part in MAKER["read_patterns"](split).values() for pattern in part]


def sentences(split: str) -> set[str]:
    """Each sentence of the patterns, whatever its slots are called."""
    texts = [re.sub(r"\{\w+:?(\w*)\}", r"{\1}", pattern.text) for pattern in patterns(split)]
    return {sentence for text in texts for sentence in re.split(r"(?<=[.!?]) ", text)}


def wordings(split: str) -> set[str]:
    """Each wording of a question, whatever its slots are called."""
    return {
        re.sub(r"\{\w+\}", "{}", wording)
        for pattern in patterns(split)
        for _, _, its_wordings in pattern.questions
        for wording in its_wordings
    }


# === What is in the files ============================================================================================


@pytest.mark.parametrize("split", COUNTS)
def test_each_article_is_one_message_with_a_question_of_each_kind(split):
    ids = [[qa["id"] for qa in article["paragraphs"][0]["qas"]] for article in articles(split)]

    assert len(ids) == COUNTS[split]
    assert all(len(article["paragraphs"]) == 1 for article in articles(split))
    asked = list(itertools.chain.from_iterable(ids))
    assert len(set(asked)) == len(asked)
    expected = [f"{split}-{number:03}-{kind}" for number in range(1, COUNTS[split] + 1) for kind in KINDS]
    # What recognition lost is left out.
    assert asked == [qas_id for qas_id in expected if qas_id in set(asked)]
    assert len(asked) > 0.6 * len(expected)


@pytest.mark.parametrize("split", COUNTS)
def test_the_files_are_what_the_patterns_give(split):
    by_title = {article["title"]: article["paragraphs"][0] for article in written(split)[0]}
    for article in articles(split):
        (paragraph,) = article["paragraphs"]
        source = by_title[article["title"]]
        said = " ".join(sentence["reference"] for sentence in paragraph["sentences"])
        assert said == " ".join(word.text for word in verbalize(source["context"]))
        questions = {qa["id"]: (qa["question"], qa["answers"][0]["text"]) for qa in source["qas"]}
        for qa in paragraph["qas"]:
            assert questions[qa["id"]] == (qa["question"], qa["answers"][0]["reference_text"])


@pytest.mark.parametrize("split", COUNTS)
def test_words_have_times_and_answers_that_were_found_have_places_and_times(split):
    for article in articles(split):
        (paragraph,) = article["paragraphs"]
        assert len(paragraph["word_times"]) == len(paragraph["context"].split())
        assert paragraph["noise_volume"] > 0
        for qa in paragraph["qas"]:
            (answer,) = qa["answers"]
            assert answer["confidence"] >= (0.5 if split == "train" else 1.0)
            start, text = answer["answer_start"], answer["text"]
            assert paragraph["context"][start : start + len(text)] == text
            assert 0 <= answer["start_secs"] < answer["end_secs"] <= paragraph["duration_secs"]


def test_the_sample_is_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 2_500_000
    assert sum(path.stat().st_size for path in FOLDER.glob("*.ogg")) < 300_000


# === What the splits do not share ====================================================================================


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_no_sentence_and_no_question_is_worded_alike_in_two_splits(one, other):
    assert not sentences(one) & sentences(other)
    assert not wordings(one) & wordings(other)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_no_name_place_thing_time_or_number_is_in_two_splits(one, other):
    kinds = {"name", "place", "thing", "time", "phone", "code", "count", "price"}
    used, others = written(one)[1], written(other)[1]

    assert kinds == set(used) | set(others)
    assert not [kind for kind in kinds if used[kind] & others[kind]]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_no_name_or_place_of_another_split_is_said(one, other):
    said = " ".join(article["paragraphs"][0]["context"] for article in written(one)[0])
    others = written(other)[1]

    assert not [filler for filler in others["name"] | others["place"] if re.search(rf"\b{filler}\b", said)]


def test_there_are_many_patterns():
    counts = {split: {part: len(found) for part, found in MAKER["read_patterns"](split).items()} for split in COUNTS}

    assert counts["train"]["body"] >= 25
    assert min(counts["dev"]["body"], counts["test"]["body"]) >= 10
    assert min(count for parts in counts.values() for count in parts.values()) >= 4


# === What it takes to answer =========================================================================================


@pytest.mark.parametrize("split", ["dev", "test"])
def test_counting_shared_words_does_not_answer_the_questions(split):
    assert best_word_overlap(read_squad(FOLDER / f"{split}.json")).f1 < 40
