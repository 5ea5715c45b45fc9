"""Defines the exception that means "the user's input or flags are wrong".

Entry points print its message as a single line and exit with status 1; a traceback is shown only with
`--verbosity=1`. Anything else that is raised is a bug and keeps its traceback.
"""

from __future__ import annotations


class InputError(ValueError):
    """Bad input, described in one line that names the file, the record, what was found and what was expected."""
