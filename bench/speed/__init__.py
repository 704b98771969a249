"""The speed of the gradient engine, compared with a plain training epoch and with other libraries."""
