import importlib
import os
import re
import subprocess
import sys

import pytest
from absl import flags as absl_flags

from bert_qa_tf import cli
from bert_qa_tf.__main__ import find_commands
from bert_qa_tf.errors import InputError
from tests.testing import MESSAGES, REPOSITORY


def _define(values):
    """Things."""
    absl_flags.DEFINE_string("name", "cat", "What it is called.", flag_values=values)
    absl_flags.DEFINE_multi_string("file", [], "Some files.", flag_values=values)
    absl_flags.DEFINE_bool("loud", False, "Whether it shouts.", flag_values=values)


def _call(main, *argv):
    return cli.call(main, "Does a thing.", [_define], argv)


def test_flags_reach_main_and_none_means_success():
    seen = []
    assert _call(lambda values: seen.append((values.name, values.file)), "--name=dog", "--file=a", "--file=b") == 0
    assert seen == [("dog", ["a", "b"])]


def test_help_lists_every_flag_with_its_default_and_exits_0(capsys):
    assert _call(lambda values: pytest.fail("main ran"), "--help") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Does a thing.")
    for text in ("Things:", "--name", "What it is called. (default: 'cat')", "--[no]loud", "Flags of every command:"):
        assert text in shown


def test_help_has_no_heading_without_flags(capsys):
    def define_none(values):
        """Nothing."""

    assert cli.call(lambda values: None, "", [_define, define_none], ["--help"]) == 0
    shown = capsys.readouterr().out
    assert "Things:" in shown
    assert "Nothing" not in shown


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--nmae=x"], "Unknown command line flag 'nmae'"),
        (["extra"], "unexpected argument 'extra'"),
        (["--flagfile=/no/such.flags"], "/no/such.flags: cannot read this flagfile (No such file or directory)"),
        (["--flagfile"], "--flagfile needs a file name"),
        (["--flagfile=", "--name=dog"], "--flagfile needs a file name"),
    ],
)
def test_bad_arguments_are_one_line_and_status_1(capsys, argv, message):
    assert _call(lambda values: None, *argv) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert message in shown
    assert len(shown.strip().splitlines()) == 1


