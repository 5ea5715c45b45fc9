import pytest
import tensorflow as tf

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import protos


def test_a_message_is_parsed():
    content = tf.train.BytesList(value=[b"a"]).SerializeToString()
    assert protos.parse(tf.train.BytesList, content, "a", "list").value == [b"a"]


def test_a_damaged_message_is_named():
    with pytest.raises(InputError, match=r"^a\.pb: this is no graph, or it is damaged$"):
        protos.parse(tf.train.Example, b"\xff" * 9, "a.pb", "graph")
