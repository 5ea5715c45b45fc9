"""Scores on the development split: those of all its texts at once, and a loss that is the mean of theirs."""

import numpy as np
import pytest
import tensorflow as tf

from bert_qa_tf.tasks.classification.examples import ClassificationExample
from bert_qa_tf.tasks.single_text import answerer
from bert_qa_tf.tasks.single_text.development import TextDevelopmentScorer
from tests.tiny_model import CLASSIFICATION, random_texts, tiny_classification_model, tiny_tokenizer

LABELS = CLASSIFICATION.settings.labels
EXAMPLES = [ClassificationExample(str(i), text, LABELS[i % 3]) for i, text in enumerate(random_texts(5, 20))]


@pytest.fixture
def read(monkeypatch):
    """Makes the examples those of any conversion; holds the folders that they were read from."""
    folders = []

    def iter_development(directory):
        folders.append(directory)
        return iter(EXAMPLES)

    monkeypatch.setattr(CLASSIFICATION, "iter_development", iter_development, raising=False)
    monkeypatch.setattr(answerer, "_BATCHES_PER_CHUNK", 2)
    return folders


def test_the_scores_are_those_of_the_answers_and_the_loss_is_the_mean(read):
    model, tokenizer = tiny_classification_model(), tiny_tokenizer()
    answers = list(CLASSIFICATION.answerer(model, tokenizer).answer(EXAMPLES))
    of_gold = [answer.probabilities[example.label] for example, answer in zip(EXAMPLES, answers, strict=True)]

    found = TextDevelopmentScorer(CLASSIFICATION, "records", tokenizer, batch_size=3)(model)

    assert found.pop("loss") == pytest.approx(-np.log(of_gold).mean(), rel=1e-3)
    assert found == CLASSIFICATION.scores(EXAMPLES, answers)


def test_the_texts_are_read_again_each_time_and_the_weights_are_those_of_now(read):
    model = tiny_classification_model()
    scorer = TextDevelopmentScorer(CLASSIFICATION, "records", tiny_tokenizer(), batch_size=4)
    first = scorer(model)
    for weight in model.weights:
        weight.assign(tf.zeros_like(weight))
    assert scorer(model)["loss"] == pytest.approx(np.log(3), rel=1e-5)
    assert first["loss"] != pytest.approx(np.log(3), rel=1e-2)
    assert read == ["records", "records"]
