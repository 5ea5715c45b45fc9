"""Determines the labels of a data set, their order, and the weight of each class in training."""

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
    """The labels of a model; a label's index is its number in records and logits.

    Attributes:
      names: the labels, at least two, without repetition.
      source: where the labels come from, such as a flag or a file, for messages.
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
        """Returns the index of a label.

        Args:
          label: the label, as in the file.
          place: file and line, for the error message.

        Raises:
          InputError: the label set does not contain the label.
        """
        try:
            return self.names.index(label)
        except ValueError:
            raise InputError(f"{place}: unknown label {label!r}, expected one of {_listed(self.names)}") from None


def count_labels(examples: Iterable[ClassificationExample]) -> collections.Counter[str]:
    """Counts the examples of each label; examples without a label are skipped."""
    return collections.Counter(example.label for example in examples if example.label is not None)


def find_labels(found: Iterable[str], source: str) -> LabelSet:
    """Makes the label set of a data set.

    Args:
      found: the labels found, in any order; labels may repeat.
      source: the data set's files, for messages.

    Returns:
      The labels in ascending order: as numbers if all of them are numbers, else as text.

    Raises:
      InputError: there are fewer than two labels.
    """
    names = set(found)
    if all(_NUMBER.fullmatch(name) for name in names):
        # Two spellings of one number, such as 1 and 1.0, are two labels, because nothing says that they are the same.
        return LabelSet(tuple(sorted(names, key=lambda name: (float(name), name))), source)
    return LabelSet(tuple(sorted(names)), source)


def parse_class_weights(setting: str) -> str | dict[str, float]:
    """Parses the setting of the class weights.

    >>> parse_class_weights("negative=1,positive=2.5")
    {'negative': 1.0, 'positive': 2.5}

    Args:
      setting: "none", "balanced", or `label=weight` for each label, separated by commas.

    Returns:
      The setting in the form that `class_weights` takes.

    Raises:
      InputError: the setting has another form.
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
    """Computes the factor by which the loss of each class's examples is multiplied.

    Args:
      setting: "none" for 1 for every class; "balanced" for num_examples / (num_classes · examples of the class), as in
        scikit-learn, so that all classes have the same total weight and the weights of all examples add up to their
        number; or a weight for each label.
      labels: the label set.
      counts: the number of training examples by label.

    Returns:
      `num_classes` numbers above 0, in the order of `labels`.

    Raises:
      InputError: the weights are not given for exactly these labels, a weight is not a number above 0, or the weights
        are to be balanced and a class has no examples.
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
