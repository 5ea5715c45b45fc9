"""The labels of a data set: which there are, in which order, and how much an example of each counts in training."""

from __future__ import annotations

import collections
import dataclasses
import math
import re
from collections.abc import Iterable, Mapping

from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.classification.examples import ClassificationExample

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


@dataclasses.dataclass(frozen=True)
class LabelSet:
    """The labels a model tells apart; a label's place is its number in records and logits.

    Attributes:
      names: at least two, each once.
      source: where they are from, for messages: the name of a flag or of a file, say.
    """

    names: tuple[str, ...]
    source: str = "labels"

    def __post_init__(self) -> None:
        repeated = [name for name, count in collections.Counter(self.names).items() if count > 1]
        if repeated:
            raise InputError(f"{self.source}: label {repeated[0]!r} is named more than once")
        if not all(name and name == name.strip() for name in self.names):
            raise InputError(f"{self.source}: a label is empty or has white space at its ends: {_listed(self.names)}")
        if len(self.names) < 2:
            found = f"only one label, {self.names[0]!r}" if self.names else "no label"
            raise InputError(f"{self.source}: {found}, expected at least two classes")

    def __len__(self) -> int:
        return len(self.names)

    def index_of(self, label: str, place: str) -> int:
        """The place of a label.

        Args:
          label: as the file has it.
          place: file and line, for the message.

        Raises:
          InputError: the label is none of these.
        """
        try:
            return self.names.index(label)
        except ValueError:
            raise InputError(f"{place}: unknown label {label!r}, expected one of {_listed(self.names)}") from None


def count_labels(examples: Iterable[ClassificationExample]) -> collections.Counter[str]:
    """How many examples each label has; those without a label are passed over."""
    return collections.Counter(example.label for example in examples if example.label is not None)


def find_labels(found: Iterable[str], source: str) -> LabelSet:
    """The label set of a data set.

    Args:
      found: its labels, in any order; each may come many times.
      source: the data set's files, for messages.

    Returns:
      The labels in ascending order: as numbers where all of them are numbers, else as text.

    Raises:
      InputError: there are fewer than two.
    """
    names = set(found)
    if all(_NUMBER.fullmatch(name) for name in names):
        # Two spellings of one number, such as 1 and 1.0, are two labels: only the file's owner knows better.
        return LabelSet(tuple(sorted(names, key=lambda name: (float(name), name))), source)
    return LabelSet(tuple(sorted(names)), source)


def parse_class_weights(setting: str) -> str | dict[str, float]:
    """Reads how classes are weighted.

    >>> parse_class_weights("negative=1,positive=2.5")
    {'negative': 1.0, 'positive': 2.5}

    Args:
      setting: "none", "balanced", or `label=weight` for each label with commas between them.

    Returns:
      What `class_weights` takes.

    Raises:
      InputError: it is none of these.
    """
    if setting in ("none", "balanced"):
        return setting
    weights: dict[str, float] = {}
    for part in setting.split(","):
        label, separator, number = (piece.strip() for piece in part.rpartition("="))
        try:
            weight = float(number)
        except ValueError:
            separator = ""
        if not separator or not label:
            raise InputError(f"class weights: expected none, balanced or label=weight,label=weight…, got {setting!r}")
        if label in weights:
            raise InputError(f"class weights: label {label!r} is named more than once")
        weights[label] = weight
    return weights


def class_weights(setting: str | Mapping[str, float], labels: LabelSet, counts: Mapping[str, int]) -> tuple[float, ...]:
    """What the loss of an example of each class is multiplied by.

    Args:
      setting: "none": 1 for every class. "balanced": num_examples / (num_classes · examples of the class), as
        scikit-learn defines it; then all classes together have the same share of the loss, and the weights of all
        examples add up to their number. Or a weight for each label.
      labels: the label set.
      counts: training examples by label.

    Returns:
      `num_classes` numbers above 0, in the order of `labels`.

    Raises:
      InputError: the weights are not for exactly these labels, one is no number above 0, or a class without examples
        is to be balanced.
    """
    if isinstance(setting, str):
        if setting == "none":
            return (1.0,) * len(labels)
        if setting == "balanced":
            return _balanced(labels, counts)
        raise InputError(f"class weights: expected none, balanced or a weight for each label, got {setting!r}")
    unknown = [name for name in setting if name not in labels.names]
    missing = [name for name in labels.names if name not in setting]
    if unknown or missing:
        what = f"unknown label {unknown[0]!r}" if unknown else f"no weight for {_listed(missing)}"
        raise InputError(f"class weights: {what}, expected one for each of {_listed(labels.names)}")
    for name, weight in setting.items():
        if not (math.isfinite(weight) and weight > 0):
            raise InputError(f"class weights: the weight of {name!r} is {weight}, expected a number above 0")
    return tuple(float(setting[name]) for name in labels.names)


def _balanced(labels: LabelSet, counts: Mapping[str, int]) -> tuple[float, ...]:
    empty = [name for name in labels.names if not counts.get(name)]
    if empty:
        raise InputError(f"class weights: no training example of {_listed(empty)}, so balanced weights have no value")
    total = sum(counts[name] for name in labels.names)
    return tuple(total / (len(labels) * counts[name]) for name in labels.names)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
