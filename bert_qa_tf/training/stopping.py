"""Handles requests to stop a training: Ctrl-C, or SIGTERM, which clouds send before they take a machine away.

A signal sets a flag that training reads between steps, so that it can save a checkpoint first.
(`tf.distribute.experimental.PreemptionCheckpointHandler` supports neither CPUs nor TPUs on Google Cloud.)
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(Exception):
    """Training was asked to stop."""


class StopRequest:
    """A context manager that records the first stop signal.

    The previous handlers are restored after the first signal, so a second one has its usual effect.

    Attributes:
      received: the signal; None if there was none.
      at_once: whether the signal handler raises `Stopped`; true at first, and whenever there is nothing to save.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self.at_once = True
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> StopRequest:
        self.listen()
        return self

    def listen(self) -> None:
        """Installs the handlers; may be called again, because TensorFlow's server on a worker replaces SIGTERM's."""
        # Python delivers signals only to the main thread. In another thread, the handlers are not changed.
        if self.received is None and threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                # None stands for a handler that was not set from Python and cannot be restored.
                before = signal.signal(number, self._handle) or signal.SIG_DFL
                self._before.setdefault(number, before)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.received = signal.Signals(number)
        self.__exit__()
        if self.at_once:
            raise Stopped(self.received.name)
