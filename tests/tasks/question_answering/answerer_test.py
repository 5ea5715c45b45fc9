import tracemalloc

import numpy as np
import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.question_answering.answerer import QuestionAnswerer
from bert_qa_tf.tasks.question_answering.config import DecodingConfig
from bert_qa_tf.tasks.question_answering.decoding import decode_all
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.windowing import featurize_examples
from tests import tiny_model

MODEL = tiny_model.tiny_span_model()
TOKENIZER = tiny_model.tiny_tokenizer()


def _predictor(model=MODEL, batch_size=4):
    return QuestionAnswerer(model, TOKENIZER, tiny_model.SETTINGS, batch_size)


def _examples(contexts, question="who is it"):
    return [SquadExample(f"id{i}", question, context) for i, context in enumerate(contexts)]


def _features(examples):
    windows = featurize_examples(examples, TOKENIZER, tiny_model.WINDOWING, lambda example: None)
    return [window for some in windows for window in some]


class _Spy:
    """A model that notes the shapes it is called with (while tracing: none; so it runs eagerly)."""

    def __init__(self):
        self.shapes = []

    def __call__(self, inputs, training):
        import tensorflow as tf

        tf.py_function(lambda ids: self.shapes.append(tuple(ids.shape)), [inputs["input_word_ids"]], [])
        zeros = tf.zeros_like(inputs["input_mask"], tf.float32)
        return {"start_logits": zeros, "end_logits": zeros}


def test_every_window_gets_its_own_logits_whatever_it_was_batched_with():
    features = _features(_examples(["the cat " * count for count in (1, 30, 3, 9, 60, 2, 17)]))
    together = {result.unique_id: result for result in _predictor().raw_results(features)}
    assert set(together) == {feature.unique_id for feature in features}
    for feature in features:
        [alone] = _predictor_one.raw_results([feature])
        assert len(together[feature.unique_id].start_logits) == len(feature)
        np.testing.assert_allclose(together[feature.unique_id].start_logits, alone.start_logits, atol=1e-4)
        np.testing.assert_allclose(together[feature.unique_id].end_logits, alone.end_logits, atol=1e-4)


_predictor_one = _predictor(batch_size=1)


def test_windows_of_like_length_share_a_batch_padded_to_a_multiple():
    spy = _Spy()
    features = _features(_examples(["cat " * count for count in (1, 30, 2, 31, 3, 29, 4, 28)], question="who"))
    list(_predictor(spy).raw_results(features))
    assert spy.shapes == [(4, 48), (4, 16)]


def test_windows_are_never_padded_beyond_max_seq_length():
    spy = _Spy()
    QuestionAnswerer(spy, TOKENIZER, tiny_model.SETTINGS, length_multiple=1000).answer_all(_examples(["cat " * 200]))
    assert {length for _, length in spy.shapes} == {48}


def test_answers_come_in_the_order_of_the_questions_and_equal_decode_all():
    examples = _examples(tiny_model.random_texts(5, 40))
    features = _features(examples)
    predictor = _predictor()
    expected = decode_all(examples, features, predictor.raw_results(features), DecodingConfig())
    found = predictor.answer_all(examples)
    assert list(found.predictions) == [example.qas_id for example in examples]
    assert found.predictions == expected.predictions


def test_answers_are_cut_from_the_context_at_their_offsets():
    examples = _examples(tiny_model.random_texts(6, 200))
    for example, answer in zip(examples, _predictor().answer(examples), strict=True):
        assert example.context[answer.start_char : answer.end_char] == answer.text
        for entry in answer.nbest:
            assert example.context[entry.start_char : entry.end_char] == entry.text


def test_an_id_that_comes_twice_is_an_error():
    examples = [SquadExample("same", "who", "the cat"), SquadExample("same", "where", "the mat")]
    with pytest.raises(InputError, match="'same' comes twice"):
        list(_predictor().answer(examples))


def test_a_lone_surrogate_counts_as_a_replacement_character():
    context = "the \ud800 cat"
    [answer] = _predictor().answer(_examples([context]))
    assert context.replace("\ud800", "\ufffd")[answer.start_char : answer.end_char] == answer.text


def test_a_document_of_10000_words_is_answered_in_bounded_memory():
    spy = _Spy()
    # The one emoji makes bytes and code points differ for all that follows.
    context = "😀 " + " ".join(["the cat sat on the mat ."] * 1500)
    assert len(context.split()) > 10_000
    predictor = _predictor(spy, batch_size=8)
    tracemalloc.start()
    [answer] = predictor.answer(_examples([context]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert context[answer.start_char : answer.end_char] == answer.text
    assert max(rows for rows, _ in spy.shapes) == 8
    assert sum(rows for rows, _ in spy.shapes) > 800
    assert peak < 30e6


def test_questions_are_read_only_as_far_ahead_as_needed():
    read = []

    def endless():
        for i in range(1_000_000):
            read.append(i)
            yield SquadExample(str(i), "who", f"the cat {i} " + "a " * 5000)

    answers = _predictor(_Spy(), batch_size=2).answer(endless())
    next(answers)
    assert len(read) < 300


def test_the_answer_deep_in_a_long_document_has_the_right_offsets():
    # A model that likes the word "北": its embedding decides both logits.
    import tensorflow as tf

    wanted = tiny_model.VOCAB.index("北")

    def model(inputs, training):
        hit = 9.0 * tf.cast(inputs["input_word_ids"] == wanted, tf.float32)
        return {"start_logits": hit, "end_logits": hit}

    context = "😀 é " + "the cat sat on the mat . " * 800 + "北 " + "it is . " * 800
    [answer] = _predictor(model).answer(_examples([context]))
    assert (answer.text, answer.start_char) == ("北", context.index("北"))
