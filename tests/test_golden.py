"""Golden cases of the reference implementation; each one found is checked or fails."""

import json

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from safetensors.numpy import save_file

from golden_checks.case import GOLDEN_ROOT, find_cases, read_case
from golden_checks.dispatch import assert_agrees, find_check

CASES = find_cases()
BACKBONES = {case.json['case']: case for case in CASES if 'constructor' in case.json}
# Classes of the same text in other folders.
COPIES = {
    'attn_ssa': 'ImageDenoising/models/hypersigma/Spatial.py: SampleAttention',
    'attn_full': 'Pretrain/models_mae_Spec.py: Attention',
    'block_ssa': 'MultispectralCD/deep_networks/SpecViT_new.py: Block',
    'spat_cd_p1': 'HyperspectralUnmixing/models/SpatVit.py: SpatViT',
    'spat_det_p1': 'HyperspectralDetection/Target_Detection/models/SpatViT.py: SpatialVisionTransformer',
    'spec_cd': 'MultispectralCD/deep_networks/SpecViT_new.py: altered_SpecViT_0428',
    'spec_cls_more_bands_than_tokens': 'HyperspectralDetection/Target_Detection/models/SpecViT.py: SpectralVisionTransformer',  # noqa: E501
    'adapter_spatial': 'ImageDenoising/models/hypersigma/Spatial_route.py: Adpater',
    'adapter_spectral': 'ImageSuperResolution/models/HyperSIGMA/Spectral_route.py: Adapter_Spectral',
    'load_spat': 'ImageClassification/model/SpatViT_seg.py: SpatViT.init_weights',
    'load_spec': 'ChangeDetection/models/SpecVit.py: SpecViT.init_weights',
}
needs_cases = pytest.mark.skipif(
    not CASES, reason=f'no golden cases in {GOLDEN_ROOT}; set MMHSI_GOLDEN to their folder'
)


@pytest.fixture(autouse=True)
def scope():
    """The default scope of every run, whatever ran before."""
    init_default_scope('mmhsi')


def moved(case, folder, tensors=None, **changes):
    """A copy of a case under another name in another folder, with changes of its description."""
    path = folder / 'some where' / 'else.json'
    path.parent.mkdir(parents=True)
    tensors = case.tensors if tensors is None else tensors
    save_file(tensors, path.with_suffix('.safetensors'))
    path.write_text(json.dumps({**case.json, 'tensor_files': ['else.safetensors'], **changes}))
    return read_case(path)


@needs_cases
@pytest.mark.parametrize('case', CASES, ids=lambda case: str(case.path.relative_to(GOLDEN_ROOT)))
def test_golden(case):
    assert_agrees(case)


@needs_cases
@pytest.mark.parametrize('name', COPIES)
def test_a_copy_of_a_class_is_checked_wherever_the_case_lies(name, tmp_path):
    if name not in BACKBONES:
        pytest.skip(f'{GOLDEN_ROOT} has no case {name}')
    assert_agrees(moved(BACKBONES[name], tmp_path, reference=COPIES[name]))


@needs_cases
def test_companions_are_found_without_a_list_or_missed(tmp_path):
    name = 'spat_cd_p1'
    if name not in BACKBONES:
        pytest.skip(f'{GOLDEN_ROOT} has no case {name}')
    case = moved(BACKBONES[name], tmp_path, tensor_files=None)
    assert_agrees(case)
    case.path.with_suffix('.safetensors').rename(case.path.with_name('tensors.safetensors'))
    assert_agrees(read_case(case.path))
    with pytest.raises(FileNotFoundError):
        assert_agrees(read_case(moved(BACKBONES[name], case.path.parent, tensor_files=['absent.safetensors']).path))


@needs_cases
def test_a_recorded_training_mode_and_double_precision_are_taken_over(tmp_path):
    """Without batch norms and with rates of zero, the outputs of training are those of evaluation."""
    case = BACKBONES.get('spat_cd_p1')
    if case is None:
        pytest.skip(f'{GOLDEN_ROOT} has no case spat_cd_p1')
    tensors = {key: value.astype('float64') for key, value in case.tensors.items()}
    assert case.json['constructor']['drop_path_rate'] > 0
    assert_agrees(moved(case, tmp_path, tensors, mode='train', dtype='float64'))


@needs_cases
def test_the_network_is_built_for_the_size_of_the_recorded_input(tmp_path):
    """A spectral token is the whole image, so that 9x9 pixels and 3x27 in the same order mean the same."""
    case = BACKBONES.get('spec_cls_fewer_bands_than_tokens')
    if case is None:
        pytest.skip(f'{GOLDEN_ROOT} has no case spec_cls_fewer_bands_than_tokens')
    tensors = dict(case.tensors)
    for name in ('in.x', 'grad.x'):
        tensors[name] = tensors[name].reshape(*tensors[name].shape[:2], 3, -1)
    assert_agrees(moved(case, tmp_path, tensors))


def test_the_spectral_patch_embedding_lays_out_the_pixels_in_a_row(tmp_path):
    image = np.random.default_rng(0).standard_normal((2, 5, 3, 4)).astype(np.float32)
    tensors = {
        'in.x': image,
        'out.y': image.reshape(2, 5, 12).transpose(0, 2, 1).copy(),
        'loss': (image**2).mean()[None],
    }
    tensors['grad.x'] = 2 * image / image.size
    path = tmp_path / 'case.json'
    path.write_text(
        json.dumps(dict(reference='ChangeDetection/models/SpecVit.py: PatchEmbed', constructor={}, case='x'))
    )
    save_file(tensors, path.with_suffix('.safetensors'))
    assert_agrees(read_case(path))


def test_a_case_of_something_unknown_fails(tmp_path):
    path = tmp_path / 'case.json'
    path.write_text(json.dumps(dict(reference='ImageClassification/model/Surprise.py: SpatViT')))
    with pytest.raises(AssertionError, match="no check for 'ImageClassification/model/Surprise.py:SpatViT'"):
        assert_agrees(read_case(path))


def test_arguments_methods_and_folders_of_a_name_do_not_matter():
    fusion = 'ImageClassification/model/ss_fusion_cls.py:SSFusionFramework'
    assert find_check(f'{fusion}(model_size=large)') is find_check(fusion) is not None
    change = 'ChangeDetection/models/model.py:HyperSIGMA_CD'
    assert find_check(f'{change}.forward_fusion') is find_check(change) is not None
    scripts = [f'HyperspectralDetection/{folder}/trainval.py' for folder in ('*', 'Target_Detection')]
    assert find_check(scripts[0]) is find_check(scripts[1]) is not None
