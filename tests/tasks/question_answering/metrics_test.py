import collections
import json
import random
import re
import string
import subprocess
import sys

import numpy as np
import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.question_answering import metrics, validation
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample
from bert_qa_tf.tasks.question_answering.reading import squad_reader
from tests import testing


def _example(qas_id, *golds):
    return SquadExample(qas_id, "what", "some context", tuple(Answer(gold, 0) for gold in golds))


# --- The official rules, stated again without any of our code -------------------------------------------------------


def _normal(text):
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def _official_f1(prediction, gold, version_2):
    p, g = _normal(prediction).split(), _normal(gold).split()
    if version_2 and (not p or not g):
        return int(p == g)
    same = sum((collections.Counter(p) & collections.Counter(g)).values())
    if same == 0:
        return 0
    precision, recall = 1.0 * same / len(p), 1.0 * same / len(g)
    return (2 * precision * recall) / (precision + recall)


def _official_v1(examples, predictions):
    exact = f1 = 0
    for e in examples:
        exact += max(_normal(predictions[e.qas_id]) == _normal(a.text) for a in e.answers)
        f1 += max(_official_f1(predictions[e.qas_id], a.text, False) for a in e.answers)
    return 100.0 * exact / len(examples), 100.0 * f1 / len(examples)


def _official_v2(examples, predictions):
    exact, f1 = {}, {}
    for e in examples:
        golds = [a.text for a in e.answers if _normal(a.text)] or [""]
        exact[e.qas_id] = max(int(_normal(g) == _normal(predictions[e.qas_id])) for g in golds)
        f1[e.qas_id] = max(_official_f1(predictions[e.qas_id], g, True) for g in golds)
    return 100.0 * sum(exact.values()) / len(exact), 100.0 * sum(f1.values()) / len(f1)


def _perturbed(examples, seed=0):
    """Answers that are right, nearly right, wrong or missing."""
    rng = random.Random(seed)
    predictions = {}
    for e in examples:
        words = e.context.split()
        start = rng.randrange(max(1, len(words)))
        gold = rng.choice(e.answers).text if e.answers else ""
        predictions[e.qas_id] = rng.choice(
            [gold, f"the {gold.upper()}!", f"{gold} {words[start]}", " ".join(words[start : start + 5]), "", "The."]
        )
    return predictions


def _squad_2_like(examples, seed=1):
    """Every third question loses its answers, as SQuAD 2.0's impossible ones have none."""
    rng = random.Random(seed)
    return [
        SquadExample(e.qas_id, e.question, e.context, () if rng.random() < 0.33 else e.answers, title=e.title)
        for e in examples
    ]


def _official_form(examples):
    qas = [{"id": e.qas_id, "answers": [{"text": a.text} for a in e.answers]} for e in examples]
    return [{"paragraphs": [{"qas": qas}]}]


@pytest.fixture(params=["spoken_test-v1.1.json", "spoken_test-v1.1_WER44.json"])
def real_examples(request):
    return squad_reader.read_squad(testing.shared_data("spoken_squad", request.param))


def test_v1_scores_equal_the_official_rules_to_the_last_digit(real_examples):
    predictions = _perturbed(real_examples)
    scores = metrics.score(real_examples, predictions)
    assert (scores.exact_match, scores.f1) == _official_v1(real_examples, predictions)
    assert 20 < scores.f1 < 80


def test_v2_scores_equal_the_official_rules_to_the_last_digit(real_examples):
    examples = _squad_2_like(real_examples)
    predictions = _perturbed(examples)
    scores = metrics.score(examples, predictions, version_2=True)
    assert (scores.exact_match, scores.f1) == _official_v2(examples, predictions)
    with_answer = [e for e in examples if e.answers]
    assert (scores.has_answer.exact_match, scores.has_answer.f1) == _official_v2(with_answer, predictions)
    assert scores.has_answer.total + scores.no_answer.total == scores.total


def test_v1_scores_equal_the_script_in_tf_models_official(real_examples):
    official = pytest.importorskip("official.nlp.tools.squad_evaluate_v1_1")
    predictions = _perturbed(real_examples)
    theirs = official.evaluate(_official_form(real_examples), predictions)
    ours = metrics.score(real_examples, predictions)
    # Model Garden leaves out the script's factor of 100.0.
    assert ours.exact_match == pytest.approx(100.0 * theirs["exact_match"], rel=1e-15)
    assert ours.f1 == pytest.approx(100.0 * theirs["final_f1"], rel=1e-15)


def test_v2_scores_and_best_thresholds_equal_the_script_in_tf_models_official(real_examples):
    official = pytest.importorskip("official.nlp.tools.squad_evaluate_v2_0")
    examples = _squad_2_like(real_examples)
    predictions = _perturbed(examples)
    rng = random.Random(2)
    odds = {e.qas_id: round(rng.gauss(-1.0 if e.answers else 1.0, 1.0), 2) for e in examples}
    theirs = official.evaluate(_official_form(examples), predictions, odds)
    ours = metrics.score(examples, predictions, version_2=True, null_odds=odds, null_threshold=1.0)
    assert ours.to_dict() == {
        "exact_match": theirs["exact"],
        "f1": theirs["f1"],
        "precision": ours.precision,
        "recall": ours.recall,
        "total": theirs["total"],
        "has_answer": ours.has_answer.to_dict()
        | {"exact_match": theirs["HasAns_exact"], "f1": theirs["HasAns_f1"], "total": theirs["HasAns_total"]},
        "no_answer": ours.no_answer.to_dict()
        | {"exact_match": theirs["NoAns_exact"], "f1": theirs["NoAns_f1"], "total": theirs["NoAns_total"]},
        "best_exact_match": theirs["final_exact"],
        "best_exact_match_threshold": theirs["final_exact_thresh"],
        "best_f1": theirs["final_f1"],
        "best_f1_threshold": theirs["final_f1_thresh"],
    }


