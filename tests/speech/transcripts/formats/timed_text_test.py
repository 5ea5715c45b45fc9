"""Tables, lyrics, stamped lines, exports of meetings, SubStation Alpha, TTML and STM."""

import pytest

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.reader import parse_transcript


def read(text, name, **options):
    with odd_items.collect() as odd:
        file = parse_transcript(text.encode(), name, **options)
    return file, odd.counts()


def spans(file):
    return [(word.text, word.start_secs, word.end_secs) for word in file.transcript.words]


# === Tables ===


def test_whispers_table_has_milliseconds_and_one_with_points_seconds():
    assert spans(read("start\tend\ttext\n0\t2400\tHello\n", "a.tsv")[0]) == [("Hello", 0.0, 2.4)]
    assert spans(read("start\tend\ttext\n0.0\t2.4\tHello\n", "a.tsv")[0]) == [("Hello", 0.0, 2.4)]


def test_the_table_of_whisper_cpp_has_commas_quotes_and_speakers():
    # ggml-org/whisper.cpp, output_csv in examples/cli.
    file, odd = read('start,end,speaker,text\n0,1000,"0","""Hello"""\n1000,2000,1,"a, b"\n', "a.csv")
    assert file.transcript.text == '"Hello" a, b'
    assert [word.speaker for word in file.transcript.words] == ["0", "1", "1"]
    assert odd == {}


def test_labels_of_audacity_have_seconds_and_no_head():
    # Audacity Manual, "Importing and Exporting Labels".
    assert spans(read("1.500000\t2.250000\tHello\n3.5\t4.0\tDana\n", "labels.txt")[0]) == [
        ("Hello", 1.5, 2.25),
        ("Dana", 3.5, 4.0),
    ]


def test_a_head_without_a_column_of_text_is_none():
    assert read("start\tend\t]text\n0\t1\tHello\n", "a")[0].file_format == "txt"


def test_a_bad_row_costs_itself():
    file, odd = read("start\tend\ttext\n0\t1000\tHello\nx\t2\tit\n3000\t2000\tis\n7\n4000\t5000\tDana\n", "a.tsv")
    assert spans(file) == [("Hello", 0.0, 1.0), ("it", None, None), ("is", None, None), ("Dana", 4.0, 5.0)]
    assert odd == {"untimed_rows": 2, "short_rows": 1}
    with pytest.raises(InputError, match=r"^a\.tsv: line 2: no row has times that can be read"):
        read("start\tend\ttext\nx\ty\tHello\n", "a.tsv")


# Adobe Premiere ("Export transcript"), and tables that people make of captions.
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Start,End,Speaker,Text\n00:00:01,00:00:02,Ann,Hi\n", [("Hi", 1.0, 2.0)]),
        ("Speaker Name;Start Time;End Time;Text\nAnn;0:01.5;0:02;Hi\n", [("Hi", 1.5, 2.0)]),
        ("text\tstart_time\tend_time\nHi\t1.5\t2.5\n", [("Hi", 1.5, 2.5)]),
        ("end,start,text\n200,100,Hi\n", [("Hi", 0.1, 0.2)]),
    ],
)
def test_columns_in_another_order_and_times_of_a_clock(text, found):
    assert spans(read(text, "a.csv")[0]) == found


@pytest.mark.parametrize("times", ["00:00:01:12,00:00:02:00", "1,2"])
def test_times_in_frames_or_without_a_unit_are_no_words(times):
    with pytest.raises(InputError, match=r"^a\.csv: line 2: no row has times that can be read"):
        read(f"Start Time,End Time,Text\n{times},Hi\n", "a.csv")


# === Lyrics and stamped lines ===


def test_lyrics_are_said_in_the_order_of_time_and_as_often_as_they_have_times():
    file, odd = read("[ar:Dana]\n[00:01.00][00:05.00]Hello\n[00:03.00]Dana\n[00:07.00]\n", "a.lrc")
    assert spans(file) == [("Hello", 1.0, 3.0), ("Dana", 3.0, 5.0), ("Hello", 5.0, 7.0)]
    assert odd == {}


def test_lyrics_may_have_times_of_words():
    # Wikipedia, "LRC (file format)", A2 extension.
    file, _ = read("[00:01.00] <00:01.00> Hello <00:01.50> it's <00:02.25> Dana <00:03.00>\n", "a.lrc")
    assert spans(file) == [("Hello", 1.0, 1.5), ("it's", 1.5, 2.25), ("Dana", 2.25, 3.0)]


