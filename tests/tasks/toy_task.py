"""A task as short as one can be, outside the package: how many stars a review gives, learnt as a number."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from bert_qa_tf.records.features import FeatureSpec
from bert_qa_tf.tasks.classification.model import build_classification_model
from bert_qa_tf.tasks.single_text.features import TEXT_FEATURES
from bert_qa_tf.tasks.single_text.task import SingleTextTask


@dataclasses.dataclass(frozen=True)
class Review:
    example_id: str
    text: str
    stars: int | None = None


class ToyTask(SingleTextTask):
    """Reads JSON lines with `text` and `stars`."""

    table = (*TEXT_FEATURES, FeatureSpec("stars", (), "int32", "label"))
    example_type = Review
    served_outputs = ("stars",)
    best_metric = "closeness"

    def build_model(self, encoder):
        return build_classification_model(encoder, num_classes=1)

    def losses(self, outputs, batch):
        return tf.square(outputs["logits"][:, 0] - tf.cast(batch["stars"], tf.float32))

    def served(self, outputs):
        return {"stars": outputs["logits"][:, 0]}

    @classmethod
    def scores(cls, examples, answers):
        errors = [abs(answer["stars"] - example.stars) for example, answer in zip(examples, answers, strict=True)]
        return {"closeness": -sum(errors) / len(errors)}
