import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.serving_client.connection import Connection, parse_header


@pytest.mark.parametrize(
    ("server", "transport", "is_secure", "address"),
    [
        ("localhost:8501", "rest", False, "localhost:8501"),
        ("http://10.0.0.7:8501/", "rest", False, "10.0.0.7:8501"),
        ("https://qa.example.org", "rest", True, "qa.example.org"),
        ("https://example.org/serving/qa/", "rest", True, "example.org/serving/qa"),
        ("grpc://[::1]:8500", "grpc", False, "[::1]:8500"),
        ("grpcs://qa.example.org:443", "grpc", True, "qa.example.org:443"),
    ],
)
def test_the_scheme_says_how_to_ask(server, transport, is_secure, address):
    connection = Connection(server)
    assert (connection.transport, connection.is_secure, connection.address) == (transport, is_secure, address)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"server": "ftp://host:1"}, "ftp:// is not one of http://, https://, grpc://, grpcs://"),
        (
            {"server": "localhost"},
            r"--server=localhost: no port, expected host:port \(TF Serving: 8501 REST, 8500 gRPC",
        ),
        ({"server": "grpc://localhost"}, "no port"),
        ({"server": "localhost:eighty"}, "Port could not be cast"),
        ({"server": "localhost:99999"}, "Port out of range"),
        ({"server": "http://"}, "expected host:port or"),
        ({"server": "http://host:1?a=b"}, "expected host:port or"),
        ({"server": "grpc://host:1/path"}, "a gRPC address has no path"),
        ({"model_name": "a/b"}, "--model_name: expected a name without / and :"),
        ({"model_version": 0}, "--model_version must be at least 1"),
        ({"model_version": 1, "model_version_label": "stable"}, "either --model_version or --model_version_label"),
        ({"model_version_label": ""}, "--model_version_label: expected a label"),
        ({"ca_file": "ca.pem"}, "--ca_file needs TLS: write the server as https://… or grpcs://…"),
        ({"server": "https://a", "client_key_file": "k"}, "go together, got one of them"),
        ({"server": "https://a", "ca_file": "/no/such.pem"}, r"/no/such\.pem: cannot read this file"),
        ({"headers": (("a b", "c"),)}, "'a b' is no name of a header"),
        ({"server": "grpc://a:1", "headers": (("X-bin", "c"),)}, "'X-bin' is no key of gRPC metadata"),
    ],
)
def test_what_makes_no_sense_is_one_line(arguments, message):
    with pytest.raises(InputError, match=message) as raised:
        Connection(**{"server": "localhost:8501", **arguments})
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("value", ["a\r\nX-Other: b", "a\n", "", "caf\u00e9", "a\x00b"])
def test_a_header_is_one_line_of_ascii(value):
    with pytest.raises(InputError, match="the value of Authorization must be one line of ASCII"):
        Connection("localhost:8501", headers=(("Authorization", value),))


def test_secrets_are_in_no_message():
    with pytest.raises(InputError) as raised:
        Connection("http://me:hush@host:1")
    assert "hush" not in str(raised.value)
    with pytest.raises(InputError) as raised:
        parse_header("Bearer hush")
    assert "hush" not in str(raised.value)
    with pytest.raises(InputError) as raised:
        Connection("localhost:1", headers=(("Authorization", "hush\n"),))
    assert "hush" not in str(raised.value)
    assert "hush" not in repr(Connection("localhost:1", headers=(("Authorization", "hush"),)))


def test_a_header_is_a_name_a_colon_and_a_value():
    assert parse_header("Authorization: Bearer a:b ") == ("Authorization", "Bearer a:b")


def test_a_certificate_that_is_no_pem_file_is_named(tmp_path):
    (tmp_path / "ca.der").write_bytes(b"\x30\x82")
    with pytest.raises(InputError, match=r"ca\.der: no PEM file \(--ca_file\)"):
        Connection("https://a", ca_file=str(tmp_path / "ca.der"))
