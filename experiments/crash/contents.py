"""What a folder holds, in a form in which two runs of one command are equal.

Bytes are compared, but for what must differ from run to run: times, durations, the names of TensorBoard's files, and
those of the cache's marks of checked files, which hold inodes and times.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import pathlib
import re
import struct
import tarfile
from collections.abc import Callable, Mapping

from experiments.crash import watcher

FOLDER = "folder"
_TIMED = ("time", "windows_per_second", "host_memory_gb", "gpu_memory_gb")
_EVENTS = "events.out.tfevents."
# Empty files; without one, a check is made again.
_MARKS = "cache/bert_qa_tf/checked/"


def snapshot(root: str) -> dict[str, str]:
    """Returns path below `root` → a digest of its content, `FOLDER`, or where a link leads."""
    found: dict[str, str] = {}
    events: dict[str, set] = {}
    for folder, folders, names in os.walk(root):
        for name in folders + names:
            path = pathlib.Path(folder, name)
            shown = path.relative_to(root).as_posix()
            if name.startswith(watcher.IGNORED) or (shown.startswith(_MARKS) and path.stat().st_size == 0):
                continue
            if path.is_symlink():
                found[shown] = f"link to {os.readlink(path)}"
            elif path.is_dir():
                found[shown] = FOLDER
            elif name.startswith(_EVENTS):
                events.setdefault(str(pathlib.PurePosixPath(shown).parent / "events"), set()).update(_events(path))
            else:
                found[shown] = _digest(path, shown)
    for shown, steps in events.items():
        found[shown] = _sha256(json.dumps(sorted(steps)).encode())
    return found


def differences(found: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    """Returns a line for each path in which two snapshots differ."""
    lines = [f"missing: {path}" for path in sorted(expected.keys() - found.keys())]
    lines += [f"left behind: {path}" for path in sorted(found.keys() - expected.keys())]
    return lines + [
        f"other content: {path}" for path in sorted(found) if found[path] != expected.get(path, found[path])
    ]


def _digest(path: pathlib.Path, shown: str) -> str:
    for pattern, read in _READERS.items():
        if fnmatch.fnmatch(shown, pattern):
            try:
                return read(path)
            except Exception as error:  # cut off or damaged: differs from any that is whole
                return f"broken ({type(error).__name__}) {_sha256(path.read_bytes())}"
    return _sha256(path.read_bytes())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _metrics(path: pathlib.Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [{k: v for k, v in json.loads(line).items() if k not in _TIMED} for line in lines]
    return _sha256(json.dumps(kept).encode())


def _without(*names: str) -> Callable[[pathlib.Path], str]:
    def read(path: pathlib.Path) -> str:
        def strip(value: object) -> object:
            if isinstance(value, dict):
                return {key: strip(inner) for key, inner in value.items() if key not in names}
            return [strip(inner) for inner in value] if isinstance(value, list) else value

        return _sha256(json.dumps(strip(json.loads(path.read_text(encoding="utf-8")))).encode())

    return read


def _checkpoint_state(path: pathlib.Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines:
        raise ValueError("empty")
    return _sha256("\n".join(line for line in lines if "timestamp" not in line).encode())


def _checkpoint(path: pathlib.Path) -> str:
    """All numbers, ordered by name; not the object graph and the hours spent."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(path).rsplit(".", 1)[0])
    digest = hashlib.sha256()
    for name in sorted(reader.get_variable_to_shape_map()):
        value = reader.get_tensor(name)
        if hasattr(value, "tobytes") and value.dtype != object and "hours" not in name and "seconds" not in name:
            digest.update(name.encode() + value.tobytes())
    return digest.hexdigest()[:16]


def _data_of_checkpoint(path: pathlib.Path) -> str:
    return "compared with its index"  # the graph of objects, which it holds too, may be of another size


def _fingerprint(content: bytes) -> str:
    """What a SavedModel says of its content; it also has a random number of each writing."""
    from tensorflow.core.protobuf import fingerprint_pb2

    found = fingerprint_pb2.FingerprintDef.FromString(content)
    found.ClearField("uuid")
    return _sha256(found.SerializeToString(deterministic=True))


def _archive(path: pathlib.Path) -> str:
    """The members with their bytes, if the sums inside are right; the version of the models counts as 1."""
    with tarfile.open(path, "r:gz") as archive:
        members = {member.name: archive.extractfile(member).read() for member in archive}
    sums = members.pop("SHA256SUMS").decode()
    if sums != "".join(f"{hashlib.sha256(members[name]).hexdigest()}  {name}\n" for name in sorted(members)):
        raise ValueError("wrong sums")
    digest = hashlib.sha256()
    for name, content in members.items():
        shown = re.sub(r"^(\w+)/\d+/", r"\1/1/", name)
        held = _fingerprint(content) if name.endswith("fingerprint.pb") else _sha256(content)
        digest.update(f"{shown} {held}\n".encode())
    return digest.hexdigest()[:16]


def _sum_of_archive(path: pathlib.Path) -> str:
    archive = path.with_suffix("")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    return "right" if path.read_text() == f"{digest}  {archive.name}\n" else "wrong"


def _events(path: pathlib.Path) -> list[tuple[int, str]]:
    """The steps and names of an event file; "broken" where it is cut off."""
    from tensorflow.core.util import event_pb2

    content, found = path.read_bytes(), []
    while content:
        (size,) = struct.unpack_from("<Q", content) if len(content) >= 12 else (1 << 60,)
        if len(content) < size + 16:
            return [*found, (-1, "broken")]
        event = event_pb2.Event.FromString(content[12 : 12 + size])
        found += [(event.step, value.tag) for value in event.summary.value]
        content = content[size + 16 :]
    return found


_READERS: dict[str, Callable[[pathlib.Path], str]] = {
    "*metrics.jsonl": _metrics,
    "*/checkpoints/checkpoint": _checkpoint_state,
    "*/ckpt-*.index": _checkpoint,
    "*/best/model-*.index": _checkpoint,
    "*/ckpt-*.data-*": _data_of_checkpoint,
    "*/best/model-*.data-*": _data_of_checkpoint,
    "*/fingerprint.pb": lambda path: _fingerprint(path.read_bytes()),
    "*.tar.gz": _archive,
    "*.tar.gz.sha256": _sum_of_archive,
    "*/run/config.json": _without("git_commit"),  # of a checkout that may change under a long proof
    "*.report.json": _without("recognition_real_time_factor"),
}
