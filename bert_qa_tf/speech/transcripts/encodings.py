"""Makes text of the bytes of a transcript: UTF-8, what a mark says, or the encoding that is named.

A file may be compressed with gzip, whatever its name.
"""

from __future__ import annotations

import codecs
import re

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats.foreign import describe_binary
from bert_qa_tf.storage import packed_text

# The longer ones first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_XML_ENCODING = re.compile(rb"<\?xml[^>]{1,80}?encoding=[\"']([\w.:-]{2,30})[\"']")
# Not of characters, or slow on purpose.
_NO_ENCODINGS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"})
_LOOKED_AT = 4_000
# A transcript of three hours has 10 MiB in the longest of its formats.
_MAX_BYTES = 64 * 2**20


def decode(content: bytes, name: str, encoding: str | None = None) -> str:
    """Returns the text of a file.

    Args:
      content: its bytes, perhaps compressed with gzip.
      name: of the file, for messages.
      encoding: of the text; None for UTF-8, or what a mark at the beginning or a declaration in XML says.

    Raises:
      InputError: the file is empty, no text, or of another encoding; names the first byte.
    """
    content = packed_text.unpack(content, name, "a transcript", _MAX_BYTES)
    if not content:
        raise InputError(f"{name}: is empty, expected a transcript")
    if encoding is not None:
        _check_encoding(encoding, name)
        try:
            return content.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise InputError(f"{name}:{line}: not {encoding} at byte {error.start} of the file") from error
        except UnicodeError as error:
            raise InputError(f"{name}: not {encoding} ({error})") from error
    for mark, marked in _MARKS:
        if content.startswith(mark):
            try:
                return content.decode(marked)
            except UnicodeDecodeError as error:
                raise InputError(f"{name}: begins as {marked.upper()} and is none at byte {error.start}") from error
    if b"\0" in content:
        raise InputError(f"{name}: {_not_text(content)}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _decode_other(content, name, error)


def _check_encoding(encoding: str, name: str) -> None:
    try:
        found = codecs.lookup(encoding)
    except (LookupError, ValueError):
        found = None
    is_text = found is not None and found._is_text_encoding and found.name.replace("-", "_") not in _NO_ENCODINGS
    if not is_text:
        raise InputError(
            f"{name}: expected --transcript_encoding to be one of text, such as windows-1252 or shift_jis, got "
            f"{encoding[:40]!r}"
        )


def _not_text(content: bytes) -> str:
    what = f"not text (a zero byte at {content.index(0)}), expected a transcript"
    known = describe_binary(content)
    if known is None:
        zeros = [content[place:_LOOKED_AT:2].count(0) for place in (0, 1)]
        if max(zeros) > len(content[:_LOOKED_AT]) // 3 > 3 * min(zeros):
            known = (
                f"as UTF-16 without a mark, it is read with --transcript_encoding=utf-16-{'bl'[zeros[1] > zeros[0]]}e"
            )
    return f"{what}; {known}" if known else what


def _decode_other(content: bytes, name: str, error: UnicodeDecodeError) -> str:
    # whisper.cpp cuts characters in two where its pieces of words do; `formats/words.py` puts them together.
    if b'"transcription"' in content and b'"tokens"' in content:
        return content.decode("utf-8", "surrogateescape")
    declared = _XML_ENCODING.match(content)
    if declared:
        encoding = declared[1].decode("ascii")
        if encoding.lower() not in ("utf-8", "utf8", "utf-16"):
            return decode(content, name, encoding)
    known = describe_binary(content)
    if known is not None:
        raise InputError(f"{name}: not text, expected a transcript; {known}") from error
    line = content.count(b"\n", 0, error.start) + 1
    raise InputError(
        f"{name}:{line}: not UTF-8 at byte {error.start} of the file, expected UTF-8 text, or its encoding in "
        f"--transcript_encoding{_suggestion(content, error.start)}"
    ) from error


def _suggestion(content: bytes, place: int) -> str:
    """Names a likely encoding, by what stands around the first byte that is not UTF-8; "" where none is likely."""
    # It is installed with requests; importing it takes as long as reading a transcript.
    import charset_normalizer

    around = content[max(place - _LOOKED_AT // 2, 0) : place + _LOOKED_AT // 2]
    found = charset_normalizer.from_bytes(around).best()
    if found is None:
        return ""
    # Of those that give the same text, the one that most programs write.
    encoding = "cp1252" if "cp1252" in found.could_be_from_charset else found.encoding
    encoding = encoding.replace("cp125", "windows-125")
    return f" ({encoding} seems likely)"
