import numpy as np
import tensorflow as tf

from bert_qa_tf.tasks.question_answering.loss import span_loss
from bert_qa_tf.tasks.question_answering.span_head import PADDING_LOGIT


def test_loss_is_the_mean_of_start_and_end_cross_entropy():
    start = tf.constant([[0.0, 0.0]])  # probability 1/2 for the label
    end = tf.constant([[np.log(3.0), 0.0]], tf.float32)  # probability 3/4 for the label
    loss = span_loss(start, end, tf.constant([1]), tf.constant([0]))
    np.testing.assert_allclose(loss, [(np.log(2.0) + np.log(4 / 3)) / 2], rtol=1e-6)


def test_padding_takes_no_share_of_the_probability():
    short = tf.constant([[1.0, 2.0]])
    padded = tf.constant([[1.0, 2.0, PADDING_LOGIT]])
    label = tf.constant([1])
    np.testing.assert_array_equal(span_loss(short, short, label, label), span_loss(padded, padded, label, label))


def test_each_example_has_its_own_loss_in_float32():
    logits = tf.cast([[0.0, 5.0], [5.0, 0.0]], tf.bfloat16)
    loss = span_loss(logits, logits, tf.constant([1, 1]), tf.constant([1, 1]))
    assert loss.dtype == tf.float32
    assert loss[0] < 0.01 < 4.9 < loss[1]