# --- Small cases ----------------------------------------------------------------------------------------------------


def test_shared_words_give_precision_and_recall():
    scores = metrics.score_answer("the red big hat", "Red hat, a blue scarf")
    # red and hat are shared; 3 words predicted, 4 expected
    assert scores == (0.0, pytest.approx(4 / 7), pytest.approx(2 / 3), pytest.approx(1 / 2))


def test_precision_and_recall_are_those_of_the_gold_answer_with_the_best_f1():
    scores = metrics.score([_example("q", "red", "red hat scarf")], {"q": "red hat"})
    assert (scores.f1, scores.precision, scores.recall) == pytest.approx((80.0, 100.0, 200 / 3))


def test_an_empty_answer_scores_by_each_version_s_own_rule():
    assert metrics.score_answer("", "The") == (1.0, 0.0, 0.0, 0.0)
    assert metrics.score_answer("", "The", version_2=True) == (1.0, 1.0, 1.0, 1.0)
    assert metrics.score_answer("", "cat", version_2=True) == (0.0, 0.0, 0.0, 0.0)


def test_a_null_threshold_turns_answers_into_none():
    examples = [_example("q1", "cat"), _example("q2")]
    scores = metrics.score(
        examples, {"q1": "cat", "q2": "dog"}, version_2=True, null_odds={"q1": -3.0, "q2": 3.0}, null_threshold=0.0
    )
    assert scores.exact_match == 100.0
    assert (scores.best_f1, scores.best_f1_threshold) == (100.0, -3.0)


def test_scores_split_by_what_survived_recognition():
    examples = [
        SquadExample("q1", "w", "the cat", (Answer("cat", 4),)),
        SquadExample("q2", "w", "the cat", (Answer("dog", 0),)),
    ]
    scores = metrics.score(examples, {"q1": "cat", "q2": "cat"})
    survived, lost = metrics.split_scores(scores, validation.answer_survived(examples))
    assert (survived.exact_match, survived.total) == (100.0, 1)
    assert (lost.exact_match, lost.total) == (0.0, 1)
    assert metrics.split_scores(scores, np.array([True, True]))[1] is None


def test_figures_are_json_ready():
    scores = metrics.score([_example("q", "cat")], {"q": "cat"})
    assert json.loads(json.dumps(scores.to_dict())) == {
        "exact_match": 100.0,
        "f1": 100.0,
        "precision": 100.0,
        "recall": 100.0,
        "total": 1,
    }


# --- Bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("examples", "predictions", "expected"),
    [
        (
            ["q1", "q2", "q3"],
            {"q2": "x"},
            "p.json: 2 of 3 questions have no entry in the predictions, first 'q1', 'q3'",
        ),
        (["q1"], {"q1": "x", "q9": "y"}, "p.json: 1 of 2 predictions are for unknown questions, first 'q9'"),
        (["q1", "q1"], {"q1": "x"}, "p.json: 1 questions to score with predictions have a repeated id, first 'q1'"),
        (["q1"], {"q1": None}, "p.json: the answer to 'q1' is None, expected a string"),
        ([], {}, "p.json: no question to score"),
    ],
)
def test_every_question_is_scored_or_the_run_fails(examples, predictions, expected):
    with pytest.raises(InputError) as caught:
        metrics.score([_example(qas_id, "x") for qas_id in examples], predictions, source="p.json")
    assert str(caught.value) == expected


def test_a_question_without_gold_needs_squad_2_rules():
    with pytest.raises(InputError, match="question 'q1' has no gold answer"):
        metrics.score([_example("q1")], {"q1": ""})
    assert metrics.score([_example("q1")], {"q1": ""}, version_2=True).f1 == 100.0


def test_missing_null_odds_are_named():
    with pytest.raises(InputError, match="1 of 1 questions have no entry in the null odds"):
        metrics.score([_example("q1")], {"q1": ""}, version_2=True, null_odds={})


def test_predictions_are_read_from_json(tmp_path):
    (tmp_path / "p.json").write_text('{"q1": "cat"}')
    assert metrics.read_predictions(tmp_path / "p.json") == {"q1": "cat"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [("{", "not JSON"), ("[]", "expected an object of question id"), ('{"q1": 3}', "the answer to 'q1' is 3")],
)
def test_predictions_of_another_shape_are_one_clear_line(tmp_path, content, expected):
    (tmp_path / "p.json").write_text(content)
    with pytest.raises(InputError, match=expected) as caught:
        metrics.read_predictions(tmp_path / "p.json")
    assert "\n" not in str(caught.value)


def test_scoring_imports_no_tensorflow():
    code = (
        "import sys; from bert_qa_tf.evaluation import bootstrap; "
        "from bert_qa_tf.tasks.question_answering import metrics; "
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=testing.REPOSITORY
    )
    assert done.stdout.strip() == "False"
