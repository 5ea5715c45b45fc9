import dataclasses
import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts import encodings
from bert_qa_tf.speech.transcripts.reader import INPUT_FORMATS, parse_transcript, read_transcript
from bert_qa_tf.speech.transcripts.transcript import MAX_SECS, Transcript, Word
from bert_qa_tf.speech.transcripts.writers import OUTPUT_FORMATS, format_transcript
from tests.testing import TESTDATA

CALLS = sorted((TESTDATA / "transcripts").glob("call.*"))
# Formats that have times only of captions or segments.
SEGMENTED = ("srt", "sbv", "tsv", "ttml", "ass", "stm", "lrc", "stamped")
CALL = read_transcript(TESTDATA / "transcripts" / "call.json").transcript


def parse(text, name="call", **options):
    return parse_transcript(text.encode(), name, **options)


# === One call in every format ===


def test_there_is_a_call_in_every_format():
    assert {read_transcript(path).file_format for path in CALLS} == set(INPUT_FORMATS)


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.name)
def test_every_format_gives_the_same_words_and_what_it_knows_of_their_times(path):
    read = read_transcript(path)
    assert read.transcript.text == "Hi, this is Nora. R&D moved to Tuesday."
    expected = list(CALL.words)
    spans = [(word.start_secs, word.end_secs) for word in read.transcript.words]
    if read.file_format == "txt":
        assert read.transcript.words == tuple(Word(word.text) for word in expected)
    elif read.file_format in SEGMENTED:
        assert all(word.times_estimated for word in read.transcript.words)
        assert (spans[0][0], spans[3][1], spans[4][0], spans[7][1]) == (0.5, 2.0, 3602.5, 3604.0)
    elif read.file_format == "otter":
        assert all(word.times_estimated for word in read.transcript.words)
        assert (spans[0][0], spans[4][0]) == (0.0, 3602.0)
    else:
        found = [dataclasses.replace(word, confidence=None, speaker=None) for word in read.transcript.words]
        assert found == [dataclasses.replace(word, confidence=None) for word in expected]
        if read.file_format not in ("vtt", "huggingface", "nemo", "youtube"):
            assert [word.confidence for word in read.transcript.words] == [word.confidence for word in expected]


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("call.vtt", "Nora", "Ben Osei"),
        ("call.ttml", "Nora", None),
        ("call.ass", "Nora", None),
        ("call.otter.txt", "Nora", "Ben Osei"),
        ("call.stm", "nora", "ben"),
        ("call.srt", None, None),
    ],
)
def test_speakers_are_those_that_a_file_marks(name, first, last):
    words = read_transcript(TESTDATA / "transcripts" / name).transcript.words
    assert [word.speaker for word in words] == [first] * 4 + [last] * 4


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.name)
def test_a_format_is_recognised_by_what_a_file_holds_whatever_its_name(path):
    for name in ("call", "call.dat", "call.TXT", "gs://bucket/call.a.b"):
        if path.suffix in (".ctm", ".stm") and name.endswith("TXT"):
            continue  # five words in a row are text to whoever says so
        assert parse_transcript(path.read_bytes(), name).transcript == read_transcript(path).transcript


def test_what_is_left_out_is_counted_and_told():
    vtt, aws, srt, txt = (TESTDATA / "transcripts" / f"call.{ending}" for ending in ("vtt", "aws.json", "srt", "txt"))
    assert read_transcript(vtt).counts == {}
    assert read_transcript(aws).describe() == "aws, 8 words; left out other alternatives (1)"
    assert read_transcript(srt).describe() == "srt, 8 words; 8 with estimated times"
    assert read_transcript(txt).describe() == "txt, 8 words; no times"


