"""Classification as a task: settings, losses, what is served, answers and scores."""

from __future__ import annotations

import collections
import json

import numpy as np
import pytest
import tensorflow as tf

from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.base import ReplyError
from bert_qa_tf.tasks.classification.config import (
    ClassificationConversionConfig,
    ClassificationReferenceConfig,
    ClassificationSettings,
)
from bert_qa_tf.tasks.classification.examples import Classification as Classified
from bert_qa_tf.tasks.classification.examples import ClassificationExample
from bert_qa_tf.tasks.classification.task import Classification
from bert_qa_tf.tasks.single_text.reference import TextReference

TASK = Classification(ClassificationSettings(16, ("bad", "good"), (6, 2)))
ROW = {"label": "good", "score": 0.75, "labels": ["bad", "good"], "probabilities": [0.25, 0.75]}


def examples(*labels):
    return [ClassificationExample(f"a.tsv:{i}", "text", label) for i, label in enumerate(labels, start=2)]


def answers(*labels):
    return [Classified(label, 0.75, {"bad": 0.25, "good": 0.75}) for label in labels]


# === Settings ========================================================================================================


def test_settings_come_back_from_json():
    task = TASK.with_options({"class_weights": "bad=1,good=3", "pooling": "mean"})
    found = Classification.from_json(json.loads(json.dumps(task.settings_json())))
    assert found.settings == task.settings
    assert found.settings.class_weights == (1.0, 3.0)
    assert found.pooling == "mean"


def test_settings_follow_from_the_training_examples():
    config = ClassificationConversionConfig(max_seq_length=16)
    found = Classification.settings_of(iter(examples("good", "bad", "good", "10", "9")), config)
    assert (found.labels, found.label_counts) == (("10", "9", "bad", "good"), (1, 1, 1, 2))
    numbers = Classification.settings_of(iter(examples("10", "9", "9")), config)
    assert (numbers.labels, numbers.label_counts) == (("9", "10"), (2, 1))


def test_labels_that_are_given_keep_their_order_and_may_have_no_example():
    config = ClassificationConversionConfig(labels=("good", "bad", "fair"))
    found = Classification.settings_of(iter(examples("bad", "good", "bad")), config)
    assert (found.labels, found.label_counts) == (("good", "bad", "fair"), (1, 2, 0))
    with pytest.raises(InputError, match=r"^a\.tsv:3: unknown label 'odd', expected one of 'good', 'bad', 'fair'$"):
        Classification.settings_of(iter(examples("bad", "odd")), config)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("heavy", "class weights: expected none, balanced or label=weight,label=weight…, got 'heavy'"),
        ("bad=1", "class weights: no weight for 'good', expected one for each of 'bad', 'good'"),
        ("bad=1,good=0", "class weights: the weight of 'good' is 0.0, expected a number above 0"),
    ],
)
def test_class_weights_that_make_no_sense_are_one_line(weights, message):
    with pytest.raises(InputError) as raised:
        _ = TASK.with_options({"class_weights": weights}).settings.class_weights
    assert str(raised.value) == message


# === Training ========================================================================================================


def losses(task, labels=(0, 1)):
    logits = tf.constant([[2.0, 0.0], [2.0, 0.0]])
    return task.losses({"logits": logits}, {"label": tf.constant(labels)}).numpy()


def test_class_weights_change_the_loss():
    plain = losses(TASK)
    assert plain == pytest.approx([np.log(1 + np.exp(-2)), np.log(1 + np.exp(2))])
    assert losses(TASK.with_options({"class_weights": "bad=1,good=3"})) == pytest.approx(plain * [1, 3])
    # Six of eight are bad: 8 / (2 · 6) and 8 / (2 · 2).
    assert losses(TASK.with_options({"class_weights": "balanced"})) == pytest.approx(plain * [2 / 3, 2])


def test_an_unknown_label_of_an_example_is_named():
    assert TASK.label_values(examples("good")[0]) == {"label": 1}
    with pytest.raises(InputError, match=r"^a\.tsv:2: unknown label 'odd'"):
        TASK.label_values(examples("odd")[0])


# === Answers =========================================================================================================


def test_what_is_served_follows_from_the_logits():
    served = TASK.served({"logits": tf.constant([[0.0, np.log(3.0)], [np.log(4.0), 0.0]])})
    assert tuple(served) == TASK.served_outputs
    assert served["label"].numpy().tolist() == [b"good", b"bad"]
    assert served["score"].numpy() == pytest.approx([0.75, 0.8])
    assert served["labels"].numpy().tolist() == [[b"bad", b"good"]] * 2
    assert served["probabilities"].numpy().ravel() == pytest.approx([0.25, 0.75, 0.8, 0.2])


