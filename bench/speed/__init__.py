"""The speed of the gradient engine, beside a plain epoch and beside other libraries."""