# === Recognising ===


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("call me 5 5 five", "note", "txt"),
        ("good, question, I think", "note", "txt"),
        ("call me 5.0 5 five", "note", "ctm"),
        ("call me 5.0 5 five", "note.txt", "txt"),
        ("7 A 1 1 hi", "note.ctm", "ctm"),
        (";; nothing yet", "a.ctm", "ctm"),
        ("[Music] hello", "note", "txt"),
        ("[00:01] hello", "note", "txt"),
        ("00:01.000 --> 00:02.000\nhi", "note.txt", "srt"),
        ("\n", "note", "txt"),
        ("\n", "note.srt", "srt"),
        ("{\\an8}00:01", "note", "txt"),
        ("[Script Info]\n[Events]\n", "note", "ass"),
        ("[00:01.50] hello", "note", "lrc"),
        ("[00:01] hello\n[00:03] bye", "note", "stamped"),
        ("Nora Brown\t0:05\nhello\nBen\t0:07\nbye", "note.txt", "otter"),
        ("1.5\t2.25\thello", "note", "tsv"),
        ("start,end,text\n0,100,hi", "note.csv", "tsv"),
        ('{"text": "hello there"}', "note", "whisper"),
        ('{"text": "", "words": []}', "note", "json"),
        ('[{"word": "hi"}]', "note", "whisper"),
        ("[]", "note", "whisper"),
        ("1\n00:00:01,000 --> 00:00:02,000\nhi", "call.json", "srt"),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\nhi", "call.json.gz", "vtt"),
        ("start\tend\ttext\n0\t100\thi", "call.json", "tsv"),
        ("[00:01.50] hello", "call.json", "lrc"),
        ('[[0.0, 1.0, "hi"], [1.0, 2.0, "nora"]]', "call.json", "whisper"),
        ('{"results": []}', "note", "google"),
        ('{"results": {"transcripts": []}}', "note", "aws"),
    ],
)
def test_content_decides_and_the_ending_is_a_hint(text, name, expected):
    assert parse(text, name).file_format == expected


def test_a_format_can_be_named():
    assert parse("7 A 1 1 hi", "note", file_format="txt").transcript.text == "7 A 1 1 hi"
    assert parse("7 A 1 1 hi", "note", file_format="ctm").transcript.words == (Word("hi", 1.0, 2.0),)
    with pytest.raises(InputError, match=r"^note:1: expected WEBVTT, got '7 A 1 1 hi'"):
        parse("7 A 1 1 hi", "note", file_format="vtt")
    with pytest.raises(InputError, match=r"^note: expected one of json, .* as its format, got 'docx'"):
        parse("hi", "note", file_format="docx")


