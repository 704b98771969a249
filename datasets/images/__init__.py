"""Image datasets, official ones and a user's own folder."""
