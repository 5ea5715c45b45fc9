import functools
import gzip
import hashlib
import itertools
import json
import pathlib
import sys
import unicodedata

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st
from tensorflow.core.protobuf import saved_model_pb2

from bert_qa_tf.errors import InputError
from bert_qa_tf.text import reference_tokenization as reference
from bert_qa_tf.text import tokenization
from bert_qa_tf.text.tokenization import BertTokenizer
from tests.testing import minilm_folder, shared_data

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TINY = [*SPECIAL, "de", "##ja", "vu", "!", "caf", "##e"]

# Accents, combining marks, CJK, kana, Hangul, right-to-left, Indic, emoji with joiners, case folding's special cases,
# compatibility characters, controls, spaces, punctuation.
LETTERS = (
    "aeiosuzAEIOSZ019éÉñÑüçČšŽøłßẞſıİĳŉǆ"
    "\u0300\u0301\u0308\u0323\u0327\u0331\u0345\u20dd"
    "北京中\uf900\u3007\u3400かガ한글ᄒ\u1161"
    "שלוםםׁ\u05b0العربيةً\u0640"
    "कि\u094dไทยำ"
    "😀👍🏽\u200d\ufe0f🇩🇪"
    "ΣσςΟΔά\u1f88\u03d0"
    "½²…ﬁＡｂ\u2126\u212b\u00aa"
    "\x00\x01\x7f\x85\u00ad\u200b\u200e\u202e\ufeff\ufffd\ue000\u0378\uffff"
    " \t\n\r\u00a0\u2003\u3000\u2028"
    ".,!?'\"-_$^`~#[]()\u00b7\u2019\u037e\u0387\u3002«¿"
)


@functools.cache
def _letter_tokenizer(do_lower_case):
    """Knows every letter above, so that few words are unknown and offsets are really compared."""
    outputs = sorted({part for char in LETTERS for word in reference.basic_tokenize(char, do_lower_case)
                      for part in (output.char for output in word)} | {"ς"})  # fmt: skip
    pieces = [*SPECIAL, *outputs, *("##" + char for char in outputs), "ae", "##ae", "##sos", "σο", "eio", "##\u0301a"]
    return BertTokenizer(list(dict.fromkeys(pieces)), do_lower_case)


@functools.cache
def _minilm_tokenizer(do_lower_case=True):
    return BertTokenizer.from_vocab_file(str(minilm_folder() / "vocab.txt"), do_lower_case)


def _as_pieces(tokenizer, tokens):
    columns = (column.tolist() for column in tokens)
    return [(tokenizer.vocab[token], start, end) for token, start, end in zip(*columns, strict=True)]


def _assert_equals_reference(tokenizer, texts):
    vocab = set(tokenizer.vocab)
    for text, tokens in zip(texts, tokenizer.tokenize_texts(texts), strict=True):
        expected = [tuple(piece) for piece in reference.tokenize(text, vocab, tokenizer.do_lower_case)]
        assert _as_pieces(tokenizer, tokens) == expected, repr(text)


# === Ids and offsets ===


def test_ids_and_offsets_of_a_batch():
    batch = BertTokenizer(TINY, do_lower_case=True).tokenize(tf.constant(["Déjà vu!", "", "x CAFE\u0301"]))

    assert batch.ids.to_list() == [[5, 6, 7, 8], [], [1, 9, 10]]
    assert batch.start_chars.to_list() == [[0, 2, 5, 7], [], [0, 2, 5]]
    assert batch.end_chars.to_list() == [[2, 4, 7, 8], [], [1, 5, 7]]
    assert all(column.dtype == tf.int32 and column.row_splits.dtype == tf.int64 for column in batch)


def test_casing_is_kept_when_not_lowered():
    assert BertTokenizer(TINY, do_lower_case=False).tokenize(tf.constant(["Deja deja"])).ids.to_list() == [[1, 5, 6]]


def test_no_texts_have_no_tokens():
    tokenizer = BertTokenizer(TINY, do_lower_case=True)

    assert tokenizer.tokenize(tf.constant([], tf.string)).ids.to_list() == []
    assert tokenizer.tokenize_texts([]) == []


