"""Defines the protocol between a task and the rest of the package.

Everything that depends on what a model is trained for is a method of its task. Commands and libraries call these
methods and never mention a task by name. They find the task by its name in a manifest or a run directory, or by the
inputs of an exported model.

A task object holds settings (`QuestionAnswering(QuestionAnsweringConfig(…))`): what a trained model needs, besides its
weights and its tokenizer, to answer as it was trained. Class methods need no settings, because they are called before
any exist. An *example* is one input of the task (a question about a text, a sentence); an *answer* is its output.

Methods that need TensorFlow import it themselves, so that a task's files and flags can be handled without it.
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
    """The reply of a server or an exported model does not have the form that the task's exports produce."""


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """The options of a task that has none."""


class Answerer(Protocol):
    """An object that answers a task's examples: a trained model, an exported model or a client of a server."""

    def answer(self, examples: Iterable[Any]) -> Iterator[Any]:
        """Yields one answer for each example, in the order of the examples."""


class Request(Protocol):
    """The input of `predict` or `client`: one example, or a file of examples."""

    def read(self) -> None:
        """Reads the input, so that a mistake in it is reported before a model is loaded.

        Raises:
          InputError: a file cannot be read, or its contents are invalid.
        """

    def answer_with(self, answerer: Answerer) -> None:
        """Answers the examples, and prints or writes the answers."""


class Evaluation(NamedTuple):
    """The scores of one model on one file.

    Attributes:
      metrics: the contents of `metrics.json`.
      files: file name → contents, for the files written next to it: bytes, or a value to be written as JSON.
    """

    metrics: dict[str, Any]
    files: Mapping[str, Any] = {}


class Baseline(NamedTuple):
    """A baseline that `evaluate` can score without a model.

    Attributes:
      name: its name in tables and folder names.
      text: its help text.
      evaluate: scores it on a reference (what `Task.read_reference` returned).
    """

    name: str
    text: str
    evaluate: Callable[[Any], Evaluation]


class ExportedModule(NamedTuple):
    """One SavedModel of an export.

    Attributes:
      name: the name of its folder inside the export's folder.
      module: the module to save.
      signatures: name → function.
    """

    name: str
    module: tf.Module
    signatures: Mapping[str, tf.types.experimental.GenericFunction]


@dataclasses.dataclass
class Comparison:
    """The result of comparing an exported model's answers with those of the model it was exported from.

    Attributes:
      same: the number of equal answers.
      ties: one line for each answer that differs only because the model's scores for both are equal up to rounding.
      wrong: one line for each other difference.
    """

    same: int = 0
    ties: list[str] = dataclasses.field(default_factory=list)
    wrong: list[str] = dataclasses.field(default_factory=list)

    @property
    def total(self) -> int:
        """The number of answers compared."""
        return self.same + len(self.ties) + len(self.wrong)


class CardText(NamedTuple):
    """The parts of a model card that depend on the task.

    Attributes:
      summary: one sentence that says what the model does.
      model: lines that describe the model.
      counts: which of the manifest's counts are shown.
      scores: column heading of the table of scores → key in `metrics.json`, or a pair of keys that are shown together.
      limits: lines that say what the model cannot do.
    """

    summary: str
    model: Sequence[str]
    counts: Sequence[str]
    scores: Mapping[str, str | tuple[str, str]]
    limits: Sequence[str]


