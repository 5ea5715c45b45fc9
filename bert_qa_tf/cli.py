"""What every command shares: parsing flags, `--help`, flagfiles, and one clear line on bad input.

What goes in: a command's `main`, its usage text and its groups of flags (from `bert_qa_tf.flags`). What comes out: an
exit status. No TensorFlow here: `--help` must answer in under a second.
"""

from __future__ import annotations

import errno
import functools
import logging as std_logging
import multiprocessing
import os
import pathlib
import re
import signal
import sys
import textwrap
import time
import traceback
import types
import warnings
from collections.abc import Callable, Sequence

from absl import flags as absl_flags
from absl import logging

from bert_qa_tf.errors import InputError

FlagGroup = Callable[[absl_flags.FlagValues], None]
Main = Callable[[absl_flags.FlagValues], int | None]

# Flags that have another name now → that name. Who types an old one is told the new one.
RENAMED_FLAGS = {
    "asr_noise_wer": "simulate_wer",
    "noise_copies": "simulate_copies",
    "noise_clean_copies": "simulate_clean_copies",
    "noise_sentence_stops": "simulate_sentence_stops",
    "noise_answers": "simulate_answers",
    "noise_min_confidence": "simulate_min_confidence",
}
_HELP_WIDTH = 100
_HELP_ARGUMENTS = ("--help", "-help", "-h", "--helpfull", "--helpshort")
_INTERRUPTED = "interrupted: the same command goes on or starts again"
_INTERRUPTED_STATUS = 130
_SAME_SIGNAL_SECS = 1.0
# How TensorFlow's file layer words an error of the operating system: `PATH; REASON`.
_SYSTEM_REASONS = "|".join(re.escape(os.strerror(code)) for code in errno.errorcode)
_FILE_ERROR = re.compile(rf"(?P<path>[^\s;{{}}][^;{{}}]*); (?P<reason>{_SYSTEM_REASONS})")
_NO_FOLDER = re.compile(r"(?P<path>\S.*) is (?P<reason>not a directory)")


def run(main: Main, usage: str | None, groups: Sequence[FlagGroup], argv: Sequence[str] | None = None) -> None:
    """Runs a command and exits the process with its status; see `call`.

    The first Ctrl-C ends it in good order, once its worker processes are through with what they do; a later one ends
    those too.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not in the background, where it is ignored
        signal.signal(signal.SIGINT, _interrupt)
    sys.exit(call(main, usage, groups, sys.argv[1:] if argv is None else argv))


def call(main: Main, usage: str | None, groups: Sequence[FlagGroup], argv: Sequence[str]) -> int:
    """Runs a command and returns its exit status.

    The flags live in a `FlagValues` of their own: importing a library that defines absl flags cannot clash with ours,
    and a test may call several commands in one process.

    Args:
      main: gets the parsed flags; returns an exit status, or None for success.
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
        # TensorFlow reads this when it is imported, which is later than this line. It reports even the lack of a GPU as
        # an error; real ones reach Python as exceptions.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        # tensorflow-hub imports it; the pinned setuptools still has it, and a user can do nothing about it.
        warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
    absl_flags.FLAGS.mark_as_parsed()  # ours live elsewhere; absl's logging warns until its own are parsed
    try:
        if any(argument in _HELP_ARGUMENTS for argument in argv):
            print(_help_text(usage or "", values, sections), flush=True)
            return 0
        _parse(values, expand_flagfiles(argv))
        # One level quieter than absl's own: at 0 the libraries' notes stay out of the way, warnings do not.
        logging.set_verbosity(values.verbosity - 1)
        logging.use_absl_handler()
        if not _is_verbose(argv):
            logging.get_absl_handler().setFormatter(_Formatter())
        return main(values) or 0
    except BrokenPipeError:
        # Whoever read our output (`| head`) has seen enough. Python would complain once more while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        is_input_error = isinstance(error, InputError | absl_flags.Error)
        message = str(error) if is_input_error else _file_trouble(error)
        if message is None:
            raise
        if _is_verbose(argv):
            traceback.print_exc()
        print(f"error: {' '.join(message.split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(_INTERRUPTED, file=sys.stderr)
        return _INTERRUPTED_STATUS


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


def _interrupt(number: int, frame: types.FrameType | None) -> None:
    """Raises KeyboardInterrupt for the first signal only: another, while that is seen to, would leave it half done."""
    first = time.monotonic()

    def again(number: int, frame: types.FrameType | None) -> None:
        # Whoever signals a process and its group too (`timeout` does) means it once.
        if time.monotonic() - first > _SAME_SIGNAL_SECS:
            workers = multiprocessing.active_children()
            for worker in workers:
                worker.kill()
            if not workers:
                os._exit(_INTERRUPTED_STATUS)

    signal.signal(number, again)
    raise KeyboardInterrupt


def line_printer(values: absl_flags.FlagValues) -> Callable[[str], None] | None:
    """What prints a line on what is being done to standard error; None where --verbosity wants none."""
    return functools.partial(print, file=sys.stderr, flush=True) if values.verbosity >= 0 else None


def expand_flagfiles(argv: Sequence[str], base: pathlib.Path | None = None, seen: tuple[str, ...] = ()) -> list[str]:
    """Replaces each `--flagfile=FILE` by the flags in FILE.

    absl resolves a flagfile named inside a flagfile against the working folder; here it is resolved against the file
    that names it, so that configs work from any folder.

    Args:
      argv: arguments, some of which may be `--flagfile=FILE` or `--flagfile FILE`.
      base: the folder that relative names are resolved against; the working folder when None.
      seen: the flagfiles being read, to find one that includes itself.

    Returns:
      The arguments in order, so that a later one overrides an earlier one.

    Raises:
      InputError: a file is missing, includes itself, or holds a line that is no flag.
    """
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
        path = (base or pathlib.Path()) / value
        identity = str(path.resolve())
        if identity in seen:
            raise InputError(f"{path}: this flagfile includes itself")
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
        expanded.extend(expand_flagfiles(arguments, path.parent, (*seen, identity)))
    return expanded


def _define_common(values: absl_flags.FlagValues) -> None:
    """Flags of every command."""
    absl_flags.DEFINE_integer(
        "verbosity",
        0,
        "0: progress and results. 1: tracebacks and debugging too. -1: warnings and errors only.",
        flag_values=values,
    )
    absl_flags.DEFINE_multi_string(
        "flagfile",
        [],
        "Read more flags from this file, one a line. Files it names are relative to it.",
        flag_values=values,
    )


def _is_verbose(argv: Sequence[str]) -> bool:
    # Asked of the raw arguments: the error may be that the flags did not parse.
    return re.search(r"(^| )--?verbosity[= ][1-9]", " ".join(argv)) is not None


def _file_trouble(error: Exception) -> str | None:
    """One line for an error that the file system raised (no permission, disk full); None for any other.

    Libraries turn what they can name better into an `InputError`; this is for the many places that merely write.
    """
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    # By name, since TensorFlow must not be imported for this: its errors exist only where it is imported already.
    if type(error).__module__.startswith("tensorflow."):
        found = _FILE_ERROR.search(str(error)) or _NO_FOLDER.match(str(error))
        return f"{found['path']}: {found['reason']}" if found else None
    return None


class _Formatter(std_logging.Formatter):
    """Log lines for a person: absl's own start with date, thread and source line."""

    def format(self, record: std_logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {record.getMessage()}"


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
    """As it would be typed, but for text, whose quotes show where it ends."""
    if flag.boolean:
        return str(flag.default).lower()
    return repr(flag.default) if isinstance(flag.default, str) else str(flag.default)
