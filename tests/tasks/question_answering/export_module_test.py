import numpy as np
import pytest
import tensorflow as tf

from bert_qa_tf.tasks.question_answering.answerer import QuestionAnswerer
from bert_qa_tf.tasks.question_answering.config import DecodingConfig, ExportConfig, QuestionAnsweringConfig
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.export_module import QaModule
from tests import tiny_model

MODEL = tiny_model.tiny_span_model()
TOKENIZER = tiny_model.tiny_tokenizer()
V1 = DecodingConfig()
SETTINGS = QuestionAnsweringConfig(tiny_model.WINDOWING, V1)
V2 = DecodingConfig(version_2_with_negative=True)
OUTPUTS = {
    "answer": ((2,), tf.string),
    "answer_start": ((2,), tf.int32),
    "answer_end": ((2,), tf.int32),
    "score": ((2,), tf.float32),
    "nbest_answer": ((2, 20), tf.string),
    "nbest_start": ((2, 20), tf.int32),
    "nbest_score": ((2, 20), tf.float32),
    "question_tokens_cut": ((2,), tf.int32),
}


@pytest.fixture(scope="module")
def module():
    return QaModule(MODEL, TOKENIZER, SETTINGS, ExportConfig(max_windows_per_call=3))


def _ask(module, questions, contexts):
    outputs = module.serve(tiny_model.as_tensor(questions), tiny_model.as_tensor(contexts))
    return {name: value.numpy() for name, value in outputs.items()}


def _predict(questions, contexts, decoding=V1):
    predictor = QuestionAnswerer(MODEL, TOKENIZER, QuestionAnsweringConfig(tiny_model.WINDOWING, decoding))
    pairs = enumerate(zip(questions, contexts, strict=True))
    return list(predictor.answer(SquadExample(str(i), question, context) for i, (question, context) in pairs))


def _assert_same_answers(found, expected):
    assert [text.decode() for text in found["answer"]] == [answer.text for answer in expected]
    assert found["answer_start"].tolist() == [answer.start_char for answer in expected]
    assert found["answer_end"].tolist() == [answer.end_char for answer in expected]
    np.testing.assert_allclose(found["score"], [answer.score for answer in expected], atol=1e-4)


def test_outputs_have_the_names_shapes_and_types_of_the_signature(module):
    outputs = module.serve(tf.constant(["who", "where"]), tf.constant(["the cat sat", "on the mat"]))
    assert {name: (tuple(value.shape), value.dtype) for name, value in outputs.items()} == OUTPUTS


def test_answers_equal_those_of_python_windowing_and_numpy_decoding(module):
    contexts = [text for text in tiny_model.random_texts(0, 60)]
    questions = [text[:20] for text in tiny_model.random_texts(1, 60)]
    _assert_same_answers(_ask(module, questions, contexts), _predict(questions, contexts))


def test_both_models_say_how_much_of_a_question_was_cut(module):
    longest = tiny_model.WINDOWING.max_query_length
    questions, contexts = ["who", "it " * longest, "it " * (longest + 3)], ["the cat sat"] * 3
    assert _ask(module, questions, contexts)["question_tokens_cut"].tolist() == [0, 0, 3]
    assert [answer.question_tokens_cut for answer in _predict(questions, contexts)] == [0, 0, 3]


def test_squad_2_answers_equal_those_of_numpy_decoding():
    contexts = tiny_model.random_texts(2, 60)
    odds = [answer.null_odds for answer in _predict(["who is it"] * 60, contexts, V2)]
    config = DecodingConfig(version_2_with_negative=True, null_score_diff_threshold=float(np.median(odds)) + 1e-3)
    module = QaModule(MODEL, TOKENIZER, QuestionAnsweringConfig(tiny_model.WINDOWING, config))
    expected = _predict(["who is it"] * 60, contexts, config)
    assert 5 < sum(answer.text == "" for answer in expected) < 55
    found = _ask(module, ["who is it"] * 60, contexts)
    _assert_same_answers(found, expected)
    assert found["nbest_answer"].shape == (60, 21)


def test_the_number_of_windows_per_call_does_not_change_answers(module):
    contexts = ["the cat sat on the mat . " * 40, "a cat", "", "it is on the mat " * 25]
    questions = ["who", "where is it", "it", "the"]
    at_once = QaModule(MODEL, TOKENIZER, SETTINGS, ExportConfig(max_windows_per_call=1000))
    first, second = _ask(module, questions, contexts), _ask(at_once, questions, contexts)
    assert first["answer"].tolist() == second["answer"].tolist()
    assert first["answer_start"].tolist() == second["answer_start"].tolist()


