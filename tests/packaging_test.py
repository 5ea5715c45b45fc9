"""What is installed, what importing costs, and what the commands say before any work starts."""

from __future__ import annotations

import ast
import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

import bert_qa_tf
from bert_qa_tf.__main__ import find_commands
from tests.testing import REPOSITORY

REQUIREMENTS = REPOSITORY / "requirements"
EXTRAS = ("gpu", "serving", "speech", "whisper", "plots", "test")
COMMANDS = tuple(find_commands())
HEAVY = ("tensorflow", "tensorflow_text", "tensorflow_hub", "tf_keras", "keras", "keras_nlp", "official")
PYTHONS = ("3.11", "3.12")

# `name==1.2 ; marker`, a trailing backslash where hashes follow.
_PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9-]*)==(?P<version>[\w.+!]+)(?: ; (?P<marker>[^\\]+?))?(?: \\)?$")
_OTHER_LINES = re.compile(r"^(    --hash=sha256:[0-9a-f]{64}(?: \\)?|#.*|-r base\.txt|--only-binary :all:)$")


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )


def setup_value(name: str) -> object:
    """A literal of setup.py."""
    for node in ast.parse((REPOSITORY / "setup.py").read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"setup.py assigns no {name}")


def read_pins(name: str, python: str = "3.11", platform: str = "linux") -> dict[str, str]:
    """Name to version in a requirements file, as that Python on that system installs it."""
    pins = {}
    environment = {"python_full_version": f"{python}.0", "python_version": python, "sys_platform": platform}
    for line in (REQUIREMENTS / f"{name}.txt").read_text().splitlines():
        if line == "-r base.txt":
            pins |= read_pins("base", python, platform)
        match = _PIN.match(line)
        if match and (not match["marker"] or Marker(match["marker"]).evaluate(environment)):
            assert match["name"] not in pins, f"{name}.txt pins {match['name']} twice"
            pins[match["name"]] = match["version"]
    return pins


def requirement_files() -> list[pathlib.Path]:
    return sorted(REQUIREMENTS.glob("*.txt"))


# === Imports =========================================================================================================


def test_importing_the_package_and_every_command_imports_no_tensorflow():
    modules = ["bert_qa_tf", "bert_qa_tf.__main__", *(f"bert_qa_tf.{command}" for command in COMMANDS)]
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1].split(','): importlib.import_module(name)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )

    done = run_python(code, ",".join(modules))

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_printed_without_tensorflow(command):
    code = (
        "import runpy, sys\n"
        "name, sys.argv = sys.argv[1], ['command', '--help']\n"
        "status = None\n"
        "try: runpy.run_module(name, run_name='__main__')\n"
        "except SystemExit as error: status = error.code\n"
        f"print('loaded:', [name for name in {HEAVY!r} if name in sys.modules], 'status:', status)"
    )

    done = run_python(code, f"bert_qa_tf.{command}")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded: [] status: 0"
    assert "--verbosity" in done.stdout


# === python -m bert_qa_tf ============================================================================================


def test_the_package_lists_every_command_with_one_line():
    done = subprocess.run(
        [sys.executable, "-m", "bert_qa_tf"], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )

    assert done.returncode == 0
    for command, line in find_commands().items():
        assert line, f"{command} has no docstring"
        assert re.search(rf"^  {command} +{re.escape(line)}$", done.stdout, re.MULTILINE)


def test_the_commands_are_listed_in_the_order_of_work():
    names = list(find_commands())
    assert names[0] == "demo"
    assert names.index("audit") < names.index("create_tfrecords") < names.index("train") < names.index("evaluate")


def test_the_version_is_told():
    done = subprocess.run(
        [sys.executable, "-m", "bert_qa_tf", "--version"], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )

    assert (done.returncode, done.stdout) == (0, f"bert_qa_tf {bert_qa_tf.__version__}\n")


