"""What a guest is told to do."""

import io
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

AGENT = Path(__file__).resolve().parent / "agent"


@dataclass
class Job:
    """What a guest does once it is up, and how the boot ends.

    `ending`: poweroff, reboot, cut (power cut after the job) or hold (killed
    by the host). `cut_at`: power is cut `cut_after` seconds after the job has
    called `mark` with this name. `cut_on`: the same after the console's first
    line with this text.
    """

    script: str = ""
    files: dict[str, Path] = field(default_factory=dict)
    ending: str = "poweroff"
    cut_at: str | None = None
    cut_on: str | None = None
    cut_after: float = 0.0
    patience: float = 600.0
    """Seconds until the boot has to have reported."""
    limit: float = 1800.0
    """Seconds that the job may take."""
    typed: tuple[str, ...] = ()
    """What is typed in the initramfs' shell, a line a prompt."""
    meetings: dict[str, Callable[[], None]] = field(default_factory=dict)
    """What the host does when the job calls `meet` with this name; the job waits for its end."""
    down_limit: float = 150.0
    """Seconds from the request to power off until the host ends the guest."""

    def tar(self):
        """The job disk: the agent, the script and the files."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            tar.add(AGENT / "main", "agent/main")
            tar.add(AGENT / "lib", "agent/lib")
            for name, path in self.files.items():
                tar.add(path, name)
            texts = {"ending": self.ending + "\n"}
            if self.script:
                texts["job"] = self.script
            for name, text in texts.items():
                info = tarfile.TarInfo(name)
                info.size = len(text.encode())
                tar.addfile(info, io.BytesIO(text.encode()))
        return buffer.getvalue()
