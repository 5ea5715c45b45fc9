"""The parts of a task that reads one text at a time: a task of that kind adds labels, a head, a loss and scores."""

from __future__ import annotations

import abc
import collections
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from bert_qa_tf.config.options import from_json
from bert_qa_tf.records import features
from bert_qa_tf.storage import files
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
    """A task whose examples have an `example_id` and a `text`, and perhaps labels.

    A class of this kind states `table`, `best_metric`, `served_outputs` and `example_type`, and defines `build_model`,
    `losses` and `scores`. What it may say otherwise than here comes next; the rest follows.

    Attributes:
      example_type: the dataclass of an example: `example_id`, `text`, and a field for each label.
      settings_type: the dataclass of the settings, a `TextSettings`.
      served_outputs: as in `Task`; the first one is what is compared when a written model is checked.
    """

    served_inputs = ("text",)
    conversion_config = TextConversionConfig
    request_config = TextRequestConfig
    development_file = "dev.jsonl"

    export_name: ClassVar[str] = "text"
    settings_type: ClassVar[type[TextSettings]] = TextSettings
    example_type: ClassVar[type]

    settings: TextSettings

    # === What the task says ===

    @classmethod
    @abc.abstractmethod
    def scores(cls, examples: Sequence[Any], answers: Sequence[Any]) -> dict[str, float]:
        """Scores of answers, `best_metric` among them."""

    @classmethod
    def read_examples(
        cls, path: str, name: str, config: Any, counts: collections.Counter[str], *, require_labels: bool = True
    ) -> Iterator[Any]:
        """The examples of a file, dataclasses that `json` can hold.

        By default the file holds JSON lines, with keys named as the fields of an example are.

        Args:
          path: may be remote.
          name: of the file, as ids have it.
          config: a `conversion_config` or `reference_config`; a `request_config` where labels are not required.
          counts: of what was passed over.
          require_labels: whether each example has to have its labels, as training and scoring need.

        Raises:
          InputError: one line that names file and record.
        """
        del config
        return read_json_lines(path, name, cls.example_type, counts, require_labels=require_labels)

    @classmethod
    def settings_of(cls, examples: Iterable[Any], config: TextConversionConfig) -> TextSettings:
        """The settings that follow from the training examples; has to read all of them."""
        collections.deque(examples, maxlen=0)
        return cls.settings_type(config.max_seq_length)

    def label_values(self, example: Any) -> dict[str, Any]:
        """The values of the table's fields with the role "label": by default those of the example."""
        return {name: getattr(example, name) for name in features.names(self.table, "label")}

    def served(self, outputs: Mapping[str, tf.Tensor]) -> Mapping[str, tf.Tensor]:
        """`served_outputs`, `[batch, …]` each, made of the model's outputs by graph ops; by default some of them."""
        return {name: outputs[name] for name in self.served_outputs}

    @classmethod
    def from_columns(cls, columns: Mapping[str, Any], examples: Sequence[Any]) -> list[Any]:
        """See `Task`; an answer is a dict of the outputs here."""
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
        """An answer as fields of a JSON line."""
        return answer

    @classmethod
    def describe_answer(cls, answer: Any) -> str:
        """An answer for a person, one or several lines."""
        return "  ".join(f"{name}: {value}" for name, value in answer.items())

    # === What follows from it ===

    @classmethod
    def iter_development(cls, directory: str) -> Iterator[Any]:
        """The development examples of a conversion or a run, one at a time; none where they are not at hand."""
        path = f"{directory}/{cls.development_file}"
        if files.exists(path):
            with files.open_binary(path) as file:
                for line in file:
                    yield cls.example_type(**json.loads(line))

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
        """How the model that `build_model` makes pools the tokens of a text; see `single_text.model`."""
        return "pooler"

    @property
    def max_seq_length(self) -> int:
        """See `Task`."""
        return self.settings.max_seq_length

    def development_scorer(
        self, train_dir: str, manifest: Manifest, tokenizer: Tokenizer, batch_size: int
    ) -> Callable[[tf_keras.Model], dict[str, float]] | None:
        """See `Task`: the task's scores, and the mean loss."""
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
        """Answers as JSON lines."""
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
        """See `Task`: long, empty and not ASCII."""
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
        """See `Task`: of each answer the first field is compared.

        Numbers are the same if they are no further apart than the tolerance. Anything else that differs ties if the
        answers have scores that are no further apart.
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
