"""Finds what each rule of cleaning takes out of a text.

A rule gives spans in order, none overlapping. Their words are English; labels, times and notes of sounds are written
alike everywhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

Span = tuple[int, int]

# Sounds of thinking. Not "uh-huh" and "mm-hmm", which mean yes; not "mm", which is a millimetre; not "oh", a zero.
FILLERS = ("um", "umm", "uhm", "uh", "uhh", "erm", "er", "err", "ehm", "hm", "hmm", "mmm")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What stands in brackets and is a sound; in round ones only with one of these words, for people speak in brackets too.
SOUNDS = _words("""
    applause barking beep beeping beeps bell bleep breathing cheering cheers chuckle chuckles chuckling clapping clears
    click cough coughing coughs cries cross-talk crosstalk crowd crying door echo exhales foreign gasp gasps giggles
    groans hum inaudible indistinct inhales laughing laughs laughter mumbles mumbling music noise pause phone ringing
    rings scoffs screams shouting sigh sighing sighs silence singing siren sneezes sniffs sobbing sound static thud
    typing unclear unintelligible whispers whistle whistling yawns
""")
# Said twice on purpose: "five five five" is a telephone number, "a f c c" is spelled.
NUMBERS = _words("""
    zero oh nought one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion
    double triple point dash dot slash
""")
# Twice in a row is grammar.
_DOUBLED = _words("had that")
_MAX_REPEATED_WORDS = 4
# Begins a line as a label does and is none.
_NO_NAMES = _words("""
    address date example note notes number phone please re remember reminder subject sorry time total update warning
    well
