"""The models of the base configs with encoders of four narrow blocks, for inputs of a few pixels and bands."""

from pathlib import Path

from mmengine.config import Config, ConfigDict
from mmengine.registry import DefaultScope
from torch import nn

from mmhsi.registry import MODELS

MODEL_CONFIGS = Path(__file__).parents[1] / 'configs/_base_/models'
BASE_WIDTH, WIDTH, NUM_TOKENS = 768, 16, 9
ARCH = dict(embed_dims=WIDTH, num_layers=4, num_heads=2, full_attn_interval=2, out_indices=(0, 1, 2, 3))

BANDS, TILE, WINDOW = 6, 8, 5
SIZES = {
    'htd': dict(img_size=TILE, in_channels=BANDS, num_bands=BANDS),
    'had': dict(img_size=TILE, in_channels=BANDS),
    'hcd': dict(img_size=WINDOW, in_channels=BANDS),
    'mscd': dict(img_size=32, in_channels=BANDS, crop=(32, 32), stride=(16, 16)),
}


def narrowed(value):
    """A config with narrow encoders instead of base ones."""
    if isinstance(value, dict):
        value = ConfigDict({name: narrowed(entry) for name, entry in value.items()})
        if value.get('arch') == 'base':
            value.arch = dict(ARCH)
        if 'num_tokens' in value:
            value.num_tokens = NUM_TOKENS
        return value
    if isinstance(value, list | tuple):
        return type(value)(narrowed(entry) for entry in value)
    return value // BASE_WIDTH * WIDTH if isinstance(value, int) and value >= BASE_WIDTH else value


def narrow_model(name: str) -> ConfigDict:
    """The model of a base config, e.g. 'hypersigma-base_htd', narrowed, with its sizes filled in."""
    model = narrowed(Config.fromfile(MODEL_CONFIGS / f'{name}.py').model)
    sizes = SIZES[name.split('_')[1]]
    backbone = model.backbone
    encoder = backbone.get('encoder', backbone)
    for branch in (encoder.get('spatial', encoder), encoder.get('spectral')):
        if branch is not None:
            branch.img_size = sizes['img_size']
            if branch.type == 'SpatViT' and 'projection' not in backbone:
                branch.in_channels = sizes['in_channels']
    if 'projection' in backbone:
        backbone.projection.in_channels = sizes['in_channels']
        model.test_cfg.update(crop_size=sizes['crop'], stride=sizes['stride'])
    if 'num_bands' in sizes:
        model.decode_head.num_bands = sizes['num_bands']
    return model


def build(model: dict) -> nn.Module:
    """Build a model as a config does, with initial weights."""
    with DefaultScope.overwrite_default_scope('mmhsi'):
        network = MODELS.build(model)
        network.init_weights()
    return network
