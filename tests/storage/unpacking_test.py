import contextlib
import gzip
import io
import tarfile

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import unpacking


def member(name, size=0, **changes):
    result = tarfile.TarInfo(name)
    result.size = size
    for key, value in changes.items():
        setattr(result, key, value)
    return result


def pack(path, members):
    """Packs (`TarInfo`, content) pairs."""
    with tarfile.open(path, "w:gz") as archive:
        for info, content in members:
            archive.addfile(info, content)
    return path


def zeros(size):
    return io.BytesIO(bytes(size))


def message(path, folder):
    with pytest.raises(InputError) as caught:
        unpacking.unpack(path, folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def sizes(folder):
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("size", [1, 511, 512, 513, 20_000, 10_240 * 3])
def test_files_of_any_size_are_unpacked(tmp_path, size):
    files = [(f"folder/{number}", bytes([number]) * size) for number in range(40)]
    members = [(member(name, size), io.BytesIO(content)) for name, content in files]
    unpacking.unpack(pack(tmp_path / "a.tar.gz", members), tmp_path / "out")
    for name, content in files:
        assert (tmp_path / "out" / name).read_bytes() == content


def test_a_file_of_zeros_is_not_unpacked_beyond_the_limit(tmp_path):
    size = 100 * 2**20
    path = pack(tmp_path / "a.tar.gz", [(member("zeros", size), zeros(size))])
    most = unpacking.max_unpacked_bytes(path.stat().st_size)
    assert most < 70 * 2**20
    expected = f"cannot be unpacked: holds more than {most:,} bytes (20 times its size and 64 MiB)"
    assert message(path, tmp_path / "out") == expected
    assert sum(sizes(tmp_path / "out").values()) <= most


def test_many_files_of_zeros_are_not_unpacked_beyond_the_limit(tmp_path):
    size = 2**20
    path = pack(tmp_path / "a.tar.gz", [(member(f"{number}", size), zeros(size)) for number in range(80)])
    assert "holds more than" in message(path, tmp_path / "out")
    assert sum(sizes(tmp_path / "out").values()) <= unpacking.max_unpacked_bytes(path.stat().st_size)


def test_what_is_skipped_counts_too(tmp_path):
    # A folder that states a size, which is skipped and not written.
    size = 100 * 2**20
    header = member("folder", size, type=tarfile.DIRTYPE).tobuf()
    path = tmp_path / "a.tar.gz"
    with gzip.open(path, "wb") as file:
        file.write(header + bytes(size) + member("a").tobuf() + bytes(1024))
    assert "holds more than" in message(path, tmp_path / "out")
    assert sizes(tmp_path / "out") == {}


def test_a_header_does_not_fill_the_memory(tmp_path):
    size = 30 * 2**20
    info = member("a", pax_headers={"comment": "0" * size})
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info)
    assert "holds a header of 31,4" in message(tmp_path / "a.tar.gz", tmp_path / "out")


def test_more_files_than_a_model_has_are_refused(tmp_path):
    path = pack(tmp_path / "a.tar.gz", [(member(f"{number % 7}"), None) for number in range(1_001)])
    assert message(path, tmp_path / "out") == "cannot be unpacked: holds more than 1,000 files"


@pytest.mark.parametrize(
    "changes",
    [
        {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        {"type": tarfile.SYMTYPE, "linkname": "b"},
        {"type": tarfile.LNKTYPE, "linkname": "b"},
        {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5},
        {"type": tarfile.FIFOTYPE},
    ],
)
def test_links_and_devices_are_refused(tmp_path, changes):
    path = pack(tmp_path / "a.tar.gz", [(member("b"), None), (member("a", **changes), None)])
    expected = "cannot be unpacked: 'a' is a link, a device or a file with holes, expected a plain file"
    assert message(path, tmp_path / "out") == expected


def test_a_file_with_holes_is_refused(tmp_path):
    pax = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**42), "GNU.sparse.name": "a"}
    content = b"1\n0\n1\n".ljust(512, b"\0")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(member("a", len(content), pax_headers=pax), io.BytesIO(content))
    assert "a file with holes" in message(tmp_path / "a.tar.gz", tmp_path / "out")


@pytest.mark.parametrize("name", ["../a", "/a", "b/../../a"])
def test_names_that_lead_out_are_refused(tmp_path, name):
    (tmp_path / "out").mkdir()
    with contextlib.suppress(InputError):
        unpacking.unpack(pack(tmp_path / "a.tar.gz", [(member(name), None)]), tmp_path / "out")
    assert not (tmp_path / "a").exists()  # a leading slash is taken off


def test_an_archive_that_is_cut_off_is_one_line(tmp_path):
    path = pack(tmp_path / "a.tar.gz", [(member("a", 3000), io.BytesIO(bytes(range(250)) * 12))])
    content = path.read_bytes()
    for length in (5, 30, len(content) // 2, len(content) - 4):
        path.write_bytes(content[:length])
        assert message(path, tmp_path / "out").startswith("cannot be unpacked")


def test_headers_and_folders_in_a_long_row_are_one_line(tmp_path):
    header, record = member("p", 11, type=tarfile.XHDTYPE), b"11 path=aa\n"
    headers = (header.tobuf(tarfile.USTAR_FORMAT) + record.ljust(512, b"\0")) * 3000
    (tmp_path / "headers.tar.gz").write_bytes(gzip.compress(headers))
    pack(tmp_path / "folders.tar.gz", [(member("a/" * 1900 + "a"), zeros(0))])
    for name in ("headers", "folders"):
        expected = "cannot be unpacked: holds hundreds of headers or folders in a row"
        assert message(tmp_path / f"{name}.tar.gz", tmp_path / name) == expected
