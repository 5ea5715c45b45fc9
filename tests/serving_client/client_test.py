"""Our client, and one that is not ours, against servers that run a real export."""

import contextlib
import socket
import threading
import time

import numpy as np
import ovmsclient
import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.exporting.exported_model import ExportedModel
from bert_qa_tf.serving_client import client as client_module
from bert_qa_tf.serving_client.client import Client, ServerError
from bert_qa_tf.serving_client.connection import Connection
from bert_qa_tf.serving_client.retries import RetryPolicy
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from tests import tiny_model
from tests.serving import servers

QUICK = RetryPolicy(max_attempts=3, timeout_secs=20, deadline_secs=60, first_wait_secs=0.02)
CALL = "\U0001f600 nora called from 北京. the cat sat on the mat"


def _connection(scheme, seen, **options):
    return Connection(f"{scheme}://127.0.0.1:{seen.port}", **options)


@contextlib.contextmanager
def _client(scheme, seen, retry=QUICK, batch_size=32, **options):
    with Client(_connection(scheme, seen, **options), retry, batch_size) as client:
        yield client


def _places(answers):
    return [(answer.text, answer.start_char, answer.end_char) for answer in answers]


# === Answers ===


def test_answers_are_those_of_the_export_in_process(scheme, seen, export_path):
    texts = [*tiny_model.random_texts(11, 40), CALL, "", "a\x00b the cat", "the \ud800 cat"]
    examples = [SquadExample(str(i), "where is it", text) for i, text in enumerate(texts)]
    expected = list(ExportedModel(export_path).answer(examples))
    with _client(scheme, seen) as client:
        found = list(client.answer(examples))
    assert _places(found) == _places(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-4)
        assert [entry.text for entry in one.nbest] == [entry.text for entry in other.nbest]


def test_offsets_are_code_points(scheme, seen):
    with _client(scheme, seen) as client:
        answer = client.ask("who called", CALL)
    assert answer.text
    assert CALL[answer.start_char : answer.end_char] == answer.text
    assert answer.nbest[0].text == answer.text


def test_lists_go_out_in_batches_and_come_back_in_order(scheme, seen, export_path):
    examples = [SquadExample(str(i), "who", "the cat sat " * (i + 1)) for i in range(7)]
    with _client(scheme, seen, batch_size=3) as client:
        found = list(client.answer(iter(examples)))
    assert seen.batches == [3, 3, 1]
    assert _places(found) == _places(ExportedModel(export_path).answer(examples))


def test_long_texts_go_in_requests_of_their_own(scheme, seen, monkeypatch):
    monkeypatch.setattr(client_module, "_MAX_BATCH_CHARS", 30)
    texts = ["a" * 10, "b" * 10, "c" * 10, "d" * 100, "e"]
    with _client(scheme, seen) as client:
        assert len(list(client.answer(SquadExample(text, "who", text) for text in texts))) == 5
    assert seen.batches == [3, 1, 1]


def test_questions_are_read_only_as_they_are_sent(scheme, seen):
    read = []

    def examples():
        for i in range(100):
            read.append(i)
            yield SquadExample(str(i), "who", "the cat")

    with _client(scheme, seen, batch_size=2) as client:
        next(client.answer(examples()))
    assert len(read) <= 3


def test_no_question_is_no_request(scheme, seen):
    with _client(scheme, seen) as client:
        assert list(client.answer([])) == []
    assert seen.headers == []


@pytest.mark.parametrize(
    ("options", "version"),
    [({}, 2), ({"model_version": 1}, 1), ({"model_version_label": "stable"}, 1)],
)
def test_version_and_label_reach_the_server(scheme, seen, options, version):
    with _client(scheme, seen, **options) as client:
        client.ask("who", "the cat")
    assert seen.versions == [version]


def test_headers_reach_the_server(scheme, seen):
    headers = (("Authorization", "Bearer secret"), ("X-Request-Id", "7"))
    with _client(scheme, seen, headers=headers) as client:
        client.ask("who", "the cat")
    got = {name.lower(): value for name, value in seen.headers[0].items()}
    assert (got["authorization"], got["x-request-id"]) == ("Bearer secret", "7")


