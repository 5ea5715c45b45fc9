import os
import shutil

import pytest
import tensorflow as tf

from bert_qa_tf.errors import InputError
from bert_qa_tf.records import placing
from bert_qa_tf.records.manifest import IndexFile, Manifest, Shard
from bert_qa_tf.storage import atomic_files, files


def make_conversion(folder, content):
    """Writes what looks like a conversion."""
    manifest = Manifest(
        task="",
        settings={},
        seed=0,
        tokenizer={},
        sources=(),
        counts={"content": content},
        length_histogram={},
        shards=(Shard("train.tfrecord", "train", 1, 1, ""),),
        indexes=(IndexFile("train.index.npy", "train", ""),),
        records_by_copy=(1,),
        files=("vocab.txt",),
    )
    for name in ("train.tfrecord", "train.index.npy", "vocab.txt"):
        atomic_files.write_text(f"{folder}/{name}", str(content))
    atomic_files.write_text(f"{folder}/manifest.json", manifest.to_json())


def content_of(folder):
    """Returns what a whole conversion was made with."""
    names = ("train.tfrecord", "train.index.npy", "vocab.txt")
    assert sorted(os.listdir(folder)) == sorted([*names, "manifest.json"])
    [content] = {files.read_text(f"{folder}/{name}") for name in names}
    return int(content)


def convert(out, content, overwrite=True):
    """Does what `conversion.convert` does, but clears nothing away when it is killed."""
    placing.clear_leftovers(out)
    before = placing.check_target(out, overwrite)
    temporary = placing.temporary_folder(out)
    make_conversion(temporary, content)
    placing.put_in_place(temporary, out, before)


@pytest.fixture
def out(tmp_path):
    """The place of a conversion."""
    return str(tmp_path / "out")


class _KilledError(BaseException):
    pass


@pytest.mark.parametrize("number", range(8))
def test_a_kill_at_any_step_of_replacing_leaves_what_the_same_command_goes_on_from(out, monkeypatch, number):
    convert(out, 1)
    steps = []

    def counted(function):
        def step(*arguments, **options):
            if len(steps) == number:
                raise _KilledError
            steps.append(function.__name__)
            return function(*arguments, **options)

        return step

    with monkeypatch.context() as killing:
        killing.setattr(os, "rename", counted(os.rename))
        killing.setattr(shutil, "rmtree", counted(shutil.rmtree))
        for name in ("remove", "rename"):
            killing.setattr(tf.io.gfile, name, counted(getattr(tf.io.gfile, name)))
        try:
            convert(out, 2)
            assert number >= 7  # two moves, four files, one folder
        except _KilledError:
            pass
    if os.path.exists(out):
        assert content_of(out) in (1, 2)
    convert(out, 3)
    assert content_of(out) == 3
    assert os.listdir(os.path.dirname(out)) == ["out"]


def test_the_older_conversion_is_put_back_when_the_new_one_cannot_be_moved(out, monkeypatch):
    convert(out, 1)
    rename = os.rename

    def full(source, target):
        if source.endswith(".incomplete"):
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(OSError, match="No space left on device"):
        convert(out, 2)
    assert content_of(out) == 1


def test_the_older_conversion_is_put_back_after_a_kill_before_the_new_one_is_moved(out):
    convert(out, 1)
    os.rename(out, f"{out}.{'0' * 16}.replaced")
    placing.clear_leftovers(out)
    assert content_of(out) == 1


def test_folders_of_others_beside_a_conversion_stay(out, tmp_path):
    for name in ("out.incomplete", "out.0123456789abcdef.incomplete.old", "other.0123456789abcdef.incomplete"):
        (tmp_path / name).mkdir()
    convert(out, 1)
    assert len(os.listdir(tmp_path)) == 4


def test_a_file_that_no_conversion_wrote_is_not_deleted(out):
    convert(out, 1)
    atomic_files.write_text(f"{out}/notes.txt", "precious")
    with pytest.raises(InputError, match=r"out: holds notes\.txt, which no conversion wrote; move it away, or name"):
        convert(out, 2)
    assert files.read_text(f"{out}/notes.txt") == "precious"


def test_a_file_that_appears_while_the_older_conversion_is_deleted_stays(out, monkeypatch):
    convert(out, 1)
    remove = tf.io.gfile.remove

    def appears(path):
        atomic_files.write_text(f"{os.path.dirname(path)}/notes.txt", "precious")
        remove(path)

    monkeypatch.setattr(tf.io.gfile, "remove", appears)
    convert(out, 2)
    assert content_of(out) == 2
    [kept] = [name for name in os.listdir(os.path.dirname(out)) if name != "out"]
    assert os.listdir(f"{out}/../{kept}") == ["notes.txt"]


def test_a_manifest_that_names_files_elsewhere_deletes_nothing(out, tmp_path):
    convert(out, 1)
    (tmp_path / "precious").touch()
    text = files.read_text(f"{out}/manifest.json").replace("vocab.txt", "../precious")
    atomic_files.write_text(f"{out}/manifest.json", text)
    with pytest.raises(InputError, match="not a manifest that `create_tfrecords` wrote"):
        convert(out, 2)
    assert (tmp_path / "precious").exists()


@pytest.mark.parametrize("before", [None, b"an older one"])
def test_what_was_put_there_meanwhile_stays(out, before):
    placing.check_target(out, overwrite=False)
    temporary = placing.temporary_folder(out)
    make_conversion(temporary, 2)
    make_conversion(out, 1)
    with pytest.raises(InputError, match="holds a conversion already" if before is None else "put here meanwhile"):
        placing.put_in_place(temporary, out, before)
    assert content_of(out) == 1


@pytest.mark.parametrize("name", ["..", ".", "", "a\0", "../a"])
def test_a_manifest_that_names_other_places_is_refused(out, name):
    make_conversion(out, 1)
    manifest = files.read_json(f"{out}/manifest.json")
    atomic_files.write_json(f"{out}/manifest.json", {**manifest, "files": [name]})
    with pytest.raises(InputError, match="not a manifest that `create_tfrecords` wrote"):
        placing.check_target(out, overwrite=True)


def test_a_folder_in_a_conversion_is_not_replaced(out):
    make_conversion(out, 1)
    os.remove(f"{out}/vocab.txt")
    atomic_files.write_text(f"{out}/vocab.txt/a", "precious")
    with pytest.raises(InputError, match=r"holds vocab\.txt, which no conversion wrote"):
        placing.check_target(out, overwrite=True)


def test_what_links_lead_to_is_not_removed_with_what_a_killed_run_left(out, tmp_path):
    atomic_files.write_text(tmp_path / "kept" / "a", "precious")
    for left in (f"{out}.0123456789abcdef.incomplete", f"{out}.0123456789abcdee.incomplete/link"):
        files.make_folder(os.path.dirname(left))
        os.symlink(tmp_path / "kept", left)
    placing.clear_leftovers(out)
    assert os.listdir(tmp_path) == ["kept"]
    assert files.read_text(tmp_path / "kept" / "a") == "precious"
