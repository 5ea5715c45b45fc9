from bert_qa_tf.encoders.sources import word_pieces


def test_a_vocabulary_keeps_pieces_that_look_like_line_ends_and_blanks(tmp_path):
    (tmp_path / "vocab.txt").write_bytes("[PAD]\r\n\u2028\n\u00a0\nthe\n".encode())

    assert word_pieces.read_vocab(str(tmp_path / "vocab.txt")) == ["[PAD]", "\u2028", "\u00a0", "the"]
