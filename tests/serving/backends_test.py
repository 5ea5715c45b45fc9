"""`serve` in front of a TF Serving: what is passed on, what is passed back, and what is refused."""

import http.client
import socket
import threading
import urllib.parse

import pytest

pytest.importorskip("uvicorn", reason="needs the extra `serving`")
import requests

from bert_qa_tf.errors import InputError
from bert_qa_tf.serving.backends import HttpReply, LocalModel, RemoteServing
from bert_qa_tf.serving.predict_request import Limits
from bert_qa_tf.serving.servable import Servable
from tests.raw_server import RawServer
from tests.serving.running import FakeBackend, running

OK = HttpReply(200, b"{}")
PREDICT = "/v1/models/qa:predict"


@pytest.fixture(scope="module")
def url(tiny_export):
    with running(LocalModel(Servable(tiny_export.qa_dir), "qa", Limits())) as address:
        yield address


def post(url, document, path=PREDICT):
    return requests.post(url + path, json=document, timeout=60)


def test_requests_are_passed_on_and_answers_passed_back(url):
    with running(RemoteServing(url.removeprefix("http://"), "qa", 60)) as front:
        document = {"instances": [{"question": "who", "context": "the cat"}]}
        assert post(front, document).json() == post(url, document).json()
        assert requests.get(f"{front}/v1/models/qa", timeout=60).json()["model_version_status"]
        missing = post(front, document, "/v1/models/other:predict")
        assert missing.status_code == 404
        assert missing.json() == {"error": "Servable not found for request: Latest(other)"}
        assert requests.get(front + "/", timeout=60).status_code == 200


def test_only_the_paths_of_tf_serving_and_few_headers_are_passed_on():
    backend = FakeBackend(lambda request: OK)
    with running(backend) as url, running(RemoteServing(url.removeprefix("http://"), "qa", 60)) as front:
        address = urllib.parse.urlsplit(front)
        for path in (
            "/v1/../monitoring",
            "/v1/models/a/../../monitoring",
            "/v1/monitoring",
            "/v1/models/..",
            "/v1/models/%2e%2e",
            "/v1/models/..%2F..%2Fmonitoring",
            "/v1/models/..\\..\\monitoring",
            "/v1/models/%252e%252e%252fmonitoring",
        ):
            connection = http.client.HTTPConnection(address.hostname, address.port)
            connection.request("GET", path)
            assert connection.getresponse().status == 400
            connection.close()
        headers = {"Authorization": "Bearer x", "Cookie": "a=b", "X-Other": "c"}
        requests.post(front + PREDICT, json={}, headers=headers, timeout=60)
    [request] = backend.requests
    assert request.headers["authorization"] == "Bearer x"
    assert request.headers["content-type"] == "application/json"
    assert not {"cookie", "x-other"} & set(request.headers.keys())


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (b"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\n", "redirects, which is not followed"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n", "gave no reply that can be used"),
        (b"HTTP/1.1 101 Switch\r\n", "gave no reply that can be used (status 101)"),
        (b"HTTP/1.1 999 No\r\n", "gave no reply that can be used (status 999)"),
    ],
)
def test_a_redirect_of_a_tf_serving_is_not_followed_and_a_broken_reply_is_said_to_be_one(reply, message):
    inner = RawServer(reply + b"Content-Length: 5\r\n\r\nhello")
    with inner, running(RemoteServing(inner.url[len("http://") : -1], "qa", 60)) as front:
        refused = post(front, {})
    assert (refused.status_code, message in refused.text) == (502, True)


def test_a_tf_serving_that_is_not_there_or_does_not_answer_is_said_to_be_so():
    with socket.socket() as silent:  # nobody listens
        silent.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with running(RemoteServing(address, "qa", 60)) as front:
            reply = post(front, {})
    assert reply.status_code == 503
    assert reply.json()["error"] == f"TF Serving at http://{address} cannot be reached"
    go_on = threading.Event()
    with running(FakeBackend(lambda request: go_on.wait(60) and OK)) as url:
        with running(RemoteServing(url.removeprefix("http://"), "qa", 0.2)) as front:
            reply = post(front, {})
        go_on.set()
    assert reply.status_code == 504
    assert reply.json()["error"] == f"TF Serving at {url} did not answer in 0.2 s"


@pytest.mark.parametrize(
    "address", ["localhost", "localhost:", ":8501", "a b:1", "localhost:99999", "ftp://a:1", "a:1/x"]
)
def test_what_is_no_address_is_an_input_error(address):
    with pytest.raises(InputError, match="--tf_serving: expected host:port of a TF Serving's REST port, got "):
        RemoteServing(address, "qa", 1)
