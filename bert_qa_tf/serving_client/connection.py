"""Describes how to reach a model on a server: address, model, TLS and headers.

A `Connection` checks the user's settings, and the transports are built from it. This module sends no requests.
"""

from __future__ import annotations

import dataclasses
import re
import urllib.parse
from typing import Literal

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files

_SCHEMES = ("http", "https", "grpc", "grpcs")
# A name is a token of RFC 9110. A value must not hold a line break, which would start another header.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")
# The valid keys of gRPC metadata. Keys that end in `-bin` hold bytes, and `grpc-` is reserved for gRPC.
_GRPC_KEY = re.compile(r"(?!grpc-)[0-9a-z_.-]+(?<!-bin)")


@dataclasses.dataclass(frozen=True)
class Connection:
    """A model on a server.

    Attributes:
      server: `host:port` or `http://…` for REST, `https://…` for REST over TLS (both may end in a path, where a proxy
        adds one), `grpc://host:port` and `grpcs://host:port` for gRPC, the latter over TLS.
      model_name: the model's name on the server.
      model_version: a version's number; None for the latest loaded version.
      model_version_label: a label that the server's configuration assigns to a version; replaces the number.
      headers: name and value of each HTTP header or gRPC metadata entry that is sent with every request, such as
        `("Authorization", "Bearer …")`. Error messages never show the values.
      ca_file: PEM file of the certificates to trust instead of the system's.
      client_cert_file: PEM file of the client certificate, for servers that require one.
      client_key_file: PEM file of the client certificate's private key.

    Raises:
      InputError: the address, a name, a header or a combination is invalid, or a file cannot be read.
    """

    server: str
    model_name: str = "qa"
    model_version: int | None = None
    model_version_label: str | None = None
    headers: tuple[tuple[str, str], ...] = dataclasses.field(default=(), repr=False)
    ca_file: str | None = None
    client_cert_file: str | None = None
    client_key_file: str | None = None

    def __post_init__(self) -> None:
        self._check_address()
        if not self.model_name or re.search(r"[/:]", self.model_name):
            raise InputError(f"--model_name: expected a name without / and :, got {self.model_name!r}")
        if self.model_version is not None and self.model_version < 1:
            raise InputError(f"--model_version must be at least 1, got {self.model_version}")
        if self.model_version_label is not None:
            if self.model_version is not None:
                raise InputError("give either --model_version or --model_version_label")
            if not self.model_version_label or re.search(r"[/:]", self.model_version_label):
                raise InputError(
                    f"--model_version_label: expected a label without / and :, got {self.model_version_label!r}"
                )
        self._check_tls()
        for name, value in self.headers:
            _check_header(name, value, self.transport)

    @property
    def scheme(self) -> Literal["http", "https", "grpc", "grpcs"]:
        """The address's scheme; `http` (REST without TLS) if the address has none."""
        scheme, separator, _ = self.server.partition("://")
        return scheme if separator else "http"

    @property
    def transport(self) -> Literal["rest", "grpc"]:
        """The API that is used, REST or gRPC."""
        return "grpc" if self.scheme.startswith("grpc") else "rest"

    @property
    def is_secure(self) -> bool:
        """Whether the connection uses TLS."""
        return self.scheme in ("https", "grpcs")

    @property
    def address(self) -> str:
        """The server without its scheme: `host:port`, followed by the path if a REST address has one."""
        return self.server.rpartition("://")[2].rstrip("/")

    def _check_address(self) -> None:
        if self.scheme not in _SCHEMES:
            expected = ", ".join(f"{scheme}://" for scheme in _SCHEMES)
            raise InputError(f"--server={self.server}: {self.scheme}:// is not one of {expected}")
        try:
            parts = urllib.parse.urlsplit(f"{self.scheme}://{self.address}")
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise InputError(f"--server={self.server}: {error}") from error
        if "@" in parts.netloc:  # the message must not show the password
            raise InputError("--server: a name and password are no part of the address; send them as a --header")
        if not host or re.search(r"\s", self.address) or parts.query or parts.fragment:
            raise InputError(f"--server={self.server}: expected host:port or http://, https://, grpc://, grpcs://…")
        # The default ports 80 and 443 apply only to full http(s) addresses, and gRPC has no default port.
        if port is None and ("://" not in self.server or self.transport == "grpc"):
            raise InputError(f"--server={self.server}: no port, expected host:port (TF Serving: 8501 REST, 8500 gRPC)")
        if self.transport == "grpc" and parts.path:
            raise InputError(f"--server={self.server}: a gRPC address has no path, got {parts.path}")

    def _check_tls(self) -> None:
        named = [name for name in ("ca_file", "client_cert_file", "client_key_file") if getattr(self, name)]
        if named and not self.is_secure:
            raise InputError(f"--{named[0]} needs TLS: write the server as https://… or grpcs://…, got {self.server}")
        if bool(self.client_cert_file) != bool(self.client_key_file):
            raise InputError("--client_cert_file and --client_key_file go together, got one of them")
        for name in named:
            if b"-----BEGIN " not in files.read_bytes(getattr(self, name)):
                raise InputError(f"{getattr(self, name)}: no PEM file (--{name}): no line starts with -----BEGIN")


def parse_header(text: str) -> tuple[str, str]:
    """Splits `Name: value` into a pair.

    Raises:
      InputError: there is no colon. The message does not show the text, because it may be a secret.
    """
    name, colon, value = text.partition(":")
    if not colon:
        raise InputError("--header: expected 'Name: value', got a text without a colon")
    return name.strip(), value.strip()


def _check_header(name: str, value: str, transport: str) -> None:
    if not _HEADER_NAME.fullmatch(name):
        raise InputError(f"--header: {name!r} is no name of a header")
    if transport == "grpc" and not _GRPC_KEY.fullmatch(name.lower()):
        raise InputError(
            f"--header: {name!r} is no key of gRPC metadata (letters, digits, - _ . and not grpc-…, …-bin)"
        )
    if not _HEADER_VALUE.fullmatch(value):
        raise InputError(f"--header: the value of {name} must be one line of ASCII, and not empty")
