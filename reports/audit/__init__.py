"""The page of an audit: how well planted errors were found, and the suspects to decide about."""
