"""What the rows of a leaderboard cost: seconds, epochs and memory."""

import numpy as np
import pandas as pd

COSTS = (
    "seconds", "cpu_seconds", "gradients_seconds", "score_seconds", "retrain_seconds", "warmup_seconds",
    "epoch_seconds", "epochs", "peak_bytes",
)  # fmt: skip
MB = 1e6


def costs_of(cells: pd.DataFrame) -> pd.DataFrame:
    """The costs of each method's finished cells; every problem has the same weight.

    Seconds are means. Memory is the highest peak, since that has to fit. Epochs are ratios, so their mean is geometric.
    """
    done = cells[cells["status"] == "ok"]
    groups = done.assign(epochs=np.log(done["epochs"].clip(lower=1e-4))).groupby(["method", "problem"])
    seconds = [cost for cost in COSTS if cost.endswith("seconds")]
    costs = groups[[*seconds, "epochs"]].mean().groupby(level="method").mean()
    costs["epochs"] = np.exp(costs["epochs"])
    costs["peak_mb"] = done.groupby("method")["peak_bytes"].max().clip(lower=0) / MB
    return (
        costs.assign(finished=done.groupby("method").size()).reindex(cells["method"].unique()).fillna({"finished": 0})
    )
