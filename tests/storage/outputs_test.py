import os

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import outputs


@pytest.fixture
def source(tmp_path):
    """An input file."""
    path = tmp_path / "in.json"
    path.write_text("precious")
    return path


def _same(tmp_path, source):
    return source


def _through_a_link(tmp_path, source):
    (tmp_path / "link").symlink_to(source)
    return tmp_path / "link"


def _hard_link(tmp_path, source):
    os.link(source, tmp_path / "hard")
    return tmp_path / "hard"


def _through_a_linked_folder(tmp_path, source):
    (tmp_path / "folder").symlink_to(tmp_path)
    return tmp_path / "folder" / source.name


def _dotted(tmp_path, source):
    return f"{tmp_path}/x/../{source.name}"


@pytest.mark.parametrize("output", [_same, _through_a_link, _hard_link, _through_a_linked_folder, _dotted])
def test_an_output_that_is_an_input_is_refused_even_with_overwrite(tmp_path, source, output):
    (tmp_path / "x").mkdir()
    path = output(tmp_path, source)
    with pytest.raises(InputError, match=r"is also an input \(.*in.json\), which would be lost; name another output"):
        outputs.check_file(path, [tmp_path / "other", source], overwrite=True)


def test_a_link_to_an_input_that_does_not_exist_yet_is_refused(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "later")
    with pytest.raises(InputError, match="is also an input"):
        outputs.check_not_read(tmp_path / "later", [tmp_path / "link"])


def test_a_folder_that_holds_an_input_is_refused(tmp_path, source):
    with pytest.raises(InputError, match=r"holds an input \(.*in.json\), which would be lost"):
        outputs.check_not_read(tmp_path, [source])
    outputs.check_not_read(tmp_path / "in", [source])  # only its name begins so


def test_a_remote_output_is_compared_by_its_address():
    with pytest.raises(InputError, match="is also an input"):
        outputs.check_not_read("gs://a/b", ["gs://a/b/"])
    with pytest.raises(InputError, match="holds an input"):
        outputs.check_not_read("gs://a/b/", ["gs://a/b/c"])
    outputs.check_not_read("gs://a/b", ["gs://a/bc", "a/b"])


def test_a_device_may_be_read_and_written():
    outputs.check_file("/dev/null", ["/dev/null"])


def test_what_the_command_did_not_make_is_replaced_only_with_overwrite(tmp_path, source):
    output = tmp_path / "out"
    outputs.check_file(output, [source])
    output.touch()
    outputs.check_file(output, [source])  # empty, as `mktemp` makes it
    output.write_text("precious")
    with pytest.raises(InputError, match="out: is there already and not an earlier result of this command; name"):
        outputs.check_file(output, [source], is_own=lambda head: head.startswith(b"own"))
    outputs.check_file(output, [source], overwrite=True)
    output.write_text("own too")
    outputs.check_file(output, [source], is_own=lambda head: head.startswith(b"own"))


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(InputError, match="is a folder, expected the name of a file to write"):
        outputs.check_file(tmp_path)