def test_an_unknown_command_is_one_line_and_status_1():
    done = subprocess.run(
        [sys.executable, "-m", "bert_qa_tf", "audti"], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "error: no command 'audti' (did you mean audit?); python -m bert_qa_tf lists them\n"


def test_a_module_without_main_is_no_command(tmp_path):
    (tmp_path / "library.py").write_text('"""A library."""\n')
    (tmp_path / "tool.py").write_text('"""Does it.\n\nAt length.\n"""\ndef main(values):\n    pass\n')

    assert find_commands(tmp_path) == {"tool": "Does it."}


# === Requirements ====================================================================================================


@pytest.mark.parametrize("path", requirement_files(), ids=lambda path: path.name)
def test_a_requirements_file_holds_pins_and_hashes_and_names_no_index_or_path(path):
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        assert _PIN.match(line) or _OTHER_LINES.match(line), f"{path.name}:{number}: {line!r}"
        assert "://" not in line, f"{path.name}:{number}: {line!r}"


@pytest.mark.parametrize(
    "path",
    # Nothing is installed from the constraints.
    [path for path in requirement_files() if path.name != "constraints.txt"],
    ids=lambda path: path.name,
)
def test_every_pin_that_is_installed_has_a_hash(path):
    lines = path.read_text().splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if _PIN.match(line):
            assert following.startswith("    --hash=sha256:"), f"{path.name}: {line!r}"


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("extra", ["", *EXTRAS])
def test_the_pins_meet_what_setup_py_asks_for(extra, python):
    pins = read_pins(extra or "base", python)
    wanted = [*setup_value("_INSTALL"), *(setup_value("_EXTRAS")[extra] if extra else [])]
    for requirement in map(Requirement, wanted):
        assert pins[requirement.name] in requirement.specifier, requirement


def test_every_extra_of_setup_py_has_its_file():
    assert sorted(setup_value("_EXTRAS")) == sorted(EXTRAS)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("extra", EXTRAS)
def test_the_extras_agree_on_every_version(extra, python):
    agreed = read_pins("constraints", python)

    assert read_pins(extra, python).items() <= agreed.items()


@pytest.mark.parametrize("python", PYTHONS)
def test_the_tpu_list_is_the_base_list_with_tensorflow_replaced(python):
    base, tpu = read_pins("base", python), read_pins("tpu", python)

    assert set(tpu) - set(base) == {"tensorflow-tpu", "libtpu"}
    assert set(base) - set(tpu) == {"tensorflow"}
    assert tpu["tensorflow-tpu"] == base["tensorflow"]
    assert all(tpu[name] == version for name, version in base.items() if name != "tensorflow")


def test_macos_gets_no_cuda():
    assert not [name for name in read_pins("gpu", platform="darwin") if name.startswith("nvidia")]


# === The distribution ================================================================================================


def test_a_wheel_holds_every_module_and_the_demo_data(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(REPOSITORY / "bert_qa_tf", source / "bert_qa_tf", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "LICENSE"):
        shutil.copy(REPOSITORY / name, source / name)
    backend = "import setuptools.build_meta as backend, sys; print(backend.build_wheel(sys.argv[1]))"

    done = subprocess.run(
        [sys.executable, "-c", backend, str(tmp_path)], capture_output=True, text=True, cwd=source, check=False
    )

    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    files = {path.relative_to(source).as_posix() for path in (source / "bert_qa_tf").rglob("*") if path.is_file()}
    assert files - packed == set()
    assert any(name.endswith("/LICENSE") for name in packed)


# === make ============================================================================================================


def run_make(folder: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Not the variables of the make that may be running these tests.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)


def test_make_alone_lists_its_commands():
    done = run_make(REPOSITORY)

    assert done.returncode == 0, done.stderr
    listed = re.findall(r"^  make (\S+) +\w", done.stdout, re.MULTILINE)
    targets = re.findall(r"^([a-z][\w-]*):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert listed[:4] == ["demo", "check", "test", "lint"]
    assert sorted(listed) == sorted(targets)


@pytest.mark.parametrize(
    ("python", "message"),
    [
        ("", "error: no Python 3.11 or 3.12 that can make environments (with venv and ensurepip) is on PATH"),
        ("false", "error: PYTHON=false is not a Python 3.11 or 3.12 that can make environments"),
    ],
)
def test_make_says_in_one_line_that_python_is_missing(tmp_path, python, message):
    done = run_make(REPOSITORY, "venv", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}")

    assert done.returncode != 0
    assert done.stderr.splitlines()[0].startswith(message)
    assert not (tmp_path / "venv").exists()
