"""Files of official datasets: fetched, checked, parsed."""