def test_the_last_line_is_said_as_fast_as_the_others():
    file, _ = read("[00:01.00]Hello\n[00:02.00]Dana\n", "a.lrc")
    assert spans(file) == [("Hello", 1.0, 2.0), ("Dana", 2.0, 2.8)]
    assert all(word.times_estimated for word in file.transcript.words)


def test_what_whisper_prints_is_read_with_its_times():
    # openai/whisper, transcribe.py; ggml-org/whisper.cpp, README.
    text = "[00:00.000 --> 00:02.000]  Hello\n[01:00:02.000 --> 01:00:03.000]  Dana\n"
    assert spans(read(text, "log.txt")[0]) == [("Hello", 0.0, 2.0), ("Dana", 3602.0, 3603.0)]


def test_lines_that_begin_with_a_time_in_brackets_have_times():
    file, _ = read("[00:00:12] Hello\nthere\n[00:00:15] Dana\n", "a.txt")
    assert file.file_format == "stamped"
    assert [word.start_secs for word in file.transcript.words][::2] == [12.0, 15.0]
    assert file.transcript.text == "Hello there Dana"


# === Exports of meetings ===


def test_headings_of_otter_and_teams_are_no_words():
    text = "Weekly call\n\nDana Smith  0:05\nHello there.\n\n0:09\nIt is Tuesday.\n\nUnknown Speaker  1:00:02\nBye.\n"
    file, _ = read(text, "a.txt")
    assert file.file_format == "otter"
    assert file.transcript.text == "Hello there. It is Tuesday. Bye."
    assert [word.speaker for word in file.transcript.words] == ["Dana Smith"] * 5 + ["Unknown Speaker"]
    assert [file.transcript.words[index].start_secs for index in (0, 2, 5)] == [5.0, 9.0, 3602.0]
    assert file.counts == {"non_words": 2}


# === SubStation Alpha ===

EVENTS = "[Script Info]\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"


def dialogue(start, end, text, name=""):
    return f"Dialogue: 0,{start},{end},Default,{name},0,0,0,,{text}\n"


def test_codes_drawings_and_comments_are_no_words():
    text = EVENTS + dialogue("0:00:01.00", "0:00:02.00", "{\\i1}Hello,\\Nit{\\i0}{\\p1}m 0 0{\\p0}\\his")
    file, _ = read(f"{text}Comment: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,no\n", "a.ass")
    assert file.transcript.text == "Hello, it is"
    assert file.counts == {"comments": 1, "non_words": 1}


def test_syllables_have_their_own_times():
    file, _ = read(EVENTS + dialogue("0:00:01.00", "0:00:03.00", "{\\k50}Hel{\\k50}lo {\\kf100}Dana"), "a.ass")
    assert spans(file) == [("Hello", 1.0, 2.0), ("Dana", 2.0, 3.0)]


def test_a_line_that_is_drawn_in_layers_is_said_once():
    text = dialogue("0:00:01.00", "0:00:02.00", "Hello") * 3 + dialogue("0:00:02.00", "0:00:03.00", "Hello")
    file, _ = read(EVENTS + text, "a.ass")
    assert file.transcript.text == "Hello"
    assert file.counts == {"repeated_lines": 3}


def test_a_damaged_line_of_dialogue_keeps_its_words():
    # tkarabela/pysubs2, issue 45: spaces around the values.
    text = dialogue(" 0:00:01.00 ", "0:00:02.00", "Hello", "Dana ") + dialogue("0:00:0x", "0:00:03.00", "there")
    file, odd = read(EVENTS + text, "a.ass")
    assert spans(file) == [("Hello", 1.0, 2.0), ("there", None, None)]
    assert file.transcript.words[0].speaker == "Dana"
    assert odd == {"untimed_captions": 1}


# === TTML ===


