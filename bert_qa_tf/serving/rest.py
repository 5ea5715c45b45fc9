"""Implements the paths, replies and errors of TF Serving's REST API.

This module needs neither a web framework nor TensorFlow: `server.py` listens, `servable.py` runs the model, and
`predict_request.py` parses its inputs.

Source: TF Serving's `g3doc/api_rest.md`. Cases that it does not describe follow `model_servers/http_rest_api_*.cc` and
`core/servable_*.cc`, including the wording of errors.
"""

from __future__ import annotations

import dataclasses
import json
import re
import urllib.parse
from collections.abc import Mapping
from typing import Any

import numpy as np

from bert_qa_tf.serving.json_tensor import to_json
from bert_qa_tf.text.surrogates import replace_surrogates

_VERSION = r"(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+))?"
_PATHS = {
    "POST": re.compile(rf"/v1/models/(?P<name>[^/:]+){_VERSION}:(?P<action>classify|regress|predict)", re.IGNORECASE),
    "GET": re.compile(rf"/v1/models(?:/(?P<name>[^/:]+))?{_VERSION}(?:/(?P<action>metadata))?", re.IGNORECASE),
}
_MAX_VERSION = 2**63 - 1
# A decoded name that would be another path: a server behind this one may decode it once more.
_NO_NAME = re.compile(r"^\.{1,2}$|[/\\%?#:\x00-\x1f\x7f]")


class RestError(Exception):
    """A request gets an error reply.

    Attributes:
      status: the HTTP status.
      message: the text under `error` in the body.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def body(self) -> bytes:
        """Returns the body of the reply: `{"error": "<message>"}`."""
        return to_body({"error": self.message})


@dataclasses.dataclass(frozen=True)
class Target:
    """The model and the action that a path names.

    Attributes:
      name: the model's name.
      version: the version's number; None for the latest.
      label: the version's label, if the path has one instead of a number.
      action: `predict`, `classify`, `regress`, `metadata` or `status`.
    """

    name: str
    version: int | None
    label: str | None
    action: str

    def path(self) -> str:
        """Returns the one path of this target."""
        parts = ["/v1/models"]
        if self.name:
            parts.append(urllib.parse.quote(self.name, safe=""))
        if self.version is not None:
            parts.append(f"versions/{self.version}")
        elif self.label is not None:
            parts.append(f"labels/{urllib.parse.quote(self.label, safe='')}")
        path = "/".join(parts)
        if self.action == "status":
            return path
        return f"{path}/metadata" if self.action == "metadata" else f"{path}:{self.action}"


# === Requests ===


def parse_path(method: str, path: str) -> Target:
    """Parses a path below `/v1`.

    Args:
      method: the HTTP method.
      path: the path as it was sent, percent-encoded, without the query.

    Raises:
      RestError: TF Serving has no such path.
    """
    pattern = _PATHS.get(method)
    match = pattern.fullmatch(path) if pattern else None
    if match is None:
        raise RestError(400, f"Malformed request: {method} {path}")
    name = urllib.parse.unquote(match["name"] or "")
    if not name:
        raise RestError(400, "Missing model name in request.")
    version = int(match["version"]) if match["version"] and len(match["version"]) < 20 else None
    if match["version"] and (version is None or version > _MAX_VERSION):
        raise RestError(400, f"Failed to convert version: {match['version']} to numeric.")
    label = urllib.parse.unquote(match["label"]) if match["label"] else None
    if _NO_NAME.search(name) or (label and _NO_NAME.search(label)):
        raise RestError(400, f"Malformed request: {method} {path}")
    return Target(name, version, label, (match["action"] or "status").lower())


def check_target(target: Target, name: str, version: int) -> None:
    """Checks that a path names the model that is served.

    Raises:
      RestError: the path names another model or version, or a label. A single version has no labels.
    """
    if target.label is not None:
        raise RestError(400, f"Unrecognized servable version label: {target.label}")
    asked = target.version
    if target.name == name and asked in (None, version):
        return
    if target.action == "status":
        which = "any versions" if asked is None else f"version {asked}"
        raise RestError(404, f"Could not find {which} of model {target.name}")
    servable = f"Latest({target.name})" if asked is None else f"Specific({target.name}, {asked})"
    raise RestError(404, f"Servable not found for request: {servable}")


# === Replies ===


def to_body(value: Any) -> bytes:
    """Encodes a value as JSON. NaN and infinities are written as such, as in TF Serving."""
    # An error message may quote the request, whose JSON may contain half a surrogate pair.
    return replace_surrogates(json.dumps(value, ensure_ascii=False)).encode("utf-8")


def predict_body(outputs: Mapping[str, np.ndarray], is_row_form: bool) -> bytes:
    """Returns the body of the reply to a `predict` request.

    Args:
      outputs: the outputs by name; the batch is the first dimension.
      is_row_form: whether the request had `instances`.

    Returns:
      `{"predictions": [{name: value, …}, …]}` or `{"outputs": {name: [value, …], …}}`; without the name if there is
      only one output.

    Raises:
      RestError: the outputs have different batch sizes, which the row form cannot hold.
    """
    columns = {name: to_json(name, array) for name, array in outputs.items()}
    is_single = len(columns) == 1
    if not is_row_form:
        return to_body({"outputs": next(iter(columns.values())) if is_single else columns})
    sizes = {name: array.shape[0] if array.ndim else None for name, array in outputs.items()}
    expected = next(iter(sizes.values()))
    for name, size in sizes.items():
        if size is None:
            raise RestError(400, f"Tensor name: {name} has no shape information ")
        if size != expected:
            raise RestError(400, f"Tensor name: {name} has inconsistent batch size: {size} expecting: {expected}")
    if is_single:
        return to_body({"predictions": next(iter(columns.values()))})
    rows = zip(*columns.values(), strict=True)
    return to_body({"predictions": [dict(zip(columns, row, strict=True)) for row in rows]})


def status_body(version: int) -> bytes:
    """Returns the body of the reply to a status request."""
    state = {"version": str(version), "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    return to_body({"model_version_status": [state]})


def metadata_body(name: str, version: int, signature_defs: Mapping[str, Any]) -> bytes:
    """Returns the body of the reply to a metadata request.

    Args:
      name: the model's name.
      version: the model's version.
      signature_defs: name → a `SignatureDef` in protobuf's JSON format.
    """
    model_spec = {"name": name, "signature_name": "", "version": str(version)}
    metadata = {"signature_def": {"signature_def": signature_defs}}
    return to_body({"model_spec": model_spec, "metadata": metadata})
