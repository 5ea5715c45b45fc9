"""Retries a call when a server is temporarily unavailable.

The transport decides which failures may be retried, because it knows its own errors. Predictions change nothing on the
server, so an attempt with an unknown outcome (such as a lost connection) may be repeated.
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

    The wait before attempt n+1 is drawn uniformly between 0 and `first_wait_secs · 2ⁿ⁻¹`, so that clients that failed
    at the same time do not retry at the same time ("full jitter", AWS Architecture Blog, "Exponential Backoff And
    Jitter", 2015).

    Attributes:
      max_attempts: the total number of attempts, including the first; 1 for no retry.
      timeout_secs: the limit for one attempt.
      deadline_secs: the limit for all attempts of one request and the waits between them.
      first_wait_secs: the longest wait after the first attempt; doubled after each further one.
      max_wait_secs: the upper limit of any wait.

    Raises:
      InputError: a value is out of range.
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
            if not getattr(self, name) > 0:  # refuses NaN, too
                raise InputError(f"{name} must be above 0, got {getattr(self, name)}")


class AttemptFailed(Exception):
    """One attempt failed.

    Attributes:
      status: the kind of failure: `HTTP 503`, or the name of a gRPC status such as `UNAVAILABLE`.
      message: the message of the server or the network layer.
      may_retry: whether a retry may succeed.
      retry_after_secs: the wait before a retry that the server asked for.
      attempts: the number of attempts; set by `call_with_retries`.
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
    """Repeats an attempt until it succeeds, fails in a way that may not be retried, or reaches the policy's limits.

    Args:
      attempt: makes one attempt; its argument is the timeout in seconds.
      policy: how often and how long to try.
      sleep: waits for a number of seconds.
      clock: returns the time in seconds since any fixed moment.
      draw: returns a random number, at least 0 and below 1.

    Returns:
      The result of the successful attempt.

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
