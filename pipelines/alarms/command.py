"""A command that gets each message on its standard input."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired

from crawler.errors import SinkFailed
from pipelines.alarms.causes import quoted
from pipelines.alarms.message import Message


@dataclass(frozen=True, slots=True)
class Command:
    """A program and its arguments, run without a shell. What it writes to stdout is dropped."""

    arguments: tuple[str, ...]
    hidden: tuple[str, ...] = field(default=(), repr=False)

    def send(self, message: Message, timeout: float) -> str:
        """Run it: the title on the first line of stdin, an empty one, the text; in UTF-8.

        At the timeout it is killed, with the processes it began. Raises :class:`SinkFailed`
        when it ends with another code than 0, and :class:`TimeoutError`.
        """
        try:
            process = Popen(
                self.arguments, stdin=PIPE, stdout=DEVNULL, stderr=PIPE, start_new_session=True
            )
        except OSError as error:
            program = quoted(self.arguments[0], self.hidden)
            raise SinkFailed(f"{program} cannot be run ({error.strerror})") from None
        body = f"{message.title}\n\n{message.text}\n".encode("utf-8", "replace")
        with process:
            said = _finish(process, body, timeout)
        if process.returncode:
            raise SinkFailed(self._ending(process.returncode, said))
        return "run"

    def _ending(self, code: int, said: bytes) -> str:
        ended = f"exit code {code}" if code > 0 else f"signal {-code}"
        lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
        last = f": {quoted(lines[-1], self.hidden)}" if lines else ""
        return f"the command ended with {ended}{last}"


def _finish(process: Popen[bytes], body: bytes, timeout: float) -> bytes:
    """Give a process its input and wait for its end; what it wrote to stderr."""
    try:
        return process.communicate(body, timeout)[1]
    except TimeoutExpired:
        if process.poll() is not None:
            return b""  # it has ended; what it left running has stderr still open
        raise TimeoutError from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
