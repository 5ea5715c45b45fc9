"""Names what people take for a transcript that can be read, and is none: in one line, with what to do instead."""

from __future__ import annotations

import re

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats.ttml import is_ttml
from bert_qa_tf.storage.packed_text import packed_otherwise

_CONVERT = "convert it to srt or vtt first, for example with Subtitle Edit"
_SAVE_AS_TEXT = "save it as plain text first"
_AUDIO = "--audio takes recordings"

# What a text begins with, white space aside → what it is, and what to do.
_TEXTS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), name, advice)
    for pattern, name, advice in (
        (r"\{\d{1,9}\}\{\d{0,9}\}", "MicroDVD captions, whose times are numbers of frames", _CONVERT),
        (r"\[\d{1,9}\]\[\d{0,9}\]", "MPL2 captions", _CONVERT),
        (r"<SAMI\b", "SAMI captions", _CONVERT),
        (r"Scenarist_SCC V", "Scenarist closed captions (SCC)", _CONVERT),
        (r"\d{1,2}:\d\d:\d\d:[^\d\s][^\n]*\r?\n\s*\d{1,2}:\d\d:\d\d:", "TMPlayer captions", _CONVERT),
        (r"# VobSub index", "VobSub captions, which are pictures", "recognise their text first"),
        (r"File type = \"ooTextFile", "a TextGrid of Praat", "export it as a table or as srt"),
        (r"\{\\rtf\d", "a document in Rich Text Format", _SAVE_AS_TEXT),
        (r"(?:<!DOCTYPE html|<html\b)", "a web page", _SAVE_AS_TEXT),
        (
            r"(?:<\?xml[^>]{0,200}>\s*)?<(?:transcript|timedtext)\b",
            "YouTube's XML of captions",
            "ask for vtt or json3, for example with yt-dlp --sub-format=vtt",
        ),
        (r"(?:<\?xml[^>]{0,200}>\s*)?(?:<!--[^>]{0,500}-->\s*)?<ANNOTATION_DOCUMENT\b", "an ELAN annotation", _CONVERT),
        (r"<\?xml\b", "XML of no kind of captions that is known here", _CONVERT),
    )
)
# Of SLUE-SQA-5, and of tables that people make.
_COLUMNS_OF_QUESTIONS = frozenset(("question", "raw_question_text", "normalized_question_text"))
_COLUMNS_BESIDE = frozenset(("context", "answers", "document_id", "raw_document_text", "normalized_document_text"))
# Bytes, and where they stand → what it is, and what to do.
_BINARIES: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"%PDF-", "a PDF document", _SAVE_AS_TEXT),
    (0, b"PK\x03\x04", "an archive or a document of an office program (docx)", _SAVE_AS_TEXT),
    (0, b"\xd0\xcf\x11\xe0", "a document of an office program (doc)", _SAVE_AS_TEXT),
    (0, b"RIFF", "a recording (WAV or AVI)", _AUDIO),
    (0, b"OggS", "a recording (Ogg)", _AUDIO),
    (0, b"fLaC", "a recording (FLAC)", _AUDIO),
    (0, b"ID3", "a recording (MP3)", _AUDIO),
    (0, b"\xff\xfb", "a recording (MP3)", _AUDIO),
    (4, b"ftyp", "a recording or a film (MP4)", _AUDIO),
    (0, b"\x1aE\xdf\xa3", "a film (Matroska, WebM)", "extract its captions or its sound first"),
    (0, b"\x00\x00\x01\xba", "VobSub captions or a film (MPEG)", "recognise the text of its pictures first"),
    (3, b"STL", "EBU STL captions", _CONVERT),
    (0, b"PAR1", "a Parquet file", "--input_file takes files of questions"),
    (0, b"\x1f\x8b", "compressed with gzip twice", "decompress it once"),
)


def refuse_text(text: str, name: str) -> None:
    """Refuses text whose times or markup would become words.

    Raises:
      InputError: it is of a format that is not read.
    """
    begins = text[:2_000].lstrip("\ufeff \t\r\n")
    if is_ttml(text):
        return
    columns = {column.strip(' "').lower() for column in re.split(r"[\t,;]", begins.partition("\n")[0].strip())}
    if columns & _COLUMNS_OF_QUESTIONS and columns & _COLUMNS_BESIDE:
        raise InputError(f"{name}: a table of questions, expected a transcript (--input_file takes such files)")
    for pattern, what, advice in _TEXTS:
        if pattern.match(begins):
            raise InputError(
                f"{name}: {what}, expected a transcript; {advice} (--transcript_format=txt reads it as plain text)"
            )


def describe_binary(content: bytes) -> str | None:
    """Says what a file that is no text is, and what to do; None if that is not known."""
    for place, mark, what, advice in _BINARIES:
        if content[place : place + len(mark)] == mark:
            return f"it is {what}; {advice}"
    packed = packed_otherwise(content)
    return f"it is {packed}; unpack it first" if packed else None
