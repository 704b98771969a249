"""How a run happens: problems, the registry, suites, measuring, results and the command line."""
