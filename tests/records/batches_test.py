import numpy as np

from bert_qa_tf.records.batches import WEIGHTS, pad_batch
from bert_qa_tf.records.features import names
from bert_qa_tf.records.reader import Columns
from bert_qa_tf.tasks.question_answering.features import QA_FEATURES

# Two records of 3 and 2 word pieces.
COLUMNS = Columns(
    np.array([0, 3, 5]),
    {"input_word_ids": np.array([16, 17, 18, 10, 11], np.int32), "input_type_ids": np.ones(5, np.int32)},
    {
        "start_positions": np.array([0, 1], np.int32),
        "end_positions": np.array([0, 1], np.int32),
        "unique_id": np.array([9, 7]),
    },
)


def test_records_are_padded_and_missing_rows_weigh_nothing():
    batch = pad_batch(COLUMNS, length=5, batch_size=3, table=QA_FEATURES)
    assert batch["input_word_ids"].tolist() == [[16, 17, 18, 0, 0], [10, 11, 0, 0, 0], [0, 0, 0, 0, 0]]
    assert batch["input_mask"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]
    assert batch["input_type_ids"].tolist() == batch["input_mask"].tolist()
    assert batch["start_positions"].tolist() == [0, 1, 0]
    assert batch["end_positions"].tolist() == [0, 1, 0]
    assert batch[WEIGHTS].tolist() == [1.0, 1.0, 0.0]


def test_a_batch_holds_what_the_table_says_in_the_dtypes_it_says():
    batch = pad_batch(COLUMNS, length=4, batch_size=2, table=QA_FEATURES)
    assert set(batch) == {*names(QA_FEATURES, "input", "label"), WEIGHTS}
    for spec in QA_FEATURES:
        if spec.name in batch:
            assert batch[spec.name].dtype == spec.dtype
            assert batch[spec.name].shape == ((2, 4) if spec.per_token else (2,))
