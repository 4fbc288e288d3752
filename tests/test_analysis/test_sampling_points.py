"""What a token looks at, against what its attention layers give."""

import numpy as np
import pytest
import torch
from inference_cases import BANDS, classifier, config, save_checkpoint, segmentor, toy_cube

from mmhsi.analysis.sampling_points import look_at, recorded_attention
from mmhsi.apis import HSIInferencer
from mmhsi.models import SpatViT

GRID, PATCH = (5, 4), 2


def backbone(**kwargs):
    arch = dict(embed_dims=8, num_layers=2, num_heads=2, full_attn_interval=2, out_indices=(1,))
    return dict(
        type='SpatViT',
        arch=arch,
        img_size=(11, 8),
        patch_size=PATCH,
        in_channels=BANDS,
        num_points=3,
        use_abs_pos_emb=False,
        **kwargs,
    )


@pytest.fixture(scope='module')
def network():
    torch.manual_seed(0)
    cfg = backbone()
    del cfg['type']
    model = SpatViT(**cfg).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model


def bilinear(values, x, y):
    """Values (N, d) of the grid at a place in token units, zero outside, by the definition."""
    total = torch.zeros(values.shape[1])
    for row in range(GRID[0]):
        for col in range(GRID[1]):
            share = max(0, 1 - abs(x - col)) * max(0, 1 - abs(y - row))
            total += share * values[row * GRID[1] + col]
    return total


def test_recorded_points_and_weights_give_the_output_of_the_layer(network):
    images = torch.randn(2, BANDS, 11, 8, generator=torch.Generator().manual_seed(0))
    seen = {}
    handles = [
        block.attn.register_forward_hook(lambda module, args, out: seen.update({module: (args[0], out)}))
        for block in network.blocks
    ]
    with torch.no_grad(), recorded_attention(network, 6, 3) as recorder:
        wanted = network(images)
    for handle in handles:
        handle.remove()
    assert recorder.token == (3, 1)
    token = 3 * GRID[1] + 1
    sparse, full = recorder.layers
    (tokens, out), (full_tokens, full_out) = seen.values()
    layer, full_layer = seen
    with torch.no_grad():
        values = layer.split_heads(tokens[:1])[2][0]
        places = (torch.from_numpy(sparse.points) + 0.5) / PATCH - 0.5  # pixels to tokens
        heads = [
            sum(
                weight * bilinear(values[head], *place)
                for weight, place in zip(torch.from_numpy(sparse.weights[head]), places[head].tolist(), strict=True)
            )
            for head in range(2)
        ]
        torch.testing.assert_close(layer.proj(torch.cat(heads)), out[0, token], rtol=1e-4, atol=1e-5)
        query, key, _ = full_layer.split_heads(full_tokens[:1])
        logits = (query[0] @ key[0].transpose(-1, -2))[:, token] / 2
    np.testing.assert_allclose(full.weights.ravel(), logits.softmax(-1).mean(0), rtol=1e-4)
    with torch.no_grad():
        again = network(images)  # without hooks
    assert all(torch.equal(*pair) for pair in zip(wanted, again, strict=True))
    assert not any(block.attn._forward_pre_hooks for block in network.blocks)


def test_pixels_of_a_dropped_edge_belong_to_the_last_token(network):
    with torch.no_grad(), recorded_attention(network, 10, 7) as recorder:
        network(torch.randn(1, BANDS, 11, 8))
    assert recorder.token == (4, 3)


def test_a_pixel_of_a_scene(tmp_path):
    model = classifier()
    model['backbone'] = backbone()
    model['backbone']['img_size'] = 8
    cfg = config(model, window_size=8)
    inferencer = HSIInferencer(cfg, save_checkpoint(tmp_path / 'a.pth', cfg), device='cpu', show_progress=False)
    cube = toy_cube(12, 15)
    view = look_at(inferencer, cube, 2, 14)
    assert view.area == (-2, 10, 8, 8) and view.patch == (4, 4, 2, 2)
    assert [layer.layer for layer in view.layers] == ['backbone.blocks.0.attn', 'backbone.blocks.1.attn']
    np.testing.assert_allclose(view.layers[0].weights.sum(axis=1), 1, rtol=1e-5)
    assert view.layers[0].points.shape == (2, 3, 2) and view.layers[1].weights.shape == (4, 4)
    assert (view.picture[:2] == 0).all() and (view.picture[:, 5:] == 0).all() and view.picture[2:, :5].any()
    with pytest.raises(ValueError, match='row 12, column 0 lies outside the scene .* of 12 x 15 pixels'):
        look_at(inferencer, cube, 12, 0)


def test_the_tile_around_a_pixel_and_a_network_without_sampling(tmp_path):
    cfg = config(segmentor(), tile_size=8, overlap=4)
    inferencer = HSIInferencer(cfg, save_checkpoint(tmp_path / 'a.pth', cfg), device='cpu', show_progress=False)
    with pytest.raises(ValueError, match='without a SpatViT has no sparse sampling attention'):
        look_at(inferencer, toy_cube(20, 20), 5, 5)
    model = segmentor()
    model['backbone'] = dict(backbone(), img_size=8)
    cfg = config(model, tile_size=8, overlap=4)
    inferencer = HSIInferencer(cfg, save_checkpoint(tmp_path / 'b.pth', cfg), device='cpu', show_progress=False)
    assert look_at(inferencer, toy_cube(20, 20), 9, 11).area == (4, 8, 8, 8)