def test_offsets_count_code_points_of_the_text_with_its_bad_bytes_replaced():
    text = b"\xff\xfe deja \xe2\x82 vu \xf0\x9f\x98\x80 vu"
    batch = BertTokenizer(TINY, do_lower_case=True).tokenize(tf.constant([text]))
    decoded = text.decode("utf-8", "replace")
    transcoded = tf.strings.unicode_transcode([text], "UTF-8", "UTF-8", errors="replace").numpy()[0].decode()

    slices = [decoded[start:end] for start, end in zip(batch.start_chars[0], batch.end_chars[0], strict=True)]
    assert slices == ["de", "ja", "vu", "😀", "vu"]
    assert transcoded == decoded


def test_a_lone_surrogate_counts_as_one_character():
    (tokens,) = BertTokenizer(TINY, do_lower_case=True).tokenize_texts(["\ud83d vu"])

    assert tokens.ids.tolist() == [7]
    assert tokens.start_chars.tolist() == [2]


@pytest.mark.parametrize("char", ["z", "é", "中", "😀"])
def test_the_limit_of_a_word_is_200_characters_however_many_bytes(char):
    vocab = [*SPECIAL, "z", "##z", "é", "##é", "中", "##中", "😀", "##😀"]
    tokenizer = BertTokenizer(vocab, do_lower_case=False)
    words = [char * 199, char * 200, char * 201, char * 801]

    _assert_equals_reference(tokenizer, [*words, "z".join(words)])


# === Equal to the reference ===


