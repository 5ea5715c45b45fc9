"""Prints the table of `experiments/precision_f1/results` as Markdown, from its JSON files alone.

python experiments/precision_f1/summarize_precision.py [folder]
"""

from __future__ import annotations

import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).parent / "results"


def table(folder: pathlib.Path = FOLDER) -> str:
    """One row a run: scores with their 95 % intervals, and what precision its encoder really ran in."""
    lines = [
        "| run | encoder FLOPs in half precision | EM | F1 | 95 % interval of F1 | last training loss |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for run in sorted(path for path in folder.iterdir() if path.is_dir()):
        scores = _read(run / "dev.metrics.json")
        share = _read(run / "precision.json")["encoder_half_share"]
        steps = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        interval = scores["confidence_intervals_95"]["f1"]
        lines.append(
            f"| `{run.name}` | {share:.1%} | {scores['exact_match']:.2f} | {scores['f1']:.2f} | "
            f"{interval['low']:.2f} – {interval['high']:.2f} | {steps[-1]['loss']:.4f} |"
        )
    return "\n".join(lines)


def _read(path: pathlib.Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    print(table(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
