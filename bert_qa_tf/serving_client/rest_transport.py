"""Calls a model over TF Serving's REST API: https://www.tensorflow.org/tfx/serving/api_rest.

Each call is one attempt. It returns the reply or raises an `AttemptFailed`, which says whether a retry may succeed.
This module does not need TensorFlow.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

import requests

from bert_qa_tf.serving_client.connection import Connection
from bert_qa_tf.serving_client.retries import AttemptFailed
from bert_qa_tf.storage import json_text
from bert_qa_tf.storage.http_exchange import ExchangeError, Reply, exchange, new_session

# 429 is "too many requests"; proxies and servers send the others if a server is down, overloaded or slow.
_RETRIED = (429, 502, 503, 504)
_REDIRECTS = (301, 302, 303, 307, 308)
_GRPC_PORT = "8500"
# Some thousand times the reply to a batch; a server that sends more is broken or hostile.
_MAX_REPLY_BYTES = 128 * 2**20
# How much of an error page is shown.
_MAX_SHOWN = 200
_MAX_ERROR = 2000


class RestTransport:
    """Calls the REST service of one server.

    It must not be used by several threads at once, because `requests` does not promise to be thread-safe.

    Args:
      connection: a connection with the scheme `http` or `https`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._url = _model_url(connection)
        self._session = _make_session(connection)

    def predict(self, columns: Mapping[str, Sequence[str]], timeout_secs: float) -> dict[str, Any]:
        """Makes one attempt to run the model.

        The request has the columnar form, which does not repeat the input names for each text.

        Args:
          columns: by input name, texts of valid Unicode.
          timeout_secs: the time from connecting until the reply must be complete.

        Returns:
          The outputs by name, each a list with an entry for each text of a column.

        Raises:
          AttemptFailed: there was no valid reply.
        """
        body = {"signature_name": "serving_default", "inputs": columns}
        return _member(self._send("POST", f"{self._url}:predict", body, timeout_secs), "outputs")

    def inputs(self, timeout_secs: float) -> set[str]:
        """Returns the names of the inputs of the model's `serving_default` signature.

        Args:
          timeout_secs: see `predict`.

        Raises:
          AttemptFailed: there was no valid reply.
        """
        metadata = _member(self._send("GET", f"{self._url}/metadata", None, timeout_secs), "metadata")
        try:
            return set(metadata["signature_def"]["signature_def"]["serving_default"]["inputs"].keys())
        except (AttributeError, KeyError, TypeError) as error:
            raise AttemptFailed("REPLY", "the model has no signature `serving_default`", may_retry=False) from error

    def _send(self, method: str, url: str, body: Any, timeout_secs: float) -> Any:
        try:
            reply = exchange(
                self._session,
                method,
                url,
                timeout_secs=timeout_secs,
                max_bytes=_MAX_REPLY_BYTES,
                data=None if body is None else json_text.write(body).encode("utf-8"),
                # Passed with each request, because REQUESTS_CA_BUNDLE overrides the session's own setting.
                verify=self._connection.ca_file or True,
            )
        except ExchangeError as error:
            if error.kind == "TIMEOUT":
                self._session.close()
                self._session = _make_session(self._connection)  # the attempt may still be using the old one
            hint = self._port_hint() if error.kind == "UNAVAILABLE" else ""
            may_retry = error.kind in ("TIMEOUT", "UNAVAILABLE")
            raise AttemptFailed(error.kind, f"{error}{hint}", may_retry) from error
        return _read_reply(reply)

    def close(self) -> None:
        """Closes the open connections."""
        self._session.close()

    def _port_hint(self) -> str:
        is_grpc_port = self._connection.address.endswith(f":{_GRPC_PORT}")
        return f" ({_GRPC_PORT} is TF Serving's gRPC port: grpc://…)" if is_grpc_port else ""


def _model_url(connection: Connection) -> str:
    url = f"{connection.scheme}://{connection.address}/v1/models/{urllib.parse.quote(connection.model_name, safe='')}"
    if connection.model_version is not None:
        url += f"/versions/{connection.model_version}"
    elif connection.model_version_label is not None:
        url += f"/labels/{urllib.parse.quote(connection.model_version_label, safe='')}"
    return url


def _make_session(connection: Connection) -> requests.Session:
    session = new_session()
    session.headers.update(dict(connection.headers))
    session.headers["Content-Type"] = "application/json"
    if any(name.lower() == "authorization" for name, _ in connection.headers):
        # Without this, `requests` would replace the header by an entry of ~/.netrc.
        session.auth = lambda request: request
    if connection.client_cert_file:
        session.cert = (connection.client_cert_file, connection.client_key_file)
    return session


def _read_reply(reply: Reply) -> Any:
    try:
        # The encoding in the header is ignored: JSON is UTF-8, and TF Serving names no encoding.
        value = json_text.parse(reply.body.decode("utf-8"), allow_nan=True)
    except ValueError:
        value = None
    if reply.status != 200:
        raise AttemptFailed(
            f"HTTP {reply.status}",
            _error_message(reply, value),
            may_retry=reply.status in _RETRIED,
            retry_after_secs=_retry_after(reply),
        )
    return value


def _member(reply: Any, name: str) -> dict[str, Any]:
    if not isinstance(reply, dict) or not isinstance(reply.get(name), dict):
        raise AttemptFailed(
            "HTTP 200", f"no JSON object with `{name}`: not the REST API of TF Serving?", may_retry=False
        )
    return reply[name]


def _error_message(reply: Reply, value: Any) -> str:
    if isinstance(value, dict) and isinstance(value.get("error"), str):
        return value["error"][:_MAX_ERROR]
    if reply.status in _REDIRECTS and "Location" in reply.headers:
        return f"redirected to {reply.headers['Location'][:_MAX_SHOWN]}: give that address"
    # The body may be a proxy's error page.
    shown = reply.body[: 4 * _MAX_SHOWN].decode("utf-8", "replace")[:_MAX_SHOWN]
    return " ".join(shown.split()) or reply.reason or "no message"


def _retry_after(reply: Reply) -> float:
    """Returns the seconds in `Retry-After`; 0 if the header is missing or holds a date."""
    value = reply.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else 0.0
