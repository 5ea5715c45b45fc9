"""What `make ablation` trains on and how it sums up; speaking and training themselves are tested elsewhere."""

import collections
import json

from bert_qa_tf.asr_simulation.simulated_text import TextSimulator
from bert_qa_tf.asr_simulation.simulator import AsrSimulator
from bert_qa_tf.config import AsrSimulationConfig
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample
from experiments.asr_error_ablation.hear_again import hear
from experiments.asr_error_ablation.summarize_ablation import cells, mean_scores
from tests.asr_simulation.tiny_recognizer import ALWAYS, NEVER, level, table, tiny_vocabulary

CONTEXT = "The cat sat on Saturn."
ASKED = [("who", "cat"), ("where", "Saturn"), ("what", ".")]


def _heard(tmp_path, **changes):
    qas = [
        {"id": qas_id, "question": qas_id, "answers": [{"text": text, "answer_start": CONTEXT.index(text)}]}
        for qas_id, text in ASKED
    ]
    path = tmp_path / "clean.json"
    path.write_text(json.dumps({"data": [{"title": "t", "paragraphs": [{"context": CONTEXT, "qas": qas}]}]}))
    simulator = AsrSimulator(tiny_vocabulary(), table(level(**changes)))
    counts = collections.Counter()
    articles = hear(str(path), TextSimulator(AsrSimulationConfig((0.3,), copies=1), 0, simulator), counts)
    return articles, counts


def test_each_question_is_asked_again_about_what_is_heard(tmp_path):
    [article], counts = _heard(tmp_path, error_weights=NEVER)
    [paragraph] = article["paragraphs"]
    assert article["title"] == "t"
    assert paragraph["context"] == "the cat sat on saturn."
    assert [(qa["id"], qa["answers"]) for qa in paragraph["qas"]] == [
        ("who-simulated", [{"text": "cat", "answer_start": 4}]),
        ("where-simulated", [{"text": "saturn", "answer_start": 15}]),
    ]
    assert counts["simulated_questions_dropped"] == counts["paragraphs"] == 1


def test_a_paragraph_of_which_nothing_is_heard_is_left_out(tmp_path):
    assert _heard(tmp_path, error_weights=ALWAYS, dropped=1.0)[0] == []


def _scores(tmp_path, name, *runs):
    examples = [SquadExample(str(n), "q", "one two", (Answer("one two", 0),)) for n in range(len(runs[0]))]
    paths = []
    for seed, answers in enumerate(runs):
        paths.append(tmp_path / f"{name}.{seed}.json")
        paths[-1].write_text(json.dumps({str(n): answer for n, answer in enumerate(answers)}))
    return mean_scores(examples, paths)


def test_scores_are_means_over_seeds(tmp_path):
    scores = _scores(tmp_path, "clean", ["one two", "one", "", "one"], ["one two", "", "", "two"])
    assert scores.f1.tolist() == [1.0, (2 / 3) / 2, 0.0, 2 / 3]


def test_what_is_shown_is_f1_and_the_difference_to_the_first(tmp_path):
    clean = _scores(tmp_path, "clean", ["", "", "", ""], ["", "", "", ""])
    better = _scores(tmp_path, "noisy", ["one two"] * 4, [""] * 4)
    assert cells({"clean": clean, "noisy": better}) == {
        "clean": "0.0 (0.0–0.0)",
        "noisy": "50.0 (50.0–50.0)<br>+50.0 (+50.0 to +50.0)",
    }
