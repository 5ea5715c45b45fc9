import json
import subprocess
import sys

import numpy as np
import pytest

from bert_qa_tf.tasks.question_answering import windowing
from bert_qa_tf.tasks.question_answering.config import WindowingConfig
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample
from bert_qa_tf.text.tokenized_text import TokenizedText
from tests.testing import minilm_folder, shared_data

CONTEXT = "the cat sat on the mat here"
CLS, SEP, QUESTION = 1, 2, 9
# Room for four word pieces of context beside a question of one piece.
SMALL = WindowingConfig(max_seq_length=8, doc_stride=2, max_query_length=1)


def _words(text):
    """Each word is a piece; ids count up from 20."""
    starts = [i for i in range(len(text)) if text[i] != " " and (i == 0 or text[i - 1] == " ")]
    ends = [start + len(text[start:].split()[0]) for start in starts]
    return TokenizedText(
        np.arange(20, 20 + len(starts), dtype=np.int32), np.array(starts, np.int32), np.array(ends, np.int32)
    )


class _WordTokenizer:
    cls_id, sep_id = CLS, SEP

    def __init__(self):
        self.seen = []

    def tokenize_texts(self, texts):
        self.seen += texts
        return [_words(text) for text in texts]


def _windows(answer=None, context=CONTEXT, config=SMALL, question_ids=(QUESTION,)):
    example = SquadExample("q1", "?", context)
    return windowing.make_windows(example, np.array(question_ids), _words(context), CLS, SEP, config, answer)


def test_spans_step_by_the_stride_and_stop_at_the_end():
    assert windowing.window_spans(7, room=4, doc_stride=2) == [(0, 4), (2, 4), (4, 3)]


def test_a_context_that_fits_has_one_window():
    assert windowing.window_spans(4, room=4, doc_stride=2) == [(0, 4)]


def test_an_empty_context_has_one_empty_window():
    assert windowing.window_spans(0, room=4, doc_stride=2) == [(0, 0)]


def test_no_piece_is_skipped_when_the_stride_is_larger_than_the_room():
    assert windowing.window_spans(5, room=2, doc_stride=3) == [(0, 2), (2, 2), (4, 1)]


def test_each_piece_has_most_context_in_exactly_one_window():
    masks = windowing.max_context_masks([(0, 4), (2, 4), (4, 3)])

    assert [mask.tolist() for mask in masks] == [[1, 1, 1, 0], [0, 1, 1, 0], [0, 1, 1]]


@pytest.mark.parametrize("shape", [(1, 1, 1), (50, 10, 3), (400, 317, 128), (1000, 60, 60), (333, 17, 16)])
def test_max_context_equals_the_definition(shape):
    spans = windowing.window_spans(*shape)

    def winner(position):
        scores = []
        for start, length in spans:
            inside = start <= position < start + length
            context = min(position - start, start + length - 1 - position)
            scores.append(context + 0.01 * length if inside else -1.0)
        return scores.index(max(scores))

    for window, ((start, length), mask) in enumerate(zip(spans, windowing.max_context_masks(spans), strict=True)):
        assert mask.tolist() == [int(winner(p) == window) for p in range(start, start + length)]


def test_an_answer_is_found_by_its_offsets():
    tokens = _words(CONTEXT)

    assert windowing.answer_token_span(Answer("on the", 12), tokens.start_chars, tokens.end_chars) == (3, 4)


def test_an_answer_inside_a_word_takes_the_whole_piece():
    tokens = _words(CONTEXT)

    assert windowing.answer_token_span(Answer("a", 5), tokens.start_chars, tokens.end_chars) == (1, 1)


def test_an_answer_of_white_space_has_no_pieces():
    tokens = _words(CONTEXT)

    assert windowing.answer_token_span(Answer(" ", 3), tokens.start_chars, tokens.end_chars) is None


def test_a_window_is_question_and_context_between_special_tokens():
    window = _windows(Answer("on the", 12))[1]

    assert window.input_word_ids.tolist() == [1, 9, 2, 22, 23, 24, 25, 2]
    assert window.input_type_ids.tolist() == [0, 0, 0, 1, 1, 1, 1, 1]
    assert window.token_start_chars.tolist() == [-1, -1, -1, 8, 12, 15, 19, -1]
    assert window.token_end_chars.tolist() == [-1, -1, -1, 11, 14, 18, 22, -1]
    assert window.token_is_max_context.tolist() == [0, 0, 0, 0, 1, 1, 0, 0]
    assert all(
        getattr(window, name).dtype == np.int32
        for name in ("input_word_ids", "input_type_ids", "token_start_chars", "token_end_chars", "token_is_max_context")
    )


def test_only_windows_with_the_whole_answer_are_labelled():
    labels = [(w.start_positions, w.end_positions) for w in _windows(Answer("on the", 12))]

    assert labels == [(0, 0), (4, 5), (0, 0)]


def test_without_an_answer_every_label_is_cls():
    assert {(w.start_positions, w.end_positions) for w in _windows(None)} == {(0, 0)}


def test_a_long_question_is_cut():
    windows = _windows(question_ids=[9, 10, 11])

    assert windows[0].input_word_ids.tolist() == [1, 9, 2, 20, 21, 22, 23, 2]


def test_an_empty_context_still_gives_a_window():
    (window,) = _windows(context="")

    assert window.input_word_ids.tolist() == [1, 9, 2, 2]
    assert window.input_type_ids.tolist() == [0, 0, 0, 1]


