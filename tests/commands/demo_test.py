"""What the demo does beside calling other commands: it cleans up after itself only, and has a transcript at hand."""

import pytest

from bert_qa_tf import demo
from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.transcript import from_json
from bert_qa_tf.tasks.question_answering.reading.squad_reader import read_squad
from tests.testing import REPOSITORY

SAMPLE = REPOSITORY / "bert_qa_tf" / "demo_data"


def asked():
    return next(example for example in read_squad(SAMPLE / "test.json") if example.qas_id == demo._QAS_ID)


def test_the_question_is_about_the_recording():
    assert (SAMPLE / demo._CLIP).exists()
    assert asked().title.replace(" ", "_") == demo._CLIP.removesuffix(".ogg")


def test_without_a_recogniser_the_kept_transcript_has_the_answer_and_its_time(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo, "_LISTENING", ("no_such_library",))
    (tmp_path / "test.json").write_bytes((SAMPLE / "test.json").read_bytes())
    example = asked()

    demo._listen(tmp_path, example)

    assert "no_such_library is not installed" in capsys.readouterr().out
    transcript = from_json(demo._kept_transcript(tmp_path / "test.json", example), "test")
    assert transcript.text == example.context
    answer = example.answers[0]
    start_secs, end_secs = transcript.time_of(answer.start_char, answer.end_char)
    assert 0 < start_secs < end_secs <= transcript.duration_secs


def test_a_folder_of_somebody_elses_is_left_alone(tmp_path):
    (tmp_path / "precious.txt").touch()
    with pytest.raises(InputError, match="not from an earlier demo"):
        demo._remove_earlier(tmp_path)
    assert (tmp_path / "precious.txt").exists()


def test_what_an_earlier_demo_left_is_removed(tmp_path):
    (tmp_path / "run").mkdir()
    for name in (demo._MARKER, "train.json", "run/config.json"):
        (tmp_path / name).touch()
    demo._remove_earlier(tmp_path)
    # The marker stays: were it gone first, a demo that is killed here could not be begun again.
    assert [path.name for path in tmp_path.iterdir()] == [demo._MARKER]
