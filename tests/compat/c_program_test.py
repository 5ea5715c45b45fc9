"""The export asked from C, in a process that has no Python: what any other language's binding of TensorFlow does."""

import pathlib
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest
import tensorflow as tf

from bert_qa_tf.exporting.exported_model import ExportedModel
from bert_qa_tf.tasks.question_answering.examples import SquadExample

pytestmark = pytest.mark.slow

SOURCE = pathlib.Path(__file__).parent / "c" / "answer.c"
LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="the libraries are named as on Linux")
# Found, not imported: importing it is not what is tested.
TEXT_OPS = pathlib.Path(find_spec("tensorflow_text").origin).parent / "python" / "ops" / "_fast_wordpiece_tokenizer.so"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("needs a C compiler on PATH (Debian: apt install gcc)")
    library = tf.sysconfig.get_lib()
    path = tmp_path_factory.mktemp("c") / "answer"
    command = [
        *(compiler, "-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", str(SOURCE), "-o", str(path)),
        *("-isystem", tf.sysconfig.get_include(), f"-L{library}", f"-Wl,-rpath,{library}"),
        *("-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return path


def ask(program, saved_model, question, context):
    command = [str(program), saved_model, str(TEXT_OPS), question]
    # An environment without Python's paths: the program has what it was linked with, nothing else.
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(command, input=context, capture_output=True, env=environment, check=False)


@LINUX_ONLY
@pytest.mark.parametrize(
    "context",
    [
        "the cat sat on the mat",
        "😀 the cat " * 40,  # several windows, and places that bytes and UTF-16 count otherwise
        "",
        "a\x00b the cat",
    ],
    ids=["short", "long", "empty", "NUL"],
)
def test_c_gets_the_answers_that_python_gets(program, tiny_export, context):
    [expected] = ExportedModel(tiny_export.qa_dir).answer([SquadExample("q", "where is it", context)])

    done = ask(program, tiny_export.qa_dir, "where is it", context.encode())

    assert done.returncode == 0, done.stderr
    start, end, score, text = done.stdout.decode().split("\n", 3)
    assert (int(start), int(end), text) == (expected.start_char, expected.end_char, f"{expected.text}\n")
    assert float(score) == pytest.approx(expected.score, abs=1e-5)


@LINUX_ONLY
def test_c_says_in_one_line_what_is_wrong(program, tiny_export, tmp_path):
    nowhere = ask(program, str(tmp_path), "where is it", b"the cat")
    ids_alone = ask(program, tiny_export.ids_dir, "where is it", b"the cat")

    assert nowhere.returncode == 1
    assert nowhere.stderr.decode().startswith(f"error: {tmp_path}: Could not find SavedModel")
    assert ids_alone.returncode == 1
    # Before it, TensorFlow itself says that it logs to standard error.
    assert ids_alone.stderr.decode().endswith(f"error: {tiny_export.ids_dir}: no signature `serving_default`\n")
