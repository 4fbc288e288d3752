"""How a network is placed on the processes of a run."""

from .fully_sharded import FullyShardedStrategy

__all__ = ['FullyShardedStrategy']
