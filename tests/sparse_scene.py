"""A scene far larger than memory, as a sparse file, and the prediction of a part of it by a tiny network."""

from pathlib import Path

import numpy as np
import rasterio
import torch
from rasterio.windows import Window
from torch import nn

import mmhsi.models  # noqa: F401
from mmhsi.datasets import TileDataset
from mmhsi.datasets.io.georeference import silent_georeference
from mmhsi.registry import MODELS

BLOCK, TILE, OVERLAP, CLASSES = 64, 64, 16, 3


def resident(process: int | str = 'self') -> int:
    """Bytes of memory that a process holds, files that are mapped into it included."""
    return int(Path(f'/proc/{process}/statm').read_text().split()[1]) * 4096


def write_sparse_scene(path: Path, side: int, bands: int, part: tuple[int, int, int, int]) -> None:
    """Write a GeoTIFF of side x side pixels, uint16, of which only a part (top, left, height, width) takes up disk."""
    profile = dict(
        driver='GTiff',
        width=side,
        height=side,
        count=bands,
        dtype='uint16',
        tiled=True,
        blockxsize=BLOCK,
        blockysize=BLOCK,
        interleave='pixel',
        sparse_ok=True,
        bigtiff='yes',
        transform=rasterio.Affine(30, 0, 5e5, 0, -30, 4e6),
        crs='EPSG:32616',
    )
    top, left, height, width = part
    values = np.random.default_rng(0).integers(1, 5000, (bands, height, width), dtype=np.uint16)
    with rasterio.open(path, 'w', **profile) as dataset:
        dataset.write(values, window=Window(left, top, width, height))


class TinyNetwork(nn.Module):
    """A SpatViT of two narrow blocks with a linear classifier of its patches."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        arch = dict(embed_dims=16, num_layers=2, num_heads=2, full_attn_interval=2, out_indices=(1,))
        self.backbone = MODELS.build(
            dict(type='SpatViT', arch=arch, img_size=TILE, patch_size=4, in_channels=bands, num_points=2)
        )
        self.head = nn.Conv2d(16, CLASSES, 1)

    def forward(self, tile: torch.Tensor) -> torch.Tensor:
        """Class of each pixel, (B, C, t, t) to (B, t, t)."""
        logits = self.head(self.backbone(tile)[-1])
        return nn.functional.interpolate(logits, size=tile.shape[-2:], mode='bilinear').argmax(1)


def predict_part(scene: Path, out: Path, part: tuple[int, int, int, int]) -> tuple[int, int]:
    """Classify the tiles that touch a part, and write them to their place in a map of the size of the scene.

    Returns:
        tuple[int, int]: Number of tiles, and the largest number of bytes that the process held meanwhile.
    """
    dataset = TileDataset(
        scene=dict(type='Scene', image=str(scene), cache=False),
        subset='all',
        tile_size=TILE,
        overlap=OVERLAP,
        pipeline=[],
        test_mode=True,
    )
    dataset.full_init()
    top, left, height, width = part
    rows, cols = dataset.data_list.T
    wanted = np.flatnonzero((rows + TILE > top) & (rows < top + height) & (cols + TILE > left) & (cols < left + width))
    torch.manual_seed(0)
    network = TinyNetwork(dataset.scene.bands).eval()
    with rasterio.open(scene) as source:
        profile = dict(
            driver='GTiff',
            width=source.width,
            height=source.height,
            count=1,
            dtype='uint8',
            tiled=True,
            blockxsize=BLOCK,
            blockysize=BLOCK,
            sparse_ok=True,
            crs=source.crs,
            transform=source.transform,
        )
    peak = resident()
    with silent_georeference(), torch.inference_mode(), rasterio.open(out, 'w', **profile) as target:
        for index in wanted:
            sample = dataset[int(index)]
            image = torch.from_numpy(sample['img'] / np.float32(5000)).permute(2, 0, 1)[None]
            labels = 1 + network(image)[0].numpy().astype(np.uint8)
            target.write(labels, 1, window=Window(sample['left'], sample['top'], TILE, TILE))
            peak = max(peak, resident())
    return len(wanted), peak
