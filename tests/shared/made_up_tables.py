"""Tables of a metric that hold what a test gives them."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


def table(values: ArrayLike, problems: int) -> pd.DataFrame:
    """Values (rows, problems × seeds) as the table that the statistics take."""
    cells = np.asarray(values, dtype=np.float64)
    seeds = range(cells.shape[1] // problems)
    columns = pd.MultiIndex.from_product([[f"p{i}" for i in range(problems)], seeds], names=["problem", "seed"])
    return pd.DataFrame(cells, index=[f"m{i}" for i in range(len(cells))], columns=columns)


def cells(aucs: dict[str, list[float]]) -> pd.DataFrame:
    """Cells of one problem, by method and seed; NaN where one failed."""
    rows = [(method, seed, auc) for method, values in aucs.items() for seed, auc in enumerate(values)]
    frame = pd.DataFrame(rows, columns=["method", "seed", "roc_auc"]).assign(problem="p", rate=0.2)
    return frame.assign(recall_at_k=frame["roc_auc"], status=np.where(frame["roc_auc"].isna(), "error", "ok"))
