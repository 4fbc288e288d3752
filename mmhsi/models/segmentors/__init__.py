"""Segmentors."""

from .sliding_encoder_decoder import SlidingEncoderDecoder

__all__ = ['SlidingEncoderDecoder']
