"""Data files of official datasets: downloading, unpacking, reading and checking them."""
