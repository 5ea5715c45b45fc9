"""Runs a training from a `TrainConfig` and writes checkpoints, the best weights and metrics to a run directory.

`orbit` provides the outer loop with steps, summaries, checkpoints and restoring. The preparation, the schedule and the
training step are in the other modules of this folder.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Iterator

import orbit
import tensorflow as tf

from bert_qa_tf.config import TrainConfig
from bert_qa_tf.storage import lock
from bert_qa_tf.training import checkpoints, cluster, precision_census, reporting, run_config, run_directory
from bert_qa_tf.training.preparation import Prepared, parameter_counts, prepare
from bert_qa_tf.training.reporting import Reporter
from bert_qa_tf.training.state import ProgressInCheckpoint
from bert_qa_tf.training.step import StepOptions
from bert_qa_tf.training.stopping import Stopped, StopRequest
from bert_qa_tf.training.trainer import Evaluator, Trainer


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """The result of a training.

    Attributes:
      steps: the number of optimizer steps taken.
      best_scores: the best scores on the development split; empty if there is no such split.
      signal: the number of the signal that stopped the training early, or None.
    """

    steps: int
    best_scores: dict[str, float]
    signal: int | None = None


def train(config: TrainConfig) -> TrainResult:
    """Starts or resumes a training and runs it for the configured number of epochs or steps.

    On SIGTERM or Ctrl-C, training saves a checkpoint after the current step and stops. The same call resumes it.

    Raises:
      InputError: the records, the encoder, the run directory or the requested hardware are unsuitable; another process
        trains in the run directory; the loss is not finite or diverges; or another worker is lost.
    """
    with StopRequest() as stop, cluster.naming_lost_workers():
        try:
            return _train(prepare(config), stop)
        except Stopped:
            print(f"stopped by {stop.received.name} before the first step")
            return TrainResult(0, {}, stop.received)


def _train(prepared: Prepared, stop: StopRequest) -> TrainResult:
    config, schedule = prepared.config, prepared.schedule
    role = cluster.role(prepared.strategy)
    replicas = prepared.strategy.num_replicas_in_sync
    role.say(f"strategy {config.runtime.distribution_strategy}, {replicas} replica(s); {prepared.policy}")
    if config.freeze_layers:
        role.say("training {:,} of {:,} parameters".format(*parameter_counts(prepared.trained.model)))

    # The census: which precision is actually used, according to the graph of the longest step.
    options = StepOptions(
        seed=config.seed,
        accumulation_steps=config.gradient_accumulation_steps,
        steps_per_call=config.steps_per_loop,
        jit_compile=config.runtime.jit_compile and config.runtime.distribution_strategy != "tpu",
    )
    trainer = Trainer(
        prepared.task,
        prepared.strategy,
        prepared.trained,
        prepared.records,
        schedule,
        options,
        profile=config.profile_steps if role.is_chief else None,
        profile_dir=f"{config.model_dir}/train",
    )
    length = schedule.buckets[-1]
    census = precision_census.take_census(trainer.trace(length), prepared.policy, prepared.trained.model)
    rewritten = config.runtime.graph_rewrite
    role.say(census.summary() + (" as traced; TensorFlow rewrites that graph to bfloat16" if rewritten else ""))
    allowed = rewritten or config.runtime.allow_float32_encoder
    precision_census.check_census(census, allow_float32_encoder=allowed)

    # The run directory is new, or belongs to the same training. Nothing is written before all checks above have passed.
    with contextlib.ExitStack() as stack:
        if role.is_chief:
            run_config.check_place(config.model_dir)
            stack.enter_context(lock.held(f"{config.model_dir}/{lock.LOCK_FILE}", config.model_dir))
            resolved = run_config.resolved_config(config, prepared.manifest, prepared.task, prepared.policy)
            run_config.open_run(config, resolved, prepared.pretrained, prepared.task.development_file)
            shape = {"global_batch_size": config.global_batch_size, "seq_length": length}
            if config.gradient_accumulation_steps > 1:  # the census counts the loop over micro-batches once
                shape["global_batch_size"] //= config.gradient_accumulation_steps
            precision_census.write_census(config.model_dir, census, shape, graph_rewrite=rewritten)
            checkpoints.put_unreadable_aside(config.model_dir, role.say)
        # The other workers wait for the chief, because it may remove files that they would read.
        cluster.wait_for_all(prepared.strategy)
        return _run(dataclasses.replace(prepared, pretrained=None), trainer, stop, role)


def _run(prepared: Prepared, trainer: Trainer, stop: StopRequest, role: cluster.Role) -> TrainResult:
    config, schedule, trained = prepared.config, prepared.schedule, prepared.trained
    manager = checkpoints.RunCheckpoints(
        config.model_dir,
        tf.train.Checkpoint(
            model=trained.model,
            optimizer=trained.optimizer,
            step=trained.step,
            progress=ProgressInCheckpoint(trained.progress),
        ),
        trained.step,
        config.save_checkpoints_steps,
        config.keep_checkpoint_max,
        worker=None if role.is_chief else role.index,
    )
    evaluator = Evaluator(prepared.score, trained)
    directories = {"summary_dir": "train", "eval_summary_dir": "eval_dev"}
    with _quiet():
        controller = orbit.Controller(
            global_step=trained.step,
            trainer=trainer,
            evaluator=evaluator,
            strategy=prepared.strategy,
            steps_per_loop=schedule.total_steps,  # `_Run.go` limits each call
            checkpoint_manager=manager,
            **{key: f"{config.model_dir}/{name}" if role.is_chief else None for key, name in directories.items()},
        )
    start = int(trained.step.numpy())
    cluster.check_agreement(prepared.strategy, start, config.model_dir)
    if role.is_chief:
        for name in directories.values():
            reporting.drop_later_events(f"{config.model_dir}/{name}", start)
    reporter = Reporter(config.model_dir, schedule.total_steps, start, role)
    trainer.reporter, trainer.stop = reporter, stop
    best = checkpoints.BestKeeper(config.model_dir, trained.model, writes=role.is_chief)
    if start:
        reporter.note(f"going on from step {start} of {schedule.total_steps}")
    copies = f" in {schedule.num_copies} copies, one an epoch" if schedule.num_copies > 1 else ""
    steps = ", ".join(str(schedule.steps_in_epoch(epoch)) for epoch in range(schedule.num_copies))
    reporter.note(
        f"{schedule.num_windows} windows{copies}, {steps} steps an epoch, {schedule.total_steps} in all; "
        f"lengths {schedule.buckets}; {schedule.padding_efficiency:.1%} of the computed tokens are real"
    )
    run = _Run(prepared, controller, evaluator, manager, reporter, best, stop)
    stop.listen()
    stop.at_once = False  # from here on, a checkpoint is saved before training stops
    try:
        run.go()
    except Stopped:
        run.save()
        reporter.note(
            f"stopped by {stop.received.name if stop.received else 'another worker'} after step "
            f"{int(trained.step.numpy())} of {schedule.total_steps}, which is saved; the same command goes on"
        )
    finally:
        trainer.end_profile()
        reporter.close()
    best = run_directory.read_best(config.model_dir)
    return TrainResult(int(trained.step.numpy()), {} if best is None else best.scores, stop.received)


@dataclasses.dataclass
class _Run:
    """The outer loop, which trains, saves, evaluates after each epoch and decides when to end."""

    prepared: Prepared
    controller: orbit.Controller
    evaluator: Evaluator
    manager: checkpoints.RunCheckpoints
    reporter: Reporter
    best: checkpoints.BestKeeper
    stop: StopRequest

    def go(self) -> None:
        """Trains until the last step, the time limit or early stopping."""
        config, schedule = self.prepared.config, self.prepared.schedule
        trained, ends = self.prepared.trained, schedule.epoch_ends
        step = int(trained.step.numpy())
        if step in ends and self._evaluated(step):
            return
        while step < schedule.total_steps:
            target = min(
                next(end for end in ends if end > step),
                *(step + n - step % n for n in (config.log_steps, config.save_checkpoints_steps)),
            )
            with _quiet():
                self.controller.train(target, checkpoint_at_completion=False)
            step = target
            hours = trained.progress.seconds / 3600
            late = config.max_hours is not None and hours >= config.max_hours and step < schedule.total_steps
            if late or step in ends:
                self.save()  # so that the epoch is not lost if the evaluation is killed
                if self._evaluated(step):
                    return
            if late:
                self.reporter.note(
                    f"stopped after {hours:.2f} hours (--max_hours={config.max_hours:g}) and step {step} of "
                    f"{schedule.total_steps}; the same command with a larger --max_hours goes on"
                )
                return

    def save(self) -> None:
        """Saves a checkpoint now."""
        with _quiet():
            self.controller.save_checkpoint()

    def _evaluated(self, step: int) -> bool:
        """Scores the development split and keeps the best weights; returns whether to stop early."""
        config, progress = self.prepared.config, self.prepared.trained.progress
        epoch = self.prepared.schedule.epochs_at(step)
        # An evaluation by an earlier process is read from the file; its scores would be the same.
        scores = self.reporter.evaluation_at(step)
        if scores is None:
            self.stop.at_once = True  # a checkpoint of this step is saved already
            if self.stop.received:
                raise Stopped
            with _quiet():
                self.controller.evaluate()
            self.stop.at_once = False
            scores = self.evaluator.scores
            if not scores:
                return False
            self.reporter.evaluation(step, epoch, scores)
        metric = self.prepared.task.best_metric
        is_best = progress.offer(step, scores[metric])
        if is_best:
            self.best.keep(step, scores)
        shown = "  ".join(f"{name} {value:.2f}" for name, value in scores.items())
        self.reporter.note(f"epoch {epoch:g}, development split: {shown}{'  (best so far)' if is_best else ''}")
        patience = config.early_stopping_patience
        if not patience or progress.evaluations_since_best < patience or step >= self.prepared.schedule.total_steps:
            return False
        self.reporter.note(
            f"stopped early: {progress.evaluations_since_best} evaluation(s) without a {metric} above "
            f"{progress.best_score:.2f}, reached at step {progress.best_step}"
        )
        return True


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppresses orbit's output, because `Reporter` prints the same information for users."""
    with contextlib.redirect_stdout(io.StringIO()) as _:
        yield
