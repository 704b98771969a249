"""`python -m influence_bench` is the command `influence-bench`."""

from influence_bench.bench.cli import main

if __name__ == "__main__":
    main()
