import os
import pathlib

import pytest

from bert_qa_tf.storage import cache


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_cache_is_where_the_environment_says(tmp_path):
    assert cache.cache_dir() == tmp_path / "cache" / "bert_qa_tf"


@pytest.mark.parametrize("value", [None, ""])
def test_the_cache_is_in_the_home_folder_otherwise(monkeypatch, value):
    monkeypatch.setenv("HOME", "/home/nora")
    if value is None:
        monkeypatch.delenv("XDG_CACHE_HOME")
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert cache.cache_dir() == pathlib.Path("/home/nora/.cache/bert_qa_tf")


def test_tensorflow_hub_uses_the_cache_unless_it_was_told_another_place(tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", "/elsewhere")
    cache.use_for_tensorflow_hub()
    assert os.environ["TFHUB_CACHE_DIR"] == "/elsewhere"
    monkeypatch.delenv("TFHUB_CACHE_DIR")
    cache.use_for_tensorflow_hub()
    assert os.environ["TFHUB_CACHE_DIR"] == str(tmp_path / "cache" / "bert_qa_tf" / "tfhub")


def test_a_check_that_passed_is_remembered(tmp_path):
    assert not cache.was_checked("abc-1")
    cache.mark_checked("abc-1")
    assert cache.was_checked("abc-1")
    assert not cache.was_checked("abc-2")


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "cache").write_text("a file in its place")
    cache.mark_checked("abc-1")
    assert not cache.was_checked("abc-1")
