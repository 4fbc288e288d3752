"""Goldens of unmixing: abundances, reconstruction, endmembers, losses and gradients of whole networks."""

from mmengine.config import Config
from mmengine.registry import DefaultScope

from golden_checks.case import GoldenCase
from golden_checks.compare import assert_intermediates, assert_parameter_gradients, assert_scalar, check_outputs, load
from golden_checks.networks_restoration import MODEL_CONFIGS
from golden_checks.sizes import Pipeline, hyper_sigma, num_tokens, setting, shapes_of, spat_vit, spatial_levels
from mmhsi.registry import MODELS

# Names of the losses in the goldens.
LOSSES = dict(loss_sad='loss_reconstruction', loss_abundance='loss_sparsity', loss_tv='loss_variation')
# The reference's own variation of the endmembers, which shifts the logged loss and has no gradient.
REFERENCE_VARIATION = dict(along='endmembers', reduction='sum')


def config_of(case: GoldenCase) -> dict:
    """The model of the base config, with the sizes of the case."""
    fusion = case.class_name == 'HyperSIGMA_Unmix'
    model = Config.fromfile(MODEL_CONFIGS / f'{"hypersigma" if fusion else "spatsigma"}-base_hiu.py').model
    shapes, levels = shapes_of(case), spatial_levels(case)
    reduced, width, *_ = shapes['conv_features1.weight']
    bands, endmembers, kernel, _ = shapes.get(
        'decoder.decoder.weight', (setting(case, 'channels'), setting(case, 'num_em'), setting(case, 'kernel'), 0)
    )
    model.neck.update(in_channels=width, out_channels=reduced)
    model.head.update(
        in_channels=[reduced] * len(levels),
        channels=reduced,
        num_endmembers=endmembers,
        scale=setting(case, 'scale', default=1),
    )
    model.decoder.update(num_endmembers=endmembers, num_bands=bands, kernel_size=kernel)
    weights = case.json.get('loss_config')
    if weights:
        model.loss_sparsity.loss_weight = weights['W_AB']
        model.loss_variation.update(REFERENCE_VARIATION, loss_weight=weights['W_TV'])
    if fusion:
        model.backbone = hyper_sigma(case, levels[-1:])
        model.neck.update(
            num_tokens=num_tokens(case, 'spec_encoder.'),
            spectral_channels=shapes['spec_encoder.l4.weight'][0],
            mid_channels=shapes['fc_spec1.0.weight'][0],
        )
        if 'smooth.0.weight' in shapes:
            model.head.smooth_channels = shapes['smooth.0.weight'][0]
    else:
        model.backbone = spat_vit(case, 'encoder.')
    return model


def check_unmixing(case: GoldenCase) -> None:
    """SpatSIGMA and HyperSIGMA."""
    cfg, x = config_of(case), case.images[0]
    with DefaultScope.overwrite_default_scope('mmhsi'):
        if case.method == 'forward_fusion':  # the SEM, without the head
            maps = load(Pipeline(backbone=cfg.backbone, neck=cfg.neck), case).features(x)
            return check_outputs(case, **{f'ss{i}': level for i, level in enumerate(maps)})
        model = load(MODELS.build(cfg), case)
    abundances, reconstruction = model(x)
    if case.method == 'getAbundances':
        return check_outputs(case, abundances=abundances)
    outputs = dict(abundances=abundances, reconstruction=reconstruction)
    if 'endmembers' in case.outputs:
        outputs['endmembers'] = model.endmembers
    check_outputs(case, **outputs)
    if 'expected' not in case.json:
        return None
    assert_intermediates(case, logits=model.head.logits(model.extract_feat(x), tuple(x.shape[2:])))
    losses = model(x, mode='loss')
    total = sum(losses.values())
    for name, ours in LOSSES.items():
        assert_scalar(case, name, losses[ours])
    assert_scalar(case, 'loss_total', total)
    return assert_parameter_gradients(case, total, model)
