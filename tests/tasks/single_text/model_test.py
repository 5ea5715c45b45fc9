import tensorflow as tf

from bert_qa_tf.tasks.single_text.model import sentence_output


def test_the_pooler_is_used_where_there_is_one():
    pooled, sequence = tf.ones([2, 4]), tf.reshape(tf.range(24.0), [2, 3, 4])
    assert sentence_output({"pooled_output": pooled, "sequence_output": sequence}) is pooled
    assert (sentence_output({"sequence_output": sequence}) == sequence[:, 0]).numpy().all()
