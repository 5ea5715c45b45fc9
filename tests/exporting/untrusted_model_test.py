"""Models that do more than answer: they are refused before they are loaded."""

import pytest
import tensorflow as tf

from bert_qa_tf.encoders import wrapped_encoder
from bert_qa_tf.encoders.sources import tf_hub
from bert_qa_tf.errors import InputError
from bert_qa_tf.exporting import archive
from bert_qa_tf.exporting.exported_model import ExportedModel
from bert_qa_tf.serving.servable import Servable
from bert_qa_tf.storage import saved_model_trust


@pytest.fixture
def model(tmp_path, monkeypatch):
    """The folder of a model that copies a file when it is asked."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(saved_model_trust, "_trusted", set())
    (tmp_path / "secret").write_text("secret", encoding="utf-8")

    def copy(name):
        tf.io.write_file(str(tmp_path / name), tf.io.read_file(str(tmp_path / "secret")))
        return tf.constant(0)

    module = tf.Module()
    module.serve = tf.function(
        lambda question, context: {"answer": tf.io.read_file(question[0])[None], "done": copy("asked")[None]},
        input_signature=[tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.string)],
    )
    folder = tmp_path / "exports" / "qa" / "1"
    tf.saved_model.save(module, str(folder), {"serving_default": module.serve})
    return folder


@pytest.mark.parametrize(
    "load",
    [ExportedModel, Servable, tf_hub._load_module, wrapped_encoder.build_wrapped_encoder],
    ids=["predict", "serve", "rebuild", "wrap"],
)
def test_a_model_that_copies_files_is_refused_and_copies_none(model, tmp_path, load):
    with pytest.raises(InputError, match=r"this SavedModel is refused.*\(ReadFile, WriteFile\)"):
        load(str(model))
    assert not (tmp_path / "asked").exists()


def test_a_model_that_is_trusted_is_used(model, tmp_path):
    asked = ExportedModel(str(model), trust=True)
    outputs = asked.predict({"question": [str(tmp_path / "secret")], "context": ["a"]})
    assert outputs["answer"] == ["secret"]
    ExportedModel(str(model))  # it is remembered


def test_a_model_in_an_archive_is_refused_too(model, tmp_path):
    archive.pack({"qa/1": str(model)}, tmp_path / "model.tar.gz")
    with pytest.raises(InputError, match=r"model\.tar\.gz: this SavedModel is refused"):
        Servable(str(tmp_path / "model.tar.gz"))
