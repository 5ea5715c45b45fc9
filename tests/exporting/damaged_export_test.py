"""SavedModels that were cut or damaged: one line names each."""

import contextlib

import pytest
import tensorflow as tf

from bert_qa_tf.errors import InputError
from bert_qa_tf.exporting import exported_model, fresh_process
from bert_qa_tf.serving import servable


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    class Times(tf.Module):
        def __init__(self):
            super().__init__()
            self.factor = tf.Variable(tf.ones([300]))

        @tf.function(input_signature=[tf.TensorSpec([300], tf.float32)])
        def __call__(self, x):
            return {"y": self.factor * x}

    folder = str(tmp_path_factory.mktemp("saved"))
    module = Times()
    tf.saved_model.save(module, folder, signatures={"serving_default": module.__call__})
    return folder


READERS = (exported_model.signature_inputs, fresh_process._ops, servable._read_signature_defs)


@pytest.mark.parametrize("content", [b"\xff" * 100, b""])
def test_a_damaged_graph_is_named(tmp_path, content):
    (tmp_path / "saved_model.pb").write_bytes(content)
    for read in READERS:
        with pytest.raises(InputError, match=r"saved_model\.pb: (this is no SavedModel|holds no graph)"):
            read(str(tmp_path))


def test_a_cut_graph_is_read_or_named(saved, tmp_path):
    with open(f"{saved}/saved_model.pb", "rb") as file:
        whole = file.read()
    for size in range(0, len(whole), 97):
        (tmp_path / "saved_model.pb").write_bytes(whole[:size])
        for read in READERS:
            with contextlib.suppress(InputError):
                read(str(tmp_path))


@pytest.mark.parametrize("name", ["variables.data-00000-of-00001", "variables.index"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_cut_variables_are_named(saved, name, share):
    path = f"{saved}/variables/{name}"
    with open(path, "rb") as file:
        whole = file.read()
    try:
        with open(path, "wb") as file:
            file.write(whole[: int(share * len(whole))])
        with pytest.raises(InputError, match=rf"{saved}: cannot be loaded \("):
            exported_model.load(saved)
    finally:
        with open(path, "wb") as file:
            file.write(whole)
