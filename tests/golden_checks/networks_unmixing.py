"""Goldens of unmixing: abundances, reconstruction, endmembers, losses and gradients of whole networks."""

from mmengine.config import Config
from mmengine.registry import DefaultScope

import mmhsi.models  # noqa: F401
from golden_checks.case import GoldenCase
from golden_checks.compare import as_tensors
from golden_checks.low_level import assert_gradients, assert_outputs, assert_scalar, load
from golden_checks.networks import settings_of, spat_vit, spec_vit
from golden_checks.networks_restoration import MODEL_CONFIGS
from mmhsi.registry import MODELS

# Names of the losses in the goldens.
LOSSES = dict(loss_sad='loss_reconstruction', loss_abundance='loss_sparsity', loss_tv='loss_variation')
# The reference's own variation of the endmembers, which shifts the logged loss and has no gradient.
REFERENCE_VARIATION = dict(along='endmembers', reduction='sum')


def config_of(case: GoldenCase) -> dict:
    """The model of the base config, with the sizes of the case."""
    fusion = case.json['reference_class'] == 'HyperSIGMA_Unmix'
    model = Config.fromfile(MODEL_CONFIGS / f'{"hypersigma" if fusion else "spatsigma"}-base_hiu.py').model
    sizes = settings_of(case)
    spatial = spat_vit(sizes, use_abs_pos_emb=False, patch_size=sizes['seg_patches'])
    level_width = sizes['spec_tokens']  # the official networks take one number for both
    model.neck.update(in_channels=sizes['embed_dim'], out_channels=level_width)
    model.head.update(
        in_channels=[level_width] * len(sizes['out_indices']), channels=level_width, num_endmembers=sizes['num_em'],
        scale=sizes['scale'])
    model.decoder.update(
        num_endmembers=sizes['num_em'], num_bands=sizes['in_chans'], kernel_size=sizes['kernel'])
    weights = case.json['loss_config']
    model.loss_sparsity.loss_weight = weights['W_AB']
    model.loss_variation.update(REFERENCE_VARIATION, loss_weight=weights['W_TV'])
    if fusion:
        model.backbone.spatial = spatial
        model.backbone.spectral = spec_vit(sizes, [sizes['depth'] - 1], use_abs_pos_emb=False)
        model.neck.update(
            num_tokens=sizes['spec_tokens'], spectral_channels=sizes['spec_proj_dim'],
            mid_channels=sizes['sem_hidden'])
        model.head.smooth_channels = case.tensors['state_dict.smooth.0.weight'].shape[0]
    else:
        model.backbone = spatial
    return model


def check_unmixing(case: GoldenCase) -> None:
    """SpatSIGMA and HyperSIGMA."""
    with DefaultScope.overwrite_default_scope('mmhsi'):
        model = load(MODELS.build(config_of(case)), case)
    x = as_tensors(case.group('input.'))['x']
    abundances, reconstruction = model(x)
    assert_outputs(case, abundances=abundances, reconstruction=reconstruction, endmembers=model.endmembers)
    assert_outputs(case, 'intermediate', logits=model.head.logits(model.extract_feat(x), tuple(x.shape[2:])))
    losses = model(x, mode='loss')
    total = sum(losses.values())
    for name, ours in LOSSES.items():
        assert_scalar(case, name, losses[ours])
    assert_scalar(case, 'loss_total', total)
    assert_gradients(case, total, model)
