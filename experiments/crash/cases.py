"""The commands that write, each on tiny inputs."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import re
import types
from collections.abc import Callable, Mapping

from absl.flags import FlagValues

from experiments.crash import pieces, stand_ins


@dataclasses.dataclass(frozen=True)
class Case:
    """A command and what may remain of it.

    Attributes:
      name: shown, and taken by --commands.
      command: a module of `bert_qa_tf`.
      arguments: its flags; `{port}` is the port of `server`. Paths are relative: `in/` holds inputs, `out/` results.
      inputs: path → the piece that is put there.
      earlier: flags of a run before, whose results are there already; None for none.
      earlier_killed: whether that run was killed on its way.
      more_if_known: flags that are given if the command has them.
      resumable: patterns of what may remain after an error, since the same command goes on from there.
      keeps: patterns of which at least one file remains, if there was one before.
      units: patterns of results that are written as one; None for all of them.
      settle: changes a snapshot so that two good results are equal.
      patch: puts in place of what takes long, in the process of the command.
      server: starts what the command talks to, in a process of its own; yields its port.
      slow: whether a run takes seconds, so that random moments are a quarter as many.
      needs: pieces that the server needs.
    """

    name: str
    command: str
    arguments: tuple[str, ...]
    inputs: Mapping[str, str]
    earlier: tuple[str, ...] | None = None
    earlier_killed: bool = False
    more_if_known: tuple[str, ...] = ()
    resumable: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    units: tuple[str, ...] | None = None
    settle: Callable[[dict[str, str]], dict[str, str]] | None = None
    patch: Callable[[str], None] | None = None
    server: Callable[[], contextlib.AbstractContextManager[int]] | None = None
    slow: bool = False
    needs: tuple[str, ...] = ()

    def argv(self, port: int = 0, *, earlier: bool = False) -> list[str]:
        """Returns the command's arguments, or those of the run before."""
        given = [argument.replace("{port}", str(port)) for argument in (self.earlier if earlier else self.arguments)]
        return given + [flag for flag in self.more_if_known if flag.lstrip("-").split("=")[0] in self._flags()]

    def _flags(self) -> FlagValues:
        values = FlagValues()
        for group in self.module().FLAG_GROUPS:
            group(values)
        return values

    def module(self) -> types.ModuleType:
        """Imports the command."""
        return importlib.import_module(f"bert_qa_tf.{self.command}")


# === Commands ===


def _fold_versions(found: dict[str, str]) -> dict[str, str]:
    """Counts each version of an export that is whole as version 1."""
    by_version: dict[str, dict[str, str]] = {}
    rest = {}
    for path, content in found.items():
        match = re.match(r"(out/exports/\w+)/(\d+)(.*)", path)
        if match:
            by_version.setdefault(match[2], {})[f"{match[1]}/1{match[3]}"] = content
        else:
            rest[path] = content
    folded = dict(rest)
    for number, version in enumerate(sorted(by_version, key=int)):
        if number and by_version[version] != next(iter(by_version.values())):
            folded |= {path.replace("/1", f"/{version}", 1): content for path, content in by_version[version].items()}
        else:
            folded |= by_version[version]
    return folded


_CONVERT = (
    *("--encoder_handle=in/tiny_hub_module", "--max_seq_length=384", "--num_shards=2", "--dev_fraction=0.2"),
    *("--input_file=in/messages.json", "--output_dir=out/records"),
)
_CONVERTED = {"in/messages.json": "messages.json", "in/tiny_hub_module": "tiny_hub_module"}
_TRAINED = {"in/records": "records", "in/tiny_hub_module": "tiny_hub_module"}
_TRAIN = (*pieces.TRAINING, "--model_dir=out/run")
_OVERWRITE = ("--overwrite",)
_RUN_PARTS = ("out/run", "out/run/*")
_DEMO_PARTS = ("out/demo", "out/demo/*")  # all of it is made anew each time

