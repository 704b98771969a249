"""Where the figures of a run come from."""

import shlex
import sys
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import fingerprint
from ..instruments import accelerator, machine
from .pool import THREADS


def provenance(workers: int, device: str, packages: Collection[str] = ()) -> dict[str, Any]:
    """Where figures come from: command, time, machine, versions, of packages too, the code's digest and commit."""
    return {
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "device": accelerator.described(accelerator.found(device)),
        "workers": workers,
        "threads_per_worker": THREADS,
        "versions": fingerprint.versions(sorted(packages)),
        "code": fingerprint.package_code(),
        "commit": machine.commit(),
    }
