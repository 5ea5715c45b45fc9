import itertools

import numpy as np
import pytest
import tensorflow as tf

from bert_qa_tf.tasks.question_answering import graph_windowing
from bert_qa_tf.tasks.question_answering import windowing as python_windowing
from bert_qa_tf.tasks.question_answering.config import WindowingConfig
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.text.tokenization import BertTokenizer, TokenizedBatch
from bert_qa_tf.text.tokenized_text import TokenizedText

TOKENIZER = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"], do_lower_case=True)


def _context(length, first_id=100):
    numbers = np.arange(length, dtype=np.int32)
    return TokenizedText(numbers + first_id, 2 * numbers, 2 * numbers + 1)


def _ragged(rows):
    lengths = [len(row) for row in rows]
    values = np.concatenate([*rows, np.zeros(0)]).astype(np.int32)
    return tf.RaggedTensor.from_row_lengths(values, lengths)


def _graph_windows(questions, contexts, config):
    """Each window's unpadded (ids, type ids, start chars, end chars, max context), question after question."""
    questions = _ragged(questions)
    batch = TokenizedBatch(*(_ragged(column) for column in zip(*contexts, strict=True)))
    lengths = tf.cast(questions.row_lengths(), tf.int32), tf.cast(batch.ids.row_lengths(), tf.int32)
    plan = graph_windowing.plan_windows(*lengths, config)
    windows = graph_windowing.make_windows(plan, questions, batch, TOKENIZER, config)
    mask = windows.inputs["input_mask"].numpy() == 1
    columns = (windows.inputs["input_word_ids"], windows.inputs["input_type_ids"], *windows[1:])
    padding = (TOKENIZER.pad_id, 0, -1, -1, 0)
    for column, value in zip(columns, padding, strict=True):
        assert (column.numpy()[~mask] == value).all()
    return plan, [[column.numpy()[i, mask[i]] for column in columns] for i in range(len(mask))]


def _python_windows(questions, contexts, config):
    windows = [
        python_windowing.make_windows(
            SquadExample(str(i), "", ""), question, context, TOKENIZER.cls_id, TOKENIZER.sep_id, config, None
        )
        for i, (question, context) in enumerate(zip(questions, contexts, strict=True))
    ]
    return list(itertools.chain.from_iterable(windows))


def _assert_same(questions, contexts, config):
    plan, found = _graph_windows(questions, contexts, config)
    expected = _python_windows(questions, contexts, config)
    assert len(found) == len(expected)
    for i, (window, feature) in enumerate(zip(found, expected, strict=True)):
        assert (int(plan.question[i]), int(plan.index[i])) == (int(feature.qas_id), feature.doc_span_index)
        np.testing.assert_array_equal(window[0], feature.input_word_ids)
        np.testing.assert_array_equal(window[1], feature.input_type_ids)
        np.testing.assert_array_equal(window[2], feature.token_start_chars)
        np.testing.assert_array_equal(window[3], feature.token_end_chars)
        np.testing.assert_array_equal(window[4], feature.token_is_max_context)


def test_one_window_is_laid_out_as_bert_reads_it():
    config = WindowingConfig(max_seq_length=16, doc_stride=2, max_query_length=4)
    _, [window] = _graph_windows([[7, 8]], [_context(3)], config)
    assert window[0].tolist() == [2, 7, 8, 3, 100, 101, 102, 3]
    assert window[1].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert window[2].tolist() == [-1, -1, -1, -1, 0, 2, 4, -1]
    assert window[4].tolist() == [0, 0, 0, 0, 1, 1, 1, 0]


def test_windows_are_padded_only_to_the_longest():
    config = WindowingConfig(max_seq_length=384)
    questions, contexts = _ragged([[7], [7, 8]]), [_context(5), _context(9)]
    batch = TokenizedBatch(*(_ragged(column) for column in zip(*contexts, strict=True)))
    plan = graph_windowing.plan_windows(tf.constant([1, 2]), tf.constant([5, 9]), config)
    windows = graph_windowing.make_windows(plan, questions, batch, TOKENIZER, config)
    assert windows.inputs["input_word_ids"].shape == (2, 2 + 9 + 3)


@pytest.mark.parametrize("stride", [1, 2, 3, 5, 8])
def test_windows_of_every_length_equal_those_of_conversion(stride):
    config = WindowingConfig(max_seq_length=15, doc_stride=stride, max_query_length=4)
    lengths = range(0, 40)
    questions = [np.arange(length % 5, dtype=np.int32) + 10 for length in lengths]
    _assert_same(questions, [_context(length) for length in lengths], config)


def test_max_context_breaks_ties_between_windows_of_other_lengths_alike():
    # A last window shorter by a multiple of 100 pieces ties with a full one, but for rounding.
    config = WindowingConfig(max_seq_length=384, doc_stride=128, max_query_length=64)
    lengths = range(380, 900, 7)
    _assert_same([[5] * (length % 60) for length in lengths], [_context(length) for length in lengths], config)


def test_empty_question_and_empty_context_still_have_a_window():
    config = WindowingConfig(max_seq_length=16, doc_stride=2, max_query_length=4)
    _assert_same([[]], [_context(0)], config)
    _assert_same([[], [7], []], [_context(0), _context(30), _context(0)], config)