@pytest.mark.parametrize("do_lower_case", [True, False])
@hypothesis.settings(max_examples=150, deadline=None, derandomize=True)
@hypothesis.given(
    st.lists(
        st.one_of(
            st.text(st.sampled_from(LETTERS), max_size=40),
            st.text(max_size=40),
            st.builds(str.__mul__, st.sampled_from(LETTERS), st.integers(190, 210)),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_generated_unicode_equals_the_reference(do_lower_case, texts):
    _assert_equals_reference(_letter_tokenizer(do_lower_case), [*texts, "".join(texts), " ".join(texts)])


@hypothesis.settings(max_examples=150, deadline=None, derandomize=True)
@hypothesis.given(st.lists(st.text(st.sampled_from("ΣΣσaA.\u0301\u0345\u02b0'\u00ad\u200b -北1ª"), max_size=12)))
def test_final_sigmas_equal_the_reference(texts):
    _assert_equals_reference(_letter_tokenizer(True), texts)


@pytest.mark.slow
@pytest.mark.parametrize("do_lower_case", [True, False])
def test_every_assigned_character_equals_the_reference(do_lower_case):
    chars = [
        char for char in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(char) not in ("Cn", "Co", "Cs")
    ]
    outputs = {
        output.char for char in chars for word in reference.basic_tokenize(char, do_lower_case) for output in word
    }
    pieces = sorted(outputs | {"a", "b"})
    tokenizer = BertTokenizer([*SPECIAL, *pieces, *("##" + piece for piece in pieces)], do_lower_case)

    _assert_equals_reference(
        tokenizer, ["".join(f"a{char}b " for char in chars[i : i + 256]) for i in range(0, len(chars), 256)]
    )


def test_unassigned_private_and_last_characters_are_letters():
    _assert_equals_reference(
        _letter_tokenizer(True), ["a\u0378b", "a\ue000b", "a\U0010ffffb", "a\ufffeb", "a\U000e0080"]
    )


def test_the_only_difference_is_the_order_of_spacing_combining_marks():
    marks = [
        char for char in map(chr, range(sys.maxunicode + 1))
        if unicodedata.combining(char) and unicodedata.category(char) != "Mn"
    ]  # fmt: skip
    tokenizer = BertTokenizer([*SPECIAL, "a", *("##" + mark for mark in marks)], do_lower_case=True)
    pairs = list(itertools.product(marks, marks))
    tokens = tokenizer.tokenize_texts([f"a{first}{second}" for first, second in pairs])
    different = set()
    for pair, found in zip(pairs, tokens, strict=True):
        expected = reference.tokenize("a" + "".join(pair), set(tokenizer.vocab), True)
        if _as_pieces(tokenizer, found) != [tuple(piece) for piece in expected]:
            different.add(pair)

    assert different == {(a, b) for a, b in pairs if unicodedata.combining(a) > unicodedata.combining(b)}
    assert {unicodedata.category(mark) for mark in marks} == {"Mc"}


def test_no_vocabulary_of_ours_holds_a_mark_that_could_differ():
    assert not any(
        unicodedata.combining(char) and unicodedata.category(char) != "Mn"
        for piece in _minilm_tokenizer().vocab
        for char in piece
    )


@functools.cache
def _real_texts():
    texts = []
    for file in sorted([*shared_data("squad_style").glob("*.json"), *shared_data("spoken_squad").glob("*.json")]):
        for article in json.loads(file.read_text("utf-8"))["data"]:
            for paragraph in article["paragraphs"]:
                texts += [paragraph["context"], *(qa["question"] for qa in paragraph["qas"])]
    for file in shared_data("sentiment").glob("*.tsv"):
        texts += file.read_text("utf-8").split("\n")
    with gzip.open(shared_data("text", "wikipedia_sample.txt.gz"), "rt", encoding="utf-8") as lines:
        # A sixth is quick enough for every day; all of it was compared once, in both casings, without a difference.
        texts += [line.rstrip("\n") for line in itertools.islice(lines, 0, None, 6)]
    return list(dict.fromkeys(texts))


@pytest.mark.slow
@pytest.mark.parametrize("do_lower_case", [True, False])
def test_all_real_text_equals_the_reference(do_lower_case):
    tokenizer = _minilm_tokenizer(do_lower_case)
    vocab = set(tokenizer.vocab)

    @functools.cache
    def of_word(word):
        pieces = reference.tokenize(word, vocab, do_lower_case)
        return [(tokenizer.id_of(piece.text), piece.start_char, piece.end_char) for piece in pieces]

    def by_words(text):
        """The reference knows no context beyond a space, and is fast enough for all data if each word is cut once."""
        tokens, begin = [], 0
        for word in text.split(" "):
            tokens += [(token, begin + start, begin + end) for token, start, end in of_word(word)]
            begin += len(word) + 1
        return tokens

    texts = _real_texts()
    assert len(texts) > 100_000
    for number, (text, tokens) in enumerate(zip(texts, tokenizer.tokenize_texts(texts), strict=True)):
        found = list(zip(*(column.tolist() for column in tokens), strict=True))
        assert found == by_words(text), repr(text)
        if number % 500 == 0:
            assert found == [(tokenizer.id_of(p.text), *p[1:]) for p in reference.tokenize(text, vocab, do_lower_case)]


# === In bulk ===


def test_equal_texts_are_tokenized_once():
    tokenizer = BertTokenizer(TINY, do_lower_case=True)
    seen = []
    graph = tokenizer._tokenize_batch
    tokenizer._tokenize_batch = lambda texts: seen.extend(texts.numpy()) or graph(texts)

    first, other, again = tokenizer.tokenize_texts(["deja vu", "vu", "deja vu"], batch_size=1)

    assert seen == [b"deja vu", b"vu"]
    assert first is again
    assert other.ids.tolist() == [7]


def test_batches_are_bounded_in_texts_and_in_characters(monkeypatch):
    monkeypatch.setattr(tokenization, "_MAX_CHARS_PER_BATCH", 10)

    batches = list(tokenization._batches(["a" * 4, "b" * 4, "c" * 4, "d" * 30, "e", "f", "g", "h"], batch_size=3))

    assert [[text[0] for text in batch] for batch in batches] == [["a", "b"], ["c"], ["d"], ["e", "f", "g"], ["h"]]


def test_results_do_not_depend_on_the_batching():
    tokenizer = _letter_tokenizer(True)
    texts = [LETTERS[i:] for i in range(0, len(LETTERS), 7)]

    for one, many in zip(tokenizer.tokenize_texts(texts, 1), tokenizer.tokenize_texts(texts, 1024), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, many, strict=True))


def test_a_text_of_a_megabyte_beside_short_ones():
    tokenizer = BertTokenizer(TINY, do_lower_case=True)
    text = "deja vu! " * 120_000

    tokens = tokenizer.tokenize(tf.constant(["vu", text, *["vu"] * 100]))

    assert tokens.ids.row_lengths().numpy()[:3].tolist() == [1, 480_000, 1]
    assert tokens.end_chars[1][-1] == len(text) - 1


# === In a SavedModel ===


class _Module(tf.Module):
    def __init__(self, tokenizer):
        super().__init__()
        self.tokenizer = tokenizer

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, texts):
        return {name: column.to_tensor(-1) for name, column in self.tokenizer.tokenize(texts)._asdict().items()}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("saved"))
    module = _Module(_letter_tokenizer(True))
    tf.saved_model.save(module, path, signatures={"serving_default": module.__call__})
    return module, path