QUESTIONS = r"^a[a-z.]*: questions about texts, expected a transcript \(--input_file takes such files\)$"


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("hello", "a.json", r"^a\.json:1: not JSON \(Expecting value at column 1\)"),
        ('{"words": [\n{"text": "a",}]}', "a", r"^a:2: not JSON \(.* at column \d+\)"),
        ("[" * 100_000 + "{", "a.json", "nested too deeply"),
        ('{"words": [{"text": "a", "start_secs": ' + "9" * 5000 + "}]}", "a", "not JSON that can be read"),
        ('{"data": [], "version": "1.1"}', "a", QUESTIONS),
        ("question_id\traw_question_text\traw_document_text\n1\twho\thi\n", "a.tsv", "^a.tsv: a table of questions, "),
        ('id,"question","context"\n1,who,hi\n', "a", r"^a: a table of questions, .* \(--input_file takes such files\)"),
        ('{"data": [{"paragraphs": [{"context": "a", "qas": []}]}]}', "a", QUESTIONS),
        ('[{"context": "a", "qas": []}]', "a", QUESTIONS),
        ('[{"context": "a", "question": "who"}]', "a.json", QUESTIONS),
        ('{"data": [{"context": "a", "question": "who"}]}', "a.json", QUESTIONS),
        ('{"question": "who", "transcript_file": "a"}\n{"question": "who", "audio": "a"}', "a.jsonl", QUESTIONS),
        ('{"header": {"dataset": "SQuAD", "split": "dev"}}\n{"context": "a", "qas": []}', "a.jsonl", QUESTIONS),
        ('{"metadata": {}, "channels": 2}', "a", r"^a: expected a transcript: an object with .* got an object with"),
        ("7", "a.json", r"^a\.json: expected a transcript: .*, got 7"),
        ('[{"speaker": "A"}]', "a", r"^a: expected a transcript: .*, got a list of 1"),
        ("", "a.vtt", r"^a\.vtt: is empty, expected a transcript$"),
        ("{0}{25}hello", "a.sub", r"^a\.sub: MicroDVD captions, .*; convert it to srt or vtt first"),
        ("[0][25]hello", "a", r"^a: MPL2 captions"),
        ("<SAMI><BODY>", "a.smi", r"^a\.smi: SAMI captions"),
        ("Scenarist_SCC V1.0\n\n00:00:01:00\t9420", "a", r"^a: Scenarist closed captions"),
        ("{\\rtf1 hello}", "a", r"^a: a document in Rich Text Format"),
        ("<!doctype html><p>hello", "a", r"^a: a web page"),
        ('<?xml version="1.0"?><transcript><text start="0">a</text></transcript>', "a", "^a: YouTube's XML"),
        ("no cue here", "a.srt", r"^a\.srt:1: expected times such as .*, got 'no cue here'"),
    ],
)
def test_what_is_no_transcript_is_refused_in_one_line(text, name, message):
    with pytest.raises(InputError, match=message) as caught:
        parse(text, name)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_only_some_formats_hold_several_recordings():
    with pytest.raises(InputError, match=r"^a\.vtt: vtt holds one recording, expected no --transcript_recording"):
        parse("WEBVTT", "a.vtt", recording="7654")


# === Bytes ===


def test_utf_8_with_a_mark_and_utf_16_are_read():
    text = "1\r\n00:00:01,000 --> 00:00:02,000\r\nÇa va?\r\n"
    for content in (b"\xef\xbb\xbf" + text.encode(), text.encode("utf-16"), b"\xfe\xff" + text.encode("utf-16-be")):
        assert parse_transcript(content, "a.srt").transcript.text == "Ça va?"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello\ncaf\xe9", r"^a:2: not UTF-8 at byte 9 of the file, expected UTF-8 text, or .* --transcript_encoding"),
        (
            "Renée will be at the café on Tuesday".encode("cp1252"),
            r"--transcript_encoding \(windows-1252 seems likely\)$",
        ),
        ("hello there".encode("utf-16-be"), r"^a: not text \(a zero byte at 0\), .*--transcript_encoding=utf-16-be$"),
        (
            b"%PDF-1.7\n\xe2\xe3",
            r"^a: not text, expected a transcript; it is a PDF document; save it as plain text first$",
        ),
        (b"PK\x03\x04\x14\x00", r"^a: not text .*; it is an archive or a document of an office program \(docx\)"),
        (b"BZh91AY&SY\xfe\x00", r"^a: not text .*; it is a bzip2 file; unpack it first$"),
        (b"\x1f\x8b\x08nothing", r"^a: not a whole gzip file"),
        (gzip.compress(b"hello " * 500, mtime=0)[:-9], r"^a: not a whole gzip file \(Compressed file ended before"),
        (gzip.compress(b"", mtime=0), r"^a: is empty"),
        (b"PAR1\x15\x04\x00\x0e", r"^a: not text .*it is a Parquet file; --input_file takes files of questions$"),
        (gzip.compress(gzip.compress(b"hello", mtime=0), mtime=0), r"it is compressed with gzip twice; decompress it"),
        (b"RIFF\x24\x00\x00WAVE", r"^a: not text \(a zero byte at 5\), expected a transcript"),
        (b"\xff\xfea", r"^a: begins as UTF-16 and is none at byte 2"),
    ],
)
def test_bytes_that_are_no_text_are_refused(content, message):
    with pytest.raises(InputError, match=message):
        parse_transcript(content, "a")


