"""WebVTT and SRT, and what they share."""

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.reader import parse_transcript
from bert_qa_tf.speech.transcripts.transcript import Word


def vtt(text):
    return parse_transcript(f"WEBVTT\n\n{text}".encode(), "a.vtt")


def srt(text):
    return parse_transcript(text.encode(), "a.srt")


def words(read):
    return [(word.text, word.start_secs, word.end_secs) for word in read.transcript.words]


# === WebVTT ===


def test_words_between_two_time_tags_share_the_time_between_them():
    read = vtt("00:01.000 --> 00:04.000\nso <00:02.000>very well<00:03.000> done")
    assert read.transcript.words == (
        Word("so", 1.0, 2.0),
        Word("very", 2.0, 2.5, times_estimated=True),
        Word("well", 2.5, 3.0, times_estimated=True),
        Word("done", 3.0, 4.0),
    )


def test_a_time_tag_within_a_word_does_not_cut_it():
    read = vtt("00:01.000 --> 00:04.000\nte<00:02.000><c>le</c><00:02.500>phone now")
    assert words(read) == [("telephone", 1.0, pytest.approx(2.5 + 1.5 * 5 / 8)), ("now", pytest.approx(3.4375), 4.0)]
    assert read.transcript.words[0].times_estimated


def test_times_that_do_not_ascend_or_leave_the_cue_are_left_out_and_counted():
    read = vtt("00:01.000 --> 00:04.000\na <00:03.000>b <00:02.000>c <00:09.000>d <00:61.000>e")
    assert words(read)[:2] == [("a", 1.0, 3.0), ("b", 3.0, 3.25)]
    assert read.counts == {"times_out_of_order": 3}


def test_tags_and_escapes_are_no_words():
    read = vtt(
        "00:00.000 --> 00:01.000\n<v.loud Fred &amp; Co>Tom &amp; <b>Jerry</b> &lt;3 a&nbsp;b</v> <lang en>x < y</lang>"
    )
    assert read.transcript.text == "Tom & Jerry <3 a b x < y"
    assert read.transcript.words[0].speaker == "Fred & Co"
    assert read.counts == {}


@pytest.mark.parametrize("digits", [8, 5000])
def test_an_escape_of_a_number_that_no_character_has_is_replaced(digits):
    read = vtt(f"00:00.000 --> 00:01.000\na &#{'9' * digits}; b")
    assert [word.text for word in read.transcript.words] == ["a", "\ufffd", "b"]


def test_notes_styles_regions_settings_and_names_are_no_words():
    text = (
        "NOTE\nnothing --said\n\nSTYLE\n::cue { color: red }\n\nREGION\nid:fred\n\n"
        "intro - first\n00:00.000 --> 00:01.000 line:0 region:fred\nhi\n\n"
        "NOTE bye\n\n00:01.000-->00:02.000\nNOTE that\n"
    )
    assert vtt(text).transcript.text == "hi NOTE that"


@pytest.mark.parametrize("ends", ["\r\n", "\r", "\n"])
def test_lines_end_in_any_way(ends):
    header = "\ufeffWEBVTT\tKind: captions\nLanguage: en\n\n"
    text = f"{header}1\n00:00.000 --> 00:01.000\nhi\nnora\n\n2\n00:01.000 --> 00:02.000\nbye"
    read = parse_transcript(text.replace("\n", ends).encode(), "a.vtt")
    assert words(read) == [("hi", 0.0, pytest.approx(1 / 3)), ("nora", pytest.approx(1 / 3), 1.0), ("bye", 1.0, 2.0)]


def test_a_file_without_cues_or_without_a_blank_line_below_its_header_is_read():
    assert words(vtt("")) == []
    read = parse_transcript(b"WEBVTT\n00:00.000 --> 00:01.000\nhi\n00:01.000 --> 00:02.000\nbye", "a.vtt")
    assert words(read) == [("hi", 0.0, 1.0), ("bye", 1.0, 2.0)]


def test_captions_that_roll_up_say_each_line_once():
    text = """\
00:00:00.160 --> 00:00:02.389 align:start position:0%
\x20
hello<00:00:00.400><c> and</c><00:00:00.500><c> welcome</c>

00:00:02.389 --> 00:00:02.399 align:start position:0%
hello and welcome
\x20

00:00:02.399 --> 00:00:04.550 align:start position:0%
hello and welcome
to<00:00:02.600><c> the</c><00:00:02.700><c> show</c>

00:00:04.550 --> 00:00:04.560 align:start position:0%
to the show
\x20
"""
    read = vtt(text)
    assert words(read) == [
        ("hello", 0.16, 0.4),
        ("and", 0.4, 0.5),
        ("welcome", 0.5, 2.389),
        ("to", 2.399, 2.6),
        ("the", 2.6, 2.7),
        ("show", 2.7, 4.55),
    ]
    assert read.counts == {"repeated_lines": 3}


def test_a_line_said_twice_in_an_ordinary_file_is_kept():
    cues = ["no", "no", "really", "not today", "no way", "fine"]
    text = "".join(f"00:0{i}.000 --> 00:0{i + 1}.000\n{line}\n\n" for i, line in enumerate(cues))
    assert vtt(text).transcript.text == " ".join(cues)
    again = "".join(f"00:0{i}.000 --> 00:0{i + 1}.000\nno\n\n" for i in range(4))
    assert vtt(again).transcript.text == "no no no no"


# === SRT ===


def test_srt_as_it_is_found_in_the_wild():
    text = (
        "\n1\n00:00:01,000 --> 00:00:02,000  X1:100 X2:200\n<font color='#fff'>- Who?</font>\n- <I>Nora.</I>\n"
        "2\n00:00:02.5 --> 00:00:03.000\n{\\an8}a < b\n\nand on\n \n\n00:00:04,000 --> 00:00:05,000\n5\n\n4\n"
        "00:00:05,000 --> 00:00:05,000\nlast"
    )
    read = srt(text)
    assert read.transcript.text == "- Who? - Nora. a < b and on 5 last"
    assert read.transcript.words[4].start_secs == 2.5
    assert read.transcript.words[-1] == Word("last", 5.0, 5.0)


def test_srt_that_rolls_up_says_each_line_once():
    lines = ["a b", "a b\nc d", "c d\ne f", "e f\ng h"]
    text = "".join(f"{i}\n00:00:0{i},000 --> 00:00:0{i + 1},000\n{line}\n\n" for i, line in enumerate(lines))
    assert srt(text).transcript.text == "a b c d e f g h"
    assert srt(text).counts == {"repeated_lines": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\nhi", r"a\.srt:1: expected times such as .* got '1'"),
        ("1\n00:00:01,000 --> 2\nhi", r"a\.srt:2: expected times such as .* got '00:00:01,000 --> 2'"),
        ("1\n00:61:01,000 --> 01:00:02,000\nhi", r"a\.srt:2: expected times such as"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text, message):
    with pytest.raises(InputError, match=f"^{message}"):
        srt(text)
    if "-->" in text:
        with pytest.raises(InputError, match=r"^a\.vtt:\d+: "):
            vtt(text)


def test_webvtt_says_so_in_its_first_line():
    with pytest.raises(InputError, match=r"^a\.vtt:1: expected WEBVTT, got 'WEBVTTX'"):
        parse_transcript(b"WEBVTTX\n\nhi", "a.vtt")
