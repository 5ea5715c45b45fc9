"""Runs commands: parses flags and flagfiles, prints `--help`, and reports bad input in one line.

A command consists of its `main`, its usage text and its groups of flags (from `bert_qa_tf.flags`). This module does not
import TensorFlow, because `--help` must answer in under a second.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import itertools
import logging as std_logging
import math
import multiprocessing
import os
import pathlib
import re
import signal
import sys
import tempfile
import textwrap
import time
import traceback
import types
import warnings
from collections.abc import Callable, Iterator, Sequence

from absl import flags as absl_flags
from absl import logging

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError, printable

FlagGroup = Callable[[absl_flags.FlagValues], None]
Main = Callable[[absl_flags.FlagValues], int | None]

# Old names of renamed flags → new names. The error message for an old name gives the new one.
RENAMED_FLAGS = {
    "asr_noise_wer": "simulate_wer",
    "noise_copies": "simulate_copies",
    "noise_clean_copies": "simulate_clean_copies",
    "noise_sentence_stops": "simulate_sentence_stops",
    "noise_answers": "simulate_answers",
    "noise_min_confidence": "simulate_min_confidence",
}
# Files that name the next one twice each would double the flags with every file.
_MAX_FLAGFILES = 100
_HELP_WIDTH = 100
_HELP_ARGUMENTS = ("--help", "-help", "-h", "--helpfull", "--helpshort")
_INTERRUPTED = "interrupted: the same command goes on or starts again"
_INTERRUPTED_STATUS = 130
_SAME_SIGNAL_SECS = 1.0
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
# The form of the operating system's errors in messages of TensorFlow's file system layer: `PATH; REASON`.
_SYSTEM_REASONS = "|".join(re.escape(os.strerror(code)) for code in errno.errorcode)
_FILE_ERROR = re.compile(rf"(?P<path>[^\s;{{}}][^;{{}}]*); (?P<reason>{_SYSTEM_REASONS})")
_NO_FOLDER = re.compile(r"(?P<path>\S.*) is (?P<reason>not a directory)")


def run(main: Main, usage: str | None, groups: Sequence[FlagGroup], argv: Sequence[str] | None = None) -> None:
    """Runs a command and exits the process with its status; see `call`.

    The first Ctrl-C ends the command in good order, once its worker processes have finished their current work. A
    second one ends the workers too.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # background processes ignore SIGINT
        signal.signal(signal.SIGINT, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # what an id or a name of a file may hold, and the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    sys.exit(call(main, usage, groups, sys.argv[1:] if argv is None else argv))


def call(main: Main, usage: str | None, groups: Sequence[FlagGroup], argv: Sequence[str]) -> int:
    """Runs a command and returns its exit status.

    The flags are in a `FlagValues` of their own. So they cannot clash with those of an imported library, and a test may
    call several commands in one process.

    Args:
      main: takes the parsed flags; returns an exit status, or None for success.
      usage: the command's help text, usually its module's docstring.
      groups: the functions of `bert_qa_tf.flags` that define the command's flags.
      argv: the arguments after the program's name.

    Returns:
      0 on success and for `--help`; 1 on bad input, after one line on standard error; 130 after Ctrl-C.
    """
    values = absl_flags.FlagValues()
    sections: dict[str, list[str]] = {}
    for group in (*groups, _define_common):
        before = set(values)
        group(values)
        title = (group.__doc__ or group.__name__).strip().splitlines()[0].rstrip(".")
        if added := [name for name in values if name not in before]:  # another group may have defined all of them
            sections[title] = added
    if not _is_verbose(argv):
        # TensorFlow reads this when it is imported, which happens later. Its log reports even the lack of a GPU as an
        # error; real errors reach Python as exceptions.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        # tensorflow-hub imports pkg_resources. The pinned setuptools still has it, and users can do nothing about it.
        warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
    absl_flags.FLAGS.mark_as_parsed()  # absl's logging warns until absl's own flags are parsed
    try:
        if any(argument in _HELP_ARGUMENTS for argument in argv):
            print(_help_text(usage or "", values, sections), flush=True)
            return 0
        _parse(values, expand_flagfiles(argv))
        # One level quieter than absl's own: at 0, warnings of libraries are shown but their info messages are not.
        logging.set_verbosity(values.verbosity - 1)
        logging.use_absl_handler()
        if not _is_verbose(argv):
            logging.get_absl_handler().setFormatter(_Formatter())
        with _odd_items_shown(values):
            status = main(values) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # The reader of the output (such as `| head`) has closed the pipe.
        _drop_standard_output()
        return 0
    except Exception as error:
        is_input_error = isinstance(error, InputError | absl_flags.Error)
        message = str(error) if is_input_error else _file_trouble(error)
        if message is None:
            raise
        if _is_verbose(argv):
            traceback.print_exc()
        print(f"error: {printable(' '.join(message.split()))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(_INTERRUPTED, file=sys.stderr)
        return _INTERRUPTED_STATUS


@contextlib.contextmanager
def _odd_items_shown(values: absl_flags.FlagValues) -> Iterator[None]:
    """Collects what is odd about the input, and says it at the end, before an error if there is one."""
    items = odd_items.OddItems(strict="strict" in values and values.strict)
    with odd_items.collect_in_all_threads(items):
        try:
            yield
        finally:
            if items:
                _flush_standard_output()
            for line in items.lines(odd_items.Severity.WARNING if values.verbosity < 0 else None):
                print(printable(line), file=sys.stderr)


def _flush_standard_output() -> None:
    # So that a terminal shows the results first. If this fails, the command says so itself.
    with contextlib.suppress(OSError):
        sys.stdout.flush()


def _drop_standard_output() -> None:
    # Otherwise Python would print another error while it shuts down.
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parse(values: absl_flags.FlagValues, argv: Sequence[str]) -> None:
    try:
        rest = values(["command", *argv])[1:]
    except absl_flags.UnrecognizedFlagError as error:
        old = error.flagname
        negation = "no" if old.removeprefix("no") in RENAMED_FLAGS and old not in RENAMED_FLAGS else ""
        new = RENAMED_FLAGS.get(old.removeprefix(negation))
        if new not in values:
            raise
        raise InputError(f"--{old} has a new name: --{negation}{new}") from error
    if rest:
        raise InputError(f"unexpected argument {rest[0]!r}: every argument is a --flag (see --help)")
    for name in values:
        value = values[name].value
        for part in value if isinstance(value, list) else (value,):
            _check_value(name, part)


def _check_value(name: str, value: object) -> None:
    """Refuses what no flag can mean, and what would fail only where it is used."""
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"--{name}={value}: expected a finite number")
    if isinstance(value, int) and abs(value) >= 2**63:
        raise InputError(f"--{name}: expected a number of 64 bits at most, got one of {value.bit_length()}")
    if isinstance(value, str) and "\0" in value:
        raise InputError(f"--{name}: holds a zero byte, which no name or text of a flag may")


def _interrupt(number: int, frame: types.FrameType | None) -> None:
    """Raises KeyboardInterrupt for the first signal only, because a second could interrupt the clean-up."""
    first = time.monotonic()

    def again(number: int, frame: types.FrameType | None) -> None:
        # Some programs, such as `timeout`, signal both a process and its group; that counts as one signal.
        if time.monotonic() - first > _SAME_SIGNAL_SECS:
            workers = multiprocessing.active_children()
            for worker in workers:
                worker.kill()
            if not workers:
                os._exit(_INTERRUPTED_STATUS)

    signal.signal(number, again)
    raise KeyboardInterrupt


def line_printer(values: absl_flags.FlagValues) -> Callable[[str], None] | None:
    """Returns a function that prints progress lines to standard error; None if --verbosity turns them off."""
    return functools.partial(print, file=sys.stderr, flush=True) if values.verbosity >= 0 else None


def expand_flagfiles(
    argv: Sequence[str],
    base: pathlib.Path | None = None,
    seen: tuple[str, ...] = (),
    numbers: Iterator[int] | None = None,
) -> list[str]:
    """Replaces each `--flagfile=FILE` by the flags in FILE.

    absl resolves a flagfile named inside a flagfile against the working folder. Here it is resolved against the folder
    of the file that names it, so that configs work from any folder.

    Args:
      argv: arguments, some of which may be `--flagfile=FILE` or `--flagfile FILE`.
      base: the folder that relative names are resolved against; None for the working folder.
      seen: the flagfiles being read, to detect one that includes itself.
      numbers: counts the flagfiles, each as often as it is read.

    Returns:
      The arguments in order, so that a later one overrides an earlier one.

    Raises:
      InputError: a file is missing, includes itself, or has a line that is not a flag; or there are too many.
    """
    numbers = itertools.count() if numbers is None else numbers
    expanded: list[str] = []
    pending = list(argv)
    while pending:
        argument = pending.pop(0)
        name, equals, value = argument.partition("=")
        if name not in ("--flagfile", "-flagfile"):
            expanded.append(argument)
            continue
        if not equals and pending:
            value = pending.pop(0)
        if not value:
            raise InputError("--flagfile needs a file name")
        if "\0" in value:
            raise InputError(f"--flagfile={value!r}: no file can have this name")
        path = (base or pathlib.Path()) / value
        identity = str(path.resolve())
        if identity in seen:
            raise InputError(f"{path}: this flagfile includes itself")
        if next(numbers) >= _MAX_FLAGFILES:
            raise InputError(f"{path}: more than {_MAX_FLAGFILES} flagfiles")
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise InputError(f"{path}: cannot read this flagfile ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not UTF-8 at byte {error.start}, expected a flagfile") from error
        arguments = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
        for line in arguments:
            if not line.startswith("-"):
                raise InputError(f"{path}: expected a --flag or a # comment, got {line!r}")
        expanded.extend(expand_flagfiles(arguments, path.parent, (*seen, identity), numbers))
    return expanded


def _define_common(values: absl_flags.FlagValues) -> None:
    """Flags of every command."""
    absl_flags.DEFINE_integer(
        "verbosity",
        0,
        "How much to print. 0: progress and results. 1: also tracebacks and debugging messages. -1: only warnings and "
        "errors.",
        flag_values=values,
    )
    absl_flags.DEFINE_multi_string(
        "flagfile",
        [],
        "File to read more flags from, one per line. Flagfiles that it names are relative to its folder.",
        flag_values=values,
    )


def _is_verbose(argv: Sequence[str]) -> bool:
    # This looks at the raw arguments, because the error may be that the flags cannot be parsed.
    return re.search(r"(^| )--?verbosity[= ][1-9]", " ".join(argv)) is not None


def _file_trouble(error: Exception) -> str | None:
    """Returns one line for an error of the file system (no permission, disk full); None for any other error.

    Libraries raise an `InputError` where they can say more; this is for the many places that only write.
    """
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, OSError) and error.errno in _FULL:
        # What has no name is not one of the files of the package.
        _drop_standard_output()
        return f"standard output, or a temporary file in {tempfile.gettempdir()}: {error.strerror}"
    # The class is checked by name, because TensorFlow must not be imported for this.
    if type(error).__module__.startswith("tensorflow."):
        found = _FILE_ERROR.search(str(error)) or _NO_FOLDER.match(str(error))
        return f"{found['path']}: {found['reason']}" if found else None
    return None


