from __future__ import annotations

import time

import numpy as np
import pytest
import safetensors.numpy

from bert_qa_tf.encoders.sources import hub_export, loader
from bert_qa_tf.encoders.sources.safetensors import read_safetensors
from bert_qa_tf.encoders.sources.weights import read_weights
from bert_qa_tf.errors import InputError
from tests import testing
from tests.encoders import fixtures


def test_a_casing_that_the_source_contradicts_is_refused(tmp_path):
    module = testing.tiny_hub_module(tmp_path)

    assert loader.load_encoder(module, check=False, do_lower_case=True).tokenizer.do_lower_case
    with pytest.raises(InputError, match=r"this encoder states do_lower_case=True, but .* say False"):
        loader.load_encoder(module, check=False, do_lower_case=False)


def test_build_pretrained_encoder_holds_the_weights_that_were_read():
    pretrained = testing.tiny_pretrained()

    encoder = loader.build_pretrained_encoder(pretrained)

    read = read_weights(encoder)
    assert all(np.array_equal(read[name], pretrained.weights[name]) for name in pretrained.weights)


# === minilm ===


@pytest.mark.slow
def test_minilm_is_the_same_through_two_readers(tmp_path):
    original = read_safetensors(str(testing.minilm_folder()), do_lower_case=True)
    hub_export.export_hub_module(original, str(tmp_path / "module"))

    module = loader.load_encoder(str(tmp_path / "module"))

    assert (module.config, module.tokenizer.settings()) == (original.config, original.tokenizer.settings())
    assert module.weights.keys() == original.weights.keys()
    assert all(np.array_equal(module.weights[name], original.weights[name]) for name in original.weights)


@pytest.mark.slow
def test_minilm_computes_what_numpy_computes_from_its_file_and_is_kept_as_a_module(tmp_path):
    folder = testing.minilm_folder()
    tensors = safetensors.numpy.load_file(folder / "model.safetensors")
    word_ids = np.random.default_rng(0).integers(1000, 30522, size=(2, 24)).astype(np.int32)
    mask = np.ones_like(word_ids)
    mask[1, 15:] = 0
    type_ids = (np.arange(24)[None] >= np.array([[9], [5]])).astype(np.int32) * mask

    read = loader.load_encoder("minilm")

    assert fixtures.difference_from_numpy(read, tensors, word_ids, mask, type_ids) < 1e-5
    assert sum(array.size for array in read.weights.values()) == 22_713_216
    assert (read.config.hidden_act, read.config.layer_norm_epsilon, read.source) == ("gelu", 1e-12, "minilm")
    assert read.tokenizer.vocab_size == 30522
    assert (tmp_path / "cache" / "bert_qa_tf" / "minilm-53aa51172d14-hub" / "saved_model.pb").exists()
    start = time.perf_counter()
    again = loader.load_encoder("minilm")
    assert time.perf_counter() - start < 10
    assert all(np.array_equal(again.weights[name], read.weights[name]) for name in read.weights)
