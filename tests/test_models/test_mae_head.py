"""Targets and loss of the masked autoencoders, and the position table of their decoder."""

import pytest
import torch

from mmhsi.models.heads import SpatMAEHead, SpecMAEHead
from mmhsi.models.necks.mae_decoder import sincos_position_table


def test_values_of_a_patch_run_over_row_column_band():
    image = torch.arange(2 * 4 * 6.0).reshape(1, 2, 4, 6)  # value = 24 band + 6 row + column
    head = SpatMAEHead(patch_size=2)
    tokens = head.tokenize(image)
    assert tokens.shape == (1, 6, 8)
    # patch 4 stands in the second row of patches, second column: rows 2, 3 and columns 2, 3
    assert tokens[0, 4].tolist() == [14, 38, 15, 39, 20, 44, 21, 45]
    assert torch.equal(head.untokenize(tokens, (2, 4, 6)), image)


def test_values_of_a_group_of_bands_run_over_band_row_column():
    image = torch.arange(4 * 2 * 3.0).reshape(1, 4, 2, 3)
    head = SpecMAEHead(num_tokens=2)
    tokens = head.tokenize(image)
    assert tokens.tolist() == [[list(range(12)), list(range(12, 24))]]
    assert torch.equal(head.untokenize(tokens, (4, 2, 3)), image)


def test_target_is_normalised_with_the_unbiased_variance_of_the_token():
    image = torch.tensor([1.0, 2.0, 3.0, 6.0]).reshape(1, 1, 2, 2)  # mean 3, variance 14 / 3
    normalised = SpatMAEHead(patch_size=2).target(image)
    torch.testing.assert_close(normalised[0, 0], torch.tensor([-2.0, -1.0, 0.0, 3.0]) / (14 / 3 + 1e-6) ** 0.5)
    assert SpatMAEHead(patch_size=2, norm_pix_loss=False).target(image)[0, 0].tolist() == [1, 2, 3, 6]


def test_loss_is_the_mean_over_masked_tokens_of_the_batch():
    image = torch.zeros(2, 2, 1, 2)
    pred = torch.tensor([[[1.0, 1.0], [3.0, 1.0]], [[2.0, 4.0], [9.0, 9.0]]])  # mean squares 1, 5; 10, 81
    mask = torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    loss = SpecMAEHead(num_tokens=2, norm_pix_loss=False).loss(pred, image, mask)
    assert loss.item() == pytest.approx((1 + 5 + 10) / 3)


@pytest.mark.parametrize('norm_pix_loss', [True, False])
@pytest.mark.parametrize('head', [SpatMAEHead(patch_size=4), SpecMAEHead(num_tokens=4)])
def test_a_perfect_prediction_reconstructs_the_image(head, norm_pix_loss):
    head.norm_pix_loss = norm_pix_loss
    image = torch.randn(2, 8, 8, 16, generator=torch.Generator().manual_seed(1))
    pred = head.target(image)
    torch.testing.assert_close(head.reconstruct(pred, image), image, atol=1e-5, rtol=1e-5)
    assert head.loss(pred, image, torch.ones(pred.shape[:2])) == 0


def test_position_table_of_a_grid_codes_the_column_before_the_row():
    table = sincos_position_table((2, 3), 8)
    assert table.shape == (1, 6, 8) and table.dtype == torch.float32
    row, column = 1.0, 2.0  # the last place
    waves = torch.tensor([column, column / 100, row, row / 100], dtype=torch.float64)
    expected = torch.cat([waves[:2].sin(), waves[:2].cos(), waves[2:].sin(), waves[2:].cos()]).float()
    torch.testing.assert_close(table[0, 5], expected, rtol=1e-7, atol=0)


def test_position_table_of_a_sequence():
    table = sincos_position_table((4,), 4)
    place = torch.tensor([3.0, 0.03], dtype=torch.float64)
    torch.testing.assert_close(table[0, 3], torch.cat([place.sin(), place.cos()]).float(), rtol=1e-7, atol=0)
    with pytest.raises(ValueError, match='over 2 axes needs a multiple of 4 channels, found 6'):
        sincos_position_table((2, 2), 6)
