"""What the tests of reports share."""

from collections.abc import Iterator

import pytest

from influence_bench.reports.claims.claim import CLAIMS, PICTURES


@pytest.fixture
def own_claims() -> Iterator[None]:
    """The claims and pictures that a test registers are forgotten after it."""
    with CLAIMS.restored(), PICTURES.restored():
        yield
