"""Who may ask: pages of others, names that were made to mean this machine, and requests without the token."""

import http.client
import json
import urllib.parse

import pytest

pytest.importorskip("uvicorn", reason="needs the extra `serving`")
import requests
from starlette.datastructures import Headers

from bert_qa_tf.errors import InputError
from bert_qa_tf.serving.access import AccessRules
from bert_qa_tf.serving.backends import HttpReply, RemoteServing
from tests.serving.running import FakeBackend, running

LOCAL = AccessRules()
PUBLIC = AccessRules(is_local=False)
NAMED = AccessRules(is_local=False, allowed_hosts=("QA.example.org",))
PROXIED = AccessRules(allowed_hosts=("qa.example.org",))
SECRET = "0123456789abcdef"


def status(rules, method="POST", path="/v1/models/qa:predict", **headers):
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    error = rules.refusal(method, path, Headers(raw=raw))
    return 200 if error is None else error.status


@pytest.mark.parametrize(
    ("rules", "host", "expected"),
    [
        *((LOCAL, host, 200) for host in ("localhost", "LOCALHOST:8501", "127.0.0.1", "127.1.2.3:9", "[::1]:8501")),
        (LOCAL, "localhost.", 200),
        *((LOCAL, host, 403) for host in ("evil.example", "evil.example:8501", "localhost.evil.example", "")),
        *((LOCAL, host, 403) for host in ("192.168.0.7", "0.0.0.0", "[::]", "127.0.0.1.evil.example", "x@localhost")),
        *((LOCAL, host, 403) for host in ("localhost/evil", "localhost:1:2", "[::1", "127.0.0.1, evil.example")),
        (PROXIED, "qa.example.org:443", 200),
        (PROXIED, "localhost", 200),
        (PROXIED, "other.example.org", 403),
        (PUBLIC, "any.example", 200),
        (NAMED, "qa.example.org", 200),
        (NAMED, "evil.example", 403),
        *((NAMED, host, 200) for host in ("192.168.0.7:8501", "localhost")),  # an address is nobody's name
    ],
)
def test_the_host_is_a_name_of_the_server(rules, host, expected):
    assert status(rules, host=host) == expected


@pytest.mark.parametrize(
    ("rules", "host", "origin", "expected"),
    [
        (LOCAL, "localhost:8501", "http://localhost:8501", 200),
        (LOCAL, "localhost:8501", "http://LOCALHOST:8501", 200),
        (LOCAL, "localhost:8501", "http://localhost:3000", 403),  # another program's page
        (LOCAL, "localhost:8501", "http://127.0.0.1:8501", 403),
        (LOCAL, "localhost:8501", "http://evil.example", 403),
        (LOCAL, "localhost:8501", "null", 403),
        (LOCAL, "localhost:8501", "file://", 403),
        (LOCAL, "localhost:8501", "", 403),
        (PROXIED, "127.0.0.1:8501", "https://qa.example.org", 200),  # a proxy that gives its own Host
        (PROXIED, "qa.example.org", "https://qa.example.org", 200),
        (PROXIED, "qa.example.org", "https://evil.example", 403),
        (PUBLIC, "any.example:8501", "http://any.example:8501", 200),
        (PUBLIC, "any.example:8501", "http://evil.example", 403),
    ],
)
def test_the_origin_is_the_servers_own(rules, host, origin, expected):
    assert status(rules, host=host, origin=origin) == expected


def test_a_request_of_another_page_without_origin_is_known_by_the_browser():
    for site, expected in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
        assert status(LOCAL, "GET", host="localhost", sec_fetch_site=site, sec_fetch_mode="no-cors") == expected
    link = {"host": "localhost", "sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    assert status(LOCAL, "GET", "/", **link) == 200
    assert status(LOCAL, "POST", **link) == 403  # a form


def test_two_hosts_are_refused_and_none_is_what_old_programs_send():
    raw = [(b"host", b"localhost"), (b"host", b"evil.example")]
    assert LOCAL.refusal("GET", "/", Headers(raw=raw)).status == 403
    assert status(LOCAL) == 200


def test_of_two_origins_both_must_be_the_servers():
    raw = [(b"host", b"localhost"), (b"origin", b"http://localhost"), (b"origin", b"http://evil.example")]
    assert LOCAL.refusal("POST", "/", Headers(raw=raw)).status == 403


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (f"Bearer {SECRET}", 200),
        (f"bearer  {SECRET}", 200),
        (SECRET, 401),
        (f"Basic {SECRET}", 401),
        (f"Bearer {SECRET}x", 401),
        (f"Bearer {SECRET[:-1]}", 401),
        ("Bearer", 401),
        ("Bearer \xe9", 401),
        ("", 401),
    ],
)
def test_the_token_is_asked_for_below_v1_and_by_what_works_for_the_page(sent, expected):
    rules = AccessRules(token=SECRET)
    for path in ("/v1/models/qa:predict", "/v1/models/qa", "/transcript", "/transcribe", "/elsewhere", "/pagex"):
        assert status(rules, path=path, host="localhost", authorization=sent) == expected
    for path in ("/", "/page/page.js", "/page/shared/server.js", "/page/config.json"):
        assert status(rules, "GET", path, host="localhost") == 200
    assert SECRET not in repr(rules)


@pytest.mark.parametrize("name", ["", "a b", "http://a", "a:80", "a/b"])
def test_what_is_no_name_is_refused_at_the_start(name):
    with pytest.raises(InputError, match="--allowed_hosts: expected names such as"):
        AccessRules(allowed_hosts=(name,))


def test_refusals_are_json_reach_nobody_and_leave_the_connection_usable():
    backend = FakeBackend(lambda request: HttpReply(200, b"{}"))
    with running(backend, token=SECRET) as url:
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=60)
        for headers, expected in (
            ({"Host": "evil.example"}, 403),
            ({"Origin": "http://evil.example"}, 403),
            ({}, 401),
            ({"Authorization": f"Bearer {SECRET}"}, 200),
        ):
            connection.request("POST", "/v1/models/qa:predict", b"{}", headers)
            reply = connection.getresponse()
            body = json.loads(reply.read())
            assert (reply.status, list(body)) == (expected, [] if expected == 200 else ["error"])
            assert reply.headers.get("www-authenticate") == ("Bearer" if expected == 401 else None)
        connection.close()
        assert requests.get(f"{url}/page/config.json", timeout=60).json()["asks_for_token"] is True
    assert len(backend.requests) == 1


def test_the_token_is_not_passed_on_to_a_tf_serving():
    backend = FakeBackend(lambda request: HttpReply(200, b"{}"))
    with running(backend) as url, running(RemoteServing(url.removeprefix("http://"), "qa", 60), token=SECRET) as front:
        headers = {"Authorization": f"Bearer {SECRET}"}
        assert requests.post(f"{front}/v1/models/qa:predict", json={}, headers=headers, timeout=60).status_code == 200
    assert "authorization" not in backend.requests[0].headers
