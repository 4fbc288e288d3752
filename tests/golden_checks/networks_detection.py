"""Goldens of target and anomaly detection."""

from golden_checks.case import GoldenCase
from golden_checks.compare import check_outputs, load
from golden_checks.sizes import Pipeline, hyper_sigma, num_tokens, setting, shapes_of, spat_vit, spatial_levels


def _network(case: GoldenCase, head: dict) -> Pipeline:
    """HyperSIGMA or SpatSIGMA of detection, all levels summed to one map in front of a head."""
    shapes = shapes_of(case)
    levels = dict(
        out_channels=shapes['conv_features.weight'][0], sum_levels=True, scales=(1,) * len(spatial_levels(case))
    )
    if case.class_name.startswith('SS'):
        backbone = hyper_sigma(case, setting(case, 'spec_out_indices'))
        neck = dict(
            type='mmhsi.SpectralEnhancement',
            in_channels=backbone['spatial']['arch']['embed_dims'],
            num_tokens=num_tokens(case, 'spec_encoder.'),
            spectral_channels=shapes['spec_encoder.l1.weight'][0],
            mid_channels=shapes['fc_spec.0.weight'][0],
            **levels,
        )
    else:
        backbone = spat_vit(case, 'encoder.')
        neck = dict(type='mmhsi.LevelPyramid', in_channels=backbone['arch']['embed_dims'], **levels)
    head = dict(head, in_channels=levels['out_channels'])
    return load(Pipeline(backbone=backbone, neck=neck, decode_head=head), case)


def check_anomaly(case: GoldenCase) -> None:
    """Anomaly detection: the logits."""
    model = _network(case, dict(type='mmhsi.PixelSegHead'))
    check_outputs(case, logits=model.decode_head(model.features(case.images[0])))


def check_target(case: GoldenCase) -> None:
    """Target detection: the scores of the pixels for one target spectrum per image."""
    (spectra,) = (value for value in case.inputs.values() if value.dim() == 2)
    model = _network(case, dict(type='mmhsi.TargetDetectionHead', num_bands=spectra.shape[1]))
    check_outputs(case, scores=model.decode_head.scores(model.features(case.images[0]), spectra))
