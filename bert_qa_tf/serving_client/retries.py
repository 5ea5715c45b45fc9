"""Asking again when a server could not answer just now.

What goes in: a function that makes one attempt, and how often and how long to try. What comes out: its result, or the
last failure. Which failures may be tried again is the transport's to say: it knows what its errors mean. Answering a
question changes nothing on the server, so an attempt whose fate is unknown (a connection lost half-way) may be made
again.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable
from typing import TypeVar

from bert_qa_tf.errors import InputError

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """How often and how long to try.

    The wait before attempt n+1 is drawn evenly between 0 and `first_wait_secs · 2ⁿ⁻¹`: many clients that failed at the
    same moment do not come back at the same moment ("full jitter", AWS Architecture Blog, "Exponential Backoff And
    Jitter", 2015).

    Attributes:
      max_attempts: attempts in all, the first included; 1 for no second one.
      timeout_secs: for one attempt.
      deadline_secs: for all attempts of one request and the waits between them.
      first_wait_secs: longest wait after the first attempt; it doubles with each further one.
      max_wait_secs: no longer than this, however many attempts there were.

    Raises:
      InputError: a value makes no sense.
    """

    max_attempts: int = 4
    timeout_secs: float = 30.0
    deadline_secs: float = 120.0
    first_wait_secs: float = 0.2
    max_wait_secs: float = 10.0

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise InputError(f"max_attempts must be at least 1, got {self.max_attempts}")
        for name in ("timeout_secs", "deadline_secs", "first_wait_secs", "max_wait_secs"):
            if not getattr(self, name) > 0:  # NaN too
                raise InputError(f"{name} must be above 0, got {getattr(self, name)}")


class AttemptFailed(Exception):
    """One attempt that gave no answer.

    Attributes:
      status: what kind of failure: `HTTP 503`, or the name of a gRPC status such as `UNAVAILABLE`.
      message: what the server, or the network, said.
      may_retry: whether another attempt may do better.
      retry_after_secs: how long the server asked to be left alone.
      attempts: how many attempts there were, filled in by `call_with_retries`.
    """

    def __init__(self, status: str, message: str, may_retry: bool, retry_after_secs: float = 0.0) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message
        self.may_retry = may_retry
        self.retry_after_secs = retry_after_secs
        self.attempts = 1


def call_with_retries(
    attempt: Callable[[float], Result],
    policy: RetryPolicy,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    draw: Callable[[], float] = random.random,
) -> Result:
    """Makes attempts until one succeeds, one may not be repeated, or attempts or time run out.

    Args:
      attempt: gets the seconds it may take.
      policy: how often and how long.
      sleep: waits so many seconds.
      clock: the time in seconds, from any start.
      draw: a random number, at least 0 and below 1.

    Returns:
      What the successful attempt returned.

    Raises:
      AttemptFailed: the last failure.
    """
    end = clock() + policy.deadline_secs
    attempts = 0
    while True:
        attempts += 1
        try:
            return attempt(max(0.001, min(policy.timeout_secs, end - clock())))
        except AttemptFailed as failure:
            failure.attempts = attempts
            longest = min(policy.max_wait_secs, policy.first_wait_secs * 2 ** (attempts - 1))
            wait = max(longest * draw(), failure.retry_after_secs)
            if not failure.may_retry or attempts >= policy.max_attempts or clock() + wait >= end:
                raise
        sleep(wait)