CASES = (
    Case("audit", "audit", ("--input_file=in/m.json", "--output_file=out/audit.json"), {"in/m.json": "messages.json"}),
    Case(
        "audit over an older one",
        "audit",
        ("--input_file=in/m.json", "--output_file=out/audit.json"),
        {"in/m.json": "messages.json"},
        earlier=("--input_file=in/m.json", "--output_file=out/audit.json", "--max_answer_words=2"),
        more_if_known=_OVERWRITE,
    ),
    Case("create_tfrecords", "create_tfrecords", _CONVERT, _CONVERTED),
    Case(
        "create_tfrecords over an older one",
        "create_tfrecords",
        (*_CONVERT, "--overwrite"),
        _CONVERTED,
        earlier=(*_CONVERT, "--seed=7", "--num_shards=1"),
    ),
    Case(
        "create_tfrecords of a classification",
        "create_tfrecords",
        (
            *("--task=classification", "--input_file=in/table.tsv", "--output_dir=out/records", "--num_shards=1"),
            *("--encoder_handle=in/tiny_hub_module", "--max_seq_length=24", "--dev_fraction=0.3"),
        ),
        {"in/table.tsv": "table.tsv", "in/tiny_hub_module": "tiny_hub_module"},
    ),
    Case(
        "create_tfrecords with simulated copies",
        "create_tfrecords",
        (*_CONVERT, "--simulate_wer=0.3", "--simulate_copies=1", "--simulate_clean_copies=1"),
        _CONVERTED,
    ),
    Case("train", "train", _TRAIN, _TRAINED, resumable=_RUN_PARTS, slow=True),
    Case(
        "train, resumed",
        "train",
        _TRAIN,
        _TRAINED,
        earlier=_TRAIN,
        earlier_killed=True,
        resumable=_RUN_PARTS,
        keeps=("out/run/checkpoints/ckpt-*.index", "out/run/best/best.json", "out/run/config.json"),
        slow=True,
    ),
    Case(
        "evaluate",
        "evaluate",
        ("--model_dir=in/run", "--eval_file=in/m.json", "--output_dir=out/eval"),
        {"in/run": "run", "in/m.json": "messages.json"},
    ),
    Case(
        "evaluate over an older one",
        "evaluate",
        ("--model_dir=out/run", "--eval_file=in/m.json"),
        {"out/run": "run", "in/m.json": "messages.json"},
        earlier=("--model_dir=out/run", "--eval_file=in/m.json", "--max_answer_length=2"),
        more_if_known=_OVERWRITE,
    ),
    Case(
        "predict",
        "predict",
        ("--model_dir=in/run", "--input_file=in/q.jsonl", "--output_file=out/answers.jsonl"),
        {"in/run": "run", "in/q.jsonl": "questions.jsonl"},
    ),
    Case(
        "predict over older answers, from an archive",
        "predict",
        ("--saved_model=in/model.tar.gz", "--input_file=in/q.jsonl", "--output_file=out/answers.jsonl"),
        {"in/model.tar.gz": "model.tar.gz", "in/q.jsonl": "questions.jsonl", "out/answers.jsonl": "questions.jsonl"},
        more_if_known=("--overwrite", "--trust"),
        resumable=("cache/*",),
    ),
    Case(
        "export",
        "export",
        ("--model_dir=in/run", "--export_dir=out/exports", "--archive=out/model.tar.gz"),
        {"in/run": "run"},
        units=("out/exports*", "out/model*"),
        settle=_fold_versions,
        patch=stand_ins.check_of_export,
        slow=True,
    ),
    Case(
        "export of an encoder",
        "export",
        ("--what=encoder", "--model_dir=in/run", "--export_dir=out/exports"),
        {"in/run": "run"},
        settle=_fold_versions,
        slow=True,
    ),
    Case(
        "make_spoken",
        "make_spoken",
        ("--input_file=in/written.json", "--output_file=out/spoken.json", "--num_processes=1", "--search=fast"),
        {"in/written.json": "written.json"},
        resumable=("out/spoken.json.parts", "out/spoken.json.parts/*.json"),
        slow=True,
    ),
    Case(
        "make_spoken with simulated errors, over an older one",
        "make_spoken",
        ("--input_file=in/written.json", "--output_file=out/spoken.json", "--simulate_wer=0.3"),
        {"in/written.json": "written.json"},
        earlier=("--input_file=in/written.json", "--output_file=out/spoken.json", "--simulate_wer=0.6", "--seed=3"),
        more_if_known=_OVERWRITE,
    ),
    Case(
        "transcribe",
        "transcribe",
        ("--audio=in/a.wav", "--audio=in/b.wav", "--output_dir=out", "--output_format=json", "--num_processes=1"),
        {"in/a.wav": "a.wav", "in/b.wav": "b.wav"},
        resumable=("out/*.parts", "out/*.parts/*.json"),
        units=("out/a.json*", "out/b.json*"),
        patch=stand_ins.recognizer,
    ),
    Case(
        "download",
        "download",
        ("--dataset=spoken_squad", "--data_dir=out/data", "--base_url=http://127.0.0.1:{port}"),
        {},
        resumable=("out/data/spoken_squad/*.part", "out/data/spoken_squad/checksums.json"),
        units=("out/data/spoken_squad/published.json", "out/data/spoken_squad/pinned.json"),
        patch=stand_ins.data_sets,
        server=stand_ins.file_server,
    ),
    Case(
        "client",
        "client",
        ("--server=127.0.0.1:{port}", "--input_file=in/q.jsonl", "--output_file=out/answers.jsonl"),
        {"in/q.jsonl": "questions.jsonl"},
        server=stand_ins.model_server,
        needs=("exports",),
    ),
    Case("demo", "demo", ("--output_dir=out/demo",), {}, resumable=_DEMO_PARTS, patch=stand_ins.demo),
    Case(
        "demo over an older one",
        "demo",
        ("--output_dir=out/demo",),
        {},
        earlier=("--output_dir=out/demo",),
        resumable=_DEMO_PARTS,
        patch=stand_ins.demo,
    ),
)


def pieces_of(chosen: list[Case]) -> set[str]:
    """Returns the pieces that some commands need."""
    return {piece for case in chosen for piece in (*case.inputs.values(), *case.needs)}


def find(names: list[str]) -> list[Case]:
    """Returns the cases that begin with one of the names, in order; all for no name."""
    found = [case for case in CASES if not names or any(case.name.startswith(name) for name in names)]
    if not found:
        raise SystemExit(f"error: no such command, expected one of: {', '.join(case.name for case in CASES)}")
    return found
