"""Every figure of a timing, for a JSON file."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from .. import fingerprint
from ..instruments import machine
from .comparison import Comparison
from .peers.peer import peers
from .times import Measurement


def figures(measurements: Sequence[Measurement], comparisons: Mapping[str, Sequence[Comparison]]) -> dict[str, Any]:
    """Every figure, each call's seconds by the wall and by the device's clock, the machine, commit and versions.

    Args:
        measurements: of networks.
        comparisons: with peers, by network.
    """
    return {
        "machine": machine.describe(),
        "commit": machine.commit(),
        "versions": fingerprint.versions(),
        "peer_versions": peer_versions(),
        "threads": 1,
        "networks": [
            asdict(entry) | {"peers": [asdict(peer) for peer in comparisons.get(entry.network, [])]}
            for entry in measurements
        ],
    }


def peer_versions() -> dict[str, str]:
    """The version of each peer's library, or 'not installed'."""
    return {entry.package: entry.version for entry in peers()}
