import json

import pytest
from tensorflow.python.framework import op_def_registry

from bert_qa_tf.errors import InputError
from bert_qa_tf.exporting import op_inventory

OURS = {"MatMul": (3, True), "FastWordpieceTokenizeWithOffsets": (1, False)}


def test_every_op_says_whose_it_is_and_who_links_it():
    assert json.loads(op_inventory.to_json(OURS)) == {
        "FastWordpieceTokenizeWithOffsets": {
            "count": 1,
            "from": "tensorflow-text",
            "linked_by_tf_serving": "2.16 to 2.20",
        },
        "MatMul": {"count": 3, "from": "tensorflow", "linked_by_tf_serving": "2.16 to 2.20"},
    }


@pytest.mark.parametrize("name", ["RoundRobinTrim", "FastBertNormalize"])
def test_an_op_of_tensorflow_text_that_servers_are_not_known_to_link_is_refused(name):
    with pytest.raises(InputError, match=f"TF Serving 2.16 to 2.20 is not known to link {name}, so nothing was kept"):
        op_inventory.to_json({**OURS, name: (1, False)})


def test_an_op_that_came_after_the_oldest_server_is_refused():
    with pytest.raises(InputError, match="not known to link DecodeWebP, GlobalShuffleDataset"):
        op_inventory.to_json({**OURS, "GlobalShuffleDataset": (2, True), "DecodeWebP": (1, True)})


def test_the_list_of_newer_ops_names_ops_that_there_are():
    # oneDNN's own, which rewriting puts in at run time, are registered with their kernels.
    named = [name for name in op_inventory.NEWER_THAN_2_16 if not name.startswith("_")]
    assert len(named) > 30
    assert [name for name in named if op_def_registry.get(name) is None] == []