def test_a_saved_model_tokenizes_alike_after_loading(saved):
    module, path = saved
    texts = tf.constant(["Éa sos ΑΣ 北京 한글!", "", LETTERS.encode("utf-8", "replace")])
    reloaded = tf.saved_model.load(path).signatures["serving_default"](texts=texts)

    for name, column in module(texts).items():
        assert np.array_equal(column, reloaded[name]), name


def test_a_saved_model_needs_one_op_of_tensorflow_text(saved):
    proto = saved_model_pb2.SavedModel.FromString(pathlib.Path(saved[1], "saved_model.pb").read_bytes())
    graph = proto.meta_graphs[0].graph_def
    ops = {node.op for function in graph.library.function for node in function.node_def}

    assert {op for op in ops if not hasattr(tf.raw_ops, op)} == {"FastWordpieceTokenizeWithOffsets"}


# === The vocabulary ===


def test_attributes_of_the_vocabulary(tmp_path):
    content = "\n".join(TINY) + "\n"
    (tmp_path / "vocab.txt").write_text(content, "utf-8")
    tokenizer = BertTokenizer.from_vocab_file(str(tmp_path / "vocab.txt"), do_lower_case=True)

    assert tokenizer.vocab == tuple(TINY)
    assert tokenizer.vocab_size == 11
    ids = (tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id)
    assert ids == (0, 1, 2, 3, 4)
    assert tokenizer.vocab_sha256 == hashlib.sha256(content.encode()).hexdigest()
    assert tokenizer.do_lower_case is True


def test_a_vocabulary_without_mask_has_no_mask_id():
    assert BertTokenizer([*SPECIAL[:4], "a"], do_lower_case=True).mask_id is None


def test_line_ends_of_windows_do_not_change_the_vocabulary(tmp_path):
    (tmp_path / "vocab.txt").write_bytes("\r\n".join(TINY).encode())

    assert BertTokenizer.from_vocab_file(str(tmp_path / "vocab.txt"), True).vocab == tuple(TINY)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "empty"),
        ("[PAD]\n[UNK]\n\n[CLS]\n[SEP]\n", "line 3 is empty"),
        ("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\na\n", "line 6 repeats 'a' of line 5"),
        ("[PAD]\n[UNK]\na\n", r"no \[CLS\], \[SEP\] among 3 pieces"),
        (b"[PAD]\n\xff\n", "not UTF-8 at byte 6"),
    ],
)
def test_a_bad_vocabulary_is_one_clear_line(tmp_path, content, problem):
    path = tmp_path / "vocab.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(InputError, match=problem) as error:
        BertTokenizer.from_vocab_file(str(path), do_lower_case=True)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_vocabulary_from_elsewhere_is_named_as_its_source():
    with pytest.raises(InputError, match=r"^some/encoder: no \[CLS\], \[SEP\], \[PAD\], \[UNK\] among 1 pieces"):
        BertTokenizer(["a"], do_lower_case=True, source="some/encoder")


def test_a_missing_vocabulary_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.txt: no such vocabulary file"):
        BertTokenizer.from_vocab_file(str(tmp_path / "none.txt"), do_lower_case=True)
