import dataclasses
import json
import sys
import wave

import pytest

from bert_qa_tf import cli, export, flags, predict
from bert_qa_tf.config.options import replace_options
from bert_qa_tf.tasks.question_answering.config import DecodingConfig
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.squad_writer import write_squad
from tests import tiny_model
from tests.speech.speaking import needs_pocketsphinx
from tests.testing import TESTDATA, shared_data

TALKS = {
    "file": "talks.json",
    "total": 5351,
    "exact_match": 40.126,
    "f1": 50.5,
    "ceiling_exact_match": 98.11,
    "ceiling_f1": 98.69,
}


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    tiny_model.write_tiny_run(folder)
    return folder


@pytest.fixture(scope="module")
def export_dir(run_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")
    archive = folder.parent / "archives" / "tiny.tar.gz"
    (run_dir / "eval" / "talks").mkdir(parents=True)
    (run_dir / "eval" / "talks" / "metrics.json").write_text(json.dumps({**TALKS, "step": 1}))
    (run_dir / "eval" / "other").mkdir()
    (run_dir / "eval" / "other" / "metrics.json").write_text(json.dumps({**TALKS, "file": "old.json", "step": 9}))
    assert _call(export, f"--model_dir={run_dir}", f"--export_dir={folder}", f"--archive={archive}") == 0
    return folder


def _call(command, *arguments):
    return cli.call(command.main, command.__doc__, command.FLAG_GROUPS, arguments)


@pytest.mark.slow
def test_the_export_carries_a_model_card_without_this_machines_folders(export_dir, run_dir):
    card = (export_dir / "qa" / "1" / "assets.extra" / "model_card.md").read_text()
    assert "# Model card" in card
    assert "weights of step 1" in card
    assert "licence of the weights: not stated" in card
    assert "It always answers" in card
    assert "| `talks.json` | 5,351 | 40.13 | 50.50 | 98.11 / 98.69 |" in card
    assert "old.json" not in card  # scores of other weights
    assert str(run_dir.parent) not in card


def test_one_question_prints_the_answer_and_its_place(run_dir, capsys):
    context = "the cat sat on the mat"
    assert _call(predict, f"--model_dir={run_dir}", "--question=who sat", f"--context={context}") == 0
    lines = capsys.readouterr().out.splitlines()
    start = context.index(lines[0])
    assert f"characters {start} to {start + len(lines[0])}, score 0." in lines[1]
    assert lines[2].startswith("  or: ")


def test_a_context_file_of_any_length_and_line_ends_is_read_as_it_is(run_dir, tmp_path, capsys):
    context = "😀\r\n" + "the cat sat on the mat .\r\n" * 300
    (tmp_path / "call.txt").write_bytes(context.encode())
    output = tmp_path / "answer.jsonl"
    arguments = (f"--context_file={tmp_path / 'call.txt'}", "--question=where", f"--output_file={output}")
    assert _call(predict, f"--model_dir={run_dir}", *arguments) == 0
    record = json.loads(output.read_text(encoding="utf-8"))
    assert record["answer"]
    assert context[record["answer_start"] : record["answer_end"]] == record["answer"]


def test_a_transcript_with_times_gives_the_seconds(run_dir, capsys):
    call = TESTDATA / "transcripts" / "call.vtt"
    arguments = (f"--model_dir={run_dir}", "--question=who moved", f"--transcript_file={call}")
    assert _call(predict, *arguments) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    text = "Hi, this is Nora. R&D moved to Tuesday."
    start = text.index(lines[0])
    assert lines[1].startswith("  said from ")
    assert lines[2].startswith(f"  characters {start} to {start + len(lines[0])}, score 0.")
    assert " at " in lines[3]
    assert shown.err.splitlines()[0] == f"{call}: vtt, 8 words"
    assert _call(predict, *arguments, "--transcript_format=sbv") == 1
    assert "call.vtt:1: expected times such as" in capsys.readouterr().err


@pytest.mark.slow
@needs_pocketsphinx
def test_a_recording_gives_the_seconds(run_dir, tmp_path, capsys):
    recording = shared_data("audio", "librivox", "sense_and_sensibility_01_austen_64kb-0930.wav")
    arguments = (f"--model_dir={run_dir}", "--search=fast", "--num_processes=1")
    assert _call(predict, *arguments, "--question=who", f"--audio={recording}") == 0
    shown = capsys.readouterr()
    answer, said, place, *_ = shown.out.splitlines()
    assert said.startswith("  said from 00:0")
    assert f"{recording}: recognising with pocketsphinx " in shown.err
    assert f"{recording}: heard " in shown.err

    source = tmp_path / "questions.jsonl"
    rows = [{"question": question, "audio": str(recording)} for question in ("who", "where", "who")]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert _call(predict, *arguments, f"--input_file={source}") == 0
    shown = capsys.readouterr()
    answers = [json.loads(line) for line in shown.out.splitlines()]
    assert answers[0]["answer"] == answers[2]["answer"] == answer
    assert f"  characters {answers[0]['answer_start']} to {answers[0]['answer_end']}, score " in place
    assert 0 <= answers[1]["start_secs"] < answers[1]["end_secs"] < 4
    assert shown.err.count("recognising with") == 1


@needs_pocketsphinx
def test_silence_is_one_line_before_a_model_is_loaded(tmp_path, capsys):
    with wave.open(str(tmp_path / "silence.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(32000))
    arguments = ("--model_dir=/no/such", "--question=who", f"--audio={tmp_path}/silence.wav")
    assert _call(predict, *arguments, "--verbosity=-1") == 1
    assert capsys.readouterr().err == (
        f"error: {tmp_path}/silence.wav: no word was heard in it, or cleaning left none: nothing to ask about\n"
    )


def test_without_a_recogniser_the_line_says_how_to_install_it(tmp_path, capsys, monkeypatch):
    pytest.importorskip("soundfile", reason="needs requirements/speech.txt")
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(32000))
    arguments = ("--model_dir=/no/such", "--question=who", f"--audio={tmp_path}/a.wav")
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    assert _call(predict, *arguments) == 1
    assert capsys.readouterr().err == "error: pocketsphinx is not installed: pip install -r requirements/speech.txt\n"
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    assert _call(predict, *arguments, "--recognizer=faster_whisper") == 1
    assert capsys.readouterr().err == "error: faster-whisper is not installed: pip install faster-whisper\n"


@pytest.mark.slow
def test_an_export_answers_json_lines_as_the_run_directory_does(run_dir, export_dir, tmp_path):
    source = tmp_path / "in.jsonl"
    texts = tiny_model.random_texts(8, 20)
    source.write_text("".join(json.dumps({"question": "who", "context": text}) + "\n" for text in texts))
    outputs = []
    for name, model in (("run", f"--model_dir={run_dir}"), ("export", f"--saved_model={export_dir}/qa/1")):
        output = tmp_path / f"{name}.jsonl"
        assert _call(predict, model, f"--input_file={source}", f"--output_file={output}") == 0
        outputs.append([json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()])
    for one, other in zip(*outputs, strict=True):
        assert one.pop("score") == pytest.approx(other.pop("score"), abs=1e-4)
        assert one == other


@pytest.mark.slow
def test_an_archive_of_the_export_answers_as_the_export_does(export_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    archive = export_dir.parent / "archives" / "tiny.tar.gz"
    printed = []
    for model in (archive, export_dir / "qa" / "1"):
        assert _call(predict, f"--saved_model={model}", "--question=who", "--context=the cat sat on the mat") == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--question=who", "--context=a"], "give one model: either --model_dir (a run directory) or --saved_model"),
        (
            ["--model_dir=m"],
            "give either --question, with --context, --context_file, --transcript_file or --audio, or --input_file",
        ),
        (
            ["--model_dir=m", "--question=who"],
            "expected one of --context, --context_file, --transcript_file and --audio, got none",
        ),
        (
            ["--model_dir=m", "--question=who", "--context=a", "--context_file=b"],
            "expected one of --context, --context_file, --transcript_file and --audio, got --context and",
        ),
        (["--model_dir=m", "--input_file=f", "--context=a"], "expected no --context: --input_file has the texts"),
        (["--model_dir=m", "--question= ", "--context=a"], "--question is empty"),
        (
            ["--model_dir=m", "--question=who", "--transcript_file=a", "--clean_transcript=fillers,umms"],
            "expected all, none or rules of speaker_labels,",
        ),
        (
            ["--model_dir=/no/such", "--question=who", "--context=a"],
            "/no/such/config.json: cannot read this file (No such file or directory), expected a run directory that "
            "`train` wrote",
        ),
        # Told before a model is loaded:
        (["--model_dir=/no/such", "--question=who", "--transcript_file=/no.vtt"], "/no.vtt: cannot read this file"),
        (["--model_dir=/no/such", "--question=who", "--context_file=/no.txt"], "/no.txt: cannot read this file"),
        (["--model_dir=/no/such", "--question=who", "--audio=/no.wav"], "/no.wav: no such file"),
        (["--model_dir=/no/such", "--input_file=/no.jsonl"], "/no.jsonl: cannot read this file"),
        (["--saved_model=/no/such", "--question=who", "--context=a"], "/no/such: no saved_model.pb here"),
    ],
)
def test_bad_flags_give_one_line(arguments, message, capsys):
    assert _call(predict, *arguments) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error


def test_a_folder_of_versions_is_no_version(tiny_export, capsys):
    versions = tiny_export.qa_dir.removesuffix("/1")
    assert _call(predict, f"--saved_model={versions}", "--question=who", "--context=a") == 1
    assert f"expected the version folder that `export` wrote, such as {versions}/1" in capsys.readouterr().err


def test_the_ids_model_takes_no_text(tiny_export, capsys):
    assert _call(predict, f"--saved_model={tiny_export.ids_dir}", "--question=who", "--context=a") == 1
    assert "no signature `serving_default` (found: serve_ids)" in capsys.readouterr().err


def test_a_context_file_that_is_not_utf8_is_named(run_dir, tmp_path, capsys):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 ole")
    arguments = ("--question=who", f"--context_file={tmp_path / 'latin.txt'}")
    assert _call(predict, f"--model_dir={run_dir}", *arguments) == 1
    assert "latin.txt: not UTF-8 at byte 3" in capsys.readouterr().err


@pytest.mark.slow
def test_export_checks_itself_on_the_development_questions(tmp_path, capsys):
    folder = tmp_path / "run"
    folder.mkdir()
    tiny_model.write_tiny_run(folder)
    conversion = folder / "no_such_conversion"
    conversion.mkdir()
    examples = [SquadExample(f"q{i}", "who", f"the cat sat {i} ") for i in range(100)]
    write_squad(conversion / "dev.json", examples)
    assert _call(export, f"--model_dir={folder}", f"--export_dir={tmp_path / 'exports'}") == 0
    out = capsys.readouterr().out
    assert "checked: 107 examples answered as the checkpoint answers them" in out  # 7 built in
    assert f"wrote {tmp_path}/exports/qa/1" in out
    assert f"wrote {tmp_path}/exports/qa_ids/1" in out


@pytest.mark.slow
def test_a_squad_2_model_is_exported_with_its_null_rule(tmp_path, capsys):
    folder = tmp_path / "run"
    folder.mkdir()
    tiny_model.write_tiny_run(folder, version_2_with_negative=True)
    assert _call(export, f"--model_dir={folder}", f"--export_dir={tmp_path / 'exports'}") == 0
    arguments = (f"--saved_model={tmp_path}/exports/qa/1", "--question=who", "--context= ")
    assert _call(predict, *arguments) == 0
    assert "(no answer)\n  score 1.000" in capsys.readouterr().out


def test_export_without_a_run_directory_says_so(capsys):
    assert _call(export) == 1
    assert "--model_dir is missing" in capsys.readouterr().err


def test_decoding_flags_override_what_was_trained_and_only_that():
    trained = DecodingConfig(n_best_size=7, max_answer_length=9, version_2_with_negative=True)
    seen = []
    status = cli.call(
        lambda values: seen.append(replace_options(trained, flags.given_options(values, DecodingConfig))),
        "",
        [flags.option_group("Decoding", DecodingConfig, overrides=True)],
        ["--null_score_diff_threshold=-1.5", "--max_answer_length=4"],
    )
    assert status == 0
    assert seen == [dataclasses.replace(trained, null_score_diff_threshold=-1.5, max_answer_length=4)]
