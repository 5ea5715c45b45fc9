"""`serve` and `client` with a model that classifies, from the shell."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("uvicorn", reason="needs the extra `serving`")

from bert_qa_tf import client, predict, serve
from bert_qa_tf.serving import server
from tests.serving import servers
from tests.tiny_training import call

TABLE = "sentence\tlabel\nthe cat sat\tgood\n\n😀 北京\t\nwho is it ?\tbad\nmat\tgood\n"


@pytest.fixture(scope="module")
def servers_of_labels(classification_path):
    with servers.rest_server(classification_path) as rest, servers.grpc_server(classification_path) as grpc:
        yield {"http": rest, "grpc": grpc}


@pytest.fixture
def address(servers_of_labels, scheme):
    servers_of_labels[scheme].batches.clear()
    return f"--server={scheme}://127.0.0.1:{servers_of_labels[scheme].port}"


# === client ==========================================================================================================


def test_one_sentence_from_the_shell(address, classification_path, capsys):
    assert call(client, address, "--text=the cat sat") == 0
    served = capsys.readouterr().out
    assert served.splitlines()[0] in ("bad", "fair", "good")
    assert call(predict, f"--saved_model={classification_path}", "--text=the cat sat") == 0
    assert capsys.readouterr().out == served


# The flags of the request do not tell the task of a file: the name of the model, or of the task, does.
@pytest.mark.parametrize("told", ["--model_name=classification", "--task=classification"])
def test_a_file_is_answered_as_predict_answers_it(
    servers_of_labels, scheme, address, classification_path, tmp_path, capsys, told
):
    (tmp_path / "x.tsv").write_text(TABLE, encoding="utf-8")
    output = f"--output_file={tmp_path / 'served.jsonl'}"
    assert call(client, address, told, f"--input_file={tmp_path / 'x.tsv'}", output, "--batch_size=3") == 0
    assert servers_of_labels[scheme].batches == [3, 1]
    assert capsys.readouterr().out == f"wrote 4 answers to {tmp_path}/served.jsonl\n"
    assert call(predict, f"--saved_model={classification_path}", f"--input_file={tmp_path / 'x.tsv'}") == 0
    local = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    served = [json.loads(line) for line in (tmp_path / "served.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(one["id"], one["label"]) for one in served] == [(one["id"], one["label"]) for one in local]
    for one, other in zip(served, local, strict=True):
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-4)


def test_a_question_for_a_model_of_sentences_is_one_line(address, capsys):
    assert call(client, address, "--model_name=classification", "--question=who", "--context=the cat") == 1
    server = address.partition("=")[2]
    assert capsys.readouterr().err == (
        f"error: {server}: the model classification takes text; the task question_answering asks with question, "
        "context\n"
    )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ["--task=classification", "--question=who", "--context=a"],
            "--context is no option of the task classification",
        ),
        (["--task=question_answering", "--text=a"], "--text is no option of the task question_answering"),
        (["--text=a", "--question=who"], "--question is no option of the task classification"),
        (["--text=a", "--audio=a.wav"], "--audio is no option of the task classification"),
        (["--text=a", "--text_file=b"], "give one of --text, --text_file and --input_file, got --text and --text_file"),
        (["--task=sentiment", "--text=a"], "task 'sentiment': expected one of question_answering, classification"),
        (["--model_name=classification"], "give one of --text, --text_file and --input_file, got none"),
    ],
)
def test_flags_that_do_not_fit_are_one_line(address, capsys, more, message):
    named = [] if any("model_name" in flag for flag in more) else ["--model_name=classification"]
    assert call(client, address, *named, *more) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message}")
    assert error.count("\n") == 1


def test_a_model_that_the_server_does_not_have_is_one_line(address, capsys):
    assert call(client, address, "--model_name=sentiment", "--text=a") == 1
    error = capsys.readouterr().err
    assert "Servable not found for request: Latest(sentiment)" in error
    assert error.count("\n") == 1


# === serve ===========================================================================================================


@pytest.fixture
def served(monkeypatch):
    """What `serve` would have run."""
    given = []
    monkeypatch.setattr(server, "run", lambda *arguments, **_: given.append(arguments))
    return given


def test_a_model_is_served_under_the_name_of_its_exports(classification_path, served, capsys):
    assert call(serve, f"--saved_model={classification_path}", "--port=0") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"serving {classification_path} as model classification, version 1"
    assert lines[1].startswith("  page     http://127.0.0.1:")
    assert "recordings" not in lines[1]
    assert lines[2].endswith("/v1/models/classification:predict")
    [(_, config, _, recordings, _)] = served
    assert config.model_name == "classification"
    assert recordings is None


def test_a_name_that_is_given_is_kept(classification_path, served, capsys):
    assert call(serve, f"--saved_model={classification_path}", "--port=0", "--model_name=mood") == 0
    assert " as model mood, version 1\n" in capsys.readouterr().out
    assert served[0][1].model_name == "mood"


def test_a_model_without_its_task_file_is_known_by_its_inputs(export_path, served, capsys):
    assert call(serve, f"--saved_model={export_path}", "--port=0", "--recognizer=none") == 0
    assert " as model qa, version 1\n" in capsys.readouterr().out


def test_in_front_of_a_tf_serving_the_name_is_qa_unless_given(served, capsys):
    for more, name in (((), "qa"), (("--model_name=classification",), "classification")):
        assert call(serve, "--tf_serving=localhost:1", "--port=0", "--recognizer=none", *more) == 0
        assert served[-1][1].model_name == name
    capsys.readouterr()


def test_a_recognizer_for_a_model_that_reads_no_recordings_is_one_line(classification_path, capsys):
    arguments = (f"--saved_model={classification_path}", "--port=0", "--recognizer=pocketsphinx")
    assert call(serve, *arguments) == 1
    assert capsys.readouterr().err == "error: --recognizer: a model of the task classification reads no recordings\n"
