"""The web server with a model that classifies: TF Serving's REST paths, and whose page is shown."""

from __future__ import annotations

import socket

import numpy as np
import pytest

pytest.importorskip("uvicorn", reason="needs the extra `serving`")
import requests

from bert_qa_tf.exporting.exported_model import ExportedModel
from bert_qa_tf.serving.backends import HttpReply, LocalModel, RemoteServing
from bert_qa_tf.serving.predict_request import Limits
from bert_qa_tf.serving.servable import Servable
from bert_qa_tf.tasks.classification.task import Classification
from bert_qa_tf.tasks.question_answering.task import QuestionAnswering
from tests.serving import servers
from tests.serving.running import FakeBackend, running
from tests.tasks.toy_task import ToyTask

NAME = "classification"
LIMITS = Limits(max_batch_size=4, max_context_chars=5_000)
TEXTS = ["the cat sat", "😀 北京 é", "", "who is it ? " * 100]


@pytest.fixture(scope="module")
def servable(classification_path):
    return Servable(classification_path)


@pytest.fixture(scope="module")
def url(servable):
    with running(LocalModel(servable, NAME, LIMITS), limits=LIMITS, model_name=NAME) as address:
        yield address


def post(url, document):
    return requests.post(f"{url}/v1/models/{NAME}:predict", json=document, timeout=60)


def title(url):
    text = requests.get(f"{url}/", timeout=60).text
    return text[text.index("<title>") + 7 : text.index("</title>")]


# === Requests ========================================================================================================


def test_both_forms_give_what_the_export_gives(url, classification_path):
    expected = ExportedModel(classification_path).predict({"text": TEXTS})
    columns = post(url, {"inputs": {"text": TEXTS}}).json()["outputs"]
    assert set(columns) == set(expected) == {"label", "score", "labels", "probabilities"}
    assert columns["label"] == expected["label"]
    assert columns["labels"] == [["bad", "fair", "good"]] * 4
    for name in ("score", "probabilities"):
        np.testing.assert_allclose(columns[name], expected[name], rtol=1e-5)
    rows = post(url, {"instances": [{"text": text} for text in TEXTS]}).json()["predictions"]
    assert rows == [{name: columns[name][i] for name in columns} for i in range(4)]
    # As it has one input, plain values will do.
    assert post(url, {"instances": TEXTS}).json()["predictions"] == rows
    assert post(url, {"inputs": TEXTS}).json()["outputs"] == columns


def test_token_ids_are_answered_with_logits(url):
    inputs = {"input_word_ids": [[2, 30, 3]], "input_mask": [[1] * 3], "input_type_ids": [[0] * 3]}
    outputs = post(url, {"signature_name": "serve_ids", "inputs": inputs}).json()["outputs"]
    assert np.shape(outputs) == (1, 3)  # one output goes without its name


def test_status_and_metadata_tell_of_the_model(url):
    status = requests.get(f"{url}/v1/models/{NAME}", timeout=60).json()
    assert status["model_version_status"][0]["state"] == "AVAILABLE"
    metadata = requests.get(f"{url}/v1/models/{NAME}/metadata", timeout=60).json()
    assert metadata["model_spec"]["name"] == NAME
    signatures = metadata["metadata"]["signature_def"]["signature_def"]
    assert set(signatures["serving_default"]["inputs"]) == {"text"}
    assert set(signatures["serving_default"]["outputs"]) == set(Classification.served_outputs)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"instances": [{"text": "a"}] * 5}, "Input text has 5 rows, more than the 4 that this server takes"),
        ({"inputs": ["a", "b" * 5001]}, "Input text of row 1 has 5001 characters, more than the 5000 that this server"),
        ({"instances": [{"question": "who", "context": "a"}]}, "does not have named input: question"),
        ({"inputs": {"question": ["who"]}}, "Missing named input: text in 'inputs' object."),
    ],
)
def test_what_cannot_be_asked_is_one_line(url, document, message):
    reply = post(url, document)
    assert reply.status_code == 400
    assert message in reply.json()["error"]


# === Pages ===========================================================================================================


def test_the_page_is_that_of_classification(url):
    page = requests.get(f"{url}/", timeout=60)
    assert "<title>Classify sentences</title>" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'self'; ")
    assert "//" not in page.text
    for name in ("icon.svg", "shared/base.css", "page.css", "page.js"):
        assert f'"page/{name}"' in page.text
    for name in ("page.css", "batches.js", "example.js", "shared/base.css", "shared/dom.js", "shared/files.js"):
        assert requests.get(f"{url}/page/{name}", timeout=60).status_code == 200
    config = requests.get(f"{url}/page/config.json", timeout=60).json()
    assert (config["model_name"], config["max_batch_size"]) == (NAME, 4)


@pytest.mark.parametrize(
    ("task", "shown"),
    [
        (Classification, "Classify sentences"),
        (QuestionAnswering, "Ask a transcript"),
        (None, "Ask a transcript"),  # a model whose task is not known
        (ToyTask, "Ask a transcript"),  # a task without a page
    ],
)
def test_each_task_has_its_page(task, shown):
    with running(FakeBackend(lambda request: HttpReply(200, b"{}"), of_task=task)) as url:
        assert title(url) == shown


def test_in_front_of_a_tf_serving_the_metadata_choose_the_page(classification_path, export_path):
    for path, name, shown in (
        (classification_path, NAME, "Classify sentences"),
        (export_path, "qa", "Ask a transcript"),
    ):
        with (
            servers.rest_server(path) as seen,
            running(RemoteServing(f"127.0.0.1:{seen.port}", name, 60), model_name=name) as front,
        ):
            assert title(front) == shown
            assert requests.get(f"{front}/page/page.js", timeout=60).status_code == 200


@pytest.mark.slow
def test_a_page_is_shown_while_tf_serving_is_away_and_the_right_one_once_it_is_there(classification_path):
    with servers.rest_server(classification_path) as seen:
        port = seen.port
    backend = RemoteServing(f"127.0.0.1:{port}", NAME, 60)
    with running(backend, model_name=NAME) as front:
        assert title(front) == "Ask a transcript"
        with servers.rest_server(classification_path, port):
            assert title(front) == "Classify sentences"


def test_a_tf_serving_that_hangs_does_not_keep_the_page_waiting(monkeypatch):
    monkeypatch.setattr("bert_qa_tf.serving.backends._TASK_SECS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as hanging:  # takes connections, and says nothing
        backend = RemoteServing(f"127.0.0.1:{hanging.getsockname()[1]}", NAME, 60)
        with running(backend) as front:
            assert requests.get(f"{front}/", timeout=20).status_code == 200
