"""Gives memory back to the system that the C library keeps after a large request."""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Returns unused memory of this process to the system. Does nothing where the C library is not glibc."""
    if _trim is not None:
        _trim(0)


def _find_trim() -> ctypes._CFuncPtr | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None


_trim = _find_trim()
