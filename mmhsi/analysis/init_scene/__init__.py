"""Generate a dataset file and a config for your own scene from its files."""
