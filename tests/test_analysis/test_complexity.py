"""Size, cost and speed of the networks of configs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from inference_cases import BANDS, classifier, config, segmentor
from mmengine.analysis import FlopAnalyzer
from mmengine.config import Config
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from mmhsi.analysis.trial_batch import TrialModel
from mmhsi.apis import count_complexity, find_model, init_model, time_network

SIDE = 9
# demo or config, channels and side of its inputs
DEMOS = [
    ('indian-pines-windows', (200, 13, 13)),
    ('indian-pines-tiles', None),
    ('target-demo', (20, 32, 32)),
    ('anomaly-demo', (20, 32, 32)),
    ('change-demo', None),
    ('oscd-demo', (26, 64, 64)),
    ('unmixing-demo', None),
    ('denoising-demo', (200, 16, 16)),
    ('super-resolution-demo', (200, 16, 16)),
    ('edsr-tiny_indian-pines_x2', (200, 16, 16)),
    ('spat-mae_tiny_indian-pines', None),
    ('spec-mae_tiny_indian-pines', None),
]


def attention_net(num_points=3):
    """A classifier of one sparse and one full block, and its products counted by hand."""
    arch = dict(embed_dims=8, num_layers=2, num_heads=2, full_attn_interval=2, out_indices=(1,))
    model = classifier()
    model['backbone'] = dict(
        type='SpatViT',
        arch=arch,
        img_size=SIDE,
        patch_size=3,
        in_channels=BANDS,
        num_points=num_points,
        use_abs_pos_emb=False,
    )
    tokens, width, heads, mlp = 9, 8, 2, 4 * 8
    block = tokens * (3 * width * width + width * width + 2 * width * mlp)
    sparse = tokens * width * heads * num_points * 2 + 5 * heads * tokens * num_points * 2 * (width // heads)
    full = 2 * heads * tokens * tokens * (width // heads)
    patches, head = tokens * BANDS * 9 * width, width * 3
    return model, patches + 2 * block + sparse + full + head


def test_attention_is_counted_as_by_hand():
    model, macs = attention_net()
    found = count_complexity(config(model, window_size=SIDE))
    assert found['shape'] == (BANDS, SIDE, SIDE)
    assert (found['macs'], found['flops']) == (macs, 2 * macs)
    network = init_model(config(model), device='cpu')
    assert found['parameters'] == found['trainable'] == sum(p.numel() for p in network.parameters())
    assert found['parts']['head'] == dict(parameters=8 * 3 + 3, flops=2 * 8 * 3)
    assert sum(found['parts'][name]['flops'] for name in ('backbone', 'head')) == found['flops']


def test_convolutions_agree_with_mmengine():
    cfg = config(segmentor(), tile_size=20, overlap=4)
    model = init_model(cfg, device='cpu')
    found = count_complexity(cfg, model=model)

    class Plain(nn.Module):
        def forward(self, x):
            return model.decode_head.conv_seg(model.backbone(x)[0])

    plain = Plain()
    plain.model = model  # its parts are found by their names
    wanted = FlopAnalyzer(plain, torch.rand(1, BANDS, 20, 20)).unsupported_ops_warnings(False).by_operator()
    assert found['macs'] == wanted['conv']
    assert found['activations'] == 400 * (8 + 8 + 3)
    assert not any('forward' in vars(module) for module in model.modules())


def test_weights_that_are_computed_from_parameters_are_counted():
    cfg = config(segmentor(), tile_size=8, overlap=0)
    model = init_model(cfg, device='cpu')
    plain = count_complexity(cfg, model=model)
    layer = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    weight_norm(layer)
    found = count_complexity(cfg, model=model)
    assert found['flops'] == plain['flops']
    assert found['trainable'] == found['parameters'] == plain['parameters'] + layer.out_channels


def test_the_shape_can_be_given_and_a_wrong_one_is_named():
    cfg = config(segmentor(), tile_size=20, overlap=4)
    whole, quarter = count_complexity(cfg), count_complexity(cfg, (10, 10))
    assert quarter['shape'] == (BANDS, 10, 10) and whole['flops'] == 4 * quarter['flops']
    with pytest.raises(ValueError, match='does not accept an input of 5 channels and 10 x 10 pixels'):
        count_complexity(cfg, (5, 10, 10))
    with pytest.raises(ValueError, match=r'shape must be \(height, width\) or .* found \(10,\)'):
        count_complexity(cfg, (10,))


@pytest.mark.parametrize('name, shape', DEMOS, ids=[name for name, _ in DEMOS])
def test_every_task_is_counted_and_timed(name, shape):
    cfg = Config.fromfile(find_model(name).config)
    model = init_model(cfg, device='cpu')
    found = count_complexity(cfg, model=model)
    assert shape in (None, found['shape'])
    parts = [part['flops'] for part_name, part in found['parts'].items() if '.' not in part_name]
    assert 0 < sum(parts) <= found['flops'] == sum(found['operators'].values())
    assert found['activations'] > found['shape'][1] * found['shape'][2]
    assert 'mmhsi.ssa_counted' in found['operators'] or name.startswith('edsr')

    before = [parameter.detach().clone() for parameter in model.parameters()]
    for mode in ('inference', 'training'):
        times = time_network(cfg, model=model, mode=mode, warmup=0, repeats=1, device='cpu')
        assert times['shape'] == found['shape'] and times['throughput'] == pytest.approx(1 / times['latency'])
        assert times['peak_memory'] >= 4 * found['parameters'] and times['processor_latency'] > 0
        changed = any(not torch.equal(*pair) for pair in zip(before, model.parameters(), strict=True))
        assert changed == (mode == 'training')


class Sleeper(nn.Module):
    """A backbone that takes its time and its memory."""

    def __init__(self, floats):
        super().__init__()
        self.layer = nn.Conv2d(BANDS, 8, 1)
        self.floats = floats

    def forward(self, x):
        taken = torch.ones(self.floats)
        return (self.layer(x) + taken[0] * 0,)


def test_memory_of_a_cpu_is_what_the_run_takes():
    if not Path('/proc/self/clear_refs').exists():
        pytest.skip('the memory of a run is measured on Linux alone')
    cfg = config(segmentor(), tile_size=8, overlap=0)
    model = init_model(cfg, device='cpu')
    peaks = []
    for mebibytes in (0, 96):
        model.backbone = Sleeper(mebibytes * 2**18 + 1)
        found = time_network(cfg, model=model, warmup=1, repeats=3, device='cpu', batch_size=2)
        peaks.append(found['peak_memory'] / 2**20)
    assert 90 < peaks[1] - peaks[0] < 110
    assert found['batch_size'] == 2 and found['latency_min'] <= found['latency'] <= found['latency_max']


def test_wrong_settings_of_a_measurement_are_named():
    cfg = config(segmentor(), tile_size=8, overlap=0)
    for options, message in (
        (dict(mode='test'), 'mode must be one of'),
        (dict(batch_size=0), 'found 0, 10 and 2'),
        (dict(data='files'), "'random' or 'config'"),
    ):
        with pytest.raises(ValueError, match=message):
            time_network(cfg, **options)
    with pytest.raises(ValueError, match='the config has no train_dataloader'):
        time_network(cfg, mode='training', data='config', device='cpu')


def test_batches_have_labels_of_the_heads_classes():
    trial = TrialModel(config(classifier(), window_size=5), device='cpu')
    assert [sample.gt_label.item() for sample in trial.batch(5)['data_samples']] == [0, 1, 2, 0, 1]
    trial = TrialModel(config(segmentor(), tile_size=6, overlap=0), device='cpu')
    labels = np.stack([sample.gt_sem_seg.data.numpy() for sample in trial.batch(4)['data_samples']])
    assert labels.shape == (4, 1, 6, 6) and set(np.unique(labels)) == {0, 1, 2}
