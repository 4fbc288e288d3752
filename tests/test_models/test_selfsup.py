import pytest
import torch
from torch import nn

from mmhsi.models.layers import SparseSamplingAttention
from mmhsi.models.necks import MAEDecoder
from mmhsi.models.selfsup import MaskedSpatViT, MaskedSpecViT
from mmhsi.models.selfsup.masked_vit import KeptGrid, MaskedSamplingAttention
from mmhsi.models.selfsup.masking import num_kept_tokens, random_masking, restore_tokens, select_tokens
from mmhsi.registry import MODELS

ARCH = dict(embed_dims=16, num_layers=3, num_heads=2, feedforward_channels=32, full_attn_interval=2)
BANDS, HEIGHT, WIDTH = 8, 8, 16


def build(kind: str, neck: dict | None = None, head: dict | None = None, compile: dict | None = None, **backbone):
    """A narrow autoencoder of 2 x 4 patches ('spat') or 4 groups of two bands ('spec')."""
    tokens = dict(patch_size=4) if kind == 'spat' else dict(num_tokens=4)
    cfg = dict(
        type=f'mmhsi.{kind.capitalize()}MAE',
        backbone=dict(
            type=f'mmhsi.Masked{kind.capitalize()}ViT',
            arch=ARCH,
            img_size=(HEIGHT, WIDTH),
            in_channels=BANDS,
            **{**tokens, **backbone},
        ),
        neck=dict(embed_dims=16, num_layers=2, num_heads=2, **(neck or {})),
        head=head,
        compile=compile,
    )
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    model.init_weights()
    return model


def images(batch: int = 2) -> torch.Tensor:
    return torch.randn(batch, BANDS, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1))


def test_masking_of_a_hand_worked_draw():
    noise = torch.tensor([[0.9, 0.1, 0.5, 0.3], [0.2, 0.8, 0.4, 0.6]])
    ids_keep, ids_restore, mask = random_masking(noise, 0.5)
    assert ids_keep.tolist() == [[1, 3], [0, 2]]  # in the order of the noise, not of the places
    assert ids_restore.tolist() == [[3, 0, 2, 1], [0, 3, 1, 2]]
    assert mask.tolist() == [[1, 0, 1, 0], [0, 1, 0, 1]]


@pytest.mark.parametrize(
    'num_tokens, ratio, kept',
    [(64, 0.75, 16), (100, 0.75, 25), (100, 0.25, 75), (10, 0.75, 2), (100, 0.9, 9)],  # 100 * .1 is 9.999999999999998
)
def test_number_of_kept_tokens_is_the_integer_part_of_the_float_product(num_tokens, ratio, kept):
    assert num_kept_tokens(num_tokens, ratio) == kept


@pytest.mark.parametrize(
    'num_tokens, ratio, message',
    [
        (64, 0.0, 'between 0 and 1'),
        (64, 1.0, 'between 0 and 1'),
        (64, -0.5, 'between 0 and 1'),
        (4, 0.9, 'keeps 0 of 4 tokens'),
    ],
)
def test_wrong_mask_ratio_is_refused(num_tokens, ratio, message):
    with pytest.raises(ValueError, match=message):
        num_kept_tokens(num_tokens, ratio)


def test_kept_tokens_return_to_their_places_and_the_filling_stands_in_the_others():
    tokens = torch.arange(24.0).reshape(2, 4, 3)
    ids_keep, ids_restore, mask = random_masking(torch.rand(2, 4, generator=torch.manual_seed(0)), 0.5)
    restored = restore_tokens(select_tokens(tokens, ids_keep), ids_restore, torch.tensor([-1.0, -2.0, -3.0]))
    masked = mask.bool()
    assert torch.equal(restored[~masked], tokens[~masked])
    assert torch.equal(restored[masked], torch.tensor([-1.0, -2.0, -3.0]).expand(4, 3))


