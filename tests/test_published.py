"""What is published follows from the cells that are published with it."""

import pytest
from pages import PUBLISHED

from influence_bench.bench.verification.removals import removal_faults
from influence_bench.reports.publishing.verify import MADE, unarchived, verify

FOLDERS = sorted({file.relative_to(PUBLISHED).parts[0] for pattern in MADE for file in PUBLISHED.rglob(pattern)})


def test_tables_and_verdicts_are_published_with_their_cells():
    assert not [folder for folder in FOLDERS if unarchived(PUBLISHED / folder)]


@pytest.mark.parametrize("folder", FOLDERS)
def test_tables_and_verdicts_follow_from_their_cells(folder):
    checked = verify(PUBLISHED / folder)
    assert checked.differences == []
    assert checked.skipped == []
    assert [fault for run in checked.runs.values() for fault in removal_faults(run)] == []