class _Formatter(std_logging.Formatter):
    """Formats log lines without the date, thread and source line of absl's own format."""

    def format(self, record: std_logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {printable(record.getMessage())}"


def _help_text(usage: str, values: absl_flags.FlagValues, sections: dict[str, list[str]]) -> str:
    lines = [usage.strip(), ""]
    for title, names in sections.items():
        lines += [f"{title}:", ""]
        for name in names:
            flag = values[name]
            default = "" if flag.default in (None, [], "") else f" (default: {_shown_default(flag)})"
            choices = f" One of: {', '.join(flag.parser.enum_values)}." if hasattr(flag.parser, "enum_values") else ""
            shown = f"--[no]{name}" if flag.boolean else f"--{name}"
            lines.append(f"  {shown}")
            # absl appends its own note to flags that repeat, and puts the choices of an enum before its text.
            text = flag.help.split(";\n")[0].removeprefix(f"<{'|'.join(getattr(flag.parser, 'enum_values', ()))}>: ")
            lines += textwrap.wrap(
                f"{text}{choices}{default}", _HELP_WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6
            )
        lines.append("")
    return "\n".join(lines).rstrip()


def _shown_default(flag: absl_flags.Flag) -> str:
    """The default as it would be typed; strings are shown in quotes."""
    if flag.boolean:
        return str(flag.default).lower()
    return repr(flag.default) if isinstance(flag.default, str) else str(flag.default)