def test_an_encoding_can_be_named():
    content = "1\n00:00:01,000 --> 00:00:02,000\nRenée".encode("cp1252")
    assert parse_transcript(content, "a.srt", encoding="windows-1252").transcript.text == "Renée"
    assert parse_transcript("\ufeffhello".encode("utf-16-le"), "a", encoding="utf-16-le").transcript.text == "hello"
    with pytest.raises(InputError, match=r"^a\.srt:3: not ascii at byte 35 of the file$"):
        parse_transcript(content, "a.srt", encoding="ascii")
    for name in ("no-such", "base64", "idna", "unicode_escape"):
        with pytest.raises(InputError, match=rf"^a: expected --transcript_encoding to be one of text.*'{name}'"):
            parse_transcript(b"hello", "a", encoding=name)


def test_xml_may_say_its_encoding():
    text = '<?xml version="1.0" encoding="ISO-8859-1"?><tt><body><p begin="1s" end="2s">Renée</p></body></tt>'
    assert parse_transcript(text.encode("latin-1"), "a").transcript.words == (Word("Renée", 1.0, 2.0),)


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.name)
def test_any_file_may_be_compressed(path):
    packed = gzip.compress(path.read_bytes(), mtime=0)
    assert parse_transcript(packed, f"{path.name}.gz").transcript == read_transcript(path).transcript


def test_a_file_that_unpacks_to_more_than_a_transcript_holds_is_refused(monkeypatch):
    monkeypatch.setattr(encodings, "_MAX_BYTES", 999)
    with pytest.raises(InputError, match=r"^a: unpacks to more than 999 bytes, expected a transcript$"):
        parse_transcript(gzip.compress(bytes(1000), 1, mtime=0), "a")


def test_times_in_plain_text_are_not_passed_over_silently():
    with odd_items.collect() as odd:
        assert parse("well\n[00:12] hello", "a.txt").file_format == "txt"
    assert odd.counts() == {"stamps_in_text": 1}


def test_words_hold_single_spaces_and_nothing_that_utf_8_cannot_spell():
    words = parse('{"words": [{"text": "new\\r\\nyork"}, {"text": "a\\ud800b"}]}').transcript.words
    assert words == (Word("new york"), Word("a\ufffdb"))


def test_files_that_are_not_there_are_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.vtt: cannot read this file"):
        read_transcript(tmp_path / "none.vtt")
    with pytest.raises(InputError, match="is a folder, expected a transcript"):
        read_transcript(tmp_path)


# === What we write, we read ===

TEXTS = st.text("abñ😀&<>.-1é…", min_size=1, max_size=6)


@st.composite
def spoken(draw):
    """Words one after the other, to the millisecond, each at least a hundredth of a second long."""
    words, clock = [], 0
    for text in draw(st.lists(TEXTS, max_size=30)):
        clock += draw(st.integers(0, 3000))
        millis = draw(st.integers(10, 900))
        words.append(Word(text, clock / 1000, (clock + millis) / 1000))
        clock += millis
    return Transcript(tuple(words))


@settings(max_examples=60, deadline=None)
@given(spoken())
def test_every_word_comes_back_from_webvtt_with_the_time_it_begins(transcript):
    read = parse_transcript(format_transcript(transcript, "vtt").encode(), "a.vtt").transcript
    assert [word.text for word in read.words] == [word.text for word in transcript.words]
    assert [word.start_secs for word in read.words] == [word.start_secs for word in transcript.words]
    assert not any(word.times_estimated for word in read.words)


@settings(max_examples=60, deadline=None)
@given(spoken())
def test_every_word_comes_back_from_the_other_formats(transcript):
    for output_format in ("json", "txt"):
        read = parse_transcript(format_transcript(transcript, output_format).encode(), f"a.{output_format}").transcript
        assert read.text == transcript.text
        assert output_format == "txt" or read == transcript


