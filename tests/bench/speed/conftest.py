"""What tests of the speed room share."""

import pytest

from influence_bench.bench.progress import progress


@pytest.fixture
def shown():
    """A progress to show calls in."""
    with progress("timing") as shown:
        yield shown
