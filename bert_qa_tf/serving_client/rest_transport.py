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

# 429 is "too many requests"; proxies and servers send the others if a server is down, overloaded or slow.
_RETRIED = (429, 502, 503, 504)
_GRPC_PORT = "8500"


class RestTransport:
    """Calls the REST service of one server.

    It must not be used by several threads at once, because `requests` does not promise to be thread-safe.

    Args:
      connection: a connection with the scheme `http` or `https`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._url = _model_url(connection)
        self._session = requests.Session()
        self._session.headers.update(dict(connection.headers))
        self._session.headers["Content-Type"] = "application/json"
        if any(name.lower() == "authorization" for name, _ in connection.headers):
            # Without this, `requests` would replace the header by an entry of ~/.netrc.
            self._session.auth = lambda request: request
        if connection.client_cert_file:
            self._session.cert = (connection.client_cert_file, connection.client_key_file)

    def predict(self, columns: Mapping[str, Sequence[str]], timeout_secs: float) -> dict[str, Any]:
        """Makes one attempt to run the model.

        The request has the columnar form, which does not repeat the input names for each text.

        Args:
          columns: by input name, texts of valid Unicode.
          timeout_secs: the limit for connecting, and then for the wait between two parts of the reply. Servers send the
            reply in one part.

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
            return set(metadata["signature_def"]["signature_def"]["serving_default"]["inputs"])
        except (KeyError, TypeError) as error:
            raise AttemptFailed("REPLY", "the model has no signature `serving_default`", may_retry=False) from error

    def _send(self, method: str, url: str, body: Any, timeout_secs: float) -> Any:
        try:
            response = self._session.request(
                method,
                url,
                data=None if body is None else json_text.write(body).encode("utf-8"),
                timeout=timeout_secs,
                # Passed with each request, because REQUESTS_CA_BUNDLE overrides the session's own setting.
                verify=self._connection.ca_file or True,
                # A redirected POST would become a GET, and would send the headers to another server.
                allow_redirects=False,
            )
        except requests.exceptions.SSLError as error:
            raise AttemptFailed("TLS", _innermost(error), may_retry=False) from error
        except requests.exceptions.Timeout as error:
            raise AttemptFailed("TIMEOUT", f"no reply within {timeout_secs:.3g} s", may_retry=True) from error
        except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            raise AttemptFailed("UNAVAILABLE", _innermost(error) + self._port_hint(), may_retry=True) from error
        except (requests.exceptions.RequestException, OSError) as error:
            raise AttemptFailed("INVALID", _innermost(error), may_retry=False) from error
        return _read_reply(response)

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


def _read_reply(response: requests.Response) -> Any:
    try:
        # The encoding in the header is ignored: JSON is UTF-8, and TF Serving names no encoding.
        reply = json_text.parse(response.content.decode("utf-8"), allow_nan=True)
    except ValueError:
        reply = None
    if response.status_code != 200:
        raise AttemptFailed(
            f"HTTP {response.status_code}",
            _error_message(response, reply),
            may_retry=response.status_code in _RETRIED,
            retry_after_secs=_retry_after(response),
        )
    return reply


def _member(reply: Any, name: str) -> dict[str, Any]:
    if not isinstance(reply, dict) or not isinstance(reply.get(name), dict):
        raise AttemptFailed(
            "HTTP 200", f"no JSON object with `{name}`: not the REST API of TF Serving?", may_retry=False
        )
    return reply[name]


def _error_message(response: requests.Response, reply: Any) -> str:
    if isinstance(reply, dict) and isinstance(reply.get("error"), str):
        return reply["error"]
    if response.is_redirect:
        return f"redirected to {response.headers.get('Location')}: give that address"
    # The body may be a proxy's error page.
    return " ".join(response.text[:200].split()) or response.reason or "no message"


def _retry_after(response: requests.Response) -> float:
    """Returns the seconds in `Retry-After`; 0 if the header is missing or holds a date."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else 0.0


def _innermost(error: BaseException) -> str:
    """Returns the message of the innermost error, which the layers above have wrapped."""
    while True:
        inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        if not isinstance(inner, BaseException):
            return " ".join(str(error).split())
        error = inner
