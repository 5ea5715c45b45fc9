"""Defines the exception that means "the user's input or flags are wrong".

Entry points print its message as a single line and exit with status 1; a traceback is shown only with
`--verbosity=1`. Anything else that is raised is a bug and keeps its traceback.
"""

from __future__ import annotations

_MAX_CHARS = 4000


class InputError(ValueError):
    """Bad input, described in one line that names the file, the record, what was found and what was expected.

    The middle of a very long message is left out: what was found may be a line of megabytes.
    """

    def __init__(self, message: str = "") -> None:
        half = _MAX_CHARS // 2
        super().__init__(message if len(message) <= _MAX_CHARS else f"{message[:half]} … {message[-half:]}")
