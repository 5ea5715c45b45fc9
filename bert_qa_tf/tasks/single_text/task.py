"""Implements most of a task that reads one text at a time; a subclass adds labels, a head, a loss and scores."""

from __future__ import annotations

import abc
import collections
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from bert_qa_tf.config import schema
from bert_qa_tf.config.options import from_json
from bert_qa_tf.records import features
from bert_qa_tf.storage import files, json_text
from bert_qa_tf.tasks.base import Answerer, CardText, Comparison, Evaluation, ExportedModule, ReplyError, Task
from bert_qa_tf.tasks.single_text.config import TextConversionConfig, TextRequestConfig, TextSettings
from bert_qa_tf.tasks.single_text.lines import read_json_lines
from bert_qa_tf.tasks.single_text.request import TextRequest
from bert_qa_tf.text.surrogates import replace_surrogates
from bert_qa_tf.text.timed_text import ReadTimedText

if TYPE_CHECKING:  # they import TensorFlow
    import tensorflow as tf
    import tf_keras

    from bert_qa_tf.records.manifest import Manifest
    from bert_qa_tf.tasks.single_text.answerer import TextAnswerer
    from bert_qa_tf.tasks.single_text.conversion import TextConverter
    from bert_qa_tf.tasks.single_text.reference import TextReference
    from bert_qa_tf.text.tokenizer import Tokenizer


