"""The feature table of classification: one row for each field of a record.

A development record can be scored and its prediction named from these fields alone: the label is in every record, and
`example_id` in those that are stored with their decoding fields.
"""

from __future__ import annotations

from bert_qa_tf.records.features import SEQ, FeatureSpec

CLASSIFICATION_FEATURES: tuple[FeatureSpec, ...] = (
    FeatureSpec("input_word_ids", (SEQ,), "int32", "input"),
    FeatureSpec("input_mask", (SEQ,), "int32", "input", storage="derived"),
    FeatureSpec("input_type_ids", (SEQ,), "int32", "input"),
    FeatureSpec("label", (), "int32", "label"),
    FeatureSpec("unique_id", (), "int64", "meta"),
    FeatureSpec("example_id", (), "string", "meta", storage="decoding"),
)
