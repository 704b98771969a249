"""Clocks, memory gauges and the description of the machine."""
