"""Times reading a transcript of three hours (30,000 words) in each format of text.

python benchmarks/text_formats.py     prints a Markdown table

The captions are made here: ten words in 3.6 seconds each, by two speakers in turn. Each format is read three times; the
fastest counts, in seconds of a core.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator

from bert_qa_tf.speech.transcripts.reader import parse_transcript

_CAPTIONS = 3_000
_SECS = 3.6
_WORDS = "please call the dentist back on tuesday at nine thanks"
_NAMES = ("Dana Smith", "Ben Osei")
_ROUNDS = 3


def _captions() -> Iterator[tuple[int, int, str, str]]:
    """Start and end in milliseconds, the speaker and the text of each."""
    for index in range(_CAPTIONS):
        start = round(index * _SECS * 1000)
        yield start, start + round(_SECS * 1000), _NAMES[index // 4 % 2], f"{_WORDS[:-7]} {index}."


def _clock(millis: int, mark: str = ".", digits: int = 3) -> str:
    secs, millis = divmod(millis, 1000)
    fraction = f"{millis:03d}"[:digits]
    return f"{secs // 3600:02d}:{secs // 60 % 60:02d}:{secs % 60:02d}{mark}{fraction}"


def _karaoke(start: int, end: int, text: str) -> str:
    words = text.split()
    step = (end - start) // len(words)
    return " ".join(f"<{_clock(start + i * step)}><c>{word}</c>" for i, word in enumerate(words))


def _rolling() -> str:
    """As YouTube captions by machine: each line is shown twice."""
    blocks, before = ["WEBVTT\nKind: captions\nLanguage: en\n"], " "
    for start, end, _, text in _captions():
        blocks.append(
            f"{_clock(start)} --> {_clock(end - 10)} align:start\n{before}\n{_karaoke(start, end - 10, text)}\n"
        )
        blocks.append(f"{_clock(end - 10)} --> {_clock(end)} align:start\n{text}\n \n")
        before = text
    return "\n".join(blocks)


def _words() -> Iterator[tuple[int, int, str]]:
    for start, end, _, text in _captions():
        words = text.split()
        step = (end - start) // len(words)
        yield from ((start + i * step, start + (i + 1) * step, word) for i, word in enumerate(words))


def _files() -> dict[str, str]:
    captions = list(_captions())
    ass = "[Script Info]\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    ttml = "".join(f'<p begin="{_clock(s)}" end="{_clock(e)}">{text}</p>\n' for s, e, _, text in captions)
    return {
        "vtt": "WEBVTT\n\n" + "".join(f"{_clock(s)} --> {_clock(e)}\n<v {n}>{t}</v>\n\n" for s, e, n, t in captions),
        "vtt, rolling": _rolling(),
        "srt": "".join(
            f"{i}\n{_clock(s, ',')} --> {_clock(e, ',')}\n{t}\n\n" for i, (s, e, _, t) in enumerate(captions, 1)
        ),
        "sbv": "".join(f"{_clock(s)},{_clock(e)}\n{t}\n\n" for s, e, _, t in captions),
        "tsv": "start\tend\ttext\n" + "".join(f"{s}\t{e}\t{t}\n" for s, e, _, t in captions),
        "ttml": f'<tt xmlns="http://www.w3.org/ns/ttml"><body><div>{ttml}</div></body></tt>',
        "ass": ass
        + "".join(
            f"Dialogue: 0,{_clock(s, '.', 2)[1:]},{_clock(e, '.', 2)[1:]},A,{n},0,0,0,,{t}\n" for s, e, n, t in captions
        ),
        "lrc": "".join(f"[{s // 60000:02d}:{s // 1000 % 60:02d}.{s // 10 % 100:02d}]{t}\n" for s, _, _, t in captions),
        "stamped": "".join(f"[{_clock(s)} --> {_clock(e)}]  {t}\n" for s, e, _, t in captions),
        "otter": "".join(f"{n}  {_clock(s, '', 0)}\n{t}\n\n" for s, _, n, t in captions),
        "ctm": "".join(f"call 1 {s / 1000} {(e - s) / 1000:.3f} {word} 0.9\n" for s, e, word in _words()),
        "stm": "".join(f"call 1 {n[:3]} {s / 1000} {e / 1000} <o> {t}\n" for s, e, n, t in captions),
        "txt": "\n".join(t for *_, t in captions),
    }


def main() -> None:
    """Prints the table."""
    print("| format | MB | words | CPU s | CPU s, compressed with gzip |")
    print("|---|---|---|---|---|")
    for name, text in _files().items():
        content = text.encode()
        file_format = name.partition(",")[0]
        file = parse_transcript(content, f"call.{file_format}")
        assert file.file_format == file_format, f"{name} was taken for {file.file_format}"
        secs = [
            min(_seconds(packed, file_format) for _ in range(_ROUNDS)) for packed in (content, gzip.compress(content))
        ]
        words = len(file.transcript.words)
        print(f"| {name} | {len(content) / 1e6:.1f} | {words:,} | {secs[0]:.2f} | {secs[1]:.2f} |")


def _seconds(content: bytes, file_format: str) -> float:
    began = time.process_time()
    parse_transcript(content, f"call.{file_format}")
    return time.process_time() - began


if __name__ == "__main__":
    main()
