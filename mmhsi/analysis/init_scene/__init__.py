"""A dataset file and a config for a scene of one's own, written from what its files hold."""
