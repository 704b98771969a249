"""Clocks and gauges: what a measurement reads."""
