"""The ten messages: offsets that fit, the look of a transcript, enough to ask about."""

from __future__ import annotations

import json
import re

import pytest

from tests.testing import REPOSITORY

MESSAGES = REPOSITORY / "bert_qa_tf" / "demo_data" / "messages.json"
ARTICLES = json.loads(MESSAGES.read_text(encoding="utf-8"))["data"]


def test_there_are_ten_articles_of_one_message_each():
    assert len({article["title"] for article in ARTICLES}) == 10
    assert [len(article["paragraphs"]) for article in ARTICLES] == [1] * 10


def test_question_ids_are_unique():
    ids = [qa["id"] for article in ARTICLES for qa in article["paragraphs"][0]["qas"]]

    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("article", ARTICLES, ids=lambda article: article["title"])
def test_every_offset_fits(article):
    (paragraph,) = article["paragraphs"]
    for qa in paragraph["qas"]:
        for answer in qa["answers"]:
            start = answer["answer_start"]
            assert paragraph["context"][start : start + len(answer["text"])] == answer["text"], qa["id"]


@pytest.mark.parametrize("article", ARTICLES, ids=lambda article: article["title"])
def test_answers_begin_and_end_with_whole_words(article):
    (paragraph,) = article["paragraphs"]
    words = f" {paragraph['context']} "
    for qa in paragraph["qas"]:
        assert f" {qa['answers'][0]['text']} " in words, qa["id"]


@pytest.mark.parametrize("article", ARTICLES, ids=lambda article: article["title"])
def test_a_message_looks_like_a_transcript_and_has_questions(article):
    (paragraph,) = article["paragraphs"]

    assert re.fullmatch(r"[a-z]+( [a-z]+)*", paragraph["context"])
    assert 60 <= len(paragraph["context"].split()) <= 200
    assert 2 <= len(paragraph["qas"]) <= 4
    assert all(qa["question"].endswith("?") and len(qa["answers"]) == 1 for qa in paragraph["qas"])
