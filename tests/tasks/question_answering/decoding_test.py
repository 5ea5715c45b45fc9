import numpy as np
import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.question_answering.config import DecodingConfig
from bert_qa_tf.tasks.question_answering.decoding import decode, decode_all
from bert_qa_tf.tasks.question_answering.examples import InputFeatures, RawResult, SquadExample

V1 = DecodingConfig()
V2 = DecodingConfig(version_2_with_negative=True)
CONTEXT = "the cat sat on the mat"
WORDS = [(0, 3), (4, 7), (8, 11), (12, 14), (15, 18), (19, 22)]


def _window(words=WORDS, *, index=0, max_context=None, qas_id="q"):
    """[CLS] who [SEP] <words> [SEP]: the first word of the context is token 3."""
    starts = [-1] * 3 + [start for start, _ in words] + [-1]
    ends = [-1] * 3 + [end for _, end in words] + [-1]
    seen_best = [1] * len(words) if max_context is None else max_context
    length = len(starts)
    return InputFeatures(
        input_word_ids=np.arange(length, dtype=np.int32),
        input_type_ids=np.array([0] * 3 + [1] * (length - 3), np.int32),
        start_positions=0,
        end_positions=0,
        unique_id=hash((qas_id, index)),
        qas_id=qas_id,
        doc_span_index=index,
        token_start_chars=np.array(starts, np.int32),
        token_end_chars=np.array(ends, np.int32),
        token_is_max_context=np.array([0] * 3 + seen_best + [0], np.int32),
    )


def _result(window, start=(), end=()):
    """Logits of 0 but for those given as {token: logit}."""
    logits = np.zeros((2, len(window)), np.float32)
    for row, given in zip(logits, (start, end), strict=True):
        for token, value in dict(given).items():
            row[token] = value
    return RawResult(window.unique_id, *logits)


def _decode(start, end, config=V1, window=None):
    window = window or _window()
    return decode([window], [_result(window, start, end)], CONTEXT, config)


def test_the_answer_is_cut_from_the_context_at_the_best_start_and_end():
    answer = _decode({4: 5.0}, {5: 4.0})
    assert (answer.text, answer.start_char, answer.end_char) == ("cat sat", 4, 11)
    assert answer.nbest[0].start_logit == 5.0
    assert answer.nbest[0].end_logit == 4.0


def test_an_end_before_the_start_is_never_chosen():
    answer = _decode({5: 9.0}, {4: 9.0, 8: 1.0})
    assert answer.text == "sat on the mat"


def test_answers_are_at_most_max_answer_length_word_pieces():
    answer = _decode({3: 9.0}, {8: 9.0, 4: 1.0}, DecodingConfig(max_answer_length=2))
    assert answer.text == "the cat"


def test_cls_question_and_separators_are_never_answers():
    answer = _decode({0: 99.0, 1: 98.0, 2: 97.0, 9: 96.0, 4: 1.0}, {0: 99.0, 2: 98.0, 9: 96.0, 4: 1.0})
    assert answer.text == "cat"


def test_masked_positions_do_not_use_up_the_n_best_places():
    # run_squad.py would take [CLS] as the one best start and end, throw it away, and have no answer.
    answer = _decode({0: 9.0, 4: 1.0}, {0: 9.0, 5: 1.0}, DecodingConfig(n_best_size=1))
    assert answer.text == "cat sat"


def test_when_no_pair_fits_each_start_gets_its_best_end():
    # The one best end comes before the one best start.
    answer = _decode({6: 9.0}, {4: 9.0, 7: 1.0}, DecodingConfig(n_best_size=1))
    assert answer.text == "on the"
    assert len(answer.nbest) == 1


def test_a_start_counts_only_in_the_window_that_sees_it_with_most_context():
    window = _window(max_context=[1, 0, 1, 1, 1, 1])
    answer = _decode({4: 9.0, 5: 1.0}, {5: 2.0}, window=window)
    assert answer.text == "sat"


def test_the_best_span_of_all_windows_wins():
    first, second = _window(WORDS[:3]), _window(WORDS[3:], index=1)
    results = [_result(second, {4: 3.0}, {5: 3.0}), _result(first, {3: 1.0}, {3: 1.0})]
    assert decode([second, first], results, CONTEXT, DecodingConfig()).text == "the mat"


def test_the_same_text_is_listed_once_at_its_best_place():
    answer = _decode({3: 1.0, 7: 2.0}, {3: 1.0, 7: 2.0}, DecodingConfig(max_answer_length=1))
    texts = [entry.text for entry in answer.nbest]
    assert texts == ["the", "cat", "sat", "on", "mat"]
    assert answer.nbest[0].start_char == 15


def test_equal_scores_are_ordered_by_window_then_start_then_end():
    first, second = _window(WORDS[:2]), _window(WORDS[2:4], index=1)
    answer = decode([first, second], [_result(first), _result(second)], CONTEXT, DecodingConfig())
    assert [entry.text for entry in answer.nbest] == ["the", "the cat", "cat", "sat", "sat on", "on"]


