"""Show how a masked autoencoder reconstructs tiles: original, masked and reconstructed, and the error of each band.

    python tools/visualization/vis_mae.py configs/pretrain/spat-mae_tiny_indian-pines.py work_dirs/.../epoch_100.pth

One PNG is written for each tile. The reconstruction shows predictions in masked positions and the original elsewhere.
With a normalised target, predictions get the mean and variance of the true token.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from mmhsi.apis import init_model
from mmhsi.engine.run_checkpoints import named_checkpoint
from mmhsi.registry import DATASETS
from mmhsi.utils.command_line import add_config_arguments, default_work_dir, load_config, run_tool
from mmhsi.utils.progress import progress_bar
from mmhsi.visualization import save_figure, select_rgb_bands, stretch

TITLES = ('original', 'masked', 'reconstruction')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_config_arguments(parser)
    parser.add_argument('checkpoint', help="checkpoint of the model; 'best' or 'last' of the work dir")
    parser.add_argument('--out-dir', default='work_dirs/vis_mae', help='folder of the pictures')
    parser.add_argument('--num-tiles', type=int, default=4, help='number of tiles, spread evenly over the dataset')
    parser.add_argument('--seed', type=int, default=0, help='seed of masks and random transforms')
    parser.add_argument(
        '--bands',
        nargs=3,
        type=int,
        metavar=('RED', 'GREEN', 'BLUE'),
        help='bands of the pictures, from 1 (default: by wavelength, or spread over the window)',
    )
    return parser.parse_args(argv)


@torch.no_grad()
def reconstruct(model: nn.Module, images: Tensor) -> dict[str, np.ndarray]:
    """Mask and reconstruct one image (1, C, H, W).

    Returns:
        (C, H, W) each: 'original', 'reconstruction' with the predictions in masked positions, 'mean', which has the
        mean of the true token there, and 'mask', True where masked.
    """
    output = model.autoencode(images)
    shape = tuple(images.shape[1:])
    mask = model.head.untokenize(output.mask.unsqueeze(-1).expand_as(output.pred), shape).bool()
    tokens = model.head.tokenize(images)
    mean = model.head.untokenize(tokens.mean(dim=-1, keepdim=True).expand_as(tokens), shape)
    pictures = dict(
        original=images,
        reconstruction=torch.where(mask, model.head.reconstruct(output.pred, images), images),
        mean=torch.where(mask, mean, images),
        mask=mask,
    )
    return {name: picture[0].cpu().numpy() for name, picture in pictures.items()}


def band_errors(pictures: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Root mean square error of the masked pixels of each band (C,), NaN for a band without any."""
    mask = pictures['mask']
    squares = np.square(pictures[name] - pictures['original']) * mask
    count = mask.sum(axis=(1, 2))
    return np.sqrt(squares.sum(axis=(1, 2)) / np.where(count, count, np.nan))


def shown_bands(num_bands: int, wavelengths: np.ndarray | None, wanted: list[int] | None) -> list[int]:
    """Bands for red, green and blue, counted from 0; ``wanted`` ones are counted from 1."""
    if wanted is not None:
        if not all(1 <= band <= num_bands for band in wanted):
            raise ValueError(f'--bands must lie between 1 and {num_bands}, found {wanted}')
        return [band - 1 for band in wanted]
    if wavelengths is not None:
        return list(select_rgb_bands(num_bands, wavelengths))
    # a window of bands may lie anywhere, so three bands are spread over it
    return [3 * num_bands // 4, num_bands // 2, num_bands // 4]


def reconstruction_figure(
    pictures: dict[str, np.ndarray], title: str, wavelengths: np.ndarray | None, wanted_bands: list[int] | None = None
) -> Figure:
    """Three false-colour pictures with the same stretch, and the error of each band."""
    num_bands = len(pictures['original'])
    bands = shown_bands(num_bands, wavelengths, wanted_bands)
    original, reconstruction, mask = (
        pictures[name][bands].transpose(1, 2, 0) for name in ('original', 'reconstruction', 'mask')
    )
    strips = np.split(stretch(np.concatenate([original, original, reconstruction], axis=1)), 3, axis=1)
    strips[1][mask] = 0
    figure = Figure(figsize=(9, 6.2), layout='constrained')
    grid = figure.add_gridspec(2, 3, height_ratios=(3, 2))
    for column, (strip, name) in enumerate(zip(strips, TITLES, strict=True)):
        axes = figure.add_subplot(grid[0, column])
        axes.imshow(strip, interpolation='nearest')
        axes.set_title(name, fontsize=10)
        axes.set_axis_off()
    axes = figure.add_subplot(grid[1, :])
    positions = np.arange(1, num_bands + 1) if wavelengths is None else wavelengths
    axes.plot(positions, band_errors(pictures, 'mean'), '.-', color='#a0a0a0', label='mean of the token instead')
    axes.plot(positions, band_errors(pictures, 'reconstruction'), '.-', color='#1f5fa8', label='reconstruction')
    axes.set(
        xlabel='band of the window' if wavelengths is None else 'wavelength (nm)',
        ylim=(0, None),
        ylabel='RMSE of masked pixels',
    )
    axes.legend(frameon=False, loc='lower right', bbox_to_anchor=(1, 1), ncols=2)
    numbers = ', '.join(str(band + 1) for band in bands)
    figure.suptitle(f'{title}   bands {numbers} as red, green, blue', fontsize=11)
    return figure


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    cfg = load_config(args)
    model = init_model(cfg, named_checkpoint(args.checkpoint, default_work_dir(args.config)))
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    if args.num_tiles < 1:
        raise ValueError(f'--num-tiles must be at least 1, found {args.num_tiles}')
    tiles = np.unique(np.linspace(0, len(dataset) - 1, args.num_tiles).round().astype(int))
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    for index in progress_bar(tiles.tolist(), 'reconstructing', 'tiles', after=2.0):
        sample = dataset[index]
        images = model.data_preprocessor(dict(inputs=[sample['inputs']]))['inputs']
        pictures = reconstruct(model, images)
        meta = sample['data_samples']
        origin = meta.get('origin') or {}
        place = ', '.join(f'{key} {value}' for key, value in origin.items())
        path = save_figure(
            reconstruction_figure(pictures, place or f'tile {index}', meta.get('wavelengths'), args.bands),
            Path(args.out_dir) / f'tile_{index:05d}.png',
        )
        errors = band_errors(pictures, 'reconstruction')
        print(f'{path}: RMSE of masked pixels {np.sqrt(np.nanmean(np.square(errors))):.4f}')


if __name__ == '__main__':
    run_tool(main, before_networks=True)
