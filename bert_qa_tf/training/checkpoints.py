"""Writes the checkpoints of a run and restores the newest readable one.

A checkpoint is written completely or not at all, and restoring it returns training to the last saved step. The other
files of a run directory are written by `run_config.py` and `run_directory.py`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator

import tensorflow as tf
import tf_keras

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import atomic_files, files
from bert_qa_tf.training import checkpoint_files, run_directory

_ANY = re.compile(r"(ckpt-\d+)[._]")
# TensorFlow's temporary name of the file that lists the checkpoints.
_UNFINISHED_STATE = re.compile(r"checkpoint\.tmp[0-9a-f]+")


class RunCheckpoints(tf.train.CheckpointManager):
    """Saves a checkpoint at a fixed interval of steps and keeps the newest ones.

    All workers must save, because a variable may be spread over them, but only the chief's copy is kept.

    Args:
      model_dir: the run directory.
      checkpoint: a checkpoint of everything that training changes: model, optimizer, step and progress.
      step: the number of steps taken, a variable of `checkpoint`.
      interval: the number of steps between two saves.
      keep: the number of checkpoints to keep.
      worker: None for the chief (or the only process), otherwise the worker's number. The copy of such a worker is
        deleted at once.
    """

    def __init__(
        self,
        model_dir: str,
        checkpoint: tf.train.Checkpoint,
        step: tf.Variable,
        interval: int,
        keep: int,
        worker: int | None = None,
    ) -> None:
        self._source = f"{model_dir}/{run_directory.CHECKPOINT_DIR}"
        self._scratch = None if worker is None else f"{model_dir}/{run_directory.CHECKPOINT_DIR}-worker{worker}"
        super().__init__(
            checkpoint,
            self._scratch or self._source,
            max_to_keep=keep,
            step_counter=step,
            checkpoint_interval=interval,
        )
        self._last_saved: int | None = None

    def save(
        self,
        checkpoint_number: int | None = None,
        check_interval: bool = True,
        options: tf.train.CheckpointOptions | None = None,
    ) -> str | None:
        """Saves a checkpoint, unless this step has been saved already.

        TensorFlow writes files with temporary names, moves them into place and then names the new checkpoint in the
        file `checkpoint`. If the process is killed, the previous checkpoint remains valid.

        Args:
          checkpoint_number: the step.
          check_interval: whether to save only at multiples of the interval.
          options: options for TensorFlow's checkpoint manager.

        Returns:
          The checkpoint's path; None if nothing was saved.
        """
        step = int(checkpoint_number)
        if step == self._last_saved or (check_interval and step % self.checkpoint_interval):
            return None
        with _removing_unfinished(f"{self.directory}/ckpt-{step}"):
            path = super().save(checkpoint_number=step, check_interval=False, options=options)
        self._last_saved = step
        if self._scratch:
            files.remove(self._scratch)
        return path

    def restore_or_initialize(self) -> str | None:
        """Restores the chief's newest checkpoint.

        Returns:
          The checkpoint's path; None if there is none.

        Raises:
          InputError: the checkpoint belongs to another model, or an older version wrote it.
        """
        path = checkpoint_files.newest(self._source)
        if path is None:
            return None
        try:
            self.checkpoint.restore(path).assert_existing_objects_matched()
        except checkpoint_files.UNREADABLE as error:
            raise InputError(
                f"{path}: training cannot go on from this checkpoint ({str(error).splitlines()[0]}); start anew with "
                "--overwrite"
            ) from error
        self._last_saved = run_directory.step_of(path)
        return path


@contextlib.contextmanager
def _removing_unfinished(path: str) -> Iterator[None]:
    """Frees the space of a checkpoint that cannot be written completely, for instance because the disk is full."""
    try:
        yield
    except Exception:
        with contextlib.suppress(InputError):
            files.remove(f"{path}_temp")
        raise


class BestKeeper:
    """Keeps the weights with the highest development score, in `best/`.

    Args:
      model_dir: the run directory.
      model: the model whose weights are kept.
      writes: whether this process writes; only the chief does.
    """

    def __init__(self, model_dir: str, model: tf_keras.Model, *, writes: bool = True) -> None:
        self._model_dir = model_dir
        self._directory = f"{model_dir}/best"
        self._path = f"{model_dir}/{run_directory.BEST_FILE}"
        self._model = model
        self._writes = writes
        if writes and tf.io.gfile.exists(self._path):
            self._remove_others(files.read_json(self._path).get("checkpoint", ""))  # left by a killed process

    def keep(self, step: int, scores: dict[str, float]) -> None:
        """Replaces the best weights so far by the model's current weights.

        The weights are written under a new name, and `best.json`, which names them, is moved into place last. If the
        process is killed before, the old best weights remain valid.

        Args:
          step: the step of the weights.
          scores: their development scores.
        """
        if not self._writes:
            return
        old = run_directory.read_best(self._model_dir)
        if old is not None and (old.step, old.scores) == (step, scores):
            return  # an earlier process kept these weights before it was killed
        tf.io.gfile.makedirs(self._directory)
        name = f"model-{step}"
        with _removing_unfinished(f"{self._directory}/{name}"):
            tf.train.Checkpoint(model=self._model).write(f"{self._directory}/{name}")
        atomic_files.sync(self._directory)  # because the weights that this one replaces are deleted
        atomic_files.write_json(self._path, {"checkpoint": name, "step": step, "scores": scores})
        self._remove_others(name)

    def _remove_others(self, name: str) -> None:
        for path in tf.io.gfile.glob(f"{self._directory}/model-*"):
            if not path.rsplit("/", 1)[1].startswith(f"{name}."):
                files.remove(path)


def put_unreadable_aside(model_dir: str, warn: Callable[[str], None]) -> None:
    """Makes sure that the newest checkpoint in a run directory is readable.

    Newer checkpoints that cannot be read are renamed to `unreadable-…`. Incomplete files of a process that was killed,
    or found the disk full, are removed: the file `checkpoint` does not list them yet. Only the chief calls this
    function, before it creates a `RunCheckpoints`.

    Args:
      model_dir: the run directory.
      warn: called with a line for each unreadable checkpoint.

    Raises:
      InputError: there are checkpoints, but none is readable.
    """
    folder = f"{model_dir}/{run_directory.CHECKPOINT_DIR}"
    if not tf.io.gfile.isdir(folder):
        return
    names = [name.rstrip("/") for name in tf.io.gfile.listdir(folder)]
    steps = checkpoint_files.steps(folder)
    for name in names:
        match = _ANY.match(name)
        is_unfinished = match and (name.endswith("_temp") or f"{match[1]}.index" not in names)
        if is_unfinished or _UNFINISHED_STATE.fullmatch(name):
            path = f"{folder}/{name}"
            files.remove(path)
    if checkpoint_files.is_list_readable(folder):
        unlisted = sorted(set(steps) - checkpoint_files.listed_steps(folder))
        for step in unlisted:
            if checkpoint_files.why_unreadable(f"{folder}/ckpt-{step}"):
                for path in tf.io.gfile.glob(f"{folder}/ckpt-{step}.*"):
                    files.remove(path)
                steps.remove(step)
    first_reason = None
    while steps and (reason := checkpoint_files.why_unreadable(f"{folder}/ckpt-{steps[-1]}")):
        first_reason = first_reason or f"{folder}/ckpt-{steps[-1]}: this checkpoint cannot be read ({reason})"
        if len(steps) == 1:
            raise InputError(
                f"{first_reason}, so training cannot go on from it, and there is no earlier one; put a good copy in "
                "its place, or start anew with --overwrite"
            )
        warn(f"warning: {folder}/ckpt-{steps[-1]} cannot be read ({reason}); going on from ckpt-{steps[-2]}")
        for path in tf.io.gfile.glob(f"{folder}/ckpt-{steps[-1]}.*"):
            tf.io.gfile.rename(path, f"{folder}/unreadable-{path.rsplit('/', 1)[1]}", overwrite=True)
        steps.pop()
    if steps:
        # This also lists a complete checkpoint whose process was killed before it could list it.
        paths = [f"{folder}/ckpt-{step}" for step in steps]
        listed = checkpoint_files.listed(folder)
        if listed is None and checkpoint_files.is_list_there(folder):
            warn(f"warning: {folder}/checkpoint is empty or damaged; going on from ckpt-{steps[-1]}, the newest")
        # TensorFlow deletes old checkpoints where they are listed, even in another run.
        if listed != paths[-1] or checkpoint_files.leads_elsewhere(folder):
            # Without times, TensorFlow would never delete these checkpoints.
            times = [tf.io.gfile.stat(f"{path}.index").mtime_nsec / 1e9 for path in paths]
            tf.compat.v1.train.update_checkpoint_state(folder, paths[-1], paths, all_model_checkpoint_timestamps=times)
