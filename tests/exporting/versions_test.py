import os
import re

import pytest
import tensorflow as tf

from bert_qa_tf.errors import InputError
from bert_qa_tf.exporting import versions
from bert_qa_tf.storage import atomic_files, files

NAMES = ("qa", "qa_ids")


@pytest.fixture
def exports(tmp_path):
    """The folder of exports."""
    return str(tmp_path / "exports")


def export(exports, version=None, during=lambda: None):
    with versions.new_version(exports, NAMES, version) as new:
        for name in NAMES:
            atomic_files.write_text(f"{new.folder}/{name}/saved_model.pb", name)
        during()
    return new.version


def written(exports):
    return sorted(
        os.path.relpath(os.path.join(folder, name), exports) for folder, _, n in os.walk(exports) for name in n
    )


def whole(*numbers):
    return sorted(f"{name}/{number}/saved_model.pb" for name in NAMES for number in numbers)


def test_versions_count_up(exports):
    assert [export(exports), export(exports), export(exports, 7)] == [1, 2, 7]
    assert written(exports) == whole(1, 2, 7)


class _KilledError(BaseException):
    pass


def _killed():
    raise _KilledError


def test_a_version_that_was_cut_off_at_its_end_is_finished_by_the_next_export(exports, monkeypatch):
    rename = tf.io.gfile.rename

    def killed_at_the_second_model(source, target, overwrite=False):
        if target.endswith("qa_ids/1"):
            raise _KilledError
        rename(source, target, overwrite)

    monkeypatch.setattr(tf.io.gfile, "rename", killed_at_the_second_model)
    with pytest.raises(_KilledError):
        export(exports)
    monkeypatch.undo()
    assert "qa/1/saved_model.pb" in written(exports)
    assert export(exports) == 2
    assert written(exports) == whole(1, 2)
    assert sorted(os.listdir(exports)) == ["qa", "qa_ids"]


def test_a_version_that_cannot_be_moved_leaves_nothing(exports, monkeypatch):
    rename = tf.io.gfile.rename

    def full_at_the_second_model(source, target, overwrite=False):
        if target.endswith("qa_ids/1"):
            raise tf.errors.ResourceExhaustedError(None, None, "x; No space left on device")
        rename(source, target, overwrite)

    monkeypatch.setattr(tf.io.gfile, "rename", full_at_the_second_model)
    with pytest.raises(tf.errors.ResourceExhaustedError):
        export(exports)
    assert written(exports) == []
    assert sorted(os.listdir(exports)) == ["qa", "qa_ids"]


def test_what_a_killed_export_left_is_removed_by_the_next_and_nothing_else(exports):
    atomic_files.write_text(f"{exports}/.writing-1-0123456789abcdef/qa/saved_model.pb", "half")
    atomic_files.write_text(f"{exports}/.writing-notes", "precious")
    export(exports)
    assert written(exports) == sorted([".writing-notes", *whole(1)])


def test_nothing_is_kept_of_a_version_that_fails(exports):
    with pytest.raises(_KilledError):
        export(exports, during=_killed)
    assert not os.path.exists(exports)


def test_a_second_export_to_the_same_folder_is_refused(exports):
    with pytest.raises(InputError, match=rf"{re.escape(exports)}: .* \(process {os.getpid()} on .* is writing here"):
        export(exports, during=lambda: export(exports))


def test_a_version_that_is_made_meanwhile_is_not_replaced(exports):
    def made():
        atomic_files.write_text(f"{exports}/qa/1/saved_model.pb", "precious")

    with pytest.raises(InputError, match="version 1 is there already; leave --version out for 2"):
        export(exports, during=made)
    assert files.read_text(f"{exports}/qa/1/saved_model.pb") == "precious"
    assert os.listdir(exports) == ["qa"]
