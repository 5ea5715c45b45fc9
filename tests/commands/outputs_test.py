"""No command overwrites its own input, or a file that it has not made."""

import json
import os
import pathlib
import shutil
import wave

import pytest

from bert_qa_tf import audit, cli, client, create_tfrecords, evaluate, export, make_spoken, predict, transcribe
from bert_qa_tf.storage import files
from tests.testing import MESSAGES

_QUESTIONS = '{"id": 1, "question": "who", "context": "the cat sat"}\n'


def run(command, *arguments):
    return cli.call(command.main, command.__doc__, command.FLAG_GROUPS, arguments)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder with inputs: links and hard links are other names of them."""
    shutil.copy(MESSAGES, tmp_path / "in.json")
    (tmp_path / "q.jsonl").write_text(_QUESTIONS)
    (tmp_path / "talk.txt").write_text("what was said")
    with wave.open(str(tmp_path / "talk.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(32000))
    (tmp_path / "results" / "in").mkdir(parents=True)
    (tmp_path / "results" / "in" / "predictions.json").write_text("{}")
    (tmp_path / "link.json").symlink_to(tmp_path / "in.json")
    os.link(tmp_path / "q.jsonl", tmp_path / "hard.jsonl")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def content(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (audit, ["--input_file=in.json", "--output_file=in.json"]),
        (audit, ["--input_file=in.json", "--output_file=link.json"]),
        (make_spoken, ["--input_file=in.json", "--output_file=link.json"]),
        (make_spoken, ["--input_file=in.json", "--output_file=in.json", "--simulate_wer=0.3"]),
        (transcribe, ["--audio=talk.wav", "--output_dir=.", "--reference_file=talk.txt"]),
        (transcribe, ["--audio=talk.wav", "--output_file=talk.wav", "--output_format=json"]),
        (predict, ["--saved_model=none", "--input_file=q.jsonl", "--output_file=hard.jsonl"]),
        (predict, ["--saved_model=none", "--question=who", "--context_file=talk.txt", "--output_file=talk.txt"]),
        (client, ["--input_file=q.jsonl", "--output_file=q.jsonl"]),
        (evaluate, ["--predictions_file=results/in/predictions.json", "--eval_file=in.json", "--output_dir=results"]),
    ],
    ids=lambda value: value.__name__.rsplit(".", 1)[-1] if hasattr(value, "main") else value[-1],
)
def test_an_output_that_is_an_input_is_refused_even_with_overwrite(folder, capsys, command, arguments):
    before = content(folder)
    assert run(command, *arguments, "--overwrite") == 1
    message = capsys.readouterr().err
    assert "an input" in message
    assert message.endswith("which would be lost; name another output\n")
    assert message.count("\n") == 1
    assert content(folder) == before


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (audit, ["--input_file=in.json", "--output_file=precious"]),
        (make_spoken, ["--input_file=in.json", "--output_file=precious"]),
        (make_spoken, ["--input_file=in.json", "--output_file=precious", "--simulate_wer=0.3"]),
        (transcribe, ["--audio=talk.wav", "--output_file=precious", "--output_format=txt"]),
        (predict, ["--saved_model=none", "--input_file=q.jsonl", "--output_file=precious"]),
        (client, ["--input_file=q.jsonl", "--output_file=precious"]),
    ],
    ids=lambda value: value.__name__.rsplit(".", 1)[-1] if hasattr(value, "main") else value[-1],
)
@pytest.mark.parametrize("made_by", ["hand", "another tool"])
def test_a_file_that_the_command_has_not_made_is_replaced_only_with_overwrite(
    folder, capsys, command, arguments, made_by
):
    pytest.importorskip("pocketsphinx")
    text = {"hand": "a thesis", "another tool": '{"id": 1, "question": "who", "score": 1}'}[made_by]
    (folder / "precious").write_text(text)
    assert run(command, *arguments) == 1
    message = capsys.readouterr().err
    assert "precious: is there already" in message
    assert "--overwrite" in message
    assert message.count("\n") == 1
    assert (folder / "precious").read_text() == text
    assert not (folder / "precious.parts").exists()


def test_an_audit_replaces_an_earlier_one(folder, capsys):
    arguments = ("--input_file=in.json", "--output_file=audit.json")
    assert (run(audit, *arguments), run(audit, *arguments)) == (0, 0)
    (folder / "audit.json").write_text("a thesis")
    assert run(audit, *arguments) == 1
    assert run(audit, *arguments, "--overwrite") == 0
    assert files.read_json("audit.json")["files"]


@pytest.mark.slow
def test_simulated_data_replaces_what_its_report_says_was_made_so(folder, capsys):
    pytest.importorskip("pocketsphinx")
    arguments = ("--input_file=in.json", "--output_file=out.json", "--simulate_wer=0.3")
    assert (run(make_spoken, *arguments), run(make_spoken, *arguments)) == (0, 0)
    (folder / "out.json.report.json").unlink()
    assert run(make_spoken, *arguments) == 1
    assert "out.json: is there already" in capsys.readouterr().err
    assert sorted(path.name for path in folder.glob("out.json*")) == ["out.json"]


def test_results_replace_earlier_ones_and_nothing_else(folder, capsys):
    answers = {qa["id"]: "" for a in files.read_json(MESSAGES)["data"] for p in a["paragraphs"] for qa in p["qas"]}
    (folder / "predictions.json").write_text(json.dumps(answers))
    arguments = ("--predictions_file=predictions.json", "--eval_file=in.json", "--output_dir=out")
    assert (run(evaluate, *arguments), run(evaluate, *arguments)) == (0, 0)
    assert os.listdir("out/in") == ["metrics.json"]
    (folder / "out" / "in" / "metrics.json").write_text('{"loss": 1}')
    assert run(evaluate, *arguments) == 1
    assert "out/in: holds metrics.json and no results of `evaluate`; name another" in capsys.readouterr().err
    assert run(evaluate, *arguments, "--overwrite") == 0


@pytest.mark.slow
def test_a_transcript_that_is_there_is_not_made_again(folder, capsys):
    pytest.importorskip("pocketsphinx")
    shutil.copy("talk.wav", "other.wav")
    (folder / "out").mkdir()
    (folder / "out" / "talk.txt").write_text("by hand")
    arguments = ("--audio=talk.wav", "--audio=other.wav", "--output_dir=out", "--num_processes=1")
    assert run(transcribe, *arguments) == 0
    assert "talk.wav: out/talk.txt is there already and stays as it is; --overwrite replaces it\n" in (
        capsys.readouterr().out
    )
    assert sorted(os.listdir("out")) == ["other.txt", "talk.txt"]
    assert (folder / "out" / "talk.txt").read_text() == "by hand"
    assert run(transcribe, *arguments) == 1
    assert "out/talk.txt: is there already; name another output, or use --overwrite" in capsys.readouterr().err
    assert run(transcribe, *arguments, "--overwrite") == 0
    assert (folder / "out" / "talk.txt").read_text() == "\n"


def test_results_that_were_cut_off_while_they_were_moved_are_written_again(folder):
    from bert_qa_tf.evaluation import results

    (folder / "out").mkdir()
    (folder / "out" / "predictions.json").write_text("{}")
    (folder / "out" / f"metrics.json.{'0' * 16}.tmp").write_text("{}")
    (folder / "out" / ".lock").touch()
    results.check_folder("out", [], overwrite=False)
    results.write_results("out", {"file": "a", "total": 1}, {"predictions.json": {}})
    assert sorted(os.listdir("out")) == [".lock", "metrics.json", "predictions.json"]


def test_parts_of_a_transcript_that_is_there_are_removed_unless_they_are_newer(folder, capsys):
    pytest.importorskip("pocketsphinx")
    arguments = ("--audio=talk.wav", "--output_file=talk.txt")
    part = folder / "talk.txt.parts" / f"0000000000-{'0' * 24}.json"
    part.parent.mkdir()
    part.touch()
    assert run(transcribe, *arguments) == 1
    assert part.exists()
    (part.parent / ".lock").touch()
    os.utime(part, (0, 0))
    assert run(transcribe, *arguments) == 1
    assert not part.parent.exists()


@pytest.mark.slow
def test_other_files_among_the_parts_of_a_transcript_stay(folder):
    pytest.importorskip("pocketsphinx")
    parts = folder / "talk.json.parts"
    parts.mkdir()
    (parts / "notes.txt").write_text("precious")
    (parts / f"0000000000-{'0' * 24}.json").write_text("an older part")
    assert run(transcribe, "--audio=talk.wav", "--output_file=talk.json", "--num_processes=1") == 0
    assert os.listdir(parts) == ["notes.txt"]


def test_an_archive_replaces_earlier_ones_only(folder):
    from bert_qa_tf.errors import InputError
    from bert_qa_tf.exporting import archive

    (folder / "qa" / "1").mkdir(parents=True)
    (folder / "qa" / "1" / "saved_model.pb").touch()
    archive.pack({"qa/1": "qa/1"}, "model.tar.gz")
    archive.check_target("model.tar.gz")
    with pytest.raises(InputError, match="is also an input"):
        archive.check_target("model.tar.gz", ["model.tar.gz"], overwrite=True)
    (folder / "model.tar.gz").write_bytes(b"precious")
    with pytest.raises(InputError, match=r"model\.tar\.gz: is there already"):
        archive.check_target("model.tar.gz")
    archive.check_target("model.tar.gz", overwrite=True)


def test_records_do_not_take_the_place_of_their_input(folder, capsys):
    assert run(create_tfrecords, "--input_file=in.json", "--output_dir=.", "--overwrite") == 1
    assert "holds an input (in.json), which would be lost" in capsys.readouterr().err
    assert (folder / "in.json").exists()


def test_every_command_with_a_file_to_write_has_the_flag(capsys):
    for command in (audit, client, create_tfrecords, evaluate, export, make_spoken, predict, transcribe):
        run(command, "--help")
        assert "--[no]overwrite" in capsys.readouterr().out, command
