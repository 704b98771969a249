"""A published run, checked: its removals, and some of its cells run again."""