def test_a_flag_s_old_name_is_answered_with_its_new_one(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(cli, "RENAMED_FLAGS", {"title": "name", "noisy": "loud", "gone": "of_another_command"})
    for argument, new in (("--title=x", "--name"), ("--noisy", "--loud"), ("--nonoisy", "--noloud")):
        (tmp_path / "old.flags").write_text(f"{argument}\n")
        for given in (argument, f"--flagfile={tmp_path / 'old.flags'}"):
            assert _call(lambda values: pytest.fail("main ran"), given) == 1
            assert capsys.readouterr().err == f"error: {argument.split('=')[0]} has a new name: {new}\n"
    assert _call(lambda values: pytest.fail("main ran"), "--gone") == 1
    assert "Unknown command line flag 'gone'" in capsys.readouterr().err


def test_the_new_names_are_flags():
    known = set()
    for command in find_commands():
        for group in importlib.import_module(f"bert_qa_tf.{command}").FLAG_GROUPS:
            defined = absl_flags.FlagValues()
            group(defined)
            known.update(defined)
    assert set(cli.RENAMED_FLAGS.values()) <= known
    assert not set(cli.RENAMED_FLAGS) & known


def test_an_input_error_is_one_line_and_a_traceback_only_when_verbose(capsys):
    def main(values):
        raise InputError("a.json: line 3\nis bad")

    assert _call(main) == 1
    assert capsys.readouterr().err == "error: a.json: line 3 is bad\n"
    assert _call(main, "--verbosity=1") == 1
    assert "Traceback" in capsys.readouterr().err


def test_what_a_terminal_would_obey_is_shown_in_messages(capsys):
    def main(values):
        raise InputError("b \x1b]0;c\x07 \x9b1m \u202e 北京 👩\u200d👩 \udcff")

    assert _call(main) == 1
    said = capsys.readouterr().err
    assert r"error: b \x1b]0;c\x07 \x9b1m \u202e 北京 👩" + "\u200d" + r"👩 \udcff" in said
    assert "\x1b" not in said


def test_verbosity_may_be_a_word_of_its_own(capsys):
    def main(values):
        raise InputError("bad")

    assert _call(main, "--verbosity", "1") == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_file_that_cannot_be_opened_is_one_line(tmp_path, capsys):
    assert _call(lambda values: (tmp_path / "none").open()) == 1
    assert capsys.readouterr().err == f"error: {tmp_path}/none: No such file or directory\n"


def test_a_file_that_tensorflow_cannot_write_is_one_line(tmp_path, capsys):
    import tensorflow as tf

    (tmp_path / "file").write_text("")
    assert _call(lambda values: tf.io.gfile.makedirs(str(tmp_path / "file" / "run"))) == 1
    assert capsys.readouterr().err == f"error: {tmp_path}/file: not a directory\n"
    assert _call(lambda values: tf.io.gfile.GFile(str(tmp_path / "none"), "r").read()) == 1
    assert capsys.readouterr().err == f"error: {tmp_path}/none: No such file or directory\n"


def test_an_error_of_tensorflow_that_is_not_about_a_file_is_a_bug():
    import tensorflow as tf

    with pytest.raises(tf.errors.InvalidArgumentError):
        _call(lambda values: tf.reshape(tf.zeros(3), [2, 2]))


def test_warnings_are_lines_for_people():
    program = (
        "from absl import logging\nfrom bert_qa_tf import cli\n"
        "cli.run(lambda values: logging.warning('the %s is wet', 'cat'), 'Warns.', [], [])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "warning: the cat is wet\n"


def test_help_names_choices_once_and_shows_flags_that_begin_with_no(capsys):
    def define(values):
        """Noise."""
        absl_flags.DEFINE_enum("noise", "a", ["a", "b"], "Which noise.", flag_values=values)
        absl_flags.DEFINE_integer("noise_copies", 3, "How often.", flag_values=values)

    assert cli.call(lambda values: None, "Does a thing.", [define], ["--help"]) == 0
    shown = capsys.readouterr().out
    assert "  --noise\n      Which noise. One of: a, b. (default: 'a')\n" in shown
    assert "  --noise_copies\n      How often. (default: 3)\n" in shown


def test_any_other_error_is_a_bug_and_keeps_its_traceback():
    def main(values):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _call(main)


def test_a_flagfile_includes_others_relative_to_itself(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "base.flags").write_text("# a comment\n--name=base\n--file=base\n")
    (tmp_path / "sub" / "top.flags").write_text("--flagfile=base.flags\n\n--name=top\n")
    monkeypatch.chdir(tmp_path)
    expected = ["--name=base", "--file=base", "--name=top"]
    assert cli.expand_flagfiles(["--flagfile=sub/top.flags"]) == expected
    assert cli.expand_flagfiles(["--flagfile", str(tmp_path / "sub" / "top.flags"), "--loud"]) == [*expected, "--loud"]
    seen = []
    _call(lambda values: seen.append((values.name, values.file)), "--flagfile=sub/top.flags", "--name=last")
    assert seen == [("last", ["base"])]


@pytest.mark.parametrize(("depth", "times"), [(2000, 1), (40, 2)])
def test_flagfiles_without_end_are_refused(tmp_path, depth, times):
    for number in range(depth):
        (tmp_path / f"{number}.flags").write_text(f"--flagfile={number + 1}.flags\n" * times)
    (tmp_path / f"{depth}.flags").write_text("")
    with pytest.raises(InputError, match=r"\.flags: more than 100 flagfiles"):
        cli.expand_flagfiles([f"--flagfile={tmp_path / '0.flags'}"])


def test_a_flagfile_that_includes_itself_is_refused(tmp_path):
    (tmp_path / "a.flags").write_text("--flagfile=b.flags\n")
    (tmp_path / "b.flags").write_text("--flagfile=a.flags\n")
    with pytest.raises(InputError, match="includes itself"):
        cli.expand_flagfiles([f"--flagfile={tmp_path / 'a.flags'}"])


def test_a_flagfile_that_no_file_can_be_is_named(tmp_path):
    (tmp_path / "a.flags").write_text("--flagfile=b\0.flags")
    with pytest.raises(InputError, match="no file can have this name"):
        cli.expand_flagfiles([f"--flagfile={tmp_path / 'a.flags'}"])


def test_a_flagfile_that_is_no_text_is_named(tmp_path):
    (tmp_path / "a.flags").write_bytes(b"\xff\xfe--name=x")
    with pytest.raises(InputError, match=r"a\.flags: not UTF-8 at byte 0, expected a flagfile"):
        cli.expand_flagfiles([f"--flagfile={tmp_path / 'a.flags'}"])


def test_a_line_that_is_no_flag_is_named(tmp_path):
    (tmp_path / "a.flags").write_text("learning_rate=3\n")
    with pytest.raises(InputError, match="expected a --flag or a # comment, got 'learning_rate=3'"):
        cli.expand_flagfiles([f"--flagfile={tmp_path / 'a.flags'}"])


def test_a_reader_that_stops_reading_is_no_error():
    command = f"{sys.executable} -m bert_qa_tf.train --help | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("flag", ["--help", f"--input_file={MESSAGES}"])
def test_standard_output_that_is_full_is_one_line(flag):
    command = [sys.executable, "-m", "bert_qa_tf.audit", flag]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 1
    assert re.fullmatch("error: standard output, or a temporary file in .*: No space left on device\n", done.stderr)


@pytest.mark.slow
def test_a_wrong_path_is_one_line_in_a_process_of_its_own_too(tmp_path):
    # What libraries say while they are imported reaches a user's terminal, and no test that runs in this process.
    command = [sys.executable, "-m", "bert_qa_tf.train", f"--train_dir={tmp_path}/none", f"--model_dir={tmp_path}/run"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--share=nan", "--share=nan: expected a finite number"),
        ("--share=-inf", "--share=-inf: expected a finite number"),
        ("--shares=1e999", "--shares=inf: expected a finite number"),
        (f"--count={2**63}", "--count: expected a number of 64 bits at most, got one of 64"),
        ("--name=a\0b", "--name: holds a zero byte, which no name or text of a flag may"),
        ("--file=a\0b", "--file: holds a zero byte, which no name or text of a flag may"),
    ],
)
def test_values_that_no_flag_can_mean_are_refused(capsys, argument, message):
    def define(values):
        _define(values)
        absl_flags.DEFINE_float("share", 0.5, "A share.", flag_values=values)
        absl_flags.DEFINE_multi_float("shares", [], "Shares.", flag_values=values)
        absl_flags.DEFINE_integer("count", 1, "A number.", flag_values=values)

    assert cli.call(lambda values: pytest.fail("main ran"), "", [define], [argument]) == 1
    assert capsys.readouterr().err == f"error: {message}\n"
