"""The demo models of all task families predict a scene that is none of their dataset."""

import numpy as np
import pytest
import torch
from inference_cases import save_checkpoint
from mmengine.config import Config

from mmhsi.apis import HSIInferencer, find_model
from mmhsi.datasets.transforms.chain import SpectralChain
from mmhsi.tasks.task import test_dataset as innermost

HEIGHT, WIDTH = 40, 37
# name, what it says its family is, its layers
DEMOS = [
    ('indian-pines-windows', 'classification', {'classes'}),
    ('indian-pines-tiles', 'classification', {'classes'}),
    ('target-demo', 'target_detection', {'scores', 'detected'}),
    ('anomaly-demo', 'anomaly_detection', {'scores', 'detected'}),
    ('change-demo', 'change_detection', {'classes'}),
    ('hypersigma-tiny-upernet_hermiston', 'change_detection', {'classes'}),
    ('oscd-demo', 'multispectral_change_detection', {'classes'}),
    ('unmixing-demo', 'unmixing', {'abundances', 'endmembers'}),
    ('denoising-demo', 'denoising', {'restored'}),
    ('nafnet-tiny_indian-pines_gaussian', 'denoising', {'restored'}),
    ('super-resolution-demo', 'super_resolution', {'restored'}),
    ('edsr-tiny_indian-pines_x2', 'super_resolution', {'restored'}),
]


def fitted_record(scene: dict, cube: np.ndarray, separate: bool) -> dict:
    """What a training on the cube would leave in its checkpoints."""
    chain = SpectralChain(scene.get('preprocessing', ()))
    chain.bind(cube.shape[-1], None)
    pixels = cube.reshape(-1, cube.shape[-1])
    chain.fit(pixels if chain.source_bands is None else pixels[:, chain.source_bands])
    state = {name: torch.from_numpy(np.array(value)) for name, value in chain.state_dict().items()}
    if separate:
        state = {f'{date}.{name}': value for date in ('first', 'second') for name, value in state.items()}
    return dict(scene_name='training', transforms=state)


@pytest.mark.parametrize('name, family, layers', DEMOS, ids=[demo[0] for demo in DEMOS])
def test_demo_model_predicts_a_new_scene(tmp_path, name, family, layers):
    if name.startswith(('nafnet', 'edsr')):
        pytest.importorskip('mmagic', reason='mmagic is not installed')
    cfg = Config.fromfile(find_model(name).config)
    scene = innermost(cfg).scene
    bands = scene.num_bands
    rng = np.random.default_rng(0)
    spectra = rng.uniform(500, 4000, (5, bands))
    cube = rng.dirichlet(np.ones(5), (HEIGHT, WIDTH)) @ spectra + rng.normal(0, 20, (HEIGHT, WIDTH, bands))
    cube = cube.astype(np.float32)
    if name == 'indian-pines-windows':
        cube = cube[:20, :20]  # a window for each pixel takes its time
    weights = save_checkpoint(tmp_path / 'demo.pth', cfg, fitted_record(scene, cube, not scene.get('joint', True)), {})
    inferencer = HSIInferencer(name, weights, device='cpu', show_progress=False)
    inputs = (cube, cube[::-1].copy()) if scene.type == 'PairScene' else cube
    options = dict(target_spectrum=spectra[0]) if name == 'target-demo' else {}
    (result,) = inferencer(inputs, tmp_path / 'out', pictures=name == 'unmixing-demo', **options)['predictions']

    assert result['task'] == family
    assert layers <= set(result)
    size = cube.shape[:2]
    for layer in layers - {'endmembers'}:
        values = result[layer]
        scale = 2 if family == 'super_resolution' else 1
        sides = values.shape[:2] if layer == 'restored' else values.shape[-2:]
        assert sides == (scale * size[0], scale * size[1])
        assert np.isfinite(values).all() and values.dtype in (np.uint8, np.float32)
        assert result['files'][layer].endswith(f'_{layer}.tif')
    if family == 'unmixing':
        np.testing.assert_allclose(result['abundances'].sum(axis=0), 1, atol=1e-4)
        assert result['endmembers'].shape[1] == bands
