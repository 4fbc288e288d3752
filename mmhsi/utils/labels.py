"""The label convention of mmhsi."""

IGNORE_INDEX = 255
"""Value of an unlabelled pixel in memory; classes run from 0 to K - 1. In files 0 is unlabelled, classes 1 to K."""
