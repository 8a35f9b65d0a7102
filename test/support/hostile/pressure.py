"""How long a process had to wait for a core, as Linux counts it."""

from pathlib import Path

import psutil


class Pressure:
    """What the first threads of processes ran and waited for a core, from now until `end`."""

    def __init__(self, *processes: psutil.Process) -> None:
        """Begin to count."""
        self._files = [Path(f"/proc/{process.pid}/schedstat") for process in processes]
        self._began = [_counted(file) for file in self._files]
        self.stretch = 1.0

    def end(self) -> None:
        """Count no more: `stretch` says how many times as long work took as on a free core.

        It is that of the process which had to wait most.
        """
        for file, (ran_before, waited_before) in zip(self._files, self._began, strict=True):
            ran, waited = _counted(file)
            ran, waited = max(1, ran - ran_before), waited - waited_before
            self.stretch = max(self.stretch, (ran + waited) / ran)


def _counted(file: Path) -> tuple[int, int]:
    ran, waited, _ = file.read_text().split()
    return int(ran), int(waited)
