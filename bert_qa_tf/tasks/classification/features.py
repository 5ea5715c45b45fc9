"""The feature table of classification: one row for each field of a record."""

from __future__ import annotations

from bert_qa_tf.records.features import FeatureSpec
from bert_qa_tf.tasks.single_text.features import TEXT_FEATURES

CLASSIFICATION_FEATURES: tuple[FeatureSpec, ...] = (
    *TEXT_FEATURES,
    # The index of the label in the label set.
    FeatureSpec("label", (), "int32", "label"),
)
