"""Reports the progress of a training on the terminal and in the run directory's `metrics.jsonl`.

On a terminal there is a progress bar, otherwise a line for each report. `metrics.jsonl` has one JSON object per line.
TensorBoard events are written by orbit.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time

import tensorflow as tf
from tqdm import tqdm

from bert_qa_tf.config import schema
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import atomic_files, files, json_text, protos
from bert_qa_tf.training.cluster import ALONE, Role

METRICS_FILE = "metrics.jsonl"
_EVENTS = "events.out.tfevents."


@dataclasses.dataclass(frozen=True)
class _Line:
    """The types of what is read of a line; it holds more."""

    step: int
    kind: str


class Reporter:
    """Reports on one training.

    Args:
      model_dir: the run directory.
      total_steps: the number of steps of the whole training.
      start_step: the step at which training starts or resumes. Lines of later steps, which a killed process has
        written, are removed from the file.
      role: the role of this process; only the chief writes and prints.
    """

    def __init__(self, model_dir: str, total_steps: int, start_step: int, role: Role = ALONE) -> None:
        self._path = f"{model_dir}/{METRICS_FILE}"
        self._total_steps = total_steps
        self._role = role
        self._lines = [line for line in self._read() if line["step"] <= start_step]
        if role.is_chief:
            self._write()
        # A reference is kept, because the training loop redirects standard output.
        self._output = sys.stdout
        watched = role.is_chief and sys.stderr.isatty()
        self._bar = tqdm(total=total_steps, initial=start_step, unit="step") if watched else None

    def evaluation_at(self, step: int) -> dict[str, float] | None:
        """Returns the scores of the evaluation at this step; None if there was none."""
        for line in self._lines:
            if line["step"] == step and line["kind"] == "eval":
                return {name: value for name, value in line.items() if name not in ("step", "kind", "time", "epoch")}
        return None

    def train(self, step: int, figures: dict[str, float], seconds_per_step: float) -> None:
        """Reports the figures of the steps since the last call.

        Args:
          step: the number of steps taken.
          figures: the figures by name.
          seconds_per_step: the mean time of a step, for the estimate of the remaining time.
        """
        self._append("train", step, figures)
        left = _duration((self._total_steps - step) * seconds_per_step)
        shown = (
            f"loss {figures['loss']:.4f}  learning rate {figures['learning_rate']:.2e}  "
            f"{figures['windows_per_second']:.1f} windows/s"
        )
        if self._bar is not None:
            self._bar.set_postfix_str(shown, refresh=False)
            self._bar.update(step - self._bar.n)
        else:
            self.note(f"step {step}/{self._total_steps}  {shown}  {left} left")

    def evaluation(self, step: int, epoch: float, scores: dict[str, float]) -> None:
        """Records the development scores at a step, which is after `epoch` epochs."""
        self._append("eval", step, {**scores, "epoch": epoch})

    def note(self, line: str) -> None:
        """Prints a line without breaking the bar."""
        if self._bar is not None:
            self._bar.write(line, file=self._output)
        elif self._role.is_chief:
            print(line, file=self._output, flush=True)

    def close(self) -> None:
        """Closes the progress bar."""
        if self._bar is not None:
            self._bar.close()

    def _append(self, kind: str, step: int, figures: dict[str, float]) -> None:
        line = {"kind": kind, "step": step, "time": round(time.time(), 1), **figures}
        self._lines.append(line)
        if not self._role.is_chief:
            return
        with tf.io.gfile.GFile(self._path, "a") as file:
            file.write(json.dumps(line) + "\n")

    def _read(self) -> list[dict]:
        if not tf.io.gfile.exists(self._path):
            return []
        lines = []
        content = files.read_bytes(self._path).decode("utf-8", errors="replace")
        for text in content.splitlines():
            try:
                line = json_text.parse(text, allow_nan=True)
                schema.read(_Line, line, self._path, lenient=True)
            except InputError:
                break  # a killed process was writing this line; the steps after it are run again
            lines.append(line)
        return lines

    def _write(self) -> None:
        atomic_files.write_text(self._path, "".join(json.dumps(line) + "\n" for line in self._lines))


def drop_later_events(folder: str, step: int) -> None:
    """Removes the TensorBoard events of steps that a killed process has run and that are now run again.

    Args:
      folder: the folder with the event files of one writer.
      step: the last step whose events are kept.
    """
    names = tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else []
    for name in names:
        if name.startswith(_EVENTS):
            _keep_events(f"{folder}/{name}", step)


def _keep_events(path: str, step: int) -> None:
    kept, dropped = [], 0
    try:
        for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
            if protos.parse(tf.compat.v1.Event, record, path, "file of TensorBoard's events").step <= step:
                kept.append(record)
            else:
                dropped += 1
    except tf.errors.DataLossError:
        dropped += 1  # a killed process was writing this event; nothing behind it can be read
    if not dropped:
        return
    temporary = f"{path.rsplit('/', 1)[0]}/rewriting"  # a name that TensorBoard does not read
    with tf.io.TFRecordWriter(temporary) as writer:
        for record in kept:
            writer.write(record)
    tf.io.gfile.rename(temporary, path, overwrite=True)


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"
