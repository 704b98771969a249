"""Running a suite: its cells, the processes that work on them, what each cost."""
