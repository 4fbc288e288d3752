"""A dataset file and a config for a scene of one's own, written from what its files hold."""

from .main import init_scene, main
from .plans import Plan, Request, make_plan

__all__ = ['Plan', 'Request', 'init_scene', 'main', 'make_plan']
