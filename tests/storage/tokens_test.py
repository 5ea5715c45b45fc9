"""Where a token comes from, and that no message shows it."""

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage.tokens import VARIABLE, read_token


def test_a_token_is_named_in_one_place(tmp_path):
    (tmp_path / "token").write_text("from-file\n", encoding="utf-8")
    file = str(tmp_path / "token")
    assert read_token(None, None, {}) is None
    assert read_token("given", None, {VARIABLE: "other"}) == "given"
    assert read_token(None, file, {VARIABLE: "other"}) == "from-file"
    assert read_token(None, None, {VARIABLE: "abc+/=="}) == "abc+/=="
    with pytest.raises(InputError, match="give either --token or --token_file"):
        read_token("given", file, {})


@pytest.mark.parametrize("text", ["", "two words", "secret\nsecret", "sécret", "x" * 1001])
def test_what_is_no_token_is_refused_without_showing_it(text, tmp_path):
    (tmp_path / "token").write_text(text, encoding="utf-8")
    for arguments in ((text, None, {}), (None, str(tmp_path / "token"), {}), (None, None, {VARIABLE: text})):
        with pytest.raises(InputError, match="expected a token of letters, digits and") as caught:
            read_token(*arguments)
        assert "cret" not in str(caught.value)


def test_a_token_file_that_is_not_there_is_named():
    with pytest.raises(InputError, match="/no/such: "):
        read_token(None, "/no/such", {})