def test_at_most_max_windows_per_call_go_through_the_model_at_a_time():
    shapes = []

    def spy(inputs, training):
        tf.py_function(lambda ids: shapes.append(tuple(ids.shape)), [inputs["input_word_ids"]], [])
        zeros = tf.zeros_like(inputs["input_mask"], tf.float32)
        return {"start_logits": zeros, "end_logits": zeros}

    spy.variables = []
    module = QaModule(spy, TOKENIZER, SETTINGS, ExportConfig(max_windows_per_call=4))
    _ask(module, ["who", "who"], ["a b c", "the cat sat on the mat " * 20])
    assert sum(rows for rows, _ in shapes) == 1 + 8  # 120 tokens, 44 at a time, 12 apart
    assert max(rows for rows, _ in shapes) == 4
    assert len(shapes) == 3


def test_at_most_max_tokens_per_call_go_through_the_model_at_a_time():
    shapes = []

    def spy(inputs, training):
        tf.py_function(lambda ids: shapes.append(tuple(ids.shape)), [inputs["input_word_ids"]], [])
        zeros = tf.zeros_like(inputs["input_mask"], tf.float32)
        return {"start_logits": zeros, "end_logits": zeros}

    spy.variables = []
    module = QaModule(spy, TOKENIZER, SETTINGS, ExportConfig(max_tokens_per_call=24))
    contexts = ["a b c", "a b c d", "a b c d e f g", "a b", "the cat sat on the mat " * 5, "a"]
    _ask(module, ["who"] * 6, contexts)
    # Question and special tokens are 4. Two of 6 and 5 would fit beside one of 7, and 3 x 7 = 21; of 8, they would not.
    assert shapes == [(3, 7), (2, 11), (1, 34)]


def test_a_batch_is_padded_only_to_its_longest_window():
    shapes = []

    def spy(inputs, training):
        tf.py_function(lambda ids: shapes.append(tuple(ids.shape)), [inputs["input_word_ids"]], [])
        zeros = tf.zeros_like(inputs["input_mask"], tf.float32)
        return {"start_logits": zeros, "end_logits": zeros}

    spy.variables = []
    module = QaModule(spy, TOKENIZER, SETTINGS)
    _ask(module, ["who", "who is it"], ["a b c", "a b"])
    assert shapes == [(2, 3 + 3 + 2)]


def test_offsets_are_code_points_and_cut_out_the_answer(module):
    contexts = tiny_model.random_texts(3, 300)
    found = _ask(module, ["where is it"] * 300, contexts)
    for i, context in enumerate(contexts):
        answer = found["answer"][i].decode()
        assert context[found["answer_start"][i] : found["answer_end"][i]] == answer
        for text, start, score in zip(
            *(found[f"nbest_{name}"][i] for name in ("answer", "start", "score")), strict=True
        ):
            text = text.decode()
            assert context[start : start + len(text)] == text
            assert bool(text) == (score > 0)


def test_invalid_utf8_is_read_as_python_reads_it_with_replacement(module):
    contexts = [b"the \xff cat", *tiny_model.invalid_utf8(0, 200)]
    found = _ask(module, [b"wh\xffo"] * 201, contexts)
    for i, context in enumerate(contexts):
        text = context.decode("utf-8", "replace")
        assert text[found["answer_start"][i] : found["answer_end"][i]] == found["answer"][i].decode()


@pytest.mark.parametrize("context", ["", "   ", "\n\t ", "\x00", "\u0301"])
def test_nothing_to_find_is_an_empty_answer_and_a_filled_list(module, context):
    found = _ask(module, ["who"], [context])
    assert found["answer"].tolist() == [b""]
    assert (found["answer_start"][0], found["answer_end"][0], found["score"][0]) == (0, 0, 0.0)
    assert found["nbest_answer"].tolist() == [[b""] * 20]
    assert not found["nbest_start"].any()
    assert not found["nbest_score"].any()


def test_an_empty_question_gets_an_answer(module):
    found = _ask(module, ["", "  "], ["the cat sat", "the cat sat"])
    assert b"" not in found["answer"].tolist()


def test_an_empty_batch_gives_empty_outputs(module):
    found = _ask(module, [], [])
    assert {name: value.shape for name, value in found.items()} == {
        name: (0, *shape[1:]) for name, (shape, _) in OUTPUTS.items()
    }


def test_short_lists_are_filled(module):
    found = _ask(module, ["who"], ["cat"])
    assert found["nbest_answer"][0].tolist() == [b"cat"] + [b""] * 19
    assert found["nbest_score"][0].tolist() == [1.0] + [0.0] * 19


def test_question_and_context_must_be_as_many(module):
    with pytest.raises(tf.errors.InvalidArgumentError, match="same number of rows"):
        _ask(module, ["who"], ["a", "b"])


def test_serve_ids_gives_the_models_logits(module):
    ids = tf.constant([[2, 30, 3, 31, 3], [2, 3, 30, 3, 0]], tf.int32)
    mask = tf.cast(ids > 0, tf.int32)
    types = tf.zeros_like(ids)
    expected = MODEL({"input_word_ids": ids, "input_mask": mask, "input_type_ids": types})
    found = module.serve_ids(ids, mask, types)
    np.testing.assert_allclose(found["start_logits"], expected["start_logits"], atol=1e-4)
    assert found["end_logits"].dtype == tf.float32
