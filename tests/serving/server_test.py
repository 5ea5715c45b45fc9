"""The web server over real sockets: with the tiny model, and with fakes where time or load matter."""

import concurrent.futures
import io
import json
import socket
import threading
import time
import urllib.parse

import numpy as np
import pytest

pytest.importorskip("uvicorn", reason="needs the extra `serving`")
import requests
import tensorflow as tf

from bert_qa_tf.errors import InputError
from bert_qa_tf.exporting.exported_model import load
from bert_qa_tf.serving import request_log, server
from bert_qa_tf.serving.backends import HttpReply, LocalModel
from bert_qa_tf.serving.predict_request import Limits
from bert_qa_tf.serving.servable import Servable
from tests import tiny_model
from tests.serving.running import FakeBackend, running, wait_until
from tests.testing import TESTDATA

LIMITS = Limits(max_body_bytes=100_000, max_batch_size=4, max_context_chars=5_000)
OK = HttpReply(200, b"{}")
PREDICT = "/v1/models/qa:predict"


@pytest.fixture(scope="module")
def servable(tiny_export):
    return Servable(tiny_export.qa_dir)


@pytest.fixture(scope="module")
def url(servable):
    with running(LocalModel(servable, "qa", LIMITS), limits=LIMITS) as address:
        yield address


def post(url, document, path=PREDICT):
    return requests.post(url + path, json=document, timeout=60)


# === The model ===


def test_both_forms_give_what_the_signature_gives(servable, url, tiny_export):
    questions, contexts = ["who", "where is it"], ["the cat 😀 sat", "on the mat . " * 40]
    signature = load(tiny_export.qa_dir).signatures["serving_default"]
    expected = {
        name: value.numpy()
        for name, value in signature(question=tf.constant(questions), context=tf.constant(contexts)).items()
    }
    rows = [{"question": question, "context": context} for question, context in zip(questions, contexts, strict=True)]

    by_row = post(url, {"instances": rows})
    by_column = post(url, {"inputs": {"question": questions, "context": contexts}})

    assert by_row.headers["content-type"] == "application/json"
    columns = by_column.json()["outputs"]
    assert columns.keys() == expected.keys()
    for name, values in expected.items():
        if values.dtype == object:
            assert columns[name] == np.vectorize(bytes.decode, otypes=[object])(values).tolist()
        else:
            np.testing.assert_allclose(columns[name], values, rtol=1e-5)
    assert by_row.json() == {
        "predictions": [{name: columns[name][row] for name in columns} for row in range(len(questions))]
    }
    for answer, start, end, context in zip(
        columns["answer"], columns["answer_start"], columns["answer_end"], contexts, strict=True
    ):
        assert context[start:end] == answer


def test_token_ids_are_answered_with_logits(servable, url):
    ids = [[2, 30, 3, 31, 3]]
    inputs = {"input_word_ids": ids, "input_mask": [[1] * 5], "input_type_ids": [[0] * 5]}

    reply = post(url, {"signature_name": "serve_ids", "inputs": inputs}, "/v1/models/qa/versions/1:predict")

    arrays = {name: np.array(value, np.int32) for name, value in inputs.items()}
    expected = servable.predict("serve_ids", arrays)
    assert reply.json()["outputs"].keys() == {"start_logits", "end_logits"}
    np.testing.assert_allclose(reply.json()["outputs"]["start_logits"], expected["start_logits"], rtol=1e-6)


