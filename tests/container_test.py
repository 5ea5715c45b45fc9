"""The `Dockerfile` without a container engine: what it copies reaches the build, and nothing is unpinned."""

import re

import pytest

from bert_qa_tf import cli, train
from tests.testing import REPOSITORY

LINES = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
COPIED = [source for line in LINES if line.startswith("COPY ") for source in line.split()[1:-1]]
KEPT = [line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")]


@pytest.mark.parametrize("source", COPIED)
def test_what_is_copied_is_there_and_not_ignored(source):
    assert (REPOSITORY / source).exists()
    assert source in KEPT


def test_nothing_else_reaches_the_build():
    assert sorted(KEPT) == sorted(COPIED)
    assert "*" in (REPOSITORY / ".dockerignore").read_text().splitlines()


def test_each_installation_is_pinned_by_hashes_or_fetches_nothing():
    installs = [line for line in LINES if "pip install" in line and not line.startswith("#")]
    assert len(installs) == 2
    assert all("--require-hashes" in line or "--no-deps --no-build-isolation" in line for line in installs)


def test_training_runs_as_a_user_that_is_not_root_by_number():
    users = [line.split()[1] for line in LINES if line.startswith("USER ")]
    assert users
    assert all(re.fullmatch(r"[1-9]\d*", user) for user in users)


def test_the_flagfiles_are_found_from_the_folder_it_works_in(tmp_path, monkeypatch):
    assert "WORKDIR /workspace" in LINES
    assert "COPY configs /workspace/configs" in LINES
    assert 'ENTRYPOINT ["python", "-m", "bert_qa_tf.train"]' in LINES
    (tmp_path / "configs").symlink_to(REPOSITORY / "configs")
    monkeypatch.chdir(tmp_path)
    seen = []
    flags = ["--flagfile=configs/gpu.flags"]
    assert cli.call(lambda values: seen.append(train.train_config(values)), "", train.FLAG_GROUPS, flags) == 0
    assert seen[0].model_dir == "runs/gpu"
