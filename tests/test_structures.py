import pytest
import torch

from mmhsi.structures import RestorationDataSample


def sample(index):
    image = RestorationDataSample(metainfo=dict(sample_idx=index, area=(0, index, 2, 3)))
    image.gt_img = torch.full((4, 2, 3), float(index))
    return image


def test_a_batch_is_taken_apart_again():
    samples = [sample(index) for index in range(3)]
    batch = RestorationDataSample.stack(samples)
    assert batch.gt_img.shape == (3, 4, 2, 3) and batch.gt_img[:, 0, 0, 0].tolist() == [0, 1, 2]
    assert batch.sample_idx == [0, 1, 2] and batch.area[2] == (0, 2, 2, 3)
    batch.set_tensor_data(dict(input=torch.arange(3)))
    for index, (found, given) in enumerate(zip(batch.split(), samples, strict=True)):
        assert found.metainfo == given.metainfo and int(found.input) == index
        torch.testing.assert_close(found.gt_img, given.gt_img)


def test_samples_of_a_batch_must_have_the_same_fields():
    other = sample(1)
    del other.gt_img
    with pytest.raises(ValueError, match=r"same fields .*\['gt_img'\].* and \(\[\]"):
        RestorationDataSample.stack([sample(0), other])
