"""Time and peak memory of a training step of SpatMAE and SpecMAE, against a plain implementation.

The plain one does what the method needs in the most direct way: it encodes all tokens, with a mask token instead of the
masked ones and explicit attention matrices, in float32. Each line is measured in a process of its own.

    python benchmarks/bench_mae_step.py --arch tiny base --batch-size 32 4
"""

import argparse
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch
from mmengine.device import get_device
from torch import Tensor, nn

from mmhsi.engine.optimizers import BF16OptimWrapper
from mmhsi.models import SpatMAE, SpecMAE
from mmhsi.models.backbones.sampling_vit import ARCH_ZOO
from mmhsi.models.necks.mae_decoder import sincos_position_table

BANDS, SIDE, PATCH = 100, 64, 8
DECODER = {'tiny': (96, 2, 4)}  # width, blocks, heads; 512, 8, 16 for the others


class PlainBlock(nn.Module):
    """Pre-norm block with the attention matrix written out."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = qkv[0] @ qkv[1].transpose(-2, -1) * (width // self.heads) ** -0.5
        x = x + self.proj((scores.softmax(-1) @ qkv[2]).transpose(1, 2).reshape(batch, tokens, width))
        return x + self.mlp(self.norm2(x))


class PlainMAE(nn.Module):
    """Encoder and decoder over all tokens of one branch."""

    def __init__(self, branch: str, arch: str) -> None:
        super().__init__()
        settings = ARCH_ZOO[arch]
        width, depth, heads = (settings[key] for key in ('embed_dims', 'num_layers', 'num_heads'))
        decoder_width, decoder_depth, decoder_heads = DECODER.get(arch, (512, 8, 16))
        self.branch = branch
        self.grid = (SIDE // PATCH, SIDE // PATCH) if branch == 'spat' else (BANDS,)
        token_size = PATCH**2 * BANDS if branch == 'spat' else SIDE**2
        self.embed = nn.Linear(token_size, width)
        self.mask_token = nn.Parameter(torch.zeros(width))
        self.register_buffer('positions', sincos_position_table(self.grid, width))
        self.register_buffer('decoder_positions', sincos_position_table(self.grid, decoder_width))
        self.encoder = nn.Sequential(*(PlainBlock(width, heads) for _ in range(depth)), nn.LayerNorm(width))
        self.narrow = nn.Linear(width, decoder_width)
        self.decoder = nn.Sequential(
            *(PlainBlock(decoder_width, decoder_heads) for _ in range(decoder_depth)),
            nn.LayerNorm(decoder_width),
            nn.Linear(decoder_width, token_size),
        )

    def tokens(self, images: Tensor) -> Tensor:
        if self.branch == 'spec':
            return images.flatten(2)
        rows, columns = self.grid
        patches = images.reshape(-1, BANDS, rows, PATCH, columns, PATCH)
        return patches.permute(0, 2, 4, 3, 5, 1).reshape(len(images), rows * columns, -1)

    def loss(self, images: Tensor) -> Tensor:
        tokens = self.tokens(images)
        mask = torch.rand(tokens.shape[:2], device=tokens.device).argsort(1).argsort(1) >= tokens.shape[1] // 4
        embedded = torch.where(mask[..., None], self.mask_token, self.embed(tokens))
        pred = self.decoder(self.narrow(self.encoder(embedded + self.positions)) + self.decoder_positions)
        std = (tokens.var(-1, keepdim=True) + 1e-6).sqrt()
        error = (pred - (tokens - tokens.mean(-1, keepdim=True)) / std).square().mean(-1)
        return (error * mask).sum() / mask.sum()


def our_mae(branch: str, arch: str) -> nn.Module:
    """The toolbox's model with the decoder of the plain one."""
    width, depth, heads = DECODER.get(arch, (512, 8, 16))
    return (SpatMAE if branch == 'spat' else SpecMAE)(
        backbone=dict(type='mmhsi.MaskedSpatViT' if branch == 'spat' else 'mmhsi.MaskedSpecViT', arch=arch),
        neck=dict(embed_dims=width, num_layers=depth, num_heads=heads),
    )


def measure(branch: str, arch: str, variant: str, batch_size: int, steps: int, threads: int) -> tuple[float, float]:
    """Median seconds of a step and peak memory in MiB that model, optimiser and step add."""
    torch.set_num_threads(threads)
    device = get_device()
    torch.manual_seed(0)
    images = torch.rand(batch_size, BANDS, SIDE, SIDE, device=device)
    cuda = device == 'cuda'
    before = torch.cuda.memory_allocated() if cuda else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    model = (PlainMAE(branch, arch) if variant == 'plain' else our_mae(branch, arch)).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    bf16 = BF16OptimWrapper(optimizer) if variant == 'ours, bfloat16' else None
    times = []
    for _ in range(steps + 1):
        start = time.perf_counter()
        if variant == 'plain':
            loss = model.loss(images)
        elif bf16 is None:
            loss = model.loss(images)['loss']
        else:
            with bf16.optim_context(model):
                loss = model.loss(images)['loss']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    peak = torch.cuda.max_memory_allocated() if cuda else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return float(torch.tensor(times[1:]).median()), (peak - before) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--branch', nargs='+', default=['spat', 'spec'], choices=['spat', 'spec'])
    parser.add_argument('--arch', nargs='+', default=['tiny', 'base'], choices=list(ARCH_ZOO))
    parser.add_argument('--batch-size', nargs='+', type=int, default=[32, 4], help='one for each arch')
    parser.add_argument('--steps', type=int, default=3, help='timed steps, after one that is not')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--variants', nargs='+', default=['plain', 'ours', 'ours, bfloat16'])
    args = parser.parse_args()
    print(f'{"branch":8}{"arch":8}{"batch":>6}  {"variant":16}{"s/step":>9}{"ratio":>8}{"MiB":>9}{"ratio":>8}')
    for branch in args.branch:
        for arch, batch_size in zip(args.arch, args.batch_size, strict=True):
            reference = None
            for variant in args.variants:
                with ProcessPoolExecutor(1, mp_context=get_context('spawn')) as pool:
                    seconds, memory = pool.submit(
                        measure, branch, arch, variant, batch_size, args.steps, args.threads
                    ).result()
                reference = reference or (seconds, memory)
                print(
                    f'{branch:8}{arch:8}{batch_size:6}  {variant:16}{seconds:9.3f}{seconds / reference[0]:8.2f}'
                    f'{memory:9.0f}{memory / reference[1]:8.2f}',
                    flush=True,
                )


if __name__ == '__main__':
    main()
