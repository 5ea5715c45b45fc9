import json

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.reader import parse_transcript
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word, from_json
from bert_qa_tf.speech.transcripts.writers import OUTPUT_FORMATS, format_of_name, format_transcript, write_transcript

MESSAGE = Transcript(
    (
        Word("hi", 0.1, 0.3, 0.9),
        Word("nora", 0.35, 0.8, 0.5),
        Word("R&D", 2.0, 2.5),
        Word("<here>", 2.5, 2.6),
    ),
    3.0,
)


def test_webvtt_keeps_the_time_of_each_word():
    assert format_transcript(MESSAGE, "vtt") == (
        "WEBVTT\n"
        "\n"
        "00:00:00.100 --> 00:00:01.100\n"
        "hi <00:00:00.350>nora<00:00:00.800>\n"
        "\n"
        "00:00:02.000 --> 00:00:03.000\n"
        "R&amp;D <00:00:02.500>&lt;here&gt;<00:00:02.600>\n"
    )


def test_webvtt_claims_no_time_that_was_not_measured():
    transcript = Transcript((Word("hi", 0.5, 1.0, times_estimated=True), Word("nora", 1.0, 2.0, times_estimated=True)))
    assert format_transcript(transcript, "vtt") == "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\nhi nora\n"


def test_webvtt_names_speakers():
    words = (
        Word("hi", 0.0, 0.5, speaker="Dana <D&B>"),
        Word("there", 0.5, 1.0, speaker="Dana <D&B>"),
        Word("yes", 1.0, 2.0),
    )
    written = format_transcript(Transcript(words), "vtt")
    assert "<v Dana &lt;D&amp;B&gt;>hi <00:00:00.500>there" in written
    read = parse_transcript(written.encode(), "a.vtt").transcript
    assert [word.speaker for word in read.words] == ["Dana <D&B>", "Dana <D&B>", None]


def test_webvtt_leaves_out_times_that_do_not_ascend():
    transcript = Transcript((Word("a", 1.0, 3.0), Word("b", 2.0, 2.5), Word("c", 1.5, 3.0)))
    assert format_transcript(transcript, "vtt").splitlines()[-1] == "a <00:00:02.000>b c"


def test_srt_has_numbers_commas_and_the_words_as_they_are():
    assert format_transcript(MESSAGE, "srt") == (
        "1\n00:00:00,100 --> 00:00:01,100\nhi nora\n\n2\n00:00:02,000 --> 00:00:03,000\nR&D <here>\n"
    )


def test_hours_are_counted_on():
    transcript = Transcript((Word("late", 3600 * 123 + 61.0004, 3600 * 123 + 69.9996),))
    assert "123:01:01,000 --> 123:01:10,000" in format_transcript(transcript, "srt")


def test_line_ends_within_a_word_do_not_end_a_cue():
    transcript = Transcript((Word("new\n\nyork", 0.0, 2.0),))
    assert format_transcript(transcript, "srt").splitlines()[2:] == ["new york"]


def test_text_is_one_line_so_that_offsets_fit():
    assert format_transcript(MESSAGE, "txt") == "hi nora R&D <here>\n"


def test_json_keeps_everything():
    assert from_json(json.loads(format_transcript(MESSAGE, "json")), "message.json") == MESSAGE


@pytest.mark.parametrize("output_format", OUTPUT_FORMATS)
def test_a_transcript_of_silence_is_a_file_too(tmp_path, output_format):
    path = tmp_path / "new" / f"silence.{output_format}"
    write_transcript(Transcript((), 2.0), path, output_format)
    assert path.read_text(encoding="utf-8").endswith({"vtt": "WEBVTT\n", "srt": ""}.get(output_format, "\n"))


def test_what_utf_8_cannot_spell_is_replaced(tmp_path):
    write_transcript(Transcript((Word("a\ud800b"),)), tmp_path / "t.txt", "txt")
    assert (tmp_path / "t.txt").read_text(encoding="utf-8") == "a\ufffdb\n"


@pytest.mark.parametrize("output_format", ["vtt", "srt"])
def test_captions_need_times(tmp_path, output_format):
    path = tmp_path / f"t.{output_format}"
    with pytest.raises(InputError, match=rf"t\.{output_format}: no word of this transcript has a time, which .* needs"):
        write_transcript(Transcript((Word("hi"),)), path, output_format)
    assert not path.exists()


def test_no_other_format_and_no_folder(tmp_path):
    with pytest.raises(InputError, match="expected one of json, txt, vtt, srt as format of a transcript, got 'ass'"):
        write_transcript(MESSAGE, tmp_path / "t.ass", "ass")
    with pytest.raises(InputError, match="is a folder, expected the name of a file to write"):
        write_transcript(MESSAGE, tmp_path, "json")


def test_the_ending_of_a_name_stands_for_a_format():
    assert [format_of_name(name) for name in ("a/talk.VTT", "talk.json", "talk.mp3", "talk")] == [
        "vtt",
        "json",
        None,
        None,
    ]
