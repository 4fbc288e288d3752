"""Head of change detection by windows."""

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.structures import DataSample

from mmhsi.models import ChangeClsHead


def levels_of(batch, *sizes, channels=(6, 4, 8)):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(batch, c, *size, generator=generator) for c, size in zip(channels, sizes, strict=True)]


def small_head(**kwargs):
    torch.manual_seed(3)
    options = dict(in_channels=(6, 4, 8), level_channels=5, kernel_sizes=(3, 3, 1), hidden_channels=(7, 6))
    head = ChangeClsHead(**{**options, **kwargs})
    for module in head.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    return head.eval()


def block_by_hand(block, x, padding):
    """Convolution, norm, ReLU, twice, with the statistics of training."""
    for conv, norm, border in ((block[0], block[1], padding), (block[3], block[4], 0)):
        x = F.conv2d(x, conv.weight, conv.bias, padding=border)
        mean, var = norm.running_mean[:, None, None], norm.running_var[:, None, None]
        x = (x - mean) / (var + norm.eps).sqrt() * norm.weight[:, None, None] + norm.bias[:, None, None]
        x = x.relu()
    return x


def logits_by_hand(head, levels, paddings):
    x = torch.cat([block_by_hand(*parts) for parts in zip(head.blocks, levels, paddings, strict=True)], dim=1)
    *hidden, last = [layer for layer in head.classifier if isinstance(layer, torch.nn.Conv2d)]
    for conv in hidden:
        x = F.conv2d(x, conv.weight, conv.bias).relu()
    return F.conv2d(x, last.weight, last.bias).mean((2, 3))


@pytest.mark.parametrize('grid', [(5, 5), (7, 6)])
def test_head_by_hand(grid):
    """5x5 leaves one position, a larger grid several, whose logits are averaged."""
    head, levels = small_head(), levels_of(2, grid, grid, grid)
    assert [block[0].out_channels for block in head.blocks] == [3, 2, 4]
    torch.testing.assert_close(head(levels), logits_by_hand(head, levels, (1, 1, 0)))


def test_the_default_is_the_head_for_windows_of_five():
    head = ChangeClsHead((16,) * 4)
    assert [block[0].kernel_size[0] for block in head.blocks] == [3, 3, 1, 1]
    assert [layer.out_channels for layer in head.classifier[::2]] == [256, 128, 2]
    assert head.classifier[0].in_channels == 256


def test_one_hidden_layer_less_takes_smaller_grids():
    head, levels = small_head(hidden_channels=(7,)), levels_of(2, (3, 3), (3, 3), (3, 3))
    torch.testing.assert_close(head(levels), logits_by_hand(head, levels, (1, 1, 0)))


def test_levels_of_other_sizes_are_resized_to_the_shallowest():
    head, levels = small_head(), levels_of(2, (6, 6), (3, 3), (2, 2))
    enlarged = [block_by_hand(*parts) for parts in zip(head.blocks, levels, (1, 1, 0), strict=True)]
    enlarged = [F.interpolate(level, (6, 6), mode='bilinear') for level in enlarged]
    hidden = head.classifier[:-1](torch.cat(enlarged, dim=1))
    torch.testing.assert_close(head(levels), head.classifier[-1](hidden).mean((2, 3)))


def test_a_batch_of_one_keeps_its_axis():
    head, levels = small_head(), levels_of(3, (5, 5), (5, 5), (5, 5))
    single = [level[1:2] for level in levels]
    torch.testing.assert_close(head(single), head(levels)[1:2])
    loss = head.train().loss(single, [DataSample().set_gt_label(1)])['loss']
    loss.backward()
    assert loss.isfinite() and all(p.grad.isfinite().all() for p in head.parameters())


def test_loss_and_prediction():
    head, levels = small_head(), levels_of(3, (5, 5), (5, 5), (5, 5))
    samples = [DataSample().set_gt_label(k) for k in (0, 1, 1)]
    logits = head(levels)
    torch.testing.assert_close(head.loss(levels, samples)['loss'], F.cross_entropy(logits, torch.tensor([0, 1, 1])))
    predicted = head.predict(levels, samples)
    torch.testing.assert_close(torch.stack([sample.pred_score for sample in predicted]), logits.softmax(1))


def test_another_norm():
    head = ChangeClsHead(
        (6, 4, 8),
        level_channels=4,
        kernel_sizes=(3, 3, 1),
        hidden_channels=(7,),
        norm_cfg=dict(type='GN', num_groups=1),
    )
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in head.modules())
    assert head.train()(levels_of(1, (3, 3), (3, 3), (3, 3))).shape == (1, 2)


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match='need a grid of at least 5x5, found 4x6'):
        small_head()(levels_of(2, (4, 6), (4, 6), (4, 6)))
    with pytest.raises(ValueError, match='built for 3 levels, found 2'):
        small_head()(levels_of(2, (5, 5), (5, 5), (5, 5))[:2])
    with pytest.raises(ValueError, match='kernel_sizes holds 4 entries for 3 levels'):
        ChangeClsHead((6, 4, 8))
    with pytest.raises(ValueError, match='must be odd, found 2'):
        ChangeClsHead((6,), kernel_sizes=(2,))
