"""The short form of `make prove-crash`, and the watching of system calls that it rests on."""

import errno
import os
import subprocess
import sys

import pytest

from experiments.crash import contents, plan, seccomp
from experiments.crash.cases import CASES
from experiments.crash.watcher import Call, Fault, Watcher
from tests.testing import REPOSITORY


def watched(folder, fault, body):
    try:
        pid, listener = seccomp.start(body)
    except OSError as error:
        pytest.skip(str(error))
    return Watcher(pid, listener, str(folder), str(folder / "out"), fault).watch()


def writing(folder):
    def body():
        os.chdir(folder)
        try:
            with open("new", "w") as file:
                file.write("12345678")
            os.rename("new", "out/there")
            subprocess.run(["sh", "-c", "echo child > child; rm child"], check=True)
            return 0
        except OSError as error:
            return error.errno

    (folder / "out").mkdir()
    return body


def test_the_calls_of_a_process_and_its_children_are_seen(tmp_path):
    outcome = watched(tmp_path, Fault(), writing(tmp_path))
    assert outcome.status == 0
    assert outcome.calls == [
        *(Call("create", "new"), Call("write", "new"), Call("rename", "out/there")),
        *(Call("create", "child"), Call("write", "child"), Call("unlink", "child")),
    ]


def test_a_kill_comes_before_the_call_or_in_the_middle_of_it(tmp_path):
    outcome = watched(tmp_path, Fault("kill", 1), writing(tmp_path))
    assert (outcome.status, outcome.hit) == (-9, Call("write", "new"))
    assert (tmp_path / "new").read_text() == ""
    (tmp_path / "out").rmdir()
    assert watched(tmp_path, Fault("kill", 0, torn=True), writing(tmp_path)).status == -9
    (tmp_path / "out").rmdir()
    watched(tmp_path, Fault("kill", 1, torn=True), writing(tmp_path))
    assert (tmp_path / "new").read_text() == "1234"


def test_a_full_disk_takes_half_a_write_and_then_nothing(tmp_path):
    outcome = watched(tmp_path, Fault("full", 1, torn=True, forever=True), writing(tmp_path))
    assert outcome.status == errno.ENOSPC
    assert (tmp_path / "new").read_text() == "1234"


@pytest.mark.parametrize("error", ["EROFS", "EACCES"])
def test_a_read_only_output_refuses_what_would_change_it(tmp_path, error):
    outcome = watched(tmp_path, Fault("read-only", error=error), writing(tmp_path))
    assert (outcome.status, outcome.hit) == (getattr(errno, error), Call("rename", "out/there"))
    assert (tmp_path / "new").exists()


def test_of_equal_calls_in_a_row_some_are_hit():
    calls = [Call("create", "a"), *[Call("write", "a")] * 9, Call("rename", "a")]
    assert plan.representatives(calls) == [0, 1, 2, 5, 9, 10]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("kill", 7, torn=True),
        Fault("kill", seconds=0.25),
        Fault("full", 3, forever=True),
        Fault("read-only", everywhere=True, error="EACCES"),
    ],
)
def test_a_report_names_a_fault_so_that_it_can_be_tried_again(fault):
    assert plan.parse(plan.describe(fault)) == fault


def test_what_differs_between_two_folders_is_named(tmp_path):
    for name, text in (("a", "1"), ("b", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same").write_text("x")
        (tmp_path / name / "other").write_text(text)
        (tmp_path / name / name).write_text("x")
    found, expected = (contents.snapshot(str(tmp_path / name)) for name in ("a", "b"))
    assert contents.differences(found, expected) == ["missing: b", "left behind: a", "other content: other"]


def test_times_in_metrics_do_not_count_and_cut_lines_do(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "time": 5}\n')
    first = contents.snapshot(str(tmp_path))
    path.write_text('{"step": 1, "time": 6}\n')
    assert contents.snapshot(str(tmp_path)) == first
    path.write_text('{"step": 1, "ti')
    assert contents.snapshot(str(tmp_path))["metrics.jsonl"].startswith("broken")


def test_every_command_that_writes_has_a_case():
    written_by = {"audit", "client", "create_tfrecords", "demo", "download", "evaluate", "export", "make_spoken"}
    assert {case.command for case in CASES} == written_by | {"predict", "train", "transcribe"}


@pytest.mark.slow
def test_commands_that_are_killed_or_find_the_disk_full_lose_nothing(tmp_path):
    watched(tmp_path, Fault(), writing(tmp_path))  # skips where calls cannot be watched
    done = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-m", "experiments.crash.prove_crash", "--jobs=1", "--kills=2"),
            *("--calls=5", "--commands=audit,transcribe,download,demo", f"--failed={tmp_path / 'failed'}"),
        ],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert " 0 with faults" in done.stdout
