"""`python tests/shared/fuzz_tables.py SECONDS [SEED] [LAYER ...]`: random tables, for seconds of processor time."""

import json
import sys
from collections import Counter, defaultdict
from contextlib import suppress
from time import process_time

import torch
from audit_outcomes import outcome
from hypothesis import HealthCheck, Phase, given, seed, settings
from random_audits import audits
from random_columns import archives, columns, encoded, probability_files, probable, unpacked
from random_tables import json_tables, parquet_tables, workbooks
from random_texts import text_tables
from table_outcomes import Fault, reading

LAYERS = {
    "text": (text_tables, reading), "JSON": (json_tables, reading), "Excel": (workbooks, reading),
    "Parquet": (parquet_tables, reading), "column": (columns, encoded), "npz": (archives, unpacked),
    "probabilities": (probability_files, probable), "audit": (audits, outcome),
}  # fmt: skip
SHARES = {
    "text": 0.12, "JSON": 0.05, "Excel": 0.08, "Parquet": 0.08, "column": 0.1, "npz": 0.04,
    "probabilities": 0.03, "audit": 0.5,
}  # fmt: skip
"""The share of the time for each layer."""


def one_round(layer, number, end, told, faults):
    """Judge some tables of a layer, until the end."""
    strategy, judge = LAYERS[layer]

    @seed(number)
    @settings(
        max_examples=50, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy())
    def judged(table):
        if process_time() > end:
            return
        try:
            told[f"{layer}: {judge(table)}"] += 1
        except Exception as error:
            kind = "FAULT" if isinstance(error, Fault) else "ORACLE"
            told[f"{layer}: {kind}"] += 1
            faults[f"{layer}: {kind} {str(error)[:60]}"].append((table, str(error)))

    judged()


def main(seconds, first, layers):
    """Print the outcomes, also when interrupted, and the smallest table of each kind of fault."""
    torch.set_num_threads(1)
    told, faults = Counter(), defaultdict(list)
    with suppress(KeyboardInterrupt):
        for layer in layers:
            rounds, end = first, process_time() + seconds * SHARES[layer] / sum(SHARES[name] for name in layers)
            while process_time() < end:
                one_round(layer, rounds, end, told, faults)
                rounds += 1
    for cases in sorted(faults.values(), key=len, reverse=True):
        table, whole = min(cases, key=lambda case: len(repr(case[0])))
        print(f"--- {len(cases)} × {whole[:400]}\n{str(table)[:1500]}")
    print(json.dumps(dict(told.most_common()), indent=1, ensure_ascii=False))
    print(sum(told.values()), "examples")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0, sys.argv[3:] or list(LAYERS))
