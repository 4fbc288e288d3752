"""Tiles of many scenes in memory-mapped files: conversion, checks, statistics and reading."""

from .convert import convert
from .index import merge
from .settings import ShardSettings
from .statistics import write_statistics
from .stores import FileTileStore, ShardStore
from .verify import verify

__all__ = ['FileTileStore', 'ShardSettings', 'ShardStore', 'convert', 'merge', 'verify', 'write_statistics']
