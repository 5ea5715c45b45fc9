import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.serving_client.retries import AttemptFailed, RetryPolicy, call_with_retries


class _Clock:
    """Time that passes only while somebody sleeps or an attempt takes it."""

    def __init__(self):
        self.now = 100.0
        self.waits = []

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds


def _call(outcomes, policy, clock, draw=lambda: 0.5, seconds=0.0):
    """Attempts with these outcomes; returns the result and how long each was allowed to take."""
    outcomes, allowed = list(outcomes), []

    def attempt(timeout_secs):
        allowed.append(timeout_secs)
        clock.now += seconds
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return call_with_retries(attempt, policy, sleep=clock.sleep, clock=lambda: clock.now, draw=draw), allowed


def _busy(retry_after_secs=0.0):
    return AttemptFailed("HTTP 503", "busy", may_retry=True, retry_after_secs=retry_after_secs)


def test_waits_double_up_to_a_limit_and_are_drawn_at_random():
    clock = _Clock()
    policy = RetryPolicy(max_attempts=6, first_wait_secs=1.0, max_wait_secs=5.0)
    draws = iter([0.5, 0.25, 1.0, 1.0, 0.0])
    result, _ = _call([_busy()] * 5 + ["yes"], policy, clock, draw=lambda: next(draws))
    assert result == "yes"
    assert clock.waits == [0.5, 0.5, 4.0, 5.0, 0.0]


def test_what_may_not_be_repeated_is_not():
    clock = _Clock()
    with pytest.raises(AttemptFailed) as raised:
        _call([AttemptFailed("HTTP 400", "no", may_retry=False), "yes"], RetryPolicy(), clock)
    assert (raised.value.attempts, clock.waits) == (1, [])


def test_the_last_failure_is_raised_with_the_number_of_attempts():
    clock = _Clock()
    last = AttemptFailed("UNAVAILABLE", "third", may_retry=True)
    with pytest.raises(AttemptFailed, match="UNAVAILABLE: third") as raised:
        _call([_busy(), _busy(), last, "yes"], RetryPolicy(max_attempts=3), clock)
    assert raised.value.attempts == 3


def test_a_server_that_asks_for_time_gets_it():
    clock = _Clock()
    _call([_busy(retry_after_secs=7), "yes"], RetryPolicy(), clock)
    assert clock.waits == [7]


def test_no_attempt_is_waited_for_that_the_deadline_does_not_allow():
    clock = _Clock()
    with pytest.raises(AttemptFailed) as raised:
        _call([_busy(retry_after_secs=60), "yes"], RetryPolicy(deadline_secs=60), clock)
    assert (raised.value.attempts, clock.waits) == (1, [])


def test_the_last_attempt_gets_only_the_time_that_is_left():
    policy = RetryPolicy(timeout_secs=30, deadline_secs=45, first_wait_secs=2)
    _, allowed = _call([_busy(), "yes"], policy, _Clock(), seconds=30)
    assert allowed == [30, 14]


@pytest.mark.parametrize("name", ["max_attempts", "timeout_secs", "deadline_secs", "first_wait_secs", "max_wait_secs"])
def test_values_that_make_no_sense_are_named(name):
    with pytest.raises(InputError, match=f"{name} must be"):
        RetryPolicy(**{name: 0})
    if name != "max_attempts":
        with pytest.raises(InputError, match=f"{name} must be above 0, got nan"):
            RetryPolicy(**{name: float("nan")})
