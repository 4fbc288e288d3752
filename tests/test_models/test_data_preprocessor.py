import pytest
import torch
from mmpretrain.structures import DataSample

from mmhsi.models import HSIDataPreprocessor


def test_any_number_of_bands_is_stacked():
    images = [torch.full((200, 3, 3), float(i)) for i in range(2)]
    samples = [DataSample().set_gt_label(k) for k in (4, 7)]
    batch = HSIDataPreprocessor()(dict(inputs=images, data_samples=samples))
    assert torch.equal(batch['inputs'], torch.stack(images))
    assert [int(sample.gt_label) for sample in batch['data_samples']] == [4, 7]


def test_each_band_is_standardised():
    preprocessor = HSIDataPreprocessor(num_bands=3, mean=[1, 2, 3], std=[1, 10, 100])
    image = torch.full((3, 2, 2), 12, dtype=torch.uint8)
    found = preprocessor(dict(inputs=[image]))['inputs']
    assert found.dtype == torch.float32
    torch.testing.assert_close(found[0, :, 0, 0], torch.tensor([11.0, 1.0, 0.09]))


def test_wrong_images_and_statistics_are_named():
    with pytest.raises(ValueError, match='expects 5 bands, the images have 4'):
        HSIDataPreprocessor(num_bands=5)(dict(inputs=[torch.zeros(4, 2, 2)]))
    with pytest.raises(ValueError, match='must have one shape'):
        HSIDataPreprocessor()(dict(inputs=[torch.zeros(4, 2, 2), torch.zeros(4, 2, 3)]))
    with pytest.raises(ValueError, match='mean holds 2 values for 3 bands'):
        HSIDataPreprocessor(num_bands=3, mean=[1, 2], std=1)
    with pytest.raises(ValueError, match='std must be positive'):
        HSIDataPreprocessor(mean=[1, 2], std=[1, 0])
    with pytest.raises(ValueError, match='both mean and std'):
        HSIDataPreprocessor(mean=0.0)


def test_mixup_of_mmpretrain_applies_in_training():
    preprocessor = HSIDataPreprocessor(
        num_classes=8, batch_augments=dict(augments=[dict(type='mmpretrain.Mixup', alpha=1.0)])
    )
    data = dict(
        inputs=[torch.zeros(30, 2, 2), torch.ones(30, 2, 2)],
        data_samples=[DataSample().set_gt_label(k) for k in (4, 7)],
    )
    mixed = preprocessor(data, training=True)
    share = mixed['data_samples'][0].gt_score[[4, 7]]
    assert share.sum().item() == pytest.approx(1)
    torch.testing.assert_close(mixed['inputs'][0], torch.full((30, 2, 2), share[1].item()))
    unlabelled = dict(inputs=data['inputs'], data_samples=[DataSample().set_gt_label(255)] * 2)
    assert torch.equal(preprocessor(unlabelled)['inputs'][1], torch.ones(30, 2, 2))
