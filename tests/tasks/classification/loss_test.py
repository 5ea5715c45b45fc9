import numpy as np
import tensorflow as tf

from bert_qa_tf.tasks.classification.loss import classification_loss


def test_loss_is_the_cross_entropy_of_the_label():
    logits = tf.constant([[0.0, 0.0], [np.log(3.0), 0.0]])  # probabilities 1/2 and 3/4 for the labels
    loss = classification_loss(logits, tf.constant([1, 0]))
    np.testing.assert_allclose(loss, [np.log(2.0), np.log(4 / 3)], rtol=1e-6)


def test_the_weight_of_the_gold_class_multiplies_the_loss():
    logits = tf.zeros([3, 2])
    loss = classification_loss(logits, tf.constant([0, 1, 0]), class_weights=(0.5, 3.0))
    np.testing.assert_allclose(loss, np.log(2.0) * np.array([0.5, 3.0, 0.5]), rtol=1e-6)


def test_loss_is_float32_whatever_the_logits_are():
    loss = classification_loss(tf.cast([[0.0, 5.0]], tf.bfloat16), tf.constant([0]), class_weights=(1.0, 1.0))
    assert loss.dtype == tf.float32
    assert loss.shape == (1,)