def test_every_word_comes_back_from_srt():
    transcript = Transcript(
        (Word("<here>", 0.0, 0.5), Word("5", 0.5, 0.75), Word("R&D;", 3.0, 3.5), Word("7", 9.0, 9.5))
    )
    read = parse_transcript(format_transcript(transcript, "srt").encode(), "a.srt").transcript
    assert [(word.text, word.times_estimated) for word in read.words] == [
        ("<here>", True),
        ("5", True),
        ("R&D;", False),
        ("7", False),
    ]


# === Anything else is an error that says so ===


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(CALLS), st.integers(0, 4000), st.integers(0, 60), st.binary(max_size=3))
def test_a_damaged_file_is_read_or_refused_in_one_line(path, place, length, put):
    content = path.read_bytes()
    damaged = content[:place] + put + content[place + length :]
    for name in (path.name, "call"):
        try:
            words = parse_transcript(damaged, name).transcript.words
        except InputError as error:
            words, refusal = (), str(error)
        else:
            refusal = ""
        assert "\n" not in refusal
        json.dumps(Transcript(words).to_json(), ensure_ascii=False, allow_nan=False).encode("utf-8")
        for word in words:
            assert word.text
            times = [secs for secs in (word.start_secs, word.end_secs) if secs is not None]
            assert times == sorted(times)
            assert all(secs >= 0 for secs in times)


HUGE = "9" * 5000


@pytest.mark.parametrize("number", ["1e400", "1e308", "9" * 401, HUGE, "NaN", "-Infinity", "1e12"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.ctm", "call 1 %s 1.0 word"),
        ("a.srt", "1\n00:00:01,000 --> %s:00:02,000\na\n"),
        ("a.vtt", "WEBVTT\n\n%s:00:01.000 --> 00:00:02.000\na\n"),
    ],
)
def test_times_beyond_any_recording_are_one_line(name, text, number):
    with pytest.raises(InputError, match=rf"^{name}"):
        parse_transcript((text % number).encode(), name)


@pytest.mark.parametrize("number", ["1e400", "1e308", "9" * 401, HUGE, "NaN", "-Infinity", "1e12"])
@pytest.mark.parametrize(
    "text",
    [
        '{"words": [{"text": "a", "start_secs": %s}]}',
        '{"words": [{"text": "a"}], "duration_secs": %s}',
        '{"segments": [{"text": "a", "start": 0, "end": %s}]}',
        '{"segments": [{"text": "a", "start": "%s", "end": 1}]}',
        '{"transcription": [{"text": "a", "offsets": {"from": 0, "to": %s}}]}',
        '{"results": {"items": [{"alternatives": [{"content": "a"}], "start_time": %s, "end_time": 1}]}}',
        '{"results": [{"alternatives": [{"words": [{"word": "a", "startTime": {"seconds": %s}}]}]}]}',
    ],
)
def test_in_json_a_time_beyond_any_recording_is_none_or_one_line(text, number):
    with odd_items.collect() as odd:
        try:
            found = parse_transcript((text % number).encode(), "a.json").transcript.text
        except InputError as error:
            found = str(error)
    assert found.startswith("a.json: not JSON that can be read") or (found, odd.counts()) == ("a", {"odd_times": 1})
    with odd_items.collect(strict=True), pytest.raises(InputError, match=r"^a\.json"):
        parse_transcript((text % number).encode(), "a.json")


@pytest.mark.parametrize("output_format", OUTPUT_FORMATS)
def test_the_last_time_that_is_read_can_be_written(output_format):
    text = f'{{"words": [{{"text": "a", "start_secs": 0, "end_secs": {MAX_SECS}}}], "duration_secs": {MAX_SECS}}}'
    transcript = parse_transcript(text.encode(), "a.json").transcript
    written = format_transcript(transcript, output_format)
    assert parse_transcript(written.encode(), "a", output_format).transcript.text == "a"


def test_a_name_of_thousands_of_digits_is_no_time():
    assert parse_transcript(f"WEBVTT\n\n{HUGE}\n00:01.000 --> 00:02.000\na".encode(), "a.vtt").transcript.text == "a"
