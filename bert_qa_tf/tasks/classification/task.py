"""Implements sentence classification as a task; see `tasks.base` and `tasks.single_text`."""

from __future__ import annotations

import collections
import math
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import temporary_files
from bert_qa_tf.tasks.base import Answerer, Baseline, CardText, Evaluation, ReplyError
from bert_qa_tf.tasks.classification import confusion_matrix, metrics, report
from bert_qa_tf.tasks.classification.config import (
    ClassificationConversionConfig,
    ClassificationReferenceConfig,
    ClassificationRequestConfig,
    ClassificationSettings,
    ClassificationTrainingConfig,
)
from bert_qa_tf.tasks.classification.examples import Classification as Classified
from bert_qa_tf.tasks.classification.examples import ClassificationExample
from bert_qa_tf.tasks.classification.features import CLASSIFICATION_FEATURES
from bert_qa_tf.tasks.classification.labels import LabelSet, count_labels, find_labels
from bert_qa_tf.tasks.classification.reader import read_examples
from bert_qa_tf.tasks.single_text.reference import TextReference
from bert_qa_tf.tasks.single_text.task import SingleTextTask

if TYPE_CHECKING:  # they import TensorFlow
    import tensorflow as tf
    import tf_keras

_OUTPUTS = {"label": str, "score": (int, float), "labels": list, "probabilities": list}
_MAX_SHOWN = 200


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


