import subprocess
import sys

from bert_qa_tf.text import tokenizer
from bert_qa_tf.text.tokenization import BertTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def test_tokenizers_have_one_fingerprint_if_they_make_the_same_ids():
    first = BertTokenizer([*SPECIAL, "a", "b"], do_lower_case=True)

    assert BertTokenizer([*SPECIAL, "a", "b"], do_lower_case=True).fingerprint == first.fingerprint
    assert BertTokenizer([*SPECIAL, "b", "a"], do_lower_case=True).fingerprint != first.fingerprint
    assert BertTokenizer([*SPECIAL, "a", "b"], do_lower_case=False).fingerprint != first.fingerprint


def test_a_fingerprint_follows_from_the_settings_in_any_order():
    first = BertTokenizer([*SPECIAL, "a"], do_lower_case=True)

    settings = dict(reversed(first.settings().items()))

    assert list(settings) == ["do_lower_case", "vocab_sha256", "kind"]
    assert tokenizer.fingerprint_of(settings) == first.fingerprint


def test_settings_without_a_kind_are_of_word_pieces():
    assert tokenizer.with_kind({"do_lower_case": True}) == {"kind": "wordpiece", "do_lower_case": True}
    assert tokenizer.with_kind({"kind": "sentencepiece"}) == {"kind": "sentencepiece"}


def test_the_word_piece_tokenizer_has_all_that_the_protocol_names():
    bert = BertTokenizer([*SPECIAL, "a"], do_lower_case=True)
    methods = [name for name, value in vars(tokenizer.Tokenizer).items() if callable(value) and name[0] != "_"]

    assert methods == ["settings", "save", "tokenize_texts", "tokenize"]
    assert all(hasattr(bert, name) for name in [*methods, *tokenizer.Tokenizer.__annotations__, "fingerprint"])


def test_the_protocol_needs_no_tensorflow():
    program = "import sys, bert_qa_tf.text.tokenizer; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
