"""Fixtures of many tests."""

import pytest
from mmengine.logging import MMLogger


@pytest.fixture
def log(caplog):
    """Records of MMEngine's current logger, which does not pass them to the root logger, where pytest listens."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)
