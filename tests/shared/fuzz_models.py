"""`python tests/shared/fuzz_models.py SECONDS`: random problems until then, and how many came to which outcome."""

import json
import sys
from collections import Counter, defaultdict
from time import perf_counter

import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from random_outcomes import ANY, DEFINITIONS, TRACED, Fault, outcome
from random_problems import problems

METHODS = st.one_of(st.sampled_from(["loss", *DEFINITIONS, *TRACED]), st.sampled_from(ANY))


def main(seconds, first):
    """Print the outcomes, and the problems of those that are faults."""
    torch.set_num_threads(1)
    end, told, faults, rounds = perf_counter() + seconds, Counter(), defaultdict(list), first
    while perf_counter() < end:

        @seed(rounds)
        @settings(
            max_examples=100,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(problems(), st.lists(METHODS, min_size=1, max_size=3, unique=True))
        def one_round(drawn, methods):
            for method in methods:
                if perf_counter() < end:
                    try:
                        told[outcome(drawn, method)] += 1
                    except Fault as fault:
                        told["FAULT"] += 1
                        faults[str(fault)[:90]].append((method, drawn, str(fault)))
                    except Exception as error:
                        told["ORACLE"] += 1
                        faults["oracle " + str(error)[:90]].append((method, drawn, repr(error)))
                    told["tried"] += 1

        one_round()
        rounds += 1
    for cases in sorted(faults.values(), key=len, reverse=True):
        method, drawn, whole = min(cases, key=lambda case: (len(case[1].blocks), len(str(case[1]))))
        print(f"--- {len(cases)} × {whole[:400]}\n{method}\n{drawn}")
    print(json.dumps(dict(told.most_common()), indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
