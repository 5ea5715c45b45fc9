"""Writes the model card of an export: the model, its training data, its scores and its limits."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from bert_qa_tf.tasks.base import CardText

CARD_FILE = "model_card.md"


@dataclasses.dataclass(frozen=True)
class Provenance:
    """The origin of a model.

    Attributes:
      config: the run's `config.json`.
      step: the training step of the weights.
      text: the task's texts for the card.
      dev_scores: the scores of these weights on the development split; None if there is no such split.
      test_scores: the scores of these weights on files that `evaluate` scored: file → its `metrics.json`.
      inference_dtype: the dtype that the export computes in.
      license: the license of the weights.
    """

    config: Mapping[str, Any]
    step: int
    text: CardText
    dev_scores: Mapping[str, float] | None
    test_scores: Mapping[str, Mapping[str, Any]]
    inference_dtype: str
    license: str


def model_card(run: Provenance) -> str:
    """Returns the model card in Markdown."""
    train, data = run.config["train"], run.config.get("data", {})
    sources = [f"* `{_name(source['file'])}`, SHA-256 `{source['sha256']}`" for source in data.get("sources", [])]
    counts = data.get("counts", {})
    lines = [
        "# Model card",
        "",
        run.text.summary,
        f"Made with bert_qa_tf {run.config.get('versions', {}).get('bert_qa_tf', '(version not recorded)')}.",
        "",
        "## Model",
        "",
        f"* encoder: `{_name(train.get('encoder_handle', 'not recorded'))}`; weights of step {run.step}",
        *(f"* {line}" for line in run.text.model),
        f"* trained in {run.config.get('mixed_precision', 'not recorded')}, exported in {run.inference_dtype}",
        f"* licence of the weights: {run.license}",
        "",
        "## Data",
        "",
        *(sources or ["* not recorded"]),
        *(f"* {name.replace('_', ' ')}: {counts[name]:,}" for name in run.text.counts if name in counts),
        "",
        "## Training",
        "",
        f"* {train.get('num_train_epochs', 'unrecorded')} epochs at most, batches of "
        f"{train.get('global_batch_size', 'unrecorded')}; records: {train.get('max_train_examples') or 'all'}; start: "
        f"{_name(train.get('init_checkpoint') or 'the pretrained encoder')}",
        "",
        "## Scores",
        "",
        "On the development split (set aside from training):" if run.dev_scores else "No development split was scored.",
        *(f"* {name.replace('_', ' ')}: {value:.2f}" for name, value in (run.dev_scores or {}).items()),
        *_test_table(run.test_scores, run.text),
        "",
        "## Limits",
        "",
        *(f"* {line}" for line in run.text.limits),
    ]
    return "\n".join(lines) + "\n"


def _test_table(scores: Mapping[str, Mapping[str, Any]], text: CardText) -> list[str]:
    """Returns the lines of the table of scores on files; no lines if no file was scored."""
    if not scores:
        return []
    rows = [
        f"| `{file}` | {values['total']:,} | {' | '.join(_cell(values, key) for key in text.scores.values())} |"
        for file, values in sorted(scores.items())
    ]
    return [
        "",
        "On other files, scored with `evaluate`:",
        "",
        f"| file | examples | {' | '.join(text.scores)} |",
        f"|---|{'---:|' * (1 + len(text.scores))}",
        *rows,
    ]


def _cell(values: Mapping[str, Any], key: str | tuple[str, str]) -> str:
    keys = (key,) if isinstance(key, str) else key
    return " / ".join(f"{values[name]:.2f}" for name in keys)


def _name(path: str) -> str:
    """Returns a path without the folders of the machine that the model was trained on."""
    return path.rstrip("/").rsplit("/", 1)[-1] if path.startswith(("/", "~", ".")) else path
