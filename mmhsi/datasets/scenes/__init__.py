"""Scenes: cubes with their labels, pairs of dates, targets and unmixing truth."""