def test_outputs_become_answers():
    columns = {name: [value, value] for name, value in ROW.items()}
    [one, other] = Classification.from_columns(columns, examples(None, None))
    assert one == other == Classified("good", 0.75, {"bad": 0.25, "good": 0.75})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"label": None}, "expected `label` with 1 entries: is this model a `classification` export of this project?"),
        ({"score": ["a", "b"]}, "expected `score` with 1 entries"),
        ({"score": ["high"]}, "expected a label, its score, all labels and their probabilities, got {'label': 'good'"),
        (
            {"labels": [["bad"]]},
            "expected a label, its score, all labels and their probabilities, got {'label': 'good'",
        ),
    ],
)
def test_outputs_of_another_kind_are_said_to_be(changed, message):
    columns = {name: [value] for name, value in ROW.items()} | changed
    with pytest.raises(ReplyError) as raised:
        Classification.from_columns(columns, examples(None))
    assert str(raised.value).startswith(message)


def test_answers_are_told_with_the_others_best_first():
    answer = Classified("b", 0.5, {"a": 0.125, "b": 0.5, "c": 0.375})
    assert Classification.describe_answer(answer) == "b\n  score 0.500\n  or: c (0.375)\n  or: a (0.125)"
    assert Classification.answer_fields(Classified("a", 1 / 3, {"a": 1 / 3, "b": 2 / 3})) == {
        "label": "a",
        "score": 0.333333,
        "probabilities": {"a": 0.333333, "b": 0.666667},
    }


@pytest.mark.parametrize(
    ("found", "same", "ties", "wrong"),
    [
        (Classified("good", 0.70, {}), 1, 0, 0),  # the logits are compared elsewhere
        (Classified("bad", 0.7501, {}), 0, 1, 0),
        (Classified("bad", 0.9, {}), 0, 0, 1),
    ],
)
def test_an_export_that_gives_another_label_differs_unless_the_scores_tie(found, same, ties, wrong):
    class Answerer:
        def answer(self, asked):
            return answers("good")

    comparison = TASK.compare(Answerer(), examples(None), [found], tolerance=1e-3)
    assert (comparison.same, len(comparison.ties), len(comparison.wrong)) == (same, ties, wrong)
    assert all(line == "a.tsv:2 ('bad', expected 'good')" for line in [*comparison.ties, *comparison.wrong])


# === Evaluation ======================================================================================================


def test_a_file_is_scored_with_a_confusion_matrix():
    class Answerer:
        def answer(self, asked):
            return answers("good", "good", "bad", "good")

    reference = TextReference("data/a.tsv", examples("good", "good", "bad", "bad"))
    evaluation = Classification.evaluate(reference, Answerer(), "runs/a", lambda found, total: found)
    assert (evaluation.metrics["file"], evaluation.metrics["total"]) == ("a.tsv", 4)
    assert evaluation.metrics["accuracy"] == 75.0
    assert evaluation.metrics["confusion_matrix"]["gold_by_predicted"] == [[1, 1], [0, 2]]
    lines = [json.loads(line) for line in evaluation.files["predictions.jsonl"].splitlines()]
    assert [line["id"] for line in lines] == ["a.tsv:2", "a.tsv:3", "a.tsv:4", "a.tsv:5"]
    assert "bad" in evaluation.files["confusion_matrix.txt"]


def test_the_most_frequent_label_is_a_baseline():
    reference = TextReference("a.tsv", examples("good", "good", "bad"))
    [(flag, baseline)] = Classification.baselines().items()
    assert (flag, baseline.name) == ("most_frequent_label", "most frequent label")
    assert baseline.evaluate(reference).metrics["accuracy"] == pytest.approx(200 / 3)


def test_a_file_with_a_label_that_the_model_does_not_have_is_named():
    with pytest.raises(InputError, match=r"^a\.tsv:3: unknown label 'odd', expected one of 'bad', 'good'$"):
        Classification.scores(examples("good", "odd"), answers("good", "good"))


def test_labels_are_needed_to_score_and_not_to_ask(tmp_path):
    (tmp_path / "a.tsv").write_text("sentence\na film\n")
    path = str(tmp_path / "a.tsv")
    with pytest.raises(InputError, match=r"a\.tsv:1: no column 'label'"):
        Classification.read_reference(path, ClassificationReferenceConfig())
    config = Classification.request_config()
    found = Classification.read_examples(path, "a.tsv", config, collections.Counter(), require_labels=False)
    assert list(found) == [ClassificationExample("a.tsv:2", "a film", None)]


def test_the_card_names_labels_and_weights():
    card = TASK.card_text()
    assert card.summary == "Gives a text one of the labels 'bad', 'good'."
    assert "class weights: none" in card.model