def ttml(body, attributes="", head=""):
    names = 'xmlns="http://www.w3.org/ns/ttml" xmlns:p="http://www.w3.org/ns/ttml#parameter"'
    return f"<tt {names} {attributes}>{head}<body>{body}</body></tt>"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<div begin="10s"><p begin="1s" end="3s">a</p></div>', (11.0, 13.0)),
        ('<div begin="10s" end="12s"><p begin="1s" end="3s">a</p></div>', (11.0, 12.0)),
        ('<div><p begin="00:00:01:12" end="00:00:02:00">a</p></div>', (1.48, 2.0)),
        ('<div><p begin="50f" dur="250ms">a</p></div>', (2.0, 2.25)),
        ('<div><p begin="20t" end="0.001h">a</p></div>', (2.0, 3.6)),
        ('<div timeContainer="seq"><p dur="2s"/><p dur="1s">a</p></div>', (2.0, 3.0)),
        ('<div><p><span begin="1s" end="2s">a</span></p></div>', (1.0, 2.0)),
    ],
)
def test_times_of_ttml_are_relative_and_have_many_units(body, expected):
    file, odd = read(ttml(body, 'p:frameRate="25" p:tickRate="10"'), "a.xml")
    assert (spans(file), odd) == ([("a", *expected)], {})


def test_spans_may_cut_a_word():
    file, _ = read(ttml('<p begin="1s" end="3s"><span end="1s">Hel</span><span begin="1s">lo</span> x</p>'), "a.ttml")
    assert [word.text for word in file.transcript.words] == ["Hello", "x"]


def test_a_bad_time_in_ttml_costs_itself_and_metadata_is_not_said():
    body = '<metadata><p>no</p></metadata><p begin="1s" end="2s">a</p><p begin="soon" end="4s">b</p>'
    body += '<p begin="6s" end="5s">c</p>'
    file, odd = read(ttml(body, head="<head><p>no</p></head>"), "a.ttml")
    assert spans(file) == [("a", 1.0, 2.0), ("b", None, None), ("c", None, None)]
    assert odd == {"untimed_captions": 2}


def test_xml_that_breaks_off_is_read_up_to_there():
    file, odd = read(ttml('<p begin="1s" end="2s">a</p><p begin="3s" end="4s">b')[:-12], "a.ttml")
    assert file.transcript.text == "a b"
    assert odd == {"cut_xml": 1}
    with pytest.raises(InputError, match=r"^a\.ttml:1: not XML \(.*\), expected TTML$"):
        read("<tt <", "a.ttml")


def test_halves_of_characters_in_xml_are_replaced():
    # What looks like JSON of whisper.cpp may hold bytes that are not UTF-8.
    content = ttml('<p begin="1s" end="2s">"transcription" "tokens" @</p>').encode().replace(b"@", b"\xcd")
    assert parse_transcript(content, "a.ttml", "ttml").transcript.words[-1].text == "\ufffd"


def test_entities_are_refused():
    text = '<!DOCTYPE tt [<!ENTITY a "aaaa">]>' + ttml('<p begin="1s" end="2s">&a;</p>')
    with pytest.raises(InputError, match=r"^a\.ttml:1: declares the entity 'a', which is not read in captions$"):
        read(text, "a.ttml")


# === STM ===

STM = "call 1 dana 1.0 2.0 <o> hello { a / b } @ there\ncall 1 ben 0.0 1.0 <o> yes\nother 1 x 0 1 <o> no\n"


def test_segments_are_read_in_the_order_of_time():
    file, odd = read(STM, "a.stm", recording="call")
    assert file.transcript.text == "yes hello a there"
    assert [word.speaker for word in file.transcript.words] == ["ben", "dana", "dana", "dana"]
    assert file.counts == {"words_of_other_recordings": 1, "other_alternatives": 1, "non_words": 1}
    assert odd == {}
    with pytest.raises(InputError, match=r"^a\.stm: holds 2 recordings, choose one with --transcript_recording"):
        read(STM, "a.stm")


def test_a_line_with_other_fields_costs_itself():
    file, odd = read("call 1 dana 1.0 2.0 hello\ncall 1 dana two 3.0 there\n", "a.stm")
    assert (file.transcript.text, odd) == ("hello", {"misshapen_lines": 1})
    with pytest.raises(InputError, match=r"^a\.stm:1: expected waveform, channel, speaker, start, end and words"):
        read("hello", "a.stm")


def test_a_line_before_a_silence_does_not_last_until_the_next_one():
    words = parse_transcript(b"[00:01.00]Hello Dana\n[55:00.00]Goodbye\n", "a.lrc").transcript.words
    assert [(word.start_secs, word.end_secs) for word in words] == [
        (1.0, pytest.approx(3.778, abs=0.001)),
        (pytest.approx(3.778, abs=0.001), 6.0),
        (3300.0, 3303.5),
    ]
