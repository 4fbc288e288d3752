"""Fixtures of the tests of models."""

import logging

import pytest
from mmengine.logging import MMLogger


@pytest.fixture
def quiet():
    """Suppress the messages of the initialisation, which lists every parameter."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    yield
    logger.setLevel(level)
