r"""Adds paragraphs with simulated recognition errors to spoken data, with the questions about them.

    python experiments/asr_error_ablation/hear_again.py --clean_file=clean_train.json --simulate_wer=0.3,0.45 \
      SPOKEN_FILE OUTPUT_FILE

The output is for training on both. It holds the output of `make_spoken` unchanged, and the same paragraphs with the
errors that `create_tfrecords --simulate_wer` simulates, with each answer where it is heard. The ids of questions of
the second kind end in `-simulated`. Questions whose answer is not heard at all are left out and counted.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import json
from typing import Any

from bert_qa_tf.asr_simulation.simulated_text import TextSimulator
from bert_qa_tf.config import AsrSimulationConfig
from bert_qa_tf.tasks.question_answering.labels import choose_label
from bert_qa_tf.tasks.question_answering.reading.squad_reader import iter_squad
from bert_qa_tf.tasks.question_answering.simulated_questions import simulated_copies


def main() -> None:
    """Joins and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("spoken_file", metavar="SPOKEN_FILE", help="written by make_spoken")
    parser.add_argument("output_file", metavar="OUTPUT_FILE", help="SQuAD-form JSON")
    parser.add_argument("--clean_file", required=True, help="SQuAD-form JSON that SPOKEN_FILE was made of")
    parser.add_argument("--simulate_wer", required=True, help="word error rate, or its range: 0.3,0.45")
    parser.add_argument("--seed", type=int, default=0, help="decides the errors")
    values = parser.parse_args()

    wer = tuple(float(part) for part in values.simulate_wer.split(","))
    counts: collections.Counter[str] = collections.Counter()
    simulated = hear(values.clean_file, TextSimulator(AsrSimulationConfig(wer, copies=1), values.seed), counts)
    with open(values.spoken_file, encoding="utf-8") as file:
        spoken = json.load(file)["data"]
    with open(values.output_file, "w", encoding="utf-8") as file:
        json.dump({"version": "1.1", "data": [*spoken, *simulated]}, file, ensure_ascii=False)
    print(json.dumps(counts))


def hear(clean_file: str, simulator: TextSimulator, counts: collections.Counter[str]) -> list[dict[str, Any]]:
    """The articles of a file as a simulated recogniser hears them.

    Args:
      clean_file: SQuAD-form JSON.
      simulator: decides what is heard; the first copy is taken.
      counts: what `simulated_copies` counts is added to.
    """
    articles: dict[str, list[dict[str, Any]]] = {}
    for _, group in itertools.groupby(iter_squad(clean_file), key=lambda example: example.context):
        examples = list(group)
        questions = simulated_copies([(e, choose_label(e).answer) for e in examples], simulator, counts)
        heard = [(q.example, q.answer) for q in questions if q.answer is not None]
        if not heard:
            continue
        asked = [
            {
                "id": f"{example.qas_id}-simulated",
                "question": example.question,
                "answers": [{"text": answer.text, "answer_start": answer.start_char}],
            }
            for example, answer in heard
        ]
        paragraph = {"context": heard[0][0].context, "qas": asked}
        articles.setdefault(examples[0].title, []).append(paragraph)
        counts["paragraphs"] += 1
    return [{"title": title, "paragraphs": paragraphs} for title, paragraphs in articles.items()]


if __name__ == "__main__":
    main()
