"""Captions as they are found: what is odd is read if it can be, and counted."""

import pytest

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.reader import parse_transcript


def read(text, name):
    """The words with their whole milliseconds by caption, and what was odd."""
    with odd_items.collect() as odd:
        words = parse_transcript(text.encode(), name).transcript.words
    return words, odd.counts()


def spans(words, *texts):
    """When each of some words begins or ends: those of captions' first and last words."""
    found = {word.text: (word.start_secs, word.end_secs) for word in words}
    return [found[text] for text in texts]


def said(words):
    return " ".join(word.text for word in words)


# === One bad caption does not cost the file ===


def test_a_cue_with_an_unreadable_time_is_left_out():
    words, odd = read(
        "WEBVTT\n\n00:00.140 --> 00:00.940\nHello Dana\n\n00:00:07.000 --> 00:00:1d.890\nno valid time\n\n"
        "00:00:11.890 --> 00:00:16.320\nIt is Tuesday\n",
        "a.vtt",
    )
    assert said(words) == "Hello Dana It is Tuesday"
    assert odd == {"unreadable_captions": 1}


def test_strict_refuses_it_in_one_line():
    text = b"WEBVTT\n\n00:00.140 --> 00:00.940\nHello\n\n00:00:07.000 --> 00:00:1d.890\nDana"
    with odd_items.collect(strict=True), pytest.raises(InputError, match=r"^a\.vtt: line 6: expected times such as"):
        parse_transcript(text, "a.vtt")


def test_an_srt_caption_with_an_unreadable_time_keeps_its_words():
    words, odd = read("1\n00:00:01,000 --> 00:00:02,000\nHello\n\n2\n00:00:0x,000 --> 00:00:04,000\nDana", "a.srt")
    assert said(words) == "Hello Dana"
    assert spans(words, "Hello", "Dana") == [(1.0, 2.0), (None, None)]
    assert odd == {"untimed_captions": 1}


@pytest.mark.parametrize("times", ["-1:58:00,300 --> -1:58:03,540", "00:00:05,000 --> 00:00:02,400"])
def test_a_time_that_cannot_be_is_no_time(times):
    words, odd = read(f"1\n{times}\nTest\n\n2\n00:00:06,000 --> 00:00:07,000\nDana", "a.srt")
    assert spans(words, "Test", "Dana") == [(None, None), (6.0, 7.0)]
    assert odd == {"untimed_captions": 1}


def test_a_number_without_times_is_no_word():
    text = "1\n00:00:01,000 --> 00:00:03,000\nHello\n\n2\nIt is Tuesday\n\n3\n00:00:05,000 --> 00:00:06,000\nGoodbye"
    words, odd = read(text, "a.srt")
    assert said(words) == "Hello It is Tuesday Goodbye"
    assert [word.start_secs for word in words] == [1.0, None, None, None, 5.0]
    assert odd == {"untimed_captions": 1}
    words, odd = read("1\nIt is\n\n2\n00:00:05,000 --> 00:00:06,000\nGoodbye\n\n3\n", "a.srt")
    assert said(words) == "It is Goodbye"
    assert odd == {"untimed_captions": 2}


def test_lines_before_the_first_caption_are_no_words():
    words, odd = read("Downloaded from\nsomewhere\n\n1\n00:00:01,000 --> 00:00:02,000\nHello", "a.srt")
    assert (said(words), odd) == ("Hello", {"stray_lines": 2})


# === Blank lines and headers ===


def test_a_blank_line_within_a_caption_does_not_end_it():
    text = "4\n00:00:08,210 --> 00:00:10,740\nYou call.\n\nShe asked,\n5\n00:00:10,740 --> 00:00:13,099\nand went."
    words, odd = read(text, "a.srt")
    assert said(words) == "You call. She asked, and went."
    assert spans(words, "asked,", "and")[0][1] == spans(words, "and")[0][0] == 10.74
    assert odd == {"blank_lines": 1}


def test_a_blank_line_may_stand_below_the_times():
    # glut23/webvtt-py, issue 46.
    words, odd = read("WEBVTT\n\n00:01.000 --> 00:02.000 line:79%\n\nOn the bridge\nhe asked.\n", "a.vtt")
    assert said(words) == "On the bridge he asked."
    assert odd == {}


def test_a_number_that_is_said_stays_a_word():
    # SubtitleEdit/subtitleedit, issue 2147: a bet in a game of poker, below a blank line.
    text = "1\n00:00:01,000 --> 00:00:02,000\n\n20\n\n2\n00:00:03,000 --> 00:00:04,000\nI am in.\n\n50"
    assert said(read(text, "a.srt")[0]) == "20 I am in. 50"