class SingleTextTask(Task):
    """A task whose examples have an `example_id`, a `text` and any labels.

    A subclass sets `table`, `best_metric`, `served_outputs` and `example_type`, and defines `build_model`, `losses` and
    `scores`. The first section below holds `scores` and the methods that a subclass may override.

    Attributes:
      example_type: the dataclass of an example: `example_id`, `text`, and a field for each label.
      settings_type: the dataclass of the settings, a subclass of `TextSettings`.
      served_outputs: as in `Task`; the first one is compared when an exported model is checked.
    """

    served_inputs = ("text",)
    conversion_config = TextConversionConfig
    request_config = TextRequestConfig
    development_file = "dev.jsonl"

    export_name: ClassVar[str] = "text"
    settings_type: ClassVar[type[TextSettings]] = TextSettings
    example_type: ClassVar[type]

    settings: TextSettings

    # === To define or override ===

    @classmethod
    @abc.abstractmethod
    def scores(cls, examples: Sequence[Any], answers: Sequence[Any]) -> dict[str, float]:
        """Computes the scores of answers, which include `best_metric`."""

    @classmethod
    def read_examples(
        cls, path: str, name: str, config: Any, counts: collections.Counter[str], *, require_labels: bool = True
    ) -> Iterator[Any]:
        """Reads the examples of a file, as dataclasses whose fields JSON can represent.

        By default the file holds JSON lines, whose keys have the names of an example's fields.

        Args:
          path: the file, which may be remote.
          name: the name of the file in ids.
          config: an instance of `conversion_config` or `reference_config`; of `request_config` if labels are not
            required.
          counts: the counters of what was skipped.
          require_labels: whether each example must have its labels, as training and scoring need.

        Raises:
          InputError: the file is invalid; the message is one line that names file and record.
        """
        del config
        return read_json_lines(path, name, cls.example_type, counts, require_labels=require_labels)

    @classmethod
    def settings_of(cls, examples: Iterable[Any], config: TextConversionConfig) -> TextSettings:
        """Determines the settings from the training examples; must read all of them."""
        collections.deque(examples, maxlen=0)
        return cls.settings_type(config.max_seq_length)

    def label_values(self, example: Any) -> dict[str, Any]:
        """The values of the table's fields with the role "label"; by default those of the example."""
        return {name: getattr(example, name) for name in features.names(self.table, "label")}

    def served(self, outputs: Mapping[str, tf.Tensor]) -> Mapping[str, tf.Tensor]:
        """Computes `served_outputs`, `[batch, …]` each, from the model's outputs; selects them by default."""
        return {name: outputs[name] for name in self.served_outputs}

    @classmethod
    def from_columns(cls, columns: Mapping[str, Any], examples: Sequence[Any]) -> list[Any]:
        """See `Task`; by default an answer is a dict of the outputs."""
        for name in cls.served_outputs:
            if not isinstance(columns.get(name), list) or len(columns[name]) != len(examples):
                raise ReplyError(
                    f"expected `{name}` with {len(examples)} entries: is this model a `{cls.name}` export of this "
                    "project?"
                )
        rows = zip(*(columns[name] for name in cls.served_outputs), strict=True)
        return [dict(zip(cls.served_outputs, row, strict=True)) for row in rows]

    def describe_settings(self) -> list[str]:
        """Lines for the summary of a conversion."""
        return []

    @classmethod
    def answer_fields(cls, answer: Any) -> dict[str, Any]:
        """Converts an answer to the fields of a JSON line."""
        return answer

    @classmethod
    def describe_answer(cls, answer: Any) -> str:
        """Formats an answer for the terminal, in one or more lines."""
        return "  ".join(f"{name}: {value}" for name, value in answer.items())

    # === Implemented for all subclasses ===

    @classmethod
    def iter_development(cls, directory: str) -> Iterator[Any]:
        """Yields the development examples of a conversion or a run; nothing if the folder has none."""
        path = f"{directory}/{cls.development_file}"
        if files.exists(path):
            with files.open_binary(path) as file:
                for number, line in enumerate(file, start=1):
                    place = f"{path}:{number}"
                    text = line.decode("utf-8", errors="replace")
                    yield schema.read(cls.example_type, json_text.parse_at(place, text, "an example"), place)

    @classmethod
    def converter(cls, input_files: Sequence[str], tokenizer: Tokenizer, config: TextConversionConfig) -> TextConverter:
        """See `Task`."""
        from bert_qa_tf.tasks.single_text.conversion import TextConverter

        return TextConverter(cls, input_files, tokenizer, config)

    @classmethod
    def from_json(cls, settings: Mapping[str, Any]) -> SingleTextTask:
        """See `Task`."""
        return cls(from_json(cls.settings_type, settings))

    @property
    def pooling(self) -> Literal["pooler", "mean"]:
        """The pooling of the model that `build_model` makes; see `single_text.model`."""
        return "pooler"

    @property
    def max_seq_length(self) -> int:
        """See `Task`."""
        return self.settings.max_seq_length

    def development_scorer(
        self, train_dir: str, manifest: Manifest, tokenizer: Tokenizer, batch_size: int
    ) -> Callable[[tf_keras.Model], dict[str, float]] | None:
        """See `Task`; the scores are the task's own and the mean loss."""
        from bert_qa_tf.tasks.single_text.development import TextDevelopmentScorer

        if not manifest.split("dev"):
            return None
        return TextDevelopmentScorer(self, train_dir, tokenizer, batch_size)

    def answerer(self, model: tf_keras.Model, tokenizer: Tokenizer, batch_size: int = 32) -> TextAnswerer:
        """See `Task`."""
        from bert_qa_tf.tasks.single_text.answerer import TextAnswerer

        return TextAnswerer(self, model, tokenizer, batch_size)

    @classmethod
    def request(
        cls,
        options: Any,
        input_file: str | None,
        output_file: str | None,
        timed_texts: Mapping[str, tuple[str | None, ReadTimedText]],
    ) -> TextRequest:
        """See `Task`."""
        del timed_texts
        return TextRequest(cls, options, input_file, output_file)

    @classmethod
    def read_reference(cls, path: str, options: Any) -> TextReference:
        """See `Task`."""
        from bert_qa_tf.tasks.single_text.reference import TextReference

        return TextReference.read(cls, path, options)

    @classmethod
    def evaluate(cls, reference: Any, answerer: Answerer, source: str, progress: Callable[..., Iterable]) -> Evaluation:
        """See `Task`."""
        del source
        answers = list(progress(answerer.answer(reference.examples), total=len(reference.examples)))
        metrics = {"file": reference.name, "total": len(answers), **cls.scores(reference.examples, answers)}
        return Evaluation(metrics, {"predictions.jsonl": cls.prediction_lines(reference.examples, answers)})

    @classmethod
    def prediction_lines(cls, examples: Sequence[Any], answers: Sequence[Any]) -> str:
        """Formats answers as JSON lines."""
        from bert_qa_tf.tasks.single_text.request import to_json

        lines = (to_json(cls, example.example_id, answer) for example, answer in zip(examples, answers, strict=True))
        return "".join(f"{line}\n" for line in lines)

    def export_modules(
        self, model: tf_keras.Model, tokenizer: Tokenizer, options: Any
    ) -> tuple[ExportedModule, ExportedModule]:
        """See `Task`."""
        from bert_qa_tf.tasks.single_text.export_module import IdsModule, TextModule

        del options
        module = TextModule(model, tokenizer, self.max_seq_length, self.served, self.pooling)
        ids_module = IdsModule(model, self.pooling)
        return (
            ExportedModule(self.export_name, module, {"serving_default": module.serve, "serve_ids": module.serve_ids}),
            ExportedModule(f"{self.export_name}_ids", ids_module, {"serve_ids": ids_module.serve_ids}),
        )

    def built_in_examples(self) -> list[Any]:
        """See `Task`; texts that are long, empty or not ASCII."""
        from bert_qa_tf.tasks.single_text.request import Text

        texts = [
            "a gripping film",
            "",
            "   ",
            "😀 the café at 北京 opens at ½ past nine …",
            "word " * self.max_seq_length,
        ]
        return [Text(f"built-in-{i}", text) for i, text in enumerate(texts)]

    @classmethod
    def development_examples(cls, directory: str) -> list[Any]:
        """See `Task`."""
        return list(cls.iter_development(directory))

    def model_inputs(self, examples: Sequence[Any], tokenizer: Tokenizer) -> list[dict[str, Sequence[int]]]:
        """See `Task`."""
        from bert_qa_tf.tasks.single_text.tokenizing import encode_texts

        rows = encode_texts([example.text for example in examples], tokenizer, self.max_seq_length)
        return [{"input_word_ids": row.tolist(), "input_type_ids": [0] * len(row)} for row in rows]

    @classmethod
    def to_columns(cls, examples: Sequence[Any]) -> dict[str, list[str]]:
        """See `Task`."""
        return {"text": [replace_surrogates(example.text) for example in examples]}

    def compare(
        self, answerer: TextAnswerer, examples: Sequence[Any], found: Sequence[Any], tolerance: float
    ) -> Comparison:
        """See `Task`; compares the first field of each answer.

        Numbers count as equal if they differ by at most the tolerance. Other values that differ count as a tie if the
        answers have scores that differ by at most the tolerance.
        """
        comparison = Comparison()
        for example, wanted, other in zip(examples, answerer.answer(examples), found, strict=True):
            expected, got = self.answer_fields(wanted), self.answer_fields(other)
            first = next(iter(expected))
            is_number = isinstance(expected[first], float)
            if expected[first] == got[first] or (is_number and abs(expected[first] - got[first]) <= tolerance):
                comparison.same += 1
                continue
            line = f"{example.example_id} ({got[first]!r}, expected {expected[first]!r})"
            is_tie = abs(expected.get("score", 1.0) - got.get("score", 0.0)) <= tolerance
            (comparison.ties if is_tie else comparison.wrong).append(line)
        return comparison

    def card_text(self) -> CardText:
        """See `Task`."""
        return CardText(
            summary=f"{self.title}: reads one text at a time.",
            model=[f"texts are cut to {self.max_seq_length} word pieces"],
            counts=("train_examples", "dev_examples"),
            scores={self.best_metric.replace("_", " "): self.best_metric},
            limits=["English, as its vocabulary is. Text of another kind than the data above was not tried."],
        )