class Classification(SingleTextTask):
    """Gives a text one of several labels.

    Args:
      settings: the labels, the maximum length of a text and the training settings.
    """

    name = "classification"
    title = "Classification"
    table = CLASSIFICATION_FEATURES
    best_metric = "accuracy"
    export_name = "classification"
    example_type = ClassificationExample
    settings_type = ClassificationSettings
    served_outputs = tuple(_OUTPUTS)
    conversion_config = ClassificationConversionConfig
    training_config = ClassificationTrainingConfig
    reference_config = ClassificationReferenceConfig
    request_config = ClassificationRequestConfig
    page = pathlib.Path(__file__).resolve().parent / "page"

    settings: ClassificationSettings

    # === Conversion ===

    @classmethod
    def read_examples(
        cls,
        path: str,
        name: str,
        config: ClassificationConversionConfig | ClassificationReferenceConfig | ClassificationRequestConfig,
        counts: collections.Counter[str],
        *,
        require_labels: bool = True,
    ) -> Iterator[ClassificationExample]:
        """See `SingleTextTask`; the file is TSV, CSV or JSON lines."""
        return read_examples(path, config.columns, require_labels=require_labels, counts=counts, name=name)

    @classmethod
    def settings_of(
        cls, examples: Iterable[ClassificationExample], config: ClassificationConversionConfig
    ) -> ClassificationSettings:
        """See `SingleTextTask`; finds or checks the labels and counts them."""
        given = LabelSet(config.labels, "--labels") if config.labels else None

        def checked() -> Iterator[ClassificationExample]:
            for example in examples:
                if given is not None:
                    given.index_of(example.label, example.example_id)
                yield example

        counts = count_labels(checked())
        labels = given or find_labels(counts, "the training examples")
        return ClassificationSettings(
            config.max_seq_length, labels.names, tuple(counts.get(name, 0) for name in labels.names)
        )

    def label_values(self, example: ClassificationExample) -> dict[str, int]:
        """See `SingleTextTask`."""
        return {"label": self.settings.label_set.index_of(example.label, example.example_id)}

    def describe_settings(self) -> list[str]:
        """See `SingleTextTask`."""
        pairs = zip(self.settings.labels, self.settings.label_counts, strict=True)
        return [f"  {name!r}: {count} to train on" for name, count in pairs]

    # === Training ===

    def build_model(self, encoder: tf_keras.Model) -> tf_keras.Model:
        """See `Task`."""
        from bert_qa_tf.tasks.classification.model import build_classification_model

        return build_classification_model(encoder, len(self.settings.labels), pooling=self.pooling)

    @property
    def pooling(self) -> Literal["pooler", "mean"]:
        """See `SingleTextTask`."""
        return self.settings.training.pooling

    def losses(self, outputs: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """See `Task`."""
        from bert_qa_tf.tasks.classification.loss import classification_loss

        return classification_loss(outputs["logits"], batch["label"], self.settings.class_weights)

    # === Answering ===

    def served(self, outputs: Mapping[str, tf.Tensor]) -> Mapping[str, tf.Tensor]:
        """See `SingleTextTask`."""
        import tensorflow as tf

        probabilities = tf.nn.softmax(outputs["logits"])
        labels = tf.constant(self.settings.labels)
        return {
            "label": tf.gather(labels, tf.argmax(probabilities, axis=1)),
            "score": tf.reduce_max(probabilities, axis=1),
            "labels": tf.tile(labels[None], [tf.shape(probabilities)[0], 1]),
            "probabilities": probabilities,
        }

    @classmethod
    def from_columns(cls, columns: Mapping[str, Any], examples: Sequence[Any]) -> list[Classified]:
        """See `Task`."""
        answers = []
        for row in super().from_columns(columns, examples):
            fits = all(isinstance(row[name], kind) for name, kind in _OUTPUTS.items())
            fits = fits and all(isinstance(label, str) for label in row["labels"])
            fits = fits and all(_is_number(value) for value in (row["score"], *row["probabilities"]))
            if not fits or len(row["labels"]) != len(row["probabilities"]):
                raise ReplyError(
                    f"expected a label, its score, all labels and their probabilities, got {str(row)[:_MAX_SHOWN]}"
                )
            probabilities = dict(zip(row["labels"], map(float, row["probabilities"]), strict=True))
            answers.append(Classified(row["label"], float(row["score"]), probabilities))
        return answers

    @classmethod
    def answer_fields(cls, answer: Classified) -> dict[str, Any]:
        """See `SingleTextTask`."""
        probabilities = {label: round(value, 6) for label, value in answer.probabilities.items()}
        return {"label": answer.label, "score": round(answer.score, 6), "probabilities": probabilities}

    @classmethod
    def describe_answer(cls, answer: Classified) -> str:
        """See `SingleTextTask`; the predicted label, followed by the others in descending order of probability."""
        others = sorted(answer.probabilities.items(), key=lambda pair: -pair[1])
        lines = [answer.label, f"  score {answer.score:.3f}"]
        return "\n".join(lines + [f"  or: {label} ({value:.3f})" for label, value in others if label != answer.label])

    # === Evaluation ===

    @classmethod
    def scores(cls, examples: Sequence[ClassificationExample], answers: Sequence[Classified]) -> dict[str, float]:
        """See `SingleTextTask`; accuracy, macro-averaged F1 and Matthews correlation."""
        scores = _score(examples, [answer.label for answer in answers], tuple(answers[0].probabilities))
        return {name: getattr(scores, name) for name in ("accuracy", "macro_f1", "matthews_correlation")}

    @classmethod
    def evaluate(
        cls, reference: TextReference, answerer: Answerer, source: str, progress: Callable[..., Iterable]
    ) -> Evaluation:
        """See `Task`."""
        answers = list(progress(answerer.answer(reference.examples), total=len(reference.examples)))
        labels = tuple(answers[0].probabilities)
        scores = _score(reference.examples, [answer.label for answer in answers], labels)
        files = {"predictions.jsonl": cls.prediction_lines(reference.examples, answers)}
        return _evaluation(reference, scores, source, files)

    @classmethod
    def baselines(cls) -> dict[str, Baseline]:
        """See `Task`."""
        text = "Sentences: also score a baseline that gives every sentence the most frequent label of the file."
        return {"most_frequent_label": Baseline("most frequent label", text, _evaluate_most_frequent)}

    @classmethod
    def format_report(cls, file: str, by_model: Mapping[str, Mapping[str, Any]]) -> str:
        """See `Task`."""
        return report.format_table(file, by_model)

    def card_text(self) -> CardText:
        """See `Task`."""
        return CardText(
            summary=f"Gives a text one of the labels {', '.join(map(repr, self.settings.labels))}.",
            model=[
                f"texts are cut to {self.max_seq_length} word pieces",
                f"class weights: {self.settings.training.class_weights}",
            ],
            counts=("train_examples", "dev_examples"),
            scores={"accuracy": "accuracy", "macro F1": "macro_f1", "Matthews": "matthews_correlation"},
            limits=[
                "It always gives one of its labels, whatever the text is about.",
                "English, as its vocabulary is. Text of another kind than the data above was not tried.",
                "Its probabilities are not calibrated.",
            ],
        )


def _score(
    examples: Sequence[ClassificationExample], predicted: Sequence[str], labels: tuple[str, ...]
) -> metrics.ClassificationScores:
    known = LabelSet(labels, "the model")
    gold = [known.index_of(example.label, example.example_id) for example in examples]
    places = [labels.index(label) for label in predicted]
    return metrics.score(metrics.confusion_matrix(gold, places, len(labels)), labels)


def _evaluation(
    reference: TextReference, scores: metrics.ClassificationScores, source: str, files: Mapping[str, Any]
) -> Evaluation:
    """Scores with intervals, and the confusion matrix as a table and, if matplotlib is installed, as a picture."""
    intervals = metrics.confidence_intervals(scores.confusion)
    table = confusion_matrix.format_table(scores.confusion, scores.labels)
    pictures: dict[str, bytes] = {}
    try:
        pictures["confusion_matrix.png"] = _picture(scores, f"{source} on {reference.name}")
    except InputError as error:
        print(f"no confusion_matrix.png: {error}")
    figures = {"file": reference.name, **scores.to_dict(intervals)}
    return Evaluation(figures, {**files, "confusion_matrix.txt": f"{table}\n", **pictures})


def _picture(scores: metrics.ClassificationScores, title: str) -> bytes:
    with temporary_files.working_folder() as folder:
        path = os.path.join(folder, "picture.png")
        confusion_matrix.write_picture(path, scores.confusion, scores.labels, title)
        return pathlib.Path(path).read_bytes()


def _evaluate_most_frequent(reference: TextReference) -> Evaluation:
    counts = count_labels(reference.examples)
    labels = find_labels(counts, reference.path).names
    most_frequent = max(labels, key=lambda label: counts[label])
    scores = _score(reference.examples, [most_frequent] * len(reference.examples), labels)
    return _evaluation(reference, scores, "most frequent label", {})
