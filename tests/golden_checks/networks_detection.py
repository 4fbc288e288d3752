"""Goldens of target and anomaly detection."""

from golden_checks.case import GoldenCase
from golden_checks.compare import as_tensors, check_network_output
from golden_checks.networks import (
    Pipeline,
    check_logits,
    input_of,
    is_network_case,
    load,
    settings_of,
    spat_vit,
    spec_vit,
)


def detection_network(case: GoldenCase, head: dict) -> Pipeline:
    """HyperSIGMA or SpatSIGMA of detection, all levels summed to one map in front of a head."""
    sizes = settings_of(case)
    positions = sizes.get('abs_pos_embed', True)
    spatial = spat_vit(sizes, positions, patch_size=sizes.get('patch_size', 1))
    levels = dict(in_channels=sizes['embed_dim'], out_channels=sizes.get('level_dim', 128), sum_levels=True)
    if case.reference.split(':')[1].startswith('SS'):
        backbone = dict(
            type='mmhsi.HyperSIGMA', spatial=spatial, spectral=spec_vit(sizes, sizes['spec_out_indices'], positions))
        neck = dict(
            type='mmhsi.SpectralEnhancement', num_tokens=sizes['spec_tokens'], mid_channels=sizes.get('sem_hidden', 32),
            **levels)
    else:
        backbone, neck = spatial, dict(type='mmhsi.LevelPyramid', **levels)
    head = dict(head, in_channels=levels['out_channels'])
    return load(Pipeline(backbone=backbone, neck=neck, decode_head=head), case)


def check_anomaly(case: GoldenCase) -> None:
    """Anomaly detection; a backbone case sees the enhanced map through the head, too."""
    model = detection_network(case, dict(type='mmhsi.PixelSegHead'))
    x = input_of(case)
    check_logits(case, x, model.decode_head(model.features(x)))


def check_target(case: GoldenCase) -> None:
    """Target detection: the scores."""
    assert is_network_case(case)
    model = detection_network(case, dict(type='mmhsi.TargetDetectionHead', num_bands=settings_of(case)['in_chans']))
    spectra = as_tensors({'d': case.tensors['input/target_spectrum']})['d']
    check_network_output(case, model.decode_head.scores(model.features(input_of(case)), spectra))
