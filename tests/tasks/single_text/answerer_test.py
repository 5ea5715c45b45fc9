"""Answers of a text model: in their order, whatever the batches, and as the exported module gives them."""

import numpy as np
import pytest
import tensorflow as tf

from bert_qa_tf.tasks.base import NoOptions
from bert_qa_tf.tasks.single_text import answerer as answerer_module
from bert_qa_tf.tasks.single_text.answerer import TextAnswerer, plain
from bert_qa_tf.tasks.single_text.request import Text
from tests.tiny_model import CLASSIFICATION, random_texts, tiny_classification_model, tiny_tokenizer

TEXTS = [*random_texts(3, 40), "", "   ", "the cat sat on the mat " * 20, "x" * 300]


@pytest.fixture(scope="module")
def model():
    return tiny_classification_model()


def answers(model, texts=TEXTS, batch_size=32):
    examples = [Text(str(i), text) for i, text in enumerate(texts)]
    return list(TextAnswerer(CLASSIFICATION, model, tiny_tokenizer(), batch_size).answer(iter(examples)))


def probabilities(found):
    return np.array([list(answer.probabilities.values()) for answer in found])


def test_the_model_gives_several_labels(model):
    assert len({answer.label for answer in answers(model)}) > 1


@pytest.mark.parametrize("batch_size", [1, 3, 7])
def test_batches_change_neither_order_nor_answers(model, batch_size, monkeypatch):
    monkeypatch.setattr(answerer_module, "_BATCHES_PER_CHUNK", 2)
    expected, found = answers(model), answers(model, batch_size=batch_size)
    assert [answer.label for answer in found] == [answer.label for answer in expected]
    np.testing.assert_allclose(probabilities(found), probabilities(expected), atol=1e-5)


def test_each_text_is_answered_as_if_it_were_alone(model):
    alone = [answer for text in TEXTS[:5] for answer in answers(model, [text])]
    np.testing.assert_allclose(probabilities(alone), probabilities(answers(model))[:5], atol=1e-5)


def test_examples_are_read_only_as_they_are_needed(model, monkeypatch):
    monkeypatch.setattr(answerer_module, "_BATCHES_PER_CHUNK", 2)
    read = []

    def examples():
        for i in range(100):
            read.append(i)
            yield Text(str(i), "the cat")

    next(TextAnswerer(CLASSIFICATION, model, tiny_tokenizer(), 4).answer(examples()))
    assert len(read) == 8


def test_nothing_asked_is_nothing_answered(model):
    assert answers(model, []) == []


def test_the_exported_module_gives_the_same(model):
    task, tokenizer = CLASSIFICATION, tiny_tokenizer()
    module, ids_module = task.export_modules(model, tokenizer, NoOptions())
    examples = [Text(str(i), text) for i, text in enumerate(TEXTS)]
    columns = {name: tf.constant(texts, tf.string) for name, texts in task.to_columns(examples).items()}
    served = module.signatures["serving_default"](**columns)
    assert set(served) == set(task.served_outputs)
    found = task.from_columns({name: [plain(row) for row in value.numpy()] for name, value in served.items()}, examples)
    comparison = task.compare(task.answerer(model, tokenizer), examples, found, tolerance=1e-4)
    assert (comparison.same + len(comparison.ties), comparison.wrong) == (len(examples), [])
    np.testing.assert_allclose(probabilities(found), probabilities(answers(model)), atol=1e-5)
    # Token ids alone give the logits that these follow from.
    for example, row in zip(examples[:10], task.model_inputs(examples[:10], tokenizer), strict=True):
        ids = {name: tf.constant([values]) for name, values in row.items()}
        logits = ids_module.signatures["serve_ids"](**ids, input_mask=tf.ones_like(ids["input_word_ids"]))["logits"]
        expected = probabilities([found[int(example.example_id)]])
        np.testing.assert_allclose(tf.nn.softmax(logits), expected, atol=1e-5)


def test_bytes_that_are_no_utf8_count_as_replaced(model):
    module, _ = CLASSIFICATION.export_modules(model, tiny_tokenizer(), NoOptions())
    serve = module.signatures["serving_default"]
    broken, mended = (serve(text=tf.constant([text])) for text in (b"the \xff cat", "the \ufffd cat".encode()))
    assert broken["score"].numpy().tolist() == mended["score"].numpy().tolist()


def test_values_become_those_of_json():
    assert plain(np.array([b"\xc3\xa9", b"a"], object)) == ["é", "a"]
    assert plain(np.float32(0.5)) == 0.5
    assert plain(np.array([[1, 2]], np.int32)) == [[1, 2]]
    assert plain(b"a") == "a"