def test_a_netrc_file_does_not_replace_the_header(running, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    running["http"].headers.clear()
    with _client("http", running["http"], headers=(("authorization", "Bearer mine"),)) as client:
        client.ask("who", "the cat")
    assert running["http"].headers[0]["authorization"] == "Bearer mine"


# === What goes wrong ===


def test_a_server_that_fails_twice_is_asked_a_third_time(scheme, seen):
    seen.failures += [servers.UNAVAILABLE, servers.UNAVAILABLE]
    with _client(scheme, seen) as client:
        assert client.ask("who", "the cat").text
    assert len(seen.headers) == 3


def test_a_server_that_goes_on_failing_is_left_alone(scheme, seen):
    seen.failures += [servers.UNAVAILABLE] * 5
    status = {"http": "HTTP 503", "grpc": "UNAVAILABLE"}[scheme]
    with _client(scheme, seen) as client, pytest.raises(ServerError) as raised:
        client.ask("who", "the cat")
    assert str(raised.value) == (
        f"{scheme}://127.0.0.1:{seen.port}: {status}: The batch scheduling queue is full (after 3 attempts)"
    )
    assert (raised.value.status, raised.value.attempts, len(seen.headers)) == (status, 3, 3)


def test_answers_before_a_failure_are_given(scheme, seen):
    with _client(scheme, seen, batch_size=1) as client:
        answers = client.answer(SquadExample(str(i), "who", "the cat") for i in range(3))
        assert next(answers).text
        seen.failures += [servers.UNAVAILABLE] * 3
        with pytest.raises(ServerError):
            next(answers)


@pytest.mark.parametrize("status", [429, 502, 503, 504, 400, 401, 404, 500, 501])
def test_only_some_http_errors_are_tried_again(running, status):
    state = running["http"]
    state.headers.clear()
    state.failures[:] = [servers.RequestError(None, status, "no")]
    with _client("http", state) as client:
        if status in (429, 502, 503, 504):
            assert client.ask("who", "the cat").text
        else:
            with pytest.raises(ServerError, match=f"HTTP {status}: no$"):
                client.ask("who", "the cat")
    assert len(state.headers) == (2 if status in (429, 502, 503, 504) else 1)


@pytest.mark.parametrize("name", ["INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "UNAUTHENTICATED", "INTERNAL", "NOT_FOUND"])
def test_other_grpc_errors_are_not_tried_again(running, name):
    state = running["grpc"]
    state.headers.clear()
    state.failures[:] = [servers.RequestError(getattr(servers.grpc.StatusCode, name), 0, "no")]
    with _client("grpc", state) as client, pytest.raises(ServerError, match=f"{name}: no$"):
        client.ask("who", "the cat")
    assert len(state.headers) == 1


def test_a_model_that_is_not_there_is_named_in_the_servers_words(scheme, seen):
    with _client(scheme, seen, model_name="other") as client, pytest.raises(ServerError) as raised:
        client.ask("who", "the cat")
    assert "Servable not found for request: Latest(other)" in str(raised.value)
    assert raised.value.attempts == 1
    with _client(scheme, seen, model_version_label="canary") as client, pytest.raises(ServerError) as raised:
        client.ask("who", "the cat")
    assert "Unrecognized servable version label: canary" in str(raised.value)


def test_the_server_says_how_long_to_wait(running):
    state = running["http"]
    state.failures[:] = [servers.RequestError(None, 503, "busy", {"Retry-After": "1"})]
    start = time.monotonic()
    with _client("http", state) as client:
        client.ask("who", "the cat")
    assert time.monotonic() - start >= 1


def test_a_slow_reply_is_given_up_and_asked_for_again(scheme, seen):
    seen.delays += [8]
    with _client(scheme, seen, RetryPolicy(timeout_secs=3, first_wait_secs=0.02)) as client:
        assert client.ask("who", "the cat").text
    assert len(seen.headers) >= 2


def test_a_server_that_stays_slow_is_a_timeout(scheme, seen):
    seen.delays += [1.0] * 2
    status = {"http": "TIMEOUT", "grpc": "DEADLINE_EXCEEDED"}[scheme]
    retry = RetryPolicy(max_attempts=2, timeout_secs=0.2, first_wait_secs=0.02)
    with _client(scheme, seen, retry) as client, pytest.raises(ServerError, match=rf"{status}: .*\(after 2 attempts\)"):
        client.ask("who", "the cat")


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_nobody_listening_is_said_so(scheme):
    refused = pytest.raises(ServerError, match=r"UNAVAILABLE: .*[Cc]onnection refused.*\(after 3 attempts\)")
    with Client(Connection(f"{scheme}://127.0.0.1:{_free_port()}"), QUICK) as client, refused:
        client.ask("who", "the cat")


@pytest.mark.slow
def test_a_server_that_is_still_starting_is_waited_for(scheme, export_path):
    port = _free_port()
    start = {"http": servers.rest_server, "grpc": servers.grpc_server}[scheme]
    done = threading.Event()

    def serve():
        time.sleep(0.5)
        with start(export_path, port):
            done.wait(60)

    thread = threading.Thread(target=serve)
    thread.start()
    retry = RetryPolicy(max_attempts=60, deadline_secs=50, first_wait_secs=0.1, max_wait_secs=2)
    try:
        with Client(Connection(f"{scheme}://127.0.0.1:{port}"), retry) as client:
            assert client.ask("who", "the cat").text
    finally:
        done.set()
        thread.join()


def test_a_connection_cut_in_mid_reply_is_tried_again():
    asked = []
    listener = socket.create_server(("127.0.0.1", 0))

    def cut():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                asked.append(connection.recv(65536))
                connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"outputs": {')
                connection.close()

    threading.Thread(target=cut, daemon=True).start()
    unavailable = pytest.raises(ServerError, match=r"UNAVAILABLE: .*\(after 3 attempts\)")
    with Client(Connection(f"127.0.0.1:{listener.getsockname()[1]}"), QUICK) as client, unavailable:
        client.ask("who", "the cat")
    listener.close()
    assert len(asked) == 3


GOOD = {
    **{"answer": ["cat"], "answer_start": [4], "answer_end": [7], "score": [0.5]},
    **{"nbest_answer": [["cat", ""]], "nbest_start": [[4, 0]], "nbest_score": [[0.5, 0.0]]},
}


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ({"predictions": []}, "HTTP 200: no JSON object with `outputs`: not the REST API of TF Serving"),
        (b"<html>hello</html>", "HTTP 200: no JSON object with `outputs`"),
        (b"\xff\xfe", "HTTP 200: no JSON object with `outputs`"),
        (b"[" * 100_000, "HTTP 200: no JSON object with `outputs`"),
        (b'{"outputs": ' + b"9" * 5_000 + b"}", "HTTP 200: no JSON object with `outputs`"),
        ({"outputs": {**GOOD, "score": [10**400]}}, "HTTP 200: no JSON object with `outputs`"),
        ({"outputs": {}}, r"REPLY: expected `answer` with 1 entries, got no such output: is this model a `qa` export"),
        ({"outputs": {**GOOD, "answer": ["a", "b"]}}, "expected `answer` with 1 entries, got 2 entries"),
        ({"outputs": {**GOOD, "answer_start": ["4"]}}, "expected `answer_start` with 1 entries, got 1 entries, the"),
        ({"outputs": {**GOOD, "nbest_start": [4]}}, "nbest_start"),
        ({"outputs": {**GOOD, "nbest_start": [[4]]}}, "nbest_answer, nbest_start, nbest_score of one question differ"),
        ({"outputs": {**GOOD, "answer_start": [3]}}, "'cat' is not what stands at characters 3 to 7 of the text"),
    ],
)
def test_a_reply_of_another_kind_is_refused(running, reply, message):
    state = running["http"]
    state.replaced = reply
    try:
        with _client("http", state) as client, pytest.raises(ServerError, match=message) as raised:
            client.ask("who", "the cat")
    finally:
        state.replaced = None
    assert raised.value.attempts == 1


def test_a_reply_with_short_lists_of_runners_up_is_read(running):
    state = running["http"]
    state.replaced = {"outputs": GOOD}
    try:
        with _client("http", state) as client:
            answer = client.ask("who", "the cat")
    finally:
        state.replaced = None
    assert [entry.text for entry in answer.nbest] == ["cat"]


def test_a_rest_request_to_a_grpc_port_fails_in_one_line(running):
    with _client("http", running["grpc"], RetryPolicy(max_attempts=1)) as client, pytest.raises(ServerError) as raised:
        client.ask("who", "the cat")
    assert "\n" not in str(raised.value)


# === TLS ===


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    return servers.Certificate(folder, "server"), servers.Certificate(folder, "client")


def _secure_server(scheme, export_path, server, client=None):
    if scheme == "http":
        return servers.rest_server(export_path, tls=server.rest_tls(client))
    return servers.grpc_server(export_path, credentials=server.grpc_tls(client))


def test_tls_with_a_certificate_that_is_trusted_and_one_that_is_not(scheme, export_path, certificates):
    server, client = certificates
    with _secure_server(scheme, export_path, server) as seen:
        with _client(f"{scheme}s", seen, ca_file=server.cert_file, headers=(("Authorization", "Bearer a"),)) as secure:
            assert secure.ask("who", "the cat").text
        got = {name.lower(): value for name, value in seen.headers[0].items()}
        assert got["authorization"] == "Bearer a"
        for options in ({}, {"ca_file": client.cert_file}):
            with _client(f"{scheme}s", seen, **options) as distrustful, pytest.raises(ServerError) as raised:
                distrustful.ask("who", "the cat")
            assert "certificate" in str(raised.value).lower()
            assert raised.value.attempts == 1
        assert len(seen.headers) == 1


def test_a_server_may_ask_who_we_are(scheme, export_path, certificates):
    server, client = certificates
    with _secure_server(scheme, export_path, server, client) as seen:
        ours = {"client_cert_file": client.cert_file, "client_key_file": client.key_file}
        with _client(f"{scheme}s", seen, ca_file=server.cert_file, **ours) as known:
            assert known.ask("who", "the cat").text
        once = RetryPolicy(max_attempts=1, timeout_secs=10)
        with _client(f"{scheme}s", seen, once, ca_file=server.cert_file) as unknown, pytest.raises(ServerError):
            unknown.ask("who", "the cat")
        assert len(seen.headers) == 1


def test_plain_text_to_a_tls_port_fails_in_one_line(scheme, export_path, certificates):
    with _secure_server(scheme, export_path, certificates[0]) as seen:
        once = RetryPolicy(max_attempts=1, timeout_secs=10)
        with _client(scheme, seen, once) as client, pytest.raises(ServerError) as raised:
            client.ask("who", "the cat")
    assert "\n" not in str(raised.value)


# === A client that is not ours ===


@pytest.mark.parametrize("make", [ovmsclient.make_http_client, ovmsclient.make_grpc_client])
def test_an_independent_client_gets_the_same_answers(running, export_path, make):
    state = running["http" if make is ovmsclient.make_http_client else "grpc"]
    examples = [SquadExample(str(i), "who called", text) for i, text in enumerate((CALL, "the cat sat", "on the mat"))]
    expected = list(ExportedModel(export_path).answer(examples))
    inputs = {
        "question": [example.question for example in examples],
        "context": [example.context for example in examples],
    }
    outputs = make(f"127.0.0.1:{state.port}").predict(inputs, "qa", 2)
    texts = [text if isinstance(text, str) else text.decode() for text in np.ravel(outputs["answer"]).tolist()]
    starts, ends = np.ravel(outputs["answer_start"]).tolist(), np.ravel(outputs["answer_end"]).tolist()
    assert list(zip(texts, starts, ends, strict=True)) == _places(expected)


def test_an_independent_client_reads_metadata_and_status(running):
    client = ovmsclient.make_grpc_client(f"127.0.0.1:{running['grpc'].port}")
    assert client.get_model_status("qa")[1]["state"] == "AVAILABLE"
    assert set(client.get_model_metadata("qa")["inputs"]) == {"question", "context"}


def test_a_batch_of_none_is_refused():
    with pytest.raises(InputError, match="batch_size must be at least 1, got 0"):
        Client(Connection("127.0.0.1:1"), batch_size=0)