@pytest.mark.parametrize("between", ["   ", "\t", "\u00a0"])
def test_spaces_between_cues_are_no_words(between):
    text = f"WEBVTT\n{between}\n00:00.140 --> 00:00.940\nHello\n{between}\nintro\n00:01.140 --> 00:01.940\nbye"
    assert said(read(text, "a.vtt")[0]) == "Hello bye"


def test_a_header_in_the_middle_is_no_caption():
    words, odd = read("WEBVTT\n\nWEBVTT\n\n00:00.140 --> 00:00.940\nHello Dana\n", "a.vtt")
    assert (said(words), odd) == ("Hello Dana", {"repeated_headers": 1})


def test_segments_of_a_stream_may_follow_each_other():
    # videojs/video.js, issue 9066; RFC 8216, section 3.5.
    segment = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n\n"
    text = f"{segment}00:01.000 --> 00:02.000\nHello\n\n{segment}00:03.000 --> 00:04.000\nDana\n"
    words, odd = read(text, "a.vtt")
    assert (said(words), odd) == ("Hello Dana", {"repeated_headers": 1})


def test_a_header_may_be_missing():
    # mozilla/vtt.js, tests/file-layout; sandflow/ttconv, "bad-signature.vtt".
    words, odd = read("\n00:00.140 --> 00:00.940\nHello\n\nNOTE this\n\n00:01.140 --> 00:01.940\nDana", "a.vtt")
    assert (said(words), odd) == ("Hello Dana", {"missing_headers": 1})


def test_a_style_may_have_a_blank_line_in_it():
    # asticode/go-astisub, testdata/example-in.vtt.
    text = "WEBVTT\n\nSTYLE\n::cue(d) {\n  color: red;\n\n  width: 1px;\n}\n\nRegion: id=fred\nRegion: id=bill\n\n1\n"
    words, odd = read(f"{text}00:01.000 --> 00:02.000\nHello", "a.vtt")
    assert (said(words), odd) == ("Hello", {})


# === Times ===


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        # byroot/pysrt, issue 25; AlexPoint/SubtitlesParser, issue 5; Aegisub/Aegisub, issue 250.
        ("00:00:20 --> 00:00:24", (20.0, 24.0)),
        ("0:00:00 --> 0:00:05", (0.0, 5.0)),
        ("00: 00: 01,000 -> 00: 00: 03,000", (1.0, 3.0)),
        # cdown/srt, issue 55.
        ("00:00:0,500 --> 00:00:2,00", (0.5, 2.0)),
        # vidstack/captions, issue 8.
        ("0:0:4,8 --> 0:0:7,4", (4.8, 7.4)),
        # gsantiago/subtitle.js, issue 68.
        ("00:00:01,249.0999999999999 --> 00:00:01,251.79999999999995", (1.249, 1.251)),
        # Seven digits, as .NET writes them.
        ("00:00:01.2500000 --> 00:00:02.5000000", (1.25, 2.5)),
        ("00:00:01:250 --> 00:00:02:500", (1.25, 2.5)),
        ("00:00:01,250 → 00:00:02,500", (1.25, 2.5)),
        ("00:00:01,250 -- > 00:00:02,500", (1.25, 2.5)),
        # Dash-Industry-Forum/dash.js, issue 123: settings of an earlier WebVTT.
        ("00:00:01.042 --> 00:00:03.083 A:start S:25%", (1.042, 3.083)),
        ("00:00:01,97 --> 00:00:02,831  X1:226 X2:496 Y1:334 Y2:409", (1.097, 2.831)),
    ],
)
def test_times_that_can_be_read_one_way_are_read(times, expected):
    words, odd = read(f"1\n{times}\nHello", "a.srt")
    assert spans(words, "Hello") == [expected]
    assert not {"untimed_captions", "stray_lines"} & odd.keys()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        # Microsoft Teams; cdown/srt, issue 52: a file with one, two and three digits has milliseconds.
        (["0:4:2.220 --> 0:4:4.43", "0:4:6.5 --> 0:4:6.530", "0:4:6.80 --> 0:4:7.130"], [242.22, 246.005, 246.08]),
        # All of two digits are hundredths.
        (["0:4:2.22 --> 0:4:4.43", "0:4:6.50 --> 0:4:6.53"], [242.22, 246.5]),
        # A zero in front shows that digits were dropped behind: decimals.
        (["0:4:2.625 --> 0:4:4.43", "0:4:6.04 --> 0:4:6.5"], [242.625, 246.04]),
    ],
)
def test_a_file_shows_how_it_writes_milliseconds(texts, expected):
    text = "WEBVTT\n\n" + "".join(f"{times}\n<v 1a@2b>Yes.</v>\n\n" for times in texts)
    words, odd = read(text, "a.vtt")
    assert [word.start_secs for word in words] == expected
    assert {word.speaker for word in words} == {"1a@2b"}
    assert ("short_milliseconds" in odd) == (len(expected) == 3)


