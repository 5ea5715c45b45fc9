"""Prints the table of `experiments/transfer/results/transfer_cpu` as Markdown, from `metrics.json` files alone.

Beside the runs on clean text stand those of `experiments/transfer/results/transfer_noise_cpu`.

python experiments/transfer/summarize_transfer.py [folder]
"""

from __future__ import annotations

import json
import pathlib
import statistics
import sys
from typing import Any

FOLDER = pathlib.Path(__file__).parent / "results" / "transfer_cpu"
NOISE_FOLDER = FOLDER.with_name("transfer_noise_cpu")
FILES = ("spoken_test-v1.1", "spoken_test-v1.1_WER44")
# Not measured by this repository: PyTorch's BertForQuestionAnswering from the same weights on the same questions with
# the same recipe: batch 16, peak 1e-4, warm-up over a tenth, linear decay, no decay on biases and layer norms,
# clip 1.0, 2 epochs, 384/128, one seed.
PYTORCH = {"spoken_test-v1.1": (43.86, 57.77), "spoken_test-v1.1_WER44": (25.55, 41.36)}


def _metrics(folder: pathlib.Path) -> dict[str, list[dict[str, Any]]]:
    """By run, what was measured on each of `FILES`."""
    return {
        seed.name: [json.loads((seed / f"{file}.metrics.json").read_text(encoding="utf-8")) for file in FILES]
        for seed in sorted(path for path in folder.iterdir() if path.is_dir())
    }


def _scores(metrics: list[dict[str, Any]]) -> list[tuple[float, float]]:
    return [(m["exact_match"], m["f1"]) for m in metrics]


def _rows(name: str, metrics: dict[str, list[dict[str, Any]]]) -> list[tuple[str, list[tuple[float, float]]]]:
    """One row per seed, and their mean."""
    rows = [(f"{name}, {run.replace('seed', 'seed ')}", _scores(ms)) for run, ms in metrics.items()]
    means = [tuple(statistics.mean(row[1][i][k] for row in rows) for k in range(2)) for i in range(len(FILES))]
    return [*rows, (f"**{name}, mean of {len(metrics)} seeds**", means)]


def table(folder: pathlib.Path = FOLDER) -> str:
    """One row per seed, their mean, the PyTorch run, the runs with simulated errors, their mean and the ceiling."""
    metrics = _metrics(folder)
    rows = _rows("clean text", metrics)
    rows.append(("clean text, PyTorch, same weights, data and recipe, one seed", [PYTORCH[file] for file in FILES]))
    rows += _rows("clean text, then simulated errors", _metrics(NOISE_FOLDER))
    ceilings = [(m["ceiling_exact_match"], m["ceiling_f1"]) for m in next(iter(metrics.values()))]
    rows.append(("best that any span can score", ceilings))
    lines = ["| | " + " | ".join(f"`{file}` EM / F1" for file in FILES) + " |", "|---|---:|---:|"]
    for name, scores in rows:
        lines.append(f"| {name} | " + " | ".join(f"{em:.2f} / {f1:.2f}" for em, f1 in scores) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
