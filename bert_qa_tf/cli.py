"""What every command shares: parsing flags, `--help`, flagfiles, and one clear line on bad input.

What goes in: a command's `main`, its usage text and its groups of flags (from `bert_qa_tf.flags`). What comes out: an
exit status. No TensorFlow here: `--help` must answer in under a second.
"""

from __future__ import annotations

import os
import pathlib
import sys
import textwrap
import traceback
from collections.abc import Callable, Sequence

from absl import flags as absl_flags
from absl import logging

from bert_qa_tf.errors import InputError

FlagGroup = Callable[[absl_flags.FlagValues], None]
Main = Callable[[absl_flags.FlagValues], int | None]

_HELP_WIDTH = 100
_HELP_ARGUMENTS = ("--help", "-help", "-h", "--helpfull", "--helpshort")


def run(main: Main, usage: str | None, groups: Sequence[FlagGroup], argv: Sequence[str] | None = None) -> None:
    """Runs a command and exits the process with its status; see `call`."""
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
        sections[title] = [name for name in values if name not in before and not name.startswith("no")]
    if not _is_verbose(argv):
        # TensorFlow reads this when it is imported, which is later than this line. It reports even the lack of a GPU as
        # an error; real ones reach Python as exceptions.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    absl_flags.FLAGS.mark_as_parsed()  # ours live elsewhere; absl's logging warns until its own are parsed
    try:
        if any(argument in _HELP_ARGUMENTS for argument in argv):
            print(_help_text(usage or "", values, sections), flush=True)
            return 0
        rest = values(["command", *expand_flagfiles(argv)])[1:]
        if rest:
            raise InputError(f"unexpected argument {rest[0]!r}: every argument is a --flag (see --help)")
        # One level quieter than absl's own: at 0 the libraries' notes stay out of the way, warnings do not.
        logging.set_verbosity(values.verbosity - 1)
        logging.use_absl_handler()
        return main(values) or 0
    except (InputError, absl_flags.Error) as error:
        if _is_verbose(argv):
            traceback.print_exc()
        line = " ".join(str(error).split())
        print(f"error: {line}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our output (`| head`) has seen enough. Python would complain once more while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("interrupted: the same command goes on or starts again", file=sys.stderr)
        return 130


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
        name, _, value = argument.partition("=")
        if name not in ("--flagfile", "-flagfile"):
            expanded.append(argument)
            continue
        if not value:
            if not pending:
                raise InputError("--flagfile needs a file name")
            value = pending.pop(0)
        path = (base or pathlib.Path()) / value
        identity = str(path.resolve())
        if identity in seen:
            raise InputError(f"{path}: this flagfile includes itself")
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise InputError(f"{path}: cannot read this flagfile ({error.strerror})") from error
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
    return any(a in ("--verbosity=1", "--verbosity=2", "-v=1") for a in argv)


def _help_text(usage: str, values: absl_flags.FlagValues, sections: dict[str, list[str]]) -> str:
    lines = [usage.strip(), ""]
    for title, names in sections.items():
        lines += [f"{title}:", ""]
        for name in names:
            flag = values[name]
            default = "" if flag.default in (None, [], "") else f" (default: {flag.default_as_str or flag.default})"
            choices = f" One of: {', '.join(flag.parser.enum_values)}." if hasattr(flag.parser, "enum_values") else ""
            shown = f"--[no]{name}" if flag.boolean else f"--{name}"
            lines.append(f"  {shown}")
            text = flag.help.split(";\n")[0]  # absl appends its own note to flags that repeat
            lines += textwrap.wrap(
                f"{text}{choices}{default}", _HELP_WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6
            )
        lines.append("")
    return "\n".join(lines).rstrip()
