import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmpretrain.structures import DataSample
from mmseg.structures import SegDataSample

from mmhsi.models import MultiLevelClsHead, MultiLevelSegHead


@pytest.fixture
def levels():
    torch.manual_seed(0)
    return [torch.randn(2, 5, 8, 6), torch.randn(2, 7, 4, 3), torch.randn(2, 3, 2, 2)]


def test_window_head_is_a_linear_map_of_the_pooled_levels(levels):
    head = MultiLevelClsHead([5, 7, 3], num_classes=4, hidden_channels=(9, 6)).eval()
    x = torch.cat([level.flatten(2).mean(-1) for level in levels], dim=1)
    for layer in (head.hidden.linear0, head.hidden.linear1, head.fc):
        x = x @ layer.weight.T + layer.bias
    torch.testing.assert_close(head(levels), x)


def test_window_head_with_activation_differs_and_drops_out(levels):
    torch.manual_seed(0)
    head = MultiLevelClsHead([5, 7, 3], 4, (9,), dropout_rate=0.5, act_cfg=dict(type='GELU')).eval()
    hidden = F.gelu(head.hidden.linear0(torch.cat([level.mean((2, 3)) for level in levels], dim=1)))
    torch.testing.assert_close(head(levels), head.fc(hidden))
    head.train()
    assert not torch.equal(head(levels), head(levels))


def test_window_head_loss_and_prediction(levels):
    head = MultiLevelClsHead([5, 7, 3], num_classes=4).eval()
    samples = [DataSample().set_gt_label(k) for k in (1, 3)]
    logits = head(levels)
    torch.testing.assert_close(head.loss(levels, samples)['loss'], F.cross_entropy(logits, torch.tensor([1, 3])))
    predicted = [int(sample.pred_label) for sample in head.predict(levels, samples)]
    assert predicted == logits.argmax(1).tolist()


def naive_pixel_logits(head, levels, size):
    """Concatenate the enlarged levels, then convolve: the order of the reference."""
    x = torch.cat([F.interpolate(level, size=size, mode='bilinear', align_corners=True) for level in levels], dim=1)
    x = head.act(head.first_conv(x))
    for conv in head.hidden:
        x = head.act(conv(x))
    return head.conv_seg(x)


@pytest.mark.parametrize('act_cfg', [None, dict(type='ReLU')])
@pytest.mark.parametrize('hidden_channels', [(9,), (9, 6)])
def test_pixel_head_equals_the_order_of_the_reference(levels, act_cfg, hidden_channels):
    head = MultiLevelSegHead([5, 7, 3], num_classes=4, hidden_channels=hidden_channels, act_cfg=act_cfg).eval()
    torch.testing.assert_close(head(levels, (17, 13)), naive_pixel_logits(head, levels, (17, 13)), rtol=1e-5, atol=1e-6)


def test_pixel_head_loss_ignores_unlabelled_pixels(levels):
    loss = dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True)
    head = MultiLevelSegHead([5, 7, 3], num_classes=4, loss_decode=loss).eval()
    target = torch.full((2, 16, 12), 255)
    target[0, 3, 4], target[1, 15, 0] = 2, 1
    samples = [SegDataSample(gt_sem_seg=PixelData(data=t[None])) for t in target]
    wanted = F.cross_entropy(naive_pixel_logits(head, levels, (16, 12)), target, ignore_index=255)
    torch.testing.assert_close(head.loss(levels, samples, None)['loss_ce'], wanted)


def test_pixel_head_predicts_at_the_size_of_the_image(levels):
    head = MultiLevelSegHead([5, 7, 3], num_classes=4).eval()
    assert head.predict(levels, [dict(img_shape=(33, 21))], None).shape == (2, 4, 33, 21)


def test_one_class_is_an_error():
    with pytest.raises(ValueError, match='at least 2, found 1'):
        MultiLevelClsHead([5], num_classes=1)