def test_probabilities_are_a_softmax_over_the_kept_spans():
    answer = _decode({4: np.log(3.0)}, {4: 1.0, 3: 1.0}, DecodingConfig(max_answer_length=1, n_best_size=2))
    assert [entry.text for entry in answer.nbest] == ["cat", "the"]
    np.testing.assert_allclose([entry.probability for entry in answer.nbest], [0.75, 0.25], rtol=1e-6)
    assert answer.score == answer.nbest[0].probability


def test_n_best_size_limits_the_list():
    assert len(_decode({}, {}, DecodingConfig(n_best_size=3)).nbest) == 3


def test_empty_context_gives_no_answer():
    window = _window([])
    answer = decode([window], [_result(window)], "", DecodingConfig())
    assert (answer.text, answer.start_char, answer.end_char, answer.score, answer.nbest) == ("", 0, 0, 0.0, ())


def test_offsets_count_code_points():
    context = "😀 né 日本"
    window = _window([(0, 1), (2, 4), (5, 6), (6, 7)])
    answer = decode([window], [_result(window, {5: 1.0}, {6: 1.0})], context, DecodingConfig())
    assert (answer.text, answer.start_char, answer.end_char) == ("日本", 5, 7)


def test_null_wins_only_above_the_threshold():
    assert _decode({0: 3.0, 4: 2.0}, {0: 3.0, 4: 2.0}, V2).text == ""
    at = DecodingConfig(version_2_with_negative=True, null_score_diff_threshold=2.0)
    assert _decode({0: 3.0, 4: 2.0}, {0: 3.0, 4: 2.0}, at).text == "cat"
    below = DecodingConfig(version_2_with_negative=True, null_score_diff_threshold=1.9)
    assert _decode({0: 3.0, 4: 2.0}, {0: 3.0, 4: 2.0}, below).text == ""


def test_the_null_score_is_the_lowest_of_all_windows():
    first, second = _window(WORDS[:3]), _window(WORDS[3:], index=1)
    results = [_result(first, {0: 50.0, 4: 3.0}, {4: 3.0}), _result(second, {0: 1.0})]
    answer = decode([first, second], results, CONTEXT, V2)
    assert answer.text == "cat"
    assert answer.null_odds == 1.0 - 6.0


def test_null_is_listed_with_its_probability_beside_all_spans():
    answer = _decode({0: 3.0, 4: 2.0}, {0: 3.0, 4: 2.0}, DecodingConfig(2, version_2_with_negative=True))
    assert [entry.text for entry in answer.nbest][:2] == ["", "cat"]
    assert len(answer.nbest) == 3
    assert answer.score == answer.nbest[0].probability
    assert (answer.nbest[0].start_char, answer.nbest[0].end_char) == (0, 0)
    np.testing.assert_allclose(sum(entry.probability for entry in answer.nbest), 1.0)


def test_squad_1_never_answers_null():
    answer = _decode({0: 99.0}, {0: 99.0})
    assert answer.text == "the"
    assert answer.null_odds is None


def test_empty_context_of_squad_2_is_null_whatever_the_threshold():
    window = _window([])
    config = DecodingConfig(version_2_with_negative=True, null_score_diff_threshold=1e6)
    answer = decode([window], [_result(window)], "", config)
    assert (answer.text, answer.score) == ("", 1.0)


def _example(qas_id):
    return SquadExample(qas_id, "who", CONTEXT)


def test_decode_all_gives_the_contents_of_the_files():
    windows = [_window(qas_id="a"), _window(qas_id="b")]
    results = [_result(windows[1], {4: 9.0}, {4: 9.0}), _result(windows[0], {8: 9.0}, {8: 9.0})]
    decoded = decode_all([_example("b"), _example("a")], windows, results, V2)
    assert decoded.predictions == {"b": "cat", "a": "mat"}
    assert list(decoded.predictions) == ["b", "a"]
    assert decoded.nbest["a"][0]["text"] == "mat"
    assert set(decoded.nbest["a"][0]) == {"text", "start_char", "end_char", "start_logit", "end_logit", "probability"}
    assert decoded.null_odds == {"b": -18.0, "a": -18.0}


def test_a_window_without_a_result_is_named():
    windows = [_window(qas_id="a"), _window(qas_id="b")]
    with pytest.raises(InputError, match=r"1 windows have no model result: b \(window 0\)"):
        decode_all([_example("a"), _example("b")], windows, [_result(windows[0])], V2)
    with pytest.raises(InputError, match=r"a \(window 0\)"):
        decode([windows[0]], [], CONTEXT, V2)


def test_a_question_without_a_window_is_named():
    window = _window(qas_id="a")
    with pytest.raises(InputError, match="1 of 2 questions have no window: b"):
        decode_all([_example("a"), _example("b")], [window], [_result(window)], V2)


def test_an_id_that_comes_twice_is_named():
    window = _window(qas_id="a")
    with pytest.raises(InputError, match="'a' was answered twice"):
        decode_all([_example("a"), _example("a")], [window], [_result(window)], V2)


def test_logits_that_are_no_numbers_or_of_the_wrong_length_are_refused():
    with pytest.raises(InputError, match="question q, window 0: the model's start logits are not all finite"):
        _decode({4: np.nan}, {})
    window = _window()
    with pytest.raises(InputError, match="5 start logits for 10 tokens"):
        decode([window], [RawResult(window.unique_id, np.zeros(5), np.zeros(5))], CONTEXT, V2)
