"""Where the figures of a run come from."""

import shlex
import sys
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from .. import fingerprint
from ..instruments import accelerator, machine
from ..instruments.code import package_code
from ..results.records import Provenance
from .pool import THREADS


def provenance(workers: int, device: str, packages: Collection[str] = ()) -> Provenance:
    """Where the figures come from that this command measures now.

    Args:
        workers: processes at a time.
        device: where models are trained and rows scored.
        packages: optional packages whose versions count.
    """
    return Provenance(
        command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine.describe(),
        device=accelerator.device_name(accelerator.device(device)),
        workers=workers,
        threads_per_worker=THREADS,
        versions=fingerprint.versions(sorted(packages)),
        code=package_code(),
        commit=machine.commit(),
    )
