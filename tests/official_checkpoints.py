"""Look-alikes of the official pre-training files: small ones with random values, and whole ones that take no space."""

import argparse

import torch

from mmhsi.weights.official_layout import PUBLISHED_SIZES, pretraining_shapes

TINY = dict(embed_dims=8, num_layers=3, decoder_dims=4, num_decoder_layers=2)
TINY_EMBEDDINGS = {
    'spat-mae': dict(embedding=(5, 2, 2), num_tokens=16),
    'spec-mae': dict(embedding=(64,), num_tokens=9),
}
TINY_ARCH = dict(
    embed_dims=8, num_layers=3, num_heads=2, feedforward_channels=32, full_attn_interval=3, out_indices=(0, 1, 2)
)
ARGUMENTS = dict(
    mask_ratio=0.75,
    norm_pix_loss=False,
    lr=None,
    blr=1.5e-4,
    epochs=1600,
    model='spat_mae_b',
    data_path='/somewhere',
    output_dir='./output_dir',
)


def tiny_state(kind, seed=0, **sizes):
    """Official parameters of a pre-training model for images of 8x8 pixels, with random values."""
    generator = torch.Generator().manual_seed(seed)
    shapes = pretraining_shapes(kind, **{**TINY, **TINY_EMBEDDINGS[kind], **sizes})
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def hollow_state(kind, size):
    """Official parameters in the published shapes; each one repeats a single number, its place in the file."""
    shapes = pretraining_shapes(kind, *PUBLISHED_SIZES[size])
    return {name: torch.tensor(float(i)).expand(shape) for i, (name, shape) in enumerate(shapes.items())}


def official_checkpoint(state, epoch=1599, **arguments):
    """What an official file holds, but for the states of the optimiser and the scaler."""
    return dict(model=state, epoch=epoch, args=argparse.Namespace(**{**ARGUMENTS, **arguments}))
