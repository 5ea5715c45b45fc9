"""Reads and checks single frames of TFRecord files, without reading the frames before them.

A frame is the payload's size (8 bytes, little-endian), a checksum of these 8 bytes, the payload, and a checksum of the
payload. TensorFlow's readers make the same checks, but read megabytes for each record when records are not read in
order.
"""

from __future__ import annotations

import functools
import struct

import numpy as np

_SIZE = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
_HEADER_BYTES = _SIZE.size + _CHECKSUM.size
# The polynomial of CRC-32C (Castagnoli) with reversed bits, and the constant that TFRecord adds when it masks a
# checksum: without the mask, a checksum of data that itself contains checksums could be zero.
_POLYNOMIAL = 0x82F63B78
_MASK_DELTA = 0xA282EAD8
# The number of bytes that are looked up together. A table with this many rows takes 4 MB.
_BLOCK = 4096


def framed_size(payload_size: int) -> int:
    """Returns the size in bytes of the frame around a payload of `payload_size` bytes."""
    return _HEADER_BYTES + payload_size + _CHECKSUM.size


def unframe(frame: bytes) -> bytes | None:
    """Extracts the payload of a frame.

    Args:
      frame: all bytes of the frame.

    Returns:
      The payload; None if the frame is incomplete or a checksum does not match.
    """
    if len(frame) < framed_size(0) or _SIZE.unpack_from(frame)[0] != len(frame) - framed_size(0):
        return None
    size, payload = frame[: _SIZE.size], frame[_HEADER_BYTES : -_CHECKSUM.size]
    stored = _CHECKSUM.unpack_from(frame, _SIZE.size)[0], _CHECKSUM.unpack_from(frame, len(frame) - _CHECKSUM.size)[0]
    return payload if stored == (_masked(crc32c(size)), _masked(crc32c(payload))) else None


def crc32c(data: bytes) -> int:
    """Computes the CRC-32C of `data`.

    A CRC is linear: the contribution of a byte depends only on its value and its distance from the end. So all bytes of
    a block are looked up at once, and the state before the block is combined with its first four bytes.
    """
    table = _contributions()
    state = 0xFFFFFFFF
    for start in range(0, len(data), _BLOCK):
        block = np.frombuffer(data, np.uint8, min(_BLOCK, len(data) - start), start).copy()
        head = min(4, len(block))
        block[:head] ^= np.frombuffer(_CHECKSUM.pack(state), np.uint8, head)
        places = np.arange(len(block) - 1, -1, -1) * 256 + block
        state = (state >> 8 * head) ^ int(np.bitwise_xor.reduce(table[places]))
    return state ^ 0xFFFFFFFF


def _masked(checksum: int) -> int:
    return ((checksum >> 15 | checksum << 17) + _MASK_DELTA) & 0xFFFFFFFF


@functools.cache
def _contributions() -> np.ndarray:
    """Returns what a byte adds to the CRC, by its distance from the end and its value: `<uint32>[_BLOCK * 256]`."""
    table = np.empty((_BLOCK, 256), np.uint32)
    table[0] = np.arange(256)
    for _ in range(8):
        table[0] = (table[0] >> 1) ^ np.where(table[0] & 1, np.uint32(_POLYNOMIAL), np.uint32(0))
    for distance in range(1, _BLOCK):
        table[distance] = (table[distance - 1] >> 8) ^ table[0][table[distance - 1] & 0xFF]
    return table.ravel()
