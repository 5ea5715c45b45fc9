import pytest

from bert_qa_tf.text import reference_tokenization as reference
from tests.testing import minilm_folder, shared_data

VOCAB = {
    "[UNK]",
    "un",
    "##aff",
    "##able",
    "the",
    "cafe",
    "CAFE",
    "e",
    "##e",
    "x",
    "##x",
    ",",
    "!",
    "北",
    "京",
    "σ",
    "ς",
}


def _pieces(text, do_lower_case=True, vocab=VOCAB):
    return [tuple(piece) for piece in reference.tokenize(text, vocab, do_lower_case)]


def test_words_are_cut_into_the_longest_pieces():
    assert _pieces("The unaffable") == [("the", 0, 3), ("un", 4, 6), ("##aff", 6, 9), ("##able", 9, 13)]


def test_a_word_with_a_part_outside_the_vocabulary_is_unknown_as_a_whole():
    assert _pieces("unaffably x") == [("[UNK]", 0, 9), ("x", 10, 11)]


def test_accents_go_only_with_lower_case():
    assert _pieces("CAFÉ") == [("cafe", 0, 4)]
    assert _pieces("CAFE É", do_lower_case=False) == [("CAFE", 0, 4), ("[UNK]", 5, 6)]


def test_a_piece_covers_the_accents_written_behind_its_letter():
    assert _pieces("cafe\u0301, x\u0323\u0301x") == [("cafe", 0, 5), (",", 5, 6), ("x", 7, 10), ("##x", 10, 11)]
    assert _pieces("北\u0301 \u0301x") == [("北", 0, 2), ("x", 4, 5)]


def test_ideographs_and_punctuation_stand_alone():
    assert _pieces("x北京,e!x") == [
        ("x", 0, 1), ("北", 1, 2), ("京", 2, 3), (",", 3, 4), ("e", 4, 5), ("!", 5, 6), ("x", 6, 7)
    ]  # fmt: skip


def test_control_characters_are_dropped_and_do_not_split():
    assert _pieces("e\u200be\x00\ufffdx") == [("e", 0, 1), ("##e", 2, 3), ("##x", 5, 6)]


@pytest.mark.parametrize("space", [" ", "\t", "\n", "\r", "\u00a0", "\u3000", "\u2028", "\u2029"])
def test_all_white_space_splits(space):
    assert _pieces(f"e{space}e") == [("e", 0, 1), ("e", 2, 3)]


def test_letters_of_a_decomposed_syllable_share_its_place():
    vocab = {"[UNK]", "\u1112", "##\u1161", "##\u11ab"}

    assert _pieces("x \ud55c", vocab=vocab)[1:] == [("\u1112", 2, 3), ("##\u1161", 2, 3), ("##\u11ab", 2, 3)]


def test_sigma_is_final_only_at_the_end_of_a_word():
    assert [piece for piece, _, _ in _pieces("ΣX Σ ΑΣ", vocab={"[UNK]", "σ", "##x", "α", "##ς"})] == [
        "σ", "##x", "σ", "α", "##ς"
    ]  # fmt: skip


def test_a_word_of_more_than_200_characters_is_unknown():
    assert _pieces("x" * 201) == [("[UNK]", 0, 201)]
    assert len(_pieces("x" * 200)) == 200


def test_pieces_are_those_of_tf_models_official():
    from official.nlp.tools import tokenization

    vocab_file = minilm_folder() / "vocab.txt"
    vocab = set(vocab_file.read_text("utf-8").split("\n"))
    lines = shared_data("sentiment", "dev.tsv").read_text("utf-8").splitlines()
    lines += [
        "Ünïcödé, 北京! ½ … ß ² ﬁ ＡＢ ΟΔΟΣ İstanbul",
        "\u0301a\u0301 \u200bzero\u200dwidth שלום العربية 한국어 😀👍🏽",
    ]
    for do_lower_case in (True, False):
        peer = tokenization.FullTokenizer(str(vocab_file), do_lower_case=do_lower_case)
        for line in lines:
            assert [piece.text for piece in reference.tokenize(line, vocab, do_lower_case)] == peer.tokenize(line)
