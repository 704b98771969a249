"""Wrong labels and corrupted features, put on rows whose truth is known."""
