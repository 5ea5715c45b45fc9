"""Writes the table of one run of `make reproduce`, with the published figures, as `table.md` in its results folder.

python experiments/reproduce/summarize_reproduce.py runs/reproduce/bert-base-uncased/results

If the run differs from the reproduction in anything, the lines below the table say in what.
"""

from __future__ import annotations

import argparse
import json
import pathlib
from typing import Any

ENCODER = "bert-base-uncased"
TRAIN_FILE = "spoken_train-v1.1.json"
TRAIN_QUESTIONS = 37111
TEST_FILES = ("spoken_test-v1.1", "spoken_test-v1.1_WER44", "spoken_test-v1.1_WER54")
TEST_QUESTIONS = 5351
# EM and F1 by test file, as their authors print them. None of these was measured by this repository.
PUBLISHED: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "BERT-base, PyTorch: github.com/alex-buchanan/CPSC8430_HW3",
        (("62.02", "72.67"), ("39.02", "53.87"), ("27.73", "41.52")),
    ),
    (
        "BERT-base, PyTorch: range of students' reproductions",
        (("62–64", "72.7–74.2"), ("39–40", "54–55"), ("28–29", "42")),
    ),
    # "Improving Spoken Question Answering Using Contextualized Word Representation", ICASSP 2020: the best we verified.
    ("Su & Fung 2020", (("–", "77.67"),)),
)
_NOT_SCORED = "–"


def table(folder: pathlib.Path) -> str:
    """The run, the published figures and the ceiling, one column for each test file.

    Args:
      folder: holds `config.json`, `metrics.jsonl` and one `<test file>.metrics.json` for each file that was scored.

    Returns:
      Markdown, with a line at its end.
    """
    config = _read(folder / "config.json")
    scores = {path.name.removesuffix(".metrics.json"): _read(path) for path in sorted(folder.glob("*.metrics.json"))}
    columns = [*TEST_FILES, *(name for name in scores if name not in TEST_FILES)]
    train = config["train"]
    steps = _last_step(folder / "metrics.jsonl")
    rows = [
        (
            f"**this run: {train['encoder_handle']}, {steps} steps, seed {train['seed']}**",
            [_pair(scores.get(name), "exact_match", "f1") for name in columns],
        )
    ]
    for name, pairs in PUBLISHED:
        cells = [" / ".join(pair) for pair in pairs]
        rows.append((name, cells + [_NOT_SCORED] * (len(columns) - len(cells))))
    rows.append(
        (
            "best that any span can score",
            [_pair(scores.get(name), "ceiling_exact_match", "ceiling_f1") for name in columns],
        )
    )
    lines = ["| | " + " | ".join(f"`{name}` EM / F1" for name in columns) + " |", "|---|" + "---:|" * len(columns)]
    lines += [f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows]
    departures = _departures(config, scores)
    verdict = (
        "This is **not** the reproduction: " + "; ".join(departures) + "."
        if departures
        else "Trained on all of Spoken-SQuAD's training questions; the last weights, each test file scored once."
    )
    return "\n".join([*lines, "", verdict, ""])


def _departures(config: dict[str, Any], scores: dict[str, Any]) -> list[str]:
    """What makes a run something else than BERT-base on all of the training file, scored on all three test files."""
    train, data = config["train"], config["data"]
    found = []
    if train["encoder_handle"] != ENCODER:
        found.append(f"the encoder is {train['encoder_handle']}")
    sources = [source["file"] for source in data["sources"]]
    if sources != [TRAIN_FILE]:
        found.append(f"trained on {', '.join(sources)}")
    # The training file has no published checksum: its number of questions tells it from a stand-in of the same name.
    elif data["counts"]["questions"] != TRAIN_QUESTIONS:
        found.append(f"{TRAIN_FILE} holds {data['counts']['questions']} questions, expected {TRAIN_QUESTIONS}")
    if data["counts"].get("dev_questions"):
        found.append(f"{data['counts']['dev_questions']} questions were set aside")
    for name in ("max_train_steps", "max_train_examples", "init_checkpoint"):
        if train.get(name) is not None:
            found.append(f"{name}={train[name]}")
    missing = [name for name in TEST_FILES if name not in scores]
    if missing:
        found.append(f"not scored on {', '.join(missing)}")
    for name in TEST_FILES:
        if name in scores and scores[name]["total"] != TEST_QUESTIONS:
            found.append(f"{name} holds {scores[name]['total']} questions, expected {TEST_QUESTIONS}")
    return found


def _pair(metrics: dict[str, Any] | None, *names: str) -> str:
    return _NOT_SCORED if metrics is None else " / ".join(f"{metrics[name]:.2f}" for name in names)


def _last_step(path: pathlib.Path) -> int:
    return max(json.loads(line)["step"] for line in path.read_text(encoding="utf-8").splitlines())


def _read(path: pathlib.Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def main() -> None:
    """Writes the table and prints it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, help="results of experiments/reproduce/reproduce.sh")
    values = parser.parse_args()
    text = table(values.folder)
    path = values.folder / "table.md"
    path.write_text(text, encoding="utf-8")
    print(f"\n{text}\nwrote {path}")


if __name__ == "__main__":
    main()