def test_status_and_metadata_tell_of_the_model(url):
    status = requests.get(f"{url}/v1/models/qa", timeout=60).json()
    assert status["model_version_status"][0]["state"] == "AVAILABLE"
    assert requests.get(f"{url}/v1/models/qa/versions/1", timeout=60).json() == status
    metadata = requests.get(f"{url}/v1/models/qa/metadata", timeout=60).json()
    assert metadata["model_spec"] == {"name": "qa", "signature_name": "", "version": "1"}
    signatures = metadata["metadata"]["signature_def"]["signature_def"]
    assert signatures["serving_default"]["method_name"] == "tensorflow/serving/predict"
    question = signatures["serving_default"]["inputs"]["question"]
    assert question["dtype"] == "DT_STRING"
    assert question["tensor_shape"] == {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
    assert signatures["serve_ids"]["outputs"]["start_logits"]["dtype"] == "DT_FLOAT"


def test_an_independent_client_of_tf_serving_is_answered(url):
    ovmsclient = pytest.importorskip("ovmsclient", reason="needs ovmsclient")
    client = ovmsclient.make_http_client(url.removeprefix("http://"))
    assert client.get_model_status("qa", 1) == {1: {"state": "AVAILABLE", "error_code": 0, "error_message": ""}}
    assert client.get_model_metadata("qa", 1)["model_spec"]["name"] == "qa"
    inputs = {"question": np.array(["who", "where"]), "context": np.array(["the cat 😀 sat", "on the mat"])}
    outputs = client.predict(inputs, "qa", 1)
    columns = {name: values.tolist() for name, values in inputs.items()}
    assert outputs["answer"].tolist() == post(url, {"inputs": columns}).json()["outputs"]["answer"]


@pytest.mark.parametrize(
    ("path", "document", "status", "message"),
    [
        (PREDICT, {}, 400, "Missing 'inputs' or 'instances' key"),
        ("/v1/models/other:predict", {}, 404, "Servable not found for request: Latest(other)"),
        ("/v1/models/qa/versions/2:predict", {}, 404, "Servable not found for request: Specific(qa, 2)"),
        ("/v1/models/qa/labels/stable:predict", {}, 400, "Unrecognized servable version label: stable"),
        (
            "/v1/models/qa:classify",
            {},
            400,
            "Expected classify signature method_name to be tensorflow/serving/classify. Was: tensorflow/serving/pred",
        ),
        ("/v1/models/qa", {}, 400, "Malformed request: POST /v1/models/qa"),
        ("/elsewhere", {}, 404, "Not Found: POST /elsewhere"),
        (
            PREDICT,
            {"inputs": {"question": ["a"], "context": ["a", "b"]}},
            400,
            "question and context must have the same number of rows",
        ),
        (
            PREDICT,
            {"inputs": {"question": ["a"], "context": ["a" * 5_001]}},
            400,
            "Input context of row 0 has 5001 characters, more than the 5000 that this server takes",
        ),
        (
            PREDICT,
            {"instances": [{"question": "a", "context": "b"}] * 5},
            400,
            "has 5 rows, more than the 4 that this server takes",
        ),
    ],
)
def test_each_error_has_its_status_and_one_line(url, path, document, status, message):
    reply = post(url, document, path)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/json"
    assert list(reply.json()) == ["error"]
    assert message in reply.json()["error"]
    assert "\n" not in reply.json()["error"]


def test_ids_that_are_too_long_for_the_model_are_the_clients_error(url):
    row = {name: [0] * 2000 for name in ("input_word_ids", "input_mask", "input_type_ids")}
    reply = post(url, {"signature_name": "serve_ids", "instances": [row]})
    assert reply.status_code == 400
    assert len(reply.json()["error"]) < 1000


def test_an_empty_batch_in_columnar_form_is_answered_with_none(url):
    assert post(url, {"inputs": {"question": [], "context": []}}).json()["outputs"]["answer"] == []


def test_texts_of_every_kind_get_their_own_answer_from_many_clients_at_once(url):
    contexts = [*tiny_model.random_texts(3, 40), "the cat " * 600]

    def ask(context):
        [answer] = post(url, {"instances": [{"question": "who is it", "context": context}]}).json()["predictions"]
        return answer

    alone = [ask(context) for context in contexts]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        together = list(pool.map(ask, contexts))
    for context, answer, other in zip(contexts, alone, together, strict=True):
        assert context[answer["answer_start"] : answer["answer_end"]] == answer["answer"]
        assert (answer["answer"], answer["answer_start"]) == (other["answer"], other["answer_start"])


def test_the_ids_model_says_that_it_takes_no_text(tiny_export):
    servable = Servable(tiny_export.ids_dir)
    servable.warm_up()
    with running(LocalModel(servable, "qa", LIMITS)) as url:
        reply = post(url, {"instances": [{"question": "a", "context": "b"}]})
    assert (reply.status_code, reply.json()) == (
        400,
        {"error": 'Serving signature name: "serving_default" not found in signature def'},
    )


# === The page's files ===


def test_the_page_and_all_it_names_come_from_this_server(url):
    page = requests.get(url + "/", timeout=60)
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"].startswith("default-src 'self'; media-src blob:;")
    for name, kind in (("page.css", "text/css"), ("page.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
        assert f'"page/{name}"' in page.text
        assert requests.get(f"{url}/page/{name}", timeout=60).headers["content-type"].startswith(kind)
    assert "//" not in page.text
    assert requests.get(f"{url}/page/config.json", timeout=60).json() == {
        "model_name": "qa",
        "max_body_bytes": 100_000,
        "max_batch_size": 4,
        "max_context_chars": 5_000,
        "max_word_pieces": 400_000,
        "recognizer": None,
        "asks_for_token": False,
    }
    assert '"page/shared/base.css"' in page.text
    for name, kind in (("base.css", "text/css"), ("server.js", "text/javascript")):
        shared = requests.get(f"{url}/page/shared/{name}", timeout=60)
        assert shared.headers["content-type"].startswith(kind)
        assert shared.headers["cache-control"] == "no-cache"
    assert requests.get(f"{url}/page/../server.py", timeout=60).status_code == 404
    assert requests.get(f"{url}/page/shared/../../server.py", timeout=60).status_code == 404
    assert requests.get(f"{url}/page/%2e%2e/server.py", timeout=60).status_code == 404


# === Transcripts ===


def post_file(url, content, name="call.vtt", **query):
    return requests.post(f"{url}/transcript", data=content, params={"name": name, **query}, timeout=60)


def test_a_transcript_is_read_with_the_place_and_time_of_each_word(url):
    reply = post_file(url, "WEBVTT\n\n00:01.000 --> 00:03.000\n<v Ann>😀 hi<00:02.000> nora".encode())
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.json() == {
        "format": "vtt",
        "note": "vtt, 3 words; 2 with estimated times",
        "text": "😀 hi nora",
        "words": {
            "start_chars": [0, 2, 5],
            "end_chars": [1, 4, 9],
            "start_secs": [1.0, pytest.approx(4 / 3), 2.0],
            "end_secs": [pytest.approx(4 / 3), 2.0, 3.0],
            "times_estimated": [True, True, False],
            "speakers": ["Ann"] * 3,
        },
    }


@pytest.mark.parametrize("path", sorted((TESTDATA / "transcripts").glob("call.*")), ids=lambda path: path.name)
def test_transcripts_of_every_format_are_read(url, path):
    read = post_file(url, path.read_bytes(), path.name).json()
    text, words = read["text"], read["words"]
    if read["format"] == "txt":
        assert (text, words["start_chars"]) == (path.read_text(encoding="utf-8"), [])
        return
    spans = zip(words["start_chars"], words["end_chars"], strict=True)
    assert [text[start:end] for start, end in spans] == text.split()
    if read["format"] != "otter":  # its ends are estimated
        assert words["end_secs"][-1] == 3604.0


def test_one_of_several_recordings_is_chosen(url):
    content = b"a 1 0.0 1.0 hi\nb 1 0.0 1.0 bye\n"
    assert post_file(url, content, "calls.ctm", recording="b").json()["text"] == "bye"
    refused = post_file(url, content, "calls.ctm")
    assert refused.status_code == 400
    assert refused.json()["error"].startswith("calls.ctm: holds 2 recordings")


@pytest.mark.parametrize(
    ("content", "name", "status", "message"),
    [
        (b"WEBVTT\n\n00:01.000 --> soon\nhi", "../up/call.vtt", 400, "call.vtt:3: expected times such as"),
        (b"RIFF\x00", "", 400, "transcript: not text (a zero byte at 4), expected a transcript"),
        (b"[" * 90_000, "a.json", 400, "a.json: not JSON that can be read (nested too deeply)"),
        (b"hi " * 2_000, "a.txt", 400, "a.txt: 6000 characters, more than the 5000 that this server takes"),
        (b"hi " * 40_000, "a.txt", 413, "The request's body is larger than the 100000 bytes that this server takes"),
    ],
)
def test_what_is_no_transcript_or_too_large_has_its_status_and_one_line(url, content, name, status, message):
    reply = post_file(url, content, name)
    assert reply.status_code == status
    assert reply.json()["error"].startswith(message)
    assert "\n" not in reply.json()["error"]


def test_reading_transcripts_needs_no_model_and_only_takes_posts():
    def fail(request):
        raise AssertionError("the model was asked")

    with running(FakeBackend(fail)) as address:
        assert post_file(address, b"1\n00:00:00,000 --> 00:00:01,000\nhi", "a.srt").json()["text"] == "hi"
        reply = requests.get(f"{address}/transcript", timeout=60)
    assert (reply.status_code, reply.json()) == (405, {"error": "Method Not Allowed: GET /transcript"})


# === Limits and load ===


@pytest.mark.parametrize("size", [1001, 7_000, 2_000_000])
def test_a_body_that_is_too_large_is_status_413_and_reaches_nobody(size):
    backend = FakeBackend(lambda request: OK)
    with running(backend, limits=Limits(max_body_bytes=1000)) as url:
        assert requests.post(url + PREDICT, data=b"x" * 1000, timeout=60).status_code == 200
        try:
            reply = requests.post(url + PREDICT, data=b"x" * size, timeout=60)
        except requests.ConnectionError:
            assert size > 8 * 1000  # so much is not even read
        else:
            assert reply.status_code == 413
            assert reply.json() == {"error": "The request's body is larger than the 1000 bytes that this server takes"}
        chunks = (b"x" * 500 for _ in range(4))
        assert requests.post(url + PREDICT, data=chunks, timeout=60).status_code == 413
    assert len(backend.requests) == 1


def test_status_is_answered_while_all_workers_are_busy_and_more_than_may_wait_are_refused():
    go_on = threading.Event()

    def slow(request):
        if request.method == "POST":
            assert go_on.wait(60)
        return OK

    backend = FakeBackend(slow)
    with running(backend, max_waiting=0) as url, concurrent.futures.ThreadPoolExecutor(2) as pool:
        try:
            working = [pool.submit(post, url, {}) for _ in range(2)]
            wait_until(lambda: len(backend.requests) == 2)
            assert requests.get(f"{url}/v1/models/qa", timeout=60).status_code == 200
            refused = post(url, {})
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert refused.json() == {"error": "2 requests are waiting already; try again later"}
        finally:
            go_on.set()
        assert [reply.result().status_code for reply in working] == [200] * 2
        assert post(url, {}).status_code == 200


def test_a_client_that_goes_away_in_mid_request_harms_nobody():
    backend = FakeBackend(lambda request: OK)
    with running(backend) as url:
        address = urllib.parse.urlsplit(url)
        for sent in (
            b"POST /v1/models/qa:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf",
            b"POS",
            b"",
        ):
            with socket.create_connection((address.hostname, address.port)) as connection:
                connection.sendall(sent)
        assert post(url, {}).status_code == 200
    assert len(backend.requests) == 1


def test_a_client_that_goes_away_while_it_waits_for_its_turn_costs_no_work():
    go_on = threading.Event()
    backend = FakeBackend(lambda request: go_on.wait(60) and OK, concurrent_calls=1)
    with running(backend) as url, concurrent.futures.ThreadPoolExecutor(1) as pool:
        address = urllib.parse.urlsplit(url)
        try:
            first = pool.submit(post, url, {"instances": [1]})
            wait_until(lambda: backend.requests)
            with socket.create_connection((address.hostname, address.port)) as connection:
                connection.sendall(
                    b"POST /v1/models/qa:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n2"
                )
                time.sleep(0.3)
            time.sleep(0.3)
        finally:
            go_on.set()
        assert first.result().status_code == 200
        assert post(url, {"instances": [3]}).status_code == 200
    assert [request.body for request in backend.requests] == [b'{"instances": [1]}', b'{"instances": [3]}']


def test_a_bug_is_status_500_without_its_details(caplog):
    def broken(request):
        raise ZeroDivisionError("a secret")

    with running(FakeBackend(broken)) as url:
        reply = post(url, {})
    assert (reply.status_code, reply.json()) == (500, {"error": "Internal error; the server's log has more"})
    assert "secret" not in reply.text


def test_what_is_in_flight_when_the_server_stops_is_answered():
    started, go_on = threading.Event(), threading.Event()

    def slow(request):
        started.set()
        assert go_on.wait(60)
        return HttpReply(200, b'{"late": true}')

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with running(FakeBackend(slow)) as url:
            reply = pool.submit(post, url, {})
            assert started.wait(60)
            threading.Timer(0.5, go_on.set).start()  # the server is told to stop right now
        assert reply.result().json() == {"late": True}
        with pytest.raises(requests.ConnectionError):
            post(url, {})


# === Starting ===


def test_a_port_that_is_taken_is_one_line():
    with server.bind("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"cannot listen on 127\.0\.0\.1:{port} \(Address already in use\)"):
            server.bind("127.0.0.1", port)
    with pytest.raises(InputError, match=r"cannot listen on no\.such\.invalid:1 "):
        server.bind("no.such.invalid", 1)


def test_metadata_is_json_that_others_read(servable):
    assert (
        json.loads(json.dumps(servable.signature_defs))["serving_default"]["outputs"]["answer"]["dtype"] == "DT_STRING"
    )


def test_a_signal_before_the_server_took_them_over_is_not_lost():
    config = server.ServerConfig(port=0)
    application = server.Application(FakeBackend(lambda request: HttpReply(200, b"{}")), config)
    stop = threading.Event()
    with server.bind(config.host, config.port) as listener:
        web = server.Web(application, config, request_log.RequestLog(io.StringIO()), stop)
        stop.set()
        thread = threading.Thread(target=web.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        thread.join(20)
        assert not thread.is_alive()
    application.close()