""")

_TIME = r"(?:\d{1,3}:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?"
_TIME_STAMP = re.compile(
    rf"[\[(<]\s*{_TIME}(?:\s*(?:-->|->|-|–|to)\s*{_TIME})?\s*[\])>]"
    rf"|^[ \t]*\d{{1,3}}:\d{{2}}:\d{{2}}(?:[.,]\d{{1,3}})?(?=\s)"
    rf"|^[ \t]*{_TIME}[ \t]*$",
    re.MULTILINE,
)
_SQUARE_NOTE = re.compile(r"\[(?!\s*speaker)[^\[\]\n]{1,60}\](?!:)", re.IGNORECASE)
_ROUND_NOTE = re.compile(r"\(([^()\n]{1,40})\)|\*([^*\n]{1,40})\*")
_MUSIC_SIGNS = re.compile(r"[♩-♬]+")
_MAX_NOTE_WORDS = 6

_DASH = re.compile(r"^[ \t]*+(?:[-–—][ \t]++)+(?=\S)|(?<=[.?!] )[-–—] (?=[A-Z])", re.MULTILINE)
_ARROWS = re.compile(r"(?<!\S)>>+(?![>-])")
_MACHINE_LABEL = re.compile(
    r"(?<!\S)(?:[\[(]speaker[ _-]?(?:\d{1,3}|[a-z?]|turn)[\])]:?|(?:speaker|spk|s)[ _-]?\d{1,3}:|speaker [a-z]:)(?!\S)",
    re.IGNORECASE,
)
_NAME = r"[^\W\d_][\w'’-]*"
_NAMES = rf"(?:(?:Dr|DR|Mr|MR|Mrs|MRS|Ms|MS|Prof|[A-Z])\. )?{_NAME}(?: (?:[A-Z]\. )?{_NAME}){{0,2}}"
# One name where any word may be, several where a line or a sentence begins.
_NAME_LABEL = re.compile(rf"(?<!\S)(?:\[{_NAMES}\]|(?:[DM][Rr]s?\. )?{_NAME}):(?=\s)")
_LEADING_LABEL = re.compile(rf"(?:^[ \t]*|(?<=[.?!][ \n])){_NAMES}:(?=\s)", re.MULTILINE)
_MAX_NAME_CHARS = 30

_FILLER = re.compile(
    rf"(?<![\w'’-])(?:{'|'.join(sorted(FILLERS, key=len, reverse=True))})(?![\w'’]|-\w)", re.IGNORECASE
)
_AFTER_FILLER = re.compile(r"(?:,|\.{2,}|…|-)?")
_SENTENCE_ENDS = ".?!"

# ZWJ and ZWNJ join and part letters in scripts that need them, and emoji: only beside ASCII do they do nothing.
_INVISIBLE = re.compile(
    "[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]+|(?<![^\x00-\x7f])[\u200c\u200d]+(?![^\x00-\x7f])"
)


def find_invisible(text: str) -> list[Span]:
    """Soft hyphens, spaces of no width, marks of direction."""
    return [match.span() for match in _INVISIBLE.finditer(text)]


def find_time_stamps(text: str) -> list[Span]:
    """Times in brackets, alone on a line, or with hours where a line begins."""
    return [match.span() for match in _TIME_STAMP.finditer(text) if _is_apart(text, *match.span())]


def find_sound_notes(text: str) -> list[Span]:
    """Notes in square brackets, sounds in round ones or between asterisks, music signs."""
    spans = [match.span() for match in _MUSIC_SIGNS.finditer(text)]
    for match in _SQUARE_NOTE.finditer(text):
        inside = match[0][1:-1]
        is_note = any(character.isalpha() or character == "_" for character in inside)
        if is_note and len(inside.split()) <= _MAX_NOTE_WORDS:
            spans.append(match.span())
    for match in _ROUND_NOTE.finditer(text):
        words = (match[1] or match[2]).lower().split()
        if len(words) <= _MAX_NOTE_WORDS and any(word.strip(",.;") in SOUNDS for word in words):
            spans.append(match.span())
    return _without_overlaps([span for span in spans if _is_apart(text, *span)])


def find_speaker_labels(text: str) -> list[Span]:
    """Who speaks: labels of diarisation, names with a colon, ">>", a dash where a line or a sentence begins.

    A name counts where a line begins; elsewhere only in capitals, in brackets, or if the text has it as a label twice.
    """
    spans = [match.span() for pattern in (_DASH, _ARROWS, _MACHINE_LABEL) for match in pattern.finditer(text)]
    found = [
        match for pattern in (_NAME_LABEL, _LEADING_LABEL) for match in pattern.finditer(text) if _is_name(match[0])
    ]
    # By their ends: where both patterns match, the longer label counts.
    named = {match.end(): match for match in sorted(found, key=lambda match: match.end() - match.start())}
    times = Counter(match[0].strip() for match in named.values())
    label_end = 0  # of the last label that begins a line
    for match in sorted(named.values(), key=lambda match: match.start()):
        name = match[0].strip()
        begins_line = match.start() == 0 or text[match.start() - 1] == "\n"
        # Without the label before it, this one begins the line.
        begins_line = begins_line or (label_end > 0 and text[label_end : match.start()].isspace())
        if begins_line or name[0] == "[" or (name.isupper() and len(name) > 2) or times[name] > 1:
            spans.append(match.span())
            label_end = match.end() if begins_line else label_end
    return _without_overlaps(spans)


def _is_name(label: str) -> bool:
    words = label.strip(" \t[]:").split()
    is_capital = all(word[0].isupper() for word in words)
    return is_capital and len(label) <= _MAX_NAME_CHARS and words[0].lower() not in _NO_NAMES


def find_fillers(text: str) -> list[Span]:
    """Sounds of thinking, with the comma behind them; with the full stop where nothing else is in the sentence."""
    spans = []
    for match in _FILLER.finditer(text):
        if match[0] == "ER" or re.match(r"[ -]huh\b", text[match.end() : match.end() + 5], re.IGNORECASE):
            continue  # an emergency room; yes
        start, end = match.start(), _AFTER_FILLER.match(text, match.end()).end()
        if end < len(text) and text[end] in _SENTENCE_ENDS:
            before = start
            while before and text[before - 1].isspace():
                before -= 1
            if before == 0 or text[before - 1] in _SENTENCE_ENDS:
                while end < len(text) and text[end] in _SENTENCE_ENDS:
                    end += 1
            else:
                start = before  # the full stop moves up to the word before
        spans.append((start, end))
    return _without_overlaps(spans)


def find_repeats(text: str) -> list[Span]:
    """Of words and phrases of at most four words that are said twice in a row, all but the last time."""
    tokens = [(match.start(), match[0]) for match in re.finditer(r"\S+", text)]
    plain = [_plain(token) for _, token in tokens]
    spans, first = [], 0
    while first < len(tokens):
        length = _repeated_length(tokens, plain, first)
        if length:
            last_start, last = tokens[first + length - 1]
            spans.append((tokens[first][0], last_start + len(last)))
        first += length or 1
    return spans


def _repeated_length(tokens: list[tuple[int, str]], plain: list[str], first: int) -> int:
    """How many words, from the first on, are said again at once; 0 where none are."""
    for length in range(min(_MAX_REPEATED_WORDS, (len(plain) - first) // 2), 0, -1):
        if plain[first] != plain[first + length]:
            continue
        phrase = plain[first : first + length]
        if phrase != plain[first + length : first + 2 * length] or not all(phrase):
            continue
        # "I saw her. Her brother" is no repeat.
        if any(token[-1] in ".?!:;" for _, token in tokens[first : first + 2 * length - 1]):
            continue
        if length == 1 and (phrase[0] in _DOUBLED or (phrase[0] not in ("a", "i") and _is_spelled(phrase[0]))):
            continue
        if length > 1 and all(_is_spelled(word) for word in phrase):
            continue
        return length
    return 0


def _plain(token: str) -> str:
    return token.lower().strip(",.?!:;-–—…\"'“”‘’()")


def _is_spelled(word: str) -> bool:
    return len(word) == 1 or word in NUMBERS or any(character.isdigit() for character in word)


def _is_apart(text: str, start: int, end: int) -> bool:
    """Whether no two words would run together without what is between them."""
    return not (start and end < len(text) and text[start - 1].isalnum() and text[end].isalnum())


def _without_overlaps(spans: list[Span]) -> list[Span]:
    kept: Iterator[Span] = iter(sorted(spans))
    found: list[Span] = []
    for start, end in kept:
        if not found or start >= found[-1][1]:
            found.append((start, end))
    return found


RULES: dict[str, Callable[[str], list[Span]]] = {
    "speaker_labels": find_speaker_labels,
    "time_stamps": find_time_stamps,
    "sound_notes": find_sound_notes,
    "fillers": find_fillers,
    "repeats": find_repeats,
    "invisible": find_invisible,
}
