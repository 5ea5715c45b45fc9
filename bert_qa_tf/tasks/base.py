"""The protocol between a task and the rest of the package.

Commands and libraries ask a task for everything that depends on what a model is trained for, and hold no name of a
task. They find the task by its name in a manifest or a run directory, or by the inputs of an exported model.

A task is bound to its settings (`QuestionAnswering(QuestionAnsweringConfig(…))`): what a trained model needs, beside
its weights and its tokenizer, to answer as it was trained. Class methods work without settings: they come before there
are any. An *example* is whatever the task answers (a question about a text, a sentence); an *answer* is what it gives.

Methods that need TensorFlow import it themselves, so that a task can be asked about its files and flags without.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from bert_qa_tf.config import RecordsConfig
from bert_qa_tf.config.options import replace_options
from bert_qa_tf.errors import InputError
from bert_qa_tf.evaluation.results import format_numbers
from bert_qa_tf.text.timed_text import ReadTimedText

if TYPE_CHECKING:
    import pathlib

    import tensorflow as tf
    import tf_keras

    from bert_qa_tf.records.conversion import Converter
    from bert_qa_tf.records.features import FeatureSpec
    from bert_qa_tf.records.manifest import Manifest
    from bert_qa_tf.text.tokenizer import Tokenizer


class ReplyError(Exception):
    """What a server or an exported model replied is not what the task's exports give."""


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """The options of a task that has none."""


class Answerer(Protocol):
    """Whatever answers a task's examples: a trained model, an exported one, a client of a server."""

    def answer(self, examples: Iterable[Any]) -> Iterator[Any]:
        """One answer for each example, in their order."""


class Request(Protocol):
    """What a person asks with `predict` or `client`: one example, or a file of them."""

    def read(self) -> None:
        """Reads what is asked, so that a mistake in it is told before a model is loaded.

        Raises:
          InputError: a file cannot be read, or holds what it should not.
        """

    def answer_with(self, answerer: Answerer) -> None:
        """Asks, and prints or writes the answers."""


class Evaluation(NamedTuple):
    """The scores of one model on one file.

    Attributes:
      metrics: what `metrics.json` holds.
      files: file name → content, to be written beside it: bytes, or a value for JSON.
    """

    metrics: dict[str, Any]
    files: Mapping[str, Any] = {}


class Baseline(NamedTuple):
    """What can be scored without a model.

    Attributes:
      name: in tables and folder names.
      text: what `--help` says.
      evaluate: scores it on a reference (what `Task.read_reference` returned).
    """

    name: str
    text: str
    evaluate: Callable[[Any], Evaluation]


class ExportedModule(NamedTuple):
    """One SavedModel of an export.

    Attributes:
      name: of its folder, below the export's.
      module: what is saved.
      signatures: name → function.
    """

    name: str
    module: tf.Module
    signatures: Mapping[str, tf.types.experimental.GenericFunction]


@dataclasses.dataclass
class Comparison:
    """The answers of a written model beside those of the model it was written from.

    Attributes:
      same: how many are equal.
      ties: one line for each that differs only because the model scores both alike, but for rounding.
      wrong: one line for each other one.
    """

    same: int = 0
    ties: list[str] = dataclasses.field(default_factory=list)
    wrong: list[str] = dataclasses.field(default_factory=list)

    @property
    def total(self) -> int:
        """How many were compared."""
        return self.same + len(self.ties) + len(self.wrong)


class CardText(NamedTuple):
    """What a model card says that depends on the task.

    Attributes:
      summary: one sentence: what the model does.
      model: lines on the model.
      counts: the counts of the manifest that are shown.
      scores: heading → key in `metrics.json`, of the table of scores on files; or a pair of keys, shown together.
      limits: lines on what the model cannot do.
    """

    summary: str
    model: Sequence[str]
    counts: Sequence[str]
    scores: Mapping[str, str | tuple[str, str]]
    limits: Sequence[str]


