"""A table of twenty fruits: numbers, truth values, words with an empty cell, and the label `kind`."""

import pandas as pd

TABLE = pd.DataFrame(
    {
        "size": [1.5, 2.0, 0.5, 4.0] * 5,
        "fresh": [True, False, True, False] * 5,
        "colour": ["red", None, "blue", "red"] * 5,
        "kind": ["pear", "apple", "pear", "apple"] * 5,
    }
)