def test_window_ids_are_fixed_64_bit_fingerprints():
    ids = [windowing.window_id("q1", 0), windowing.window_id("q1", 1), windowing.window_id("q2", 0)]

    assert ids == [-188198947825584842, -7854956369514571697, -8570450656187119405]
    assert [w.unique_id for w in _windows()][:2] == ids[:2]
    assert [w.doc_span_index for w in _windows()] == [0, 1, 2]


def test_window_ids_do_not_run_into_each_other():
    assert windowing.window_id("q1", 11) != windowing.window_id("q11", 1)


def test_the_label_is_the_first_answer_whose_offset_fits():
    answers = (Answer("mat", 0), Answer("cat", 4), Answer("sat", 8))

    assert windowing.first_fitting_answer(SquadExample("q", "?", CONTEXT, answers)) == Answer("cat", 4)
    assert windowing.first_fitting_answer(SquadExample("q", "?", CONTEXT, answers[:1])) is None
    assert windowing.first_fitting_answer(SquadExample("q", "?", CONTEXT, answers, is_impossible=True)) is None


def test_examples_keep_their_order_and_contexts_are_tokenized_once(monkeypatch):
    # Chunks of one or two examples, so that contexts cross their borders.
    monkeypatch.setattr(windowing, "_CHARS_PER_CHUNK", 20)
    contexts = ["the cat sat", "on the mat"]
    examples = [SquadExample(f"q{i}", f"who {i}", contexts[i // 5]) for i in range(10)]
    tokenizer = _WordTokenizer()

    windows = list(windowing.featurize_examples(examples, tokenizer, WindowingConfig(16, 4, 4)))

    assert [[w.qas_id for w in of_example] for of_example in windows] == [[f"q{i}"] for i in range(10)]
    assert windows[7][0].input_word_ids.tolist() == [1, 20, 21, 2, 20, 21, 22, 2]
    assert [tokenizer.seen.count(context) for context in contexts] == [1, 1]


def test_examples_are_read_only_as_far_as_their_windows_are_wanted(monkeypatch):
    monkeypatch.setattr(windowing, "_CHARS_PER_CHUNK", 100)
    read = []

    def examples():
        for i in range(100):
            read.append(i)
            yield SquadExample(f"q{i}", "who", f"context {i}")

    next(windowing.featurize_examples(examples(), _WordTokenizer(), WindowingConfig(16, 4, 4)))

    assert len(read) < 20


# tf-models-official's converter, in a process of its own: it defines flags and reads them.
_PEER = """
import json, sys
from official.nlp.data import squad_lib
from official.nlp.tools import tokenization
squad_file, vocab_file, output = sys.argv[1:]
examples = squad_lib.read_squad_examples(squad_file, is_training=True, version_2_with_negative=False)
windows = []
def keep(feature, is_padding=False):
    length = sum(feature.input_mask)
    windows.append([examples[feature.example_index].qas_id, feature.input_ids[:length],
                    feature.segment_ids[:length], feature.start_position, feature.end_position,
                    sorted(int(k) for k, v in feature.token_is_max_context.items() if v)])
squad_lib.convert_examples_to_features(
    examples, tokenization.FullTokenizer(vocab_file, do_lower_case=True), max_seq_length=384, doc_stride=128,
    max_query_length=64, is_training=True, output_fn=keep)
json.dump(windows, open(output, "w"))
"""


def _squad_examples(path):
    for article in json.loads(path.read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for qa in paragraph["qas"]:
                answers = tuple(Answer(a["text"], a["answer_start"]) for a in qa["answers"])
                yield SquadExample(qa["id"], qa["question"], paragraph["context"], answers)


@pytest.mark.slow
def test_windows_of_squad_are_those_of_tf_models_official(tmp_path):
    from bert_qa_tf.text.tokenization import BertTokenizer

    squad_file = shared_data("squad_style", "squad_v1.1_train_slice.json")
    vocab_file = minilm_folder() / "vocab.txt"
    output = tmp_path / "peer.json"
    peer = subprocess.Popen([sys.executable, "-c", _PEER, str(squad_file), str(vocab_file), str(output)])
    tokenizer = BertTokenizer.from_vocab_file(str(vocab_file), do_lower_case=True)
    examples = {example.qas_id: example for example in _squad_examples(squad_file)}
    windows = windowing.featurize_examples(examples.values(), tokenizer, WindowingConfig(384, 128, 64))
    ours = [window for of_example in windows for window in of_example]
    assert peer.wait(timeout=600) == 0
    theirs = json.loads(output.read_text())

    assert len(ours) == len(theirs) == 12_032
    other_labels = 0
    for window, (qas_id, ids, types, start, end, max_context) in zip(ours, theirs, strict=True):
        assert window.qas_id == qas_id
        assert window.input_word_ids.tolist() == ids
        assert window.input_type_ids.tolist() == types
        assert np.flatnonzero(window.token_is_max_context).tolist() == max_context
        if window.start_positions:
            _assert_label_touches_the_answer_only(window, examples[qas_id].answers[0])
        other_labels += (window.start_positions, window.end_positions) != (start, end)
    # The peer labels whole words unless the answer's own pieces occur in them: "2015." for an answer "20" in it, or the
    # first 3 of "33-3". Ours go by the offset, as the check above shows.
    assert other_labels == 43


def _assert_label_touches_the_answer_only(window, answer):
    first, last = window.start_positions, window.end_positions
    assert window.token_start_chars[first] <= answer.start_char < window.token_end_chars[first]
    assert window.token_start_chars[last] < answer.end_char <= window.token_end_chars[last]
