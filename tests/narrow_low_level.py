"""The models of the base configs of unmixing and restoration with narrow encoders, for images of a few pixels."""

from mmengine.config import Config, ConfigDict
from narrow_models import MODEL_CONFIGS, narrowed

BANDS, ENDMEMBERS, SCALE = 6, 3, 2
SIZES = dict(hiu=8, hid=8, hsr=6)  # side of an image
NAMES = [f'{branches}-base_{task}' for task in SIZES for branches in ('hypersigma', 'spatsigma')]
RESTORATION = [name for name in NAMES if not name.endswith('hiu')]


def narrow_low_level(name: str) -> ConfigDict:
    """The model of a base config, e.g. 'hypersigma-base_hid', narrowed, with its sizes filled in."""
    model = narrowed(Config.fromfile(MODEL_CONFIGS / f'{name}.py').model)
    task = name.split('_')[1]
    size = SIZES[task]
    network = model if task == 'hiu' else model.generator
    backbone, neck, head = network.backbone, network.neck, network.head
    for branch in (backbone.get('spatial', backbone), backbone.get('spectral')):
        if branch is not None:
            branch.img_size = size
            if branch.type == 'SpatViT':
                branch.in_channels = BANDS
    if task == 'hiu':
        head.num_endmembers = model.decoder.num_endmembers = ENDMEMBERS
        model.decoder.num_bands = BANDS
        return model
    head.num_bands = BANDS
    model.test_cfg.tile_size = size
    if task == 'hsr':
        head.scale = SCALE
    if 'spatial_refinement' in neck:
        neck.spatial_refinement.update(embed_dims=BANDS, num_heads=2)
        refinement = neck.spatial_refinement
    else:
        neck.refinement.update(embed_dims=20, num_heads=3)  # as 180 and 12, but for the size
        head.update(in_channels=20, mid_channels=20)
        refinement = neck.refinement
    if task == 'hid':
        refinement.img_size = (size, size)
    return model
