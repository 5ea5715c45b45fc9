"""Temporary folders: those of killed processes are removed, those of living ones stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from bert_qa_tf.storage import temporary_files
from tests.testing import REPOSITORY

_WAITING = """
import pathlib, sys
from bert_qa_tf.storage import temporary_files
with temporary_files.folder_for(sys.argv[1]) as folder:
    pathlib.Path(folder, "half").write_text("half")
    print(folder, flush=True)
    sys.stdin.read()
"""


def start_one(target) -> tuple[subprocess.Popen, str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _WAITING, str(target)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, process.stdout.readline().strip()


def test_a_complete_folder_takes_its_place(tmp_path):
    with temporary_files.folder_for(str(tmp_path / "a")) as folder:
        os.rename(folder, tmp_path / "a")
    assert os.listdir(tmp_path) == ["a"]


def test_nothing_is_left_of_one_that_failed(tmp_path):
    with pytest.raises(ValueError, match="broken"), temporary_files.folder_for(str(tmp_path / "a")):
        raise ValueError("broken")
    assert os.listdir(tmp_path) == []


def test_that_of_a_killed_process_is_removed_by_the_next_and_that_of_a_living_one_stays(tmp_path):
    (tmp_path / "other.tmp").mkdir()
    killed, its_folder = start_one(tmp_path / "a")
    living, kept = start_one(tmp_path / "b")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert os.path.exists(its_folder)
    with temporary_files.folder_for(str(tmp_path / "c")) as folder:
        assert sorted(os.listdir(tmp_path)) == sorted(["other.tmp", *map(os.path.basename, (kept, folder))])
    living.communicate("")
    assert os.listdir(tmp_path) == ["other.tmp"]


def test_a_working_folder_is_private_and_among_the_temporary_ones(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with temporary_files.working_folder() as folder:
        assert os.path.dirname(folder) == str(tmp_path)
        assert os.stat(folder).st_mode & 0o77 == 0
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_taken_for_abandoned_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    make, made = os.mkdir, []

    def make_and_lose(path, mode=0o777):
        make(path, mode)
        made.append(path)
        if len(made) == 1:
            os.rmdir(path)

    monkeypatch.setattr(os, "mkdir", make_and_lose)
    with temporary_files.folder_for(str(tmp_path / "a")) as folder:
        assert folder == made[1]
        assert os.path.isdir(folder)
    assert os.listdir(tmp_path) == []


def test_only_a_temporary_name_stands_for_another():
    for name in ("a.txt", "a.txt.tmp", "notes.2024.tmp", ".tmp"):
        assert temporary_files.final_name(name) == name
    assert temporary_files.final_name("a.txt.0123456789abcdef.tmp") == "a.txt"