@pytest.mark.parametrize(
    ("name", "before", "arrow"),
    [("a.srt", "1\n", "00:00:01,000 --> 00:00:02,000"), ("a.sbv", "", "0:00:01.000,0:00:02.000")],
)
def test_an_arrow_in_a_text_is_said(name, before, arrow):
    # glut23/webvtt-py, issue 13.
    words, odd = read(f"{before}{arrow}\nWe write Route --> Option\n", name)
    assert (said(words), odd) == ("We write Route --> Option", {})


# === Markup ===


@pytest.mark.parametrize(
    "marked",
    [
        "<i>Hello</i> <b>Dana</b>",
        '<font color="#fff">Hello</font> Dana',
        "{\\an8}Hello\\NDana",
        "{y:i}Hello {c:$0000ff}Dana",
        "Hello<br/>Dana",
        "<00:00:01.500><c>Hello</c> Dana",
        "{\\p1}m 0 0 l 100 100{\\p0}Hello Dana",
        "Hello&nbsp;Dana",
    ],
)
def test_markup_of_srt_is_no_word(marked):
    assert said(read(f"1\n00:00:01,000 --> 00:00:02,000\n{marked}", "a.srt")[0]) == "Hello Dana"


@pytest.mark.parametrize("marked", ["<c.first Hello Dana", "Hello </c Dana", "Hello <00:01.500 Dana", "Hello<br>Dana"])
def test_tags_that_are_never_closed_are_no_words(marked):
    # mozilla/vtt.js, tests/cuetext.
    assert said(read(f"WEBVTT\n\n00:01.000 --> 00:02.000\n{marked}", "a.vtt")[0]) == "Hello Dana"


# === Speakers ===


def test_voices_may_change_within_a_cue():
    words, _ = read(
        "WEBVTT\n\n00:01.000 --> 00:03.000\n<v Dana>Hello there</v>\n<v.loud Ben &amp; Co>Yes</v> both", "a.vtt"
    )
    assert [word.speaker for word in words] == ["Dana", "Dana", "Ben & Co", None]


def test_names_are_speakers_where_most_captions_begin_with_one():
    # Zoom, "audio_transcript.vtt".
    cues = ["Dana Smith: Hello.", "Dana Smith: It is Tuesday.", "ben: Why: at nine?", "ben: Good.", "Dana Smith: Bye."]
    text = "".join(f"{i + 1}\n00:00:0{i}.000 --> 00:00:0{i + 1}.000\n{cue}\n\n" for i, cue in enumerate(cues))
    for name, header in (("a.vtt", "WEBVTT\n\n"), ("a.srt", "")):
        words, _ = read(header + text, name)
        assert said(words) == "Hello. It is Tuesday. Why: at nine? Good. Bye."
        speakers = ["Dana Smith"] * 4 + ["ben"] * 4 + ["Dana Smith"]
        assert [word.speaker for word in words] == speakers


def test_a_name_here_and_there_is_text_for_cleaning():
    cues = ["Dana: Hello.", "It is Tuesday.", "Note: at nine.", "Good."]
    text = "".join(f"{i + 1}\n00:00:0{i},000 --> 00:00:0{i + 1},000\n{cue}\n\n" for i, cue in enumerate(cues))
    words, _ = read(text, "a.srt")
    assert said(words) == " ".join(cues)
    assert {word.speaker for word in words} == {None}


# === SBV ===


def test_sbv_keeps_its_words_when_a_time_is_damaged():
    # glut23/webvtt-py, tests/subtitles/invalid_timeframe.sbv.
    words, odd = read("0:00:00.000,0:00:02.000\nHello\n\n0:00:13.f89,0:00:15.489\nDana\n5\n", "a.sbv")
    assert spans(words, "Hello", "Dana", "5") == [(0.0, 2.0), (None, None), (None, None)]
    assert odd == {"untimed_captions": 1}
