import copy

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.structures import DataSample

from mmhsi.models import WideAndDeepClassifier, WideAndDeepHead
from mmhsi.registry import MODELS

DEEP = dict(
    type='MultiLevelClsHead',
    in_channels=(6,),
    num_classes=3,
    hidden_channels=(5,),
    dropout_rate=0.0,
    loss=dict(type='mmpretrain.LabelSmoothLoss', label_smooth_val=0.1, mode='original', num_classes=3),
)
HEAD = dict(type='mmhsi.WideAndDeepHead', deep=DEEP, in_channels=4, num_classes=3, hidden_channels=7)
BACKBONE = dict(
    type='mmhsi.SpatViT',
    arch=dict(embed_dims=6, num_layers=1, num_heads=2, feedforward_channels=8, full_attn_interval=1, out_indices=(0,)),
    img_size=3,
    patch_size=1,
    in_channels=4,
)


def classifier(**options):
    return WideAndDeepClassifier(
        backbone=dict(BACKBONE),
        head=copy.deepcopy(HEAD),
        data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
        **options,
    )


@pytest.fixture
def head():
    torch.manual_seed(0)
    return MODELS.build(copy.deepcopy(HEAD))


@pytest.fixture
def features():
    torch.manual_seed(1)
    return torch.randn(2, 6, 2, 2), torch.randn(2, 4, 3, 3)


def paths(head, features):
    """Logits of both paths, written out."""
    maps, images = features
    first, _, last = head.wide
    wide = F.relu(images[:, :, 1, 1] @ first.weight.T + first.bias) @ last.weight.T + last.bias
    return head.deep((maps,)), wide


def test_head_averages_the_probabilities_of_both_paths(head, features):
    deep, wide = paths(head, features)
    expected = (deep.softmax(1) + wide.softmax(1)) / 2
    torch.testing.assert_close(head(features).exp(), expected)
    samples = head.predict(features)
    torch.testing.assert_close(torch.stack([sample.pred_score for sample in samples]), expected)
    assert [int(sample.pred_label) for sample in samples] == expected.argmax(1).tolist()
    torch.testing.assert_close(head.pre_logits(features), head.deep.pre_logits(features[:1]))


def test_each_path_has_its_own_loss(head, features):
    deep, wide = paths(head, features)
    losses = head.loss(features, [DataSample().set_gt_label(k) for k in (2, 0)])
    target = torch.tensor([2, 0])
    torch.testing.assert_close(losses['loss_wide'], F.cross_entropy(wide, target))
    torch.testing.assert_close(losses['loss_deep'], F.cross_entropy(deep, target, label_smoothing=0.1))
    losses['loss_wide'].backward()
    assert head.deep.fc.weight.grad is None and head.wide[0].weight.grad.abs().sum() > 0


def test_loss_takes_scores_of_mixed_labels(head, features):
    _, wide = paths(head, features)
    scores = torch.tensor([[0.3, 0.7, 0.0], [0.0, 0.5, 0.5]])
    losses = head.loss(features, [DataSample().set_gt_score(score) for score in scores])
    torch.testing.assert_close(losses['loss_wide'], -(scores * wide.log_softmax(1)).sum(1).mean())


def test_noise_reaches_the_backbone_in_training_and_never_the_wide_path():
    model = classifier(noise_std=0.5)
    images = torch.randn(2, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    seen = []
    model.backbone.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    torch.manual_seed(0)
    maps, passed_on = model.train().extract_feat(images)
    assert torch.equal(passed_on, images) and maps.shape == (2, 6, 3, 3)
    assert 0.3 < (seen[0] - images).std() < 0.7
    model.eval().extract_feat(images)
    assert torch.equal(seen[1], images)


def test_stages_of_features_and_both_losses_of_the_classifier():
    torch.manual_seed(0)
    model = classifier().eval()
    images = torch.randn(2, 4, 3, 3)
    (maps,) = model.extract_feat(images, 'backbone')
    torch.testing.assert_close(model.extract_feat(images)[0], maps)
    torch.testing.assert_close(model.extract_feat(images, 'pre_logits'), model.head.deep.pre_logits((maps,)))
    torch.testing.assert_close(model(images), model.head((maps, images)))
    losses = model(images, [DataSample().set_gt_label(k) for k in (2, 0)], mode='loss')
    assert set(losses) == {'loss_wide', 'loss_deep'}


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match='the deep head has 3 classes, the wide path 4'):
        WideAndDeepHead(deep=copy.deepcopy(DEEP), in_channels=4, num_classes=4)
    with pytest.raises(ValueError, match='noise_std must not be negative, found -1'):
        classifier(noise_std=-1)