def test_without_positions_all_masked_tokens_are_predicted_alike():
    image = images()
    for table, alike in (('zeros', True), ('sincos', False)):
        model = build('spec', neck=dict(pos_table=table)).eval()
        nn.init.normal_(model.neck.mask_token)
        output = model.autoencode(image)
        masked = output.pred[0][output.mask[0].bool()]
        assert torch.allclose(masked, masked[:1].expand_as(masked), atol=1e-6) is alike
    with pytest.raises(ValueError, match="'sincos' or 'zeros', found 'learnt'"):
        build('spec', neck=dict(pos_table='learnt'))


@pytest.mark.parametrize('kind', ['spat', 'spec'])
def test_only_kept_tokens_reach_the_encoder(kind):
    model = build(kind, mask_ratio=0.5).eval()
    image = images()
    noise = torch.rand(2, 8 if kind == 'spat' else 4, generator=torch.manual_seed(3))
    output = model.autoencode(image, noise)
    assert output.latent.shape == (2, noise.shape[1] // 2, 16)
    pixels = model.head.untokenize(output.mask.unsqueeze(-1).expand_as(output.pred), (BANDS, HEIGHT, WIDTH))
    changed = model.autoencode(image + 5 * pixels, noise)  # changes what is masked, and nothing else
    assert torch.equal(changed.latent, output.latent) and torch.equal(changed.pred, output.pred)
    changed = model.autoencode(image + 5 * (1 - pixels), noise)
    assert not torch.allclose(changed.latent, output.latent, atol=0.1)


@pytest.mark.parametrize('kind', ['spat', 'spec'])
def test_kept_tokens_are_encoded_as_the_same_tokens_of_the_whole_image(kind):
    model = build(kind, mask_ratio=0.5).eval()
    image, noise = images(), torch.rand(2, 8 if kind == 'spat' else 4, generator=torch.manual_seed(3))
    ids_keep = random_masking(noise, 0.5).ids_keep
    backbone = model.backbone
    tokens = select_tokens(backbone.embed(image, None) + backbone.pos_embed, ids_keep)
    expected = backbone.norm(backbone.blocks(tokens, None, (2,))[-1])
    torch.testing.assert_close(model.autoencode(image, noise).latent, expected)


@pytest.mark.parametrize('kind', ['spat', 'spec'])
def test_positions_of_the_encoder_are_added_or_kept_frozen(kind):
    image = images()
    for added in (True, False):
        model = build(kind, use_abs_pos_emb=added).eval()
        before = model.extract_feat(image)[0]
        with torch.no_grad():
            model.backbone.pos_embed += torch.randn_like(model.backbone.pos_embed)
        assert torch.allclose(before, model.extract_feat(image)[0], atol=1e-3) is not added
        assert model.backbone.pos_embed.requires_grad is added
        assert 'backbone.pos_embed' in model.state_dict()


def test_full_attention_is_the_default_and_sparse_attention_an_option():
    def sparse(model):
        return [isinstance(block.attn, SparseSamplingAttention) for block in model.backbone.blocks]

    assert sparse(build('spat')) == [False] * 3
    assert sparse(build('spat', full_attn_interval=2)) == [True, False, True]
    assert sparse(build('spec', full_attn_interval=0)) == [True] * 3


def test_encoding_without_masking_is_the_branch_itself_and_a_norm():
    from mmhsi.models.backbones import SpatViT, SpecViT

    image = images()
    for kind, branch in (('spat', SpatViT), ('spec', SpecViT)):
        model = build(kind, full_attn_interval=2).eval()
        tokens = dict(patch_size=4, in_channels=BANDS) if kind == 'spat' else dict(num_tokens=4)
        plain = branch(arch=ARCH, img_size=(HEIGHT, WIDTH), out_indices=(2,), **tokens).eval()
        state = {key: value for key, value in model.backbone.state_dict().items() if not key.startswith('norm.')}
        plain.load_state_dict(state)
        (features,) = plain(image)
        expected = model.backbone.norm(features.flatten(2).transpose(1, 2) if kind == 'spat' else features)
        torch.testing.assert_close(model(image)[0], expected)


def test_sparse_attention_treats_a_dropped_place_as_outside_the_grid():
    torch.manual_seed(0)
    attention = MaskedSamplingAttention(8, 2, num_points=3)
    nn.init.normal_(attention.sampling_offsets.weight)
    grid = (3, 3)
    tokens = torch.randn(2, 9, 8)
    ids_keep, ids_restore, mask = random_masking(torch.rand(2, 9), 0.5)
    found = attention(select_tokens(tokens, ids_keep), KeptGrid(grid, ids_keep, ids_restore))
    # every sample by itself, from the four corners of each point
    query, key, value = attention.split_heads(tokens)
    offsets = attention.predict_offsets(query)
    for sample in range(2):
        for rank, place in enumerate(ids_keep[sample].tolist()):
            heads = []
            for head in range(2):
                logits, values = [], []
                for x, y in offsets[sample, head, place].tolist():
                    x, y = x + place % 3, y + place // 3
                    sampled = {'k': torch.zeros(4), 'v': torch.zeros(4)}
                    for row in range(3):
                        for column in range(3):
                            weight = max(0, 1 - abs(x - column)) * max(0, 1 - abs(y - row))
                            if weight and not mask[sample, row * 3 + column]:
                                sampled['k'] += weight * key[sample, head, row * 3 + column]
                                sampled['v'] += weight * value[sample, head, row * 3 + column]
                    logits.append(query[sample, head, place] @ sampled['k'] / 2)
                    values.append(sampled['v'])
                heads.append(torch.stack(logits).softmax(0) @ torch.stack(values))
            torch.testing.assert_close(found[sample, rank], attention.proj(torch.cat(heads)), atol=1e-5, rtol=1e-5)


def test_initial_weights():
    model = build('spat', use_abs_pos_emb=False)
    backbone, neck = model.backbone, model.neck
    assert backbone.pos_embed.std().item() == pytest.approx(0.02, rel=0.3)
    for i, block in enumerate(backbone.blocks):
        assert block.mlp.fc1.weight.std().item() == pytest.approx(0.02, rel=0.2)
        assert block.mlp.fc2.weight.std().item() == pytest.approx(0.02 / (2 * (i + 1)) ** 0.5, rel=0.2)
        assert not block.mlp.fc1.bias.any()
    assert not neck.mask_token.any()
    # the framework's default for a linear layer: uniform within 1 / sqrt(inputs), its bias too
    linear = neck.decoder_blocks[1].mlp.fc2
    assert linear.weight.std().item() == pytest.approx(64**-0.5 / 3**0.5, rel=0.1) and linear.bias.any()


def test_the_decoder_reuses_the_drop_path_rates_of_the_encoder():
    model = build('spat', drop_path_rate=0.2)
    encoder = [getattr(block.drop_path, 'drop_prob', 0.0) for block in model.backbone.blocks]
    decoder = [getattr(block.drop_path, 'drop_prob', 0.0) for block in model.neck.decoder_blocks]
    assert encoder == pytest.approx([0, 0.1, 0.2]) and decoder == pytest.approx([0, 0.1])
    with pytest.raises(ValueError, match='ramp over 3 blocks has no rates for a decoder of 5'):
        MAEDecoder(16, 8, (2, 2), embed_dims=16, num_layers=5, num_heads=2, ramp_length=3)


@pytest.mark.parametrize(
    'kind, options',
    [
        ('spat', dict()),
        ('spec', dict()),
        ('spat', dict(full_attn_interval=2)),
        ('spec', dict(full_attn_interval=0)),
        ('spat', dict(with_cp=True)),
    ],
)
def test_a_few_steps_on_a_batch_reduce_the_loss(kind, options):
    model = build(kind, drop_path_rate=0.0, mask_ratio=0.5, **options)
    rows = torch.linspace(0, 3, HEIGHT).reshape(1, 1, -1, 1)
    columns = torch.linspace(0, 5, WIDTH).reshape(1, 1, 1, -1)
    bands = torch.linspace(0, 2, BANDS).reshape(1, -1, 1, 1)
    batch = torch.sin(rows + bands + torch.tensor([0.0, 1.0]).reshape(-1, 1, 1, 1)) * torch.cos(columns)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(40):
        losses.append(model(batch, mode='loss')['loss'])
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    first, last = torch.stack(losses[:5]).mean(), torch.stack(losses[-5:]).mean()
    assert last < 0.7 * first, f'{first:.3f} to {last:.3f}'
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_compiled_model_is_the_same_model():
    plain, compiled = build('spat'), build('spat', compile=dict(backend='aot_eager'))
    assert list(compiled.state_dict()) == list(plain.state_dict())
    compiled.load_state_dict(plain.state_dict())
    image, noise = images(), torch.rand(2, 8, generator=torch.manual_seed(3))
    outputs = []
    for model in (plain.eval(), compiled.eval()):
        output = model.autoencode(image, noise)
        model.head.loss(output.pred, image, output.mask).backward()
        outputs.append((output.pred, model.backbone.blocks[0].attn.qkv.weight.grad))
    torch.testing.assert_close(outputs[0], outputs[1])
    assert compiled.backbone._compiled_call_impl is not None


def test_masking_is_drawn_anew_and_repeats_with_the_seed():
    model, image = build('spat').eval(), images()
    torch.manual_seed(5)
    first, second = model.autoencode(image).mask, model.autoencode(image).mask
    torch.manual_seed(5)
    assert not torch.equal(first, second) and torch.equal(model.autoencode(image).mask, first)


@pytest.mark.parametrize(
    'build_it, message',
    [
        (lambda: MaskedSpatViT(arch=ARCH, img_size=(8, 10), patch_size=4), r'img_size \(8, 10\) must be a multiple of'),
        (lambda: MaskedSpatViT(arch=ARCH, img_size=8, patch_size=4, mask_ratio=1.5), 'mask_ratio must lie between'),
        (lambda: MaskedSpatViT(arch=ARCH, img_size=8, patch_size=4, out_indices=(0,)), 'runs all 3 blocks'),
        (lambda: MaskedSpecViT(arch=ARCH, in_channels=102, num_tokens=100), '102 bands do not divide into 100 tokens'),
        (lambda: MaskedSpecViT(arch=ARCH, in_channels=50, num_tokens=100), '50 bands do not divide into 100 tokens'),
        (lambda: MaskedSpecViT(arch=ARCH, in_channels=10, num_tokens=10, full_attn_interval=2), 'perfect square'),
        (
            lambda: MODELS.build(dict(type='mmhsi.SpatMAE', backbone=dict(type='mmhsi.SpatViT', arch=ARCH))),
            'SpatMAE needs an encoder that drops masked tokens .* found SpatViT',
        ),
    ],
)
def test_wrong_settings_are_refused(build_it, message):
    with pytest.raises(ValueError, match=message):
        build_it()


@pytest.mark.parametrize(
    'kind, shape, message',
    [
        ('spat', (1, BANDS, 8, 8), 'images of 8 bands and 8x16 pixels, found 8 bands and 8x8 pixels'),
        ('spat', (1, 9, 8, 16), 'found 9 bands'),
        ('spec', (1, BANDS, 8, 8), '8 bands and 8x16 pixels, found 8 bands and 8x8'),
        ('spec', (1, 12, 8, 16), 'found 12 bands'),
    ],
)
def test_wrong_images_are_refused(kind, shape, message):
    with pytest.raises(ValueError, match=message):
        build(kind)(torch.zeros(shape), mode='loss')


@pytest.mark.parametrize(
    'kind, arch, encoder, total',
    [
        ('Spat', 'base', 90_021_120, 118_951_424),
        ('Spat', 'large', 308_931_584, 337_992_960),
        ('Spat', 'huge', 637_955_840, 667_148_288),
        ('Spec', 'base', 88_279_296, 116_046_080),
        ('Spec', 'large', 306_609_152, 334_507_008),
        ('Spec', 'huge', 635_052_800, 663_081_728),
    ],
)
def test_parameter_counts_are_those_of_the_official_models(kind, arch, encoder, total):
    with torch.device('meta'):
        model = MODELS.build(dict(type=f'mmhsi.{kind}MAE', backbone=dict(type=f'mmhsi.Masked{kind}ViT', arch=arch)))
    assert sum(parameter.numel() for parameter in model.backbone.parameters()) == encoder
    frozen_table = model.neck.decoder_pos_embed.numel()
    assert sum(parameter.numel() for parameter in model.parameters()) + frozen_table == total
