"""Chooses one recording of a file that holds several, by the name that the user gave."""

from __future__ import annotations

from collections.abc import Sequence

from bert_qa_tf.errors import InputError

_MAX_SHOWN = 10


def choose_recording(names: Sequence[str], wanted: str | None, source: str) -> str:
    """The one that is wanted, or the only one.

    Args:
      names: of the recordings, in the file's order.
      wanted: as the user typed it; None where nothing was.
      source: the file, for messages.

    Raises:
      InputError: there are several and none is wanted, or there is none of this name.
    """
    listed = ", ".join(names[:_MAX_SHOWN]) + (f" and {len(names) - _MAX_SHOWN} more" if len(names) > _MAX_SHOWN else "")
    if wanted is not None:
        if wanted not in names:
            raise InputError(f"{source}: holds no recording {wanted!r}, expected one of {listed or 'none'}")
        return wanted
    if not names:
        raise InputError(f"{source}: holds no recording")
    if len(names) > 1:
        raise InputError(f"{source}: holds {len(names)} recordings, choose one with --transcript_recording: {listed}")
    return names[0]