class Task(abc.ABC):
    """What the package asks of a task.

    Attributes:
      name: in manifests and run directories: a registered name; `package.module:Class` where a class states none.
      title: as people read it; the name of the class where it states none.
      table: the fields of a record.
      best_metric: the development score that decides which weights are the best; higher is better.
      export_name: of the folder of an export, and of the model on a server.
      served_inputs: the inputs of an export's `serving_default` signature, all `<string>[batch]`.
      served_outputs: its outputs.
      conversion_config: the settings of `create_tfrecords`; its options become flags.
      training_config: the options of `train` that the task adds; they are part of the settings.
      answering_config: those of them that may be changed after training, for they decide how a model answers.
      export_config: the options of `export` that the task adds.
      reference_config: the options of `evaluate` that say how a labelled file is read.
      request_config: the options of `predict` and `client` that say what is asked.
      asks_timed_text: whether a request may name a transcript or a recording.
      development_file: the development examples beside the shards, which travel with a run; None for none.
      page: the folder of the page that `serve` shows; None for a task without one.
      settings: what the task is bound to, a frozen dataclass.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    table: ClassVar[Sequence[FeatureSpec]]
    best_metric: ClassVar[str]
    export_name: ClassVar[str]
    served_inputs: ClassVar[Sequence[str]]
    served_outputs: ClassVar[Sequence[str]]
    conversion_config: ClassVar[type[RecordsConfig]] = RecordsConfig
    training_config: ClassVar[type] = NoOptions
    answering_config: ClassVar[type] = NoOptions
    export_config: ClassVar[type] = NoOptions
    reference_config: ClassVar[type] = NoOptions
    request_config: ClassVar[type] = NoOptions
    asks_timed_text: ClassVar[bool] = False
    development_file: ClassVar[str | None] = None
    page: ClassVar[pathlib.Path | None] = None

    settings: Any

    def __init_subclass__(cls) -> None:
        if "name" not in vars(cls):
            cls.name = f"{cls.__module__}:{cls.__qualname__}"
        if "title" not in vars(cls):
            cls.title = cls.__name__

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    # === Conversion ===

    @classmethod
    @abc.abstractmethod
    def converter(cls, input_files: Sequence[str], tokenizer: Tokenizer, config: Any) -> Converter:
        """What turns files into records.

        Args:
          input_files: may be remote.
          tokenizer: of the encoder that will be trained.
          config: a `conversion_config`.
        """

    # === Settings ===

    @classmethod
    @abc.abstractmethod
    def from_json(cls, settings: Mapping[str, Any]) -> Task:
        """The task bound to settings from a manifest or a run directory; see `settings_json`.

        Raises:
          KeyError, TypeError, ValueError: they have another shape.
        """

    def settings_json(self) -> dict[str, Any]:
        """The settings as a JSON object."""
        return dataclasses.asdict(self.settings)

    def with_options(self, options: Mapping[str, Any]) -> Task:
        """The task with some of its settings replaced.

        Args:
          options: option of `training_config` → value.

        Raises:
          InputError: a value makes no sense.
        """
        return type(self)(replace_options(self.settings, options)) if options else self

    @property
    @abc.abstractmethod
    def max_seq_length(self) -> int:
        """The longest record, in word pieces."""

    # === Training ===

    @abc.abstractmethod
    def build_model(self, encoder: tf_keras.Model) -> tf_keras.Model:
        """The encoder with the task's head on it; called inside the strategy's scope."""

    @abc.abstractmethod
    def losses(self, outputs: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The loss of each example, `<float32>[batch]`.

        Args:
          outputs: of the model.
          batch: the fields of the table, `[batch, …]`.
        """

    def development_scorer(
        self, train_dir: str, manifest: Manifest, tokenizer: Tokenizer, batch_size: int
    ) -> Callable[[tf_keras.Model], dict[str, float]] | None:
        """What scores a model on the development split of a conversion, `best_metric` among the scores.

        Args:
          train_dir: the conversion.
          manifest: its manifest.
          tokenizer: of the encoder.
          batch_size: records per call of the model.

        Returns:
          None where there is no such split, or the task does not score it.
        """
        del train_dir, manifest, tokenizer, batch_size
        return None

    # === Answering ===

    @abc.abstractmethod
    def answerer(self, model: tf_keras.Model, tokenizer: Tokenizer, batch_size: int = 32) -> Answerer:
        """A trained model as something that answers examples."""

    @classmethod
    @abc.abstractmethod
    def request(
        cls,
        options: Any,
        input_file: str | None,
        output_file: str | None,
        timed_texts: Mapping[str, tuple[str | None, ReadTimedText]],
    ) -> Request:
        """What a person asks.

        Args:
          options: a `request_config`.
          input_file: many examples; None for the one in `options`.
          output_file: where the answers go as JSON lines; None for the screen.
          timed_texts: flag → the file it names, a transcript or a recording (None where it is not given), and what
            reads such files.

        Raises:
          InputError: not exactly one thing is asked.
        """

    # === Evaluation ===

    @classmethod
    @abc.abstractmethod
    def read_reference(cls, path: str, options: Any) -> Any:
        """A file to score on; has its `path`.

        Args:
          path: may be remote.
          options: a `reference_config`.

        Raises:
          InputError: it cannot be read, or has nothing to score on.
        """

    @classmethod
    @abc.abstractmethod
    def evaluate(cls, reference: Any, answerer: Answerer, source: str, progress: Callable[..., Iterable]) -> Evaluation:
        """Scores a model on a file.

        Args:
          reference: what `read_reference` returned.
          answerer: the model.
          source: its name, for messages.
          progress: wraps the iterator of answers and takes their `total`, to show how far it is.
        """

    @classmethod
    def evaluate_predictions(cls, reference: Any, path: str) -> Evaluation:
        """Scores a file of anybody's predictions.

        Raises:
          InputError: the task has no such form, or the file does not fit.
        """
        del reference
        raise InputError(f"--predictions_file={path}: not for the task {cls.name}")

    @classmethod
    def baselines(cls) -> Mapping[str, Baseline]:
        """Flag of `evaluate` → what is scored when it is set."""
        return {}

    @classmethod
    def format_report(cls, file: str, by_model: Mapping[str, Mapping[str, Any]]) -> str:
        """The scores of several models on one file, as a table for the terminal: a row for each number.

        Args:
          file: its name.
          by_model: name → metrics, in the order to show; `total` among them.
        """
        return format_numbers(file, by_model)

    # === Export ===

    @abc.abstractmethod
    def export_modules(
        self, model: tf_keras.Model, tokenizer: Tokenizer, options: Any
    ) -> tuple[ExportedModule, ExportedModule]:
        """The two SavedModels of an export: one that takes text, and one that takes token ids alone.

        The first has the signatures `serving_default` and `serve_ids`, the second `serve_ids`, without any op that a
        server without tensorflow-text lacks.

        Args:
          model: as trained.
          tokenizer: with its vocabulary.
          options: an `export_config`.
        """

    @abc.abstractmethod
    def built_in_examples(self) -> list[Any]:
        """Examples of the kinds that go wrong, which every export is checked on."""

    @classmethod
    def development_examples(cls, directory: str) -> list[Any]:
        """The development examples of a conversion or a run; none where they are not at hand."""
        del directory
        return []

    @abc.abstractmethod
    def model_inputs(self, examples: Sequence[Any], tokenizer: Tokenizer) -> list[dict[str, Sequence[int]]]:
        """One row of the model's inputs for each example, unpadded, without `input_mask`."""

    @classmethod
    @abc.abstractmethod
    def to_columns(cls, examples: Sequence[Any]) -> dict[str, list[str]]:
        """Examples as the inputs of `serving_default`, by name."""

    @classmethod
    @abc.abstractmethod
    def from_columns(cls, columns: Mapping[str, Any], examples: Sequence[Any]) -> list[Any]:
        """Answers from the outputs of `serving_default`.

        Args:
          columns: output → a list with an entry for each example, strings decoded.
          examples: what was asked.

        Raises:
          ReplyError: they are not what an export of this task gives.
        """

    @abc.abstractmethod
    def compare(
        self, answerer: Answerer, examples: Sequence[Any], found: Sequence[Any], tolerance: float
    ) -> Comparison:
        """Compares the answers of a written model with those of the model it was written from.

        Args:
          answerer: of the model, from `answerer`.
          examples: what both were asked.
          found: the written model's answers.
          tolerance: how far apart outputs of both may lie for rounding alone.
        """

    @abc.abstractmethod
    def card_text(self) -> CardText:
        """What the model card says of the task."""
