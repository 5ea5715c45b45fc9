"""Tells the formats of transcripts in text apart, by what a file holds; the ending of its name is a hint."""

from __future__ import annotations

from bert_qa_tf.speech.transcripts.formats.caption_times import COMMA, WITH_ARROW
from bert_qa_tf.speech.transcripts.formats.ctm import looks_like_ctm
from bert_qa_tf.speech.transcripts.formats.detection import ending_of
from bert_qa_tf.speech.transcripts.formats.otter import is_otter
from bert_qa_tf.speech.transcripts.formats.stamped import is_lrc, is_stamped
from bert_qa_tf.speech.transcripts.formats.stm import looks_like_stm
from bert_qa_tf.speech.transcripts.formats.substation import is_substation
from bert_qa_tf.speech.transcripts.formats.tables import is_table
from bert_qa_tf.speech.transcripts.formats.ttml import is_ttml

# Endings of names → the format.
_ENDINGS = {
    **{name: name for name in ("vtt", "srt", "sbv", "lrc", "ass", "ttml", "ctm", "stm")},
    **{"ssa": "ass", "dfxp": "ttml", "itt": "ttml"},
}
_LINES_LOOKED_AT = 12


def recognise_text(text: str, name: str) -> str:
    """The format of what is no JSON, one of `reader.TEXT_FORMATS`."""
    ending = ending_of(name)
    begins = text[:10_000].lstrip("\ufeff \t\r\n")
    if begins.startswith("WEBVTT"):
        return "vtt"
    for file_format, is_it in (("ass", is_substation), ("ttml", is_ttml), ("tsv", is_table)):
        if is_it(text):
            return file_format
    lines = [line for line in begins.splitlines()[:_LINES_LOOKED_AT] if line.strip()]
    times = next((index for index, line in enumerate(lines[:2]) if WITH_ARROW.loose.fullmatch(line)), None)
    if times is not None and (times == 0 or lines[0].strip().isdecimal()) and ending != "vtt":
        return "srt"
    if lines and COMMA.loose.fullmatch(lines[0]):
        return "sbv"
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    if is_lrc(text):
        return "lrc"
    if is_stamped(text):
        return "stamped"
    if is_otter(text):
        return "otter"
    if any(WITH_ARROW.exact.fullmatch(line) for line in lines):
        return "srt"
    if ending == "txt":
        return "txt"
    if looks_like_stm(text):
        return "stm"
    return "ctm" if looks_like_ctm(text) else "txt"
