"""Being asked to stop: SIGTERM, as a cloud sends before it takes a machine away, or Ctrl-C.

What goes in: a signal, at any moment. What comes out: a flag that training reads between steps, so that it can save
first. (`tf.distribute.experimental.PreemptionCheckpointHandler` supports neither CPUs nor TPUs on Google Cloud.)
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(Exception):
    """Training was asked to stop."""


class StopRequest:
    """While it is entered, notes the first such signal; the second one is handled as if this were not here.

    Attributes:
      received: the signal; None so far.
      at_once: whether to raise `Stopped` from the signal itself: true at first, and wherever there is nothing to save.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self.at_once = True
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> StopRequest:
        self.listen()
        return self

    def listen(self) -> None:
        """Takes the signals again: TensorFlow's own server, which several workers start, takes SIGTERM for itself."""
        # Python gives signals to the main thread only; elsewhere (a notebook's worker, say) they stay as they are.
        if self.received is None and threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                # None: what another language set, which cannot be put back.
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
