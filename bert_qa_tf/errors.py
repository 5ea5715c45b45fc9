"""Defines the exception that means "the user's input or flags are wrong".

Entry points print its message as a single line and exit with status 1; a traceback is shown only with
`--verbosity=1`. Anything else that is raised is a bug and keeps its traceback.
"""

from __future__ import annotations

import re

# Control characters but tab and line end; what turns the direction of text around; what UTF-8 cannot spell.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_MAX_CHARS = 4000


class InputError(ValueError):
    """Bad input, described in one line that names the file, the record, what was found and what was expected.

    The middle of a very long message is left out: what was found may be a line of megabytes.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(shortened(message, _MAX_CHARS))


def shortened(text: str, max_chars: int) -> str:
    """Returns a text for a message without its middle if it is longer than `max_chars`."""
    half = max_chars // 2
    return text if len(text) <= max_chars else f"{text[:half]} … {text[-half:]}"


def printable(text: str) -> str:
    r"""Replaces characters that a terminal obeys instead of showing them by escapes such as `\x1b`.

    Error messages and answers quote servers, transcripts and names of files, which may hold such characters.
    """
    return _OBEYED.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
