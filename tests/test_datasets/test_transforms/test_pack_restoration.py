import numpy as np
import torch

from mmhsi.datasets.transforms import PackRestoration


def test_images_and_meta_information():
    rng = np.random.default_rng(0)
    small, clean, enlarged = rng.random((4, 5, 3)), rng.random((8, 10, 3)), rng.random((8, 10, 3))
    packed = PackRestoration()(dict(img=small, gt=clean, enlarged=enlarged, name='one', sample_idx=7, top=2, other=1))
    assert packed['inputs'].dtype == torch.float32
    np.testing.assert_array_equal(packed['inputs'], small.transpose(2, 0, 1).astype(np.float32))
    sample = packed['data_samples']
    np.testing.assert_array_equal(sample.gt_img, clean.transpose(2, 0, 1).astype(np.float32))
    np.testing.assert_array_equal(sample.enlarged, enlarged.transpose(2, 0, 1).astype(np.float32))
    assert sample.metainfo == dict(name='one', sample_idx=7, top=2)
    assert type(sample).stack([sample, sample]).gt_img.shape == (2, 3, 8, 10)
    assert 'gt_img' not in PackRestoration(('name',))(dict(img=small, name='one'))['data_samples']
