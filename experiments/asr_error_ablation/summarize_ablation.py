"""Prints the table of `make ablation` as Markdown, from the predictions of its runs.

    python experiments/asr_error_ablation/summarize_ablation.py --spoken_dir=runs/spoken runs/ablation

A score is the mean over the seeds. Its 95 % interval comes from resampling the questions, each with the mean of its
scores over the seeds. Below it is the difference from training on clean text, on the same questions.
"""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Sequence

import numpy as np

from bert_qa_tf.evaluation.bootstrap import bootstrap_intervals, paired_bootstrap
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.metrics import METRICS, QuestionScores, read_predictions, score
from bert_qa_tf.tasks.question_answering.reading.squad_reader import read_squad

ARMS = {
    "clean": "clean text",
    "simulated": "simulated errors, another hearing each epoch",
    "spoken": "spoken and recognised",
    "both": "spoken and recognised, and simulated",
    "clean_then_simulated": "clean text, then simulated errors",
}
FILES = ("spoken_dev.0", "spoken_dev.0.01", "clean_dev")


def mean_scores(examples: Sequence[SquadExample], predictions: Sequence[pathlib.Path]) -> QuestionScores:
    """Computes the mean of each question's scores over several runs."""
    runs = [score(examples, read_predictions(path), source=str(path)).questions for path in predictions]
    rows = [np.mean([getattr(run, metric) for run in runs], axis=0) for metric in METRICS]
    return QuestionScores(runs[0].qas_ids, *rows)


def cells(arms: dict[str, QuestionScores]) -> dict[str, str]:
    """By arm: F1 with its interval and, but for the first, how far from the first, with the interval of that."""
    [first, *_] = arms.values()
    shown = {}
    for name, scores in arms.items():
        interval = bootstrap_intervals(scores)["f1"]
        shown[name] = f"{100 * scores.f1.mean():.1f} ({interval.low:.1f}–{interval.high:.1f})"
        if scores is not first:
            low, high = paired_bootstrap(first, scores)["f1"]
            shown[name] += f"<br>{100 * (scores.f1 - first.f1).mean():+.1f} ({low:+.1f} to {high:+.1f})"
    return shown


def main() -> None:
    """Scores and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=pathlib.Path, metavar="RUNS", help="folder of `make ablation`")
    parser.add_argument("--spoken_dir", type=pathlib.Path, required=True, help="folder of the files that were scored")
    parser.add_argument("--seeds", type=int, default=2, help="runs of each kind")
    values = parser.parse_args()

    columns = []
    for file in FILES:
        examples = read_squad(str(values.spoken_dir / f"{file}.json"))
        of_arm = {
            arm: [
                values.runs / f"{arm}.seed{seed}" / "eval" / file / "predictions.json" for seed in range(values.seeds)
            ]
            for arm in ARMS
        }
        columns.append(cells({arm: mean_scores(examples, paths) for arm, paths in of_arm.items()}))
    print("| trained on | " + " | ".join(f"`{file}`" for file in FILES) + " |\n|---|" + "---:|" * len(FILES))
    for arm, text in ARMS.items():
        print(f"| {text} | " + " | ".join(column[arm] for column in columns) + " |")


if __name__ == "__main__":
    main()