class Task(abc.ABC):
    """The base class of tasks.

    Attributes:
      name: the task's name in manifests and run directories; `package.module:Class` if the class sets none.
      title: the name shown to users; the class's name if the class sets none.
      table: the feature table, which lists the fields of a record.
      best_metric: the development score that decides which weights are the best; higher is better.
      export_name: the name of an export's folder, and of the model on a server.
      served_inputs: the inputs of an export's `serving_default` signature, all `<string>[batch]`.
      served_outputs: the outputs of that signature.
      conversion_config: the settings of `create_tfrecords`; its options become flags.
      training_config: the options that the task adds to `train`; they are part of the settings.
      answering_config: settings that decide how a model answers, and so may be changed after training.
      export_config: the options that the task adds to `export`.
      reference_config: the options of `evaluate` that say how a labelled file is read.
      request_config: the options of `predict` and `client` that give the input.
      asks_timed_text: whether a request may name a transcript or a recording.
      development_file: the file of development examples next to the shards, which is copied to the run directory; None
        if there is none.
      page: the folder of the web page that `serve` shows; None for a task without one.
      settings: the task's settings, a frozen dataclass.
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
        """Returns the converter that turns input files into records.

        Args:
          input_files: paths, which may be remote.
          tokenizer: the tokenizer of the encoder that will be trained.
          config: an instance of `conversion_config`.
        """

    @classmethod
    def input_files(cls, paths: Sequence[str]) -> list[str]:
        """Returns the files that some paths stand for; a task may read folders.

        Raises:
          InputError: a folder holds none that it reads.
        """
        return list(paths)

    # === Settings ===

    @classmethod
    @abc.abstractmethod
    def from_json(cls, settings: Mapping[str, Any]) -> Task:
        """Returns the task with settings from a manifest or a run directory; see `settings_json`.

        Raises:
          KeyError, TypeError, ValueError: the settings do not have the expected form.
        """

    def settings_json(self) -> dict[str, Any]:
        """The settings as a JSON object."""
        return dataclasses.asdict(self.settings)

    def with_options(self, options: Mapping[str, Any]) -> Task:
        """Returns the task with some of its settings replaced.

        Args:
          options: option of `training_config` → value.

        Raises:
          InputError: a value is invalid.
        """
        return type(self)(replace_options(self.settings, options)) if options else self

    @property
    @abc.abstractmethod
    def max_seq_length(self) -> int:
        """The length of the longest record, in word pieces."""

    # === Training ===

    @abc.abstractmethod
    def build_model(self, encoder: tf_keras.Model) -> tf_keras.Model:
        """Builds the encoder with the task's head on top; called inside the strategy's scope."""

    @abc.abstractmethod
    def losses(self, outputs: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Computes the loss of each example, `<float32>[batch]`.

        Args:
          outputs: the model's outputs.
          batch: the fields of the table, `[batch, …]`.
        """

    def development_scorer(
        self, train_dir: str, manifest: Manifest, tokenizer: Tokenizer, batch_size: int
    ) -> Callable[[tf_keras.Model], dict[str, float]] | None:
        """Returns a function that scores a model on a conversion's development split; the scores include `best_metric`.

        Args:
          train_dir: the folder of the conversion.
          manifest: its manifest.
          tokenizer: the encoder's tokenizer.
          batch_size: records per call of the model.

        Returns:
          The function; None if there is no such split, or the task does not score it.
        """
        del train_dir, manifest, tokenizer, batch_size
        return None

    # === Answering ===

    @abc.abstractmethod
    def answerer(self, model: tf_keras.Model, tokenizer: Tokenizer, batch_size: int = 32) -> Answerer:
        """Wraps a trained model so that it answers examples."""

    @classmethod
    @abc.abstractmethod
    def request(
        cls,
        options: Any,
        input_file: str | None,
        output_file: str | None,
        timed_texts: Mapping[str, tuple[str | None, ReadTimedText]],
    ) -> Request:
        """Returns the request that the flags of `predict` or `client` describe.

        Args:
          options: an instance of `request_config`.
          input_file: a file of many examples; None for the one in `options`.
          output_file: the file to write answers to, as JSON lines; None to print them.
          timed_texts: flag → the transcript or recording that it names (None if the flag is not given) and the function
            that reads such files.

        Raises:
          InputError: the flags give no input, or more than one.
        """

    # === Evaluation ===

    @classmethod
    @abc.abstractmethod
    def read_reference(cls, path: str, options: Any) -> Any:
        """Reads a labelled file to score on; the result has a `path`.

        Args:
          path: the file, which may be remote.
          options: an instance of `reference_config`.

        Raises:
          InputError: the file cannot be read, or holds nothing to score.
        """

    @classmethod
    @abc.abstractmethod
    def evaluate(cls, reference: Any, answerer: Answerer, source: str, progress: Callable[..., Iterable]) -> Evaluation:
        """Scores a model on a file.

        Args:
          reference: the result of `read_reference`.
          answerer: the model.
          source: its name, for messages.
          progress: wraps the iterator of answers, and takes their `total`, to show progress.
        """

    @classmethod
    def evaluate_predictions(cls, reference: Any, path: str) -> Evaluation:
        """Scores a file of predictions, whatever model made them.

        Raises:
          InputError: the task has no file format for predictions, or the file does not match the reference.
        """
        del reference
        raise InputError(f"--predictions_file={path}: not for the task {cls.name}")

    @classmethod
    def baselines(cls) -> Mapping[str, Baseline]:
        """Flag of `evaluate` → the baseline that is scored when the flag is set."""
        return {}

    @classmethod
    def format_report(cls, file: str, by_model: Mapping[str, Mapping[str, Any]]) -> str:
        """Formats the scores of several models on one file as a table for the terminal, one row for each metric.

        Args:
          file: the file's name.
          by_model: model name → metrics, which include `total`, in the order to show them.
        """
        return format_numbers(file, by_model)

    # === Export ===

    @abc.abstractmethod
    def export_modules(
        self, model: tf_keras.Model, tokenizer: Tokenizer, options: Any
    ) -> tuple[ExportedModule, ExportedModule]:
        """Returns the two SavedModels of an export: one takes text, the other only token ids.

        The first has the signatures `serving_default` and `serve_ids`. The second has only `serve_ids`, and contains no
        op of tensorflow-text, so that servers without it can load it.

        Args:
          model: the trained model.
          tokenizer: the tokenizer with the model's vocabulary.
          options: an instance of `export_config`.
        """

    @abc.abstractmethod
    def built_in_examples(self) -> list[Any]:
        """Difficult examples on which every export is checked."""

    @classmethod
    def development_examples(cls, directory: str) -> list[Any]:
        """The development examples of a conversion or a run; empty if the folder has none."""
        del directory
        return []

    @abc.abstractmethod
    def model_inputs(self, examples: Sequence[Any], tokenizer: Tokenizer) -> list[dict[str, Sequence[int]]]:
        """Returns the model's inputs for each example, unpadded and without `input_mask`."""

    @classmethod
    @abc.abstractmethod
    def to_columns(cls, examples: Sequence[Any]) -> dict[str, list[str]]:
        """Converts examples to the inputs of `serving_default`, by name."""

    @classmethod
    @abc.abstractmethod
    def from_columns(cls, columns: Mapping[str, Any], examples: Sequence[Any]) -> list[Any]:
        """Converts the outputs of `serving_default` to answers.

        Args:
          columns: output name → a list with one entry for each example, strings decoded.
          examples: the examples that were answered.

        Raises:
          ReplyError: the outputs do not have the form that an export of this task produces.
        """

    @abc.abstractmethod
    def compare(
        self, answerer: Answerer, examples: Sequence[Any], found: Sequence[Any], tolerance: float
    ) -> Comparison:
        """Compares the answers of an exported model with those of the model it was exported from.

        Args:
          answerer: the original model, as returned by `answerer`.
          examples: the examples that both models answered.
          found: the exported model's answers.
          tolerance: the largest difference between the outputs of both models that rounding alone explains.
        """

    @abc.abstractmethod
    def card_text(self) -> CardText:
        """The parts of the model card that depend on the task."""
